"""Controls: with a kernel they redraw and retrain, on a static page they choose frames."""

import html.parser
import json

import ipywidgets
import pytest

from lrlib import explore, plots
from lrlib.schedules import Cyclical, StepDecay, lr_curve
from lrlib.train import History


@pytest.fixture
def live(monkeypatch):
    monkeypatch.delenv("LRLIB_STATIC", raising=False)


@pytest.fixture
def static(monkeypatch):
    monkeypatch.setenv("LRLIB_STATIC", "1")


def recorder():
    """A draw function that writes down what it was asked to draw."""
    seen = []

    def draw(ax, every, factor):
        seen.append((every, factor))
        plots.curves(ax, {"rate": lr_curve(StepDecay(every, factor), 30)})

    return draw, seen


def widgets_of(box, kind):
    return [child for child in box.children if isinstance(child, kind)]


class Elements(html.parser.HTMLParser):
    """All start tags of a page as (name, attributes)."""

    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def of(self, tag, **wanted):
        return [a for name, a in self.found if name == tag and wanted.items() <= a.items()]


def test_moving_a_live_slider_draws_the_new_value(live):
    draw, seen = recorder()
    box = explore.sliders(draw, "Steps.", every=(5, 20, 10), factor=(0.1, 0.9, 0.5))
    assert seen == [(10, 0.5)]
    every, factor = widgets_of(box, (ipywidgets.IntSlider, ipywidgets.FloatSlider))
    every.value = 7
    factor.value = 0.3
    assert seen[-2:] == [(7, 0.5), (7, 0.3)]


def test_a_range_over_decades_gets_a_logarithmic_slider(live):
    box = explore.sliders(lambda ax, learning_rate: None, "x", learning_rate=(0.001, 1.0, 0.1))
    (slider,) = widgets_of(box, ipywidgets.FloatLogSlider)
    assert slider.value == pytest.approx(0.1)
    assert slider.base**slider.min == pytest.approx(0.001)


def test_the_static_page_has_a_frame_for_each_cell_of_the_grid(static):
    draw, seen = recorder()
    text = explore.sliders(draw, "Steps.", every=(5, 20, 10), factor=(0.1, 0.9, 0.5)).data
    page = Elements(text)
    inputs = page.of("input", type="range")
    frames = page.of("div", **{"class": "lrlib-frame"})
    sizes = [int(slider["max"]) + 1 for slider in inputs]
    assert len(inputs) == 2
    assert len(frames) == len(seen) == sizes[0] * sizes[1]
    assert len(set(seen)) == len(seen)
    assert (5, 0.1) in seen
    assert (20, 0.9) in seen


def test_the_visible_frame_is_the_one_the_script_chooses(static):
    draw, seen = recorder()
    text = explore.sliders(draw, "Steps.", every=(5, 20, 10), factor=(0.1, 0.9, 0.5)).data
    page = Elements(text)
    frames = page.of("div", **{"class": "lrlib-frame"})
    visible = [number for number, frame in enumerate(frames) if "hidden" not in frame]
    chosen = 0
    for slider in page.of("input"):
        chosen = chosen * (int(slider["max"]) + 1) + int(slider["value"])
    assert visible == [chosen]
    assert seen[chosen] == (10, 0.5)


def test_static_frames_differ(static):
    text = explore.sliders(
        lambda ax, half_cycle: plots.curves(ax, {"rate": lr_curve(Cyclical(half_cycle), 100)}),
        "Cycles.",
        half_cycle=(5, 50, 20),
    ).data
    frames = text.split('class="lrlib-frame"')[1:]
    lines = {frame[frame.index('<path d="', frame.index("line2d")) :][:400] for frame in frames}
    assert len(frames) > 5
    assert len(lines) > 1


def test_static_controls_are_labelled_and_speak_their_value(static):
    page = Elements(explore.sliders(lambda ax, peak_lr: None, "x", peak_lr=(0.01, 1.0, 0.1)).data)
    (slider,) = page.of("input")
    assert page.of("label", **{"for": slider["id"]})
    values = json.loads(slider["data-values"])
    assert slider["aria-valuetext"] == values[int(slider["value"])] == "0.1"


def test_static_ids_are_unique_over_explorers(static):
    text = "".join(
        explore.sliders(lambda ax, every: None, "x", every=(5, 20, 10)).data for _ in range(2)
    )
    ids = [attributes["id"] for _, attributes in Elements(text).found if "id" in attributes]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("ranges", [{}, dict.fromkeys("abcd", (1, 3, 2))])
def test_too_few_or_too_many_parameters_are_named(live, ranges):
    with pytest.raises(ValueError, match=f"one to three parameters, got {len(ranges)}"):
        explore.sliders(lambda ax, **values: None, "x", **ranges)


@pytest.mark.parametrize("limits", [(1, 5, 9), (5, 1, 3), (2, 2, 2)])
def test_a_range_that_makes_no_sense_is_named(live, limits):
    with pytest.raises(ValueError, match=r"every must be \(lowest, highest, first value\)"):
        explore.sliders(lambda ax, every: None, "x", every=limits)


def press(box):
    widgets_of(box, ipywidgets.Button)[0].click()


def test_the_button_trains_with_the_values_of_the_sliders(live):
    asked = []

    def run(peak_lr):
        asked.append(peak_lr)
        return History("CIFAR-10", 100, 0, [0, 1], [0.1] * 2, [2.0, 1.0], [2], [1.0], [0.5])

    box = explore.retrain(run, "Runs.", peak_lr=(0.001, 1.0, 0.1))
    assert asked == []
    press(box)
    widgets_of(box, ipywidgets.FloatLogSlider)[0].value = 0.01
    press(box)
    assert asked == pytest.approx([0.1, 0.01])
    assert not widgets_of(box, ipywidgets.Button)[0].disabled


def test_the_button_is_off_while_it_trains_and_on_after_an_error(live, caplog):
    states = []

    def run(peak_lr):
        states.append(widgets_of(box, ipywidgets.Button)[0].disabled)
        raise RuntimeError("a fault in the run")

    box = explore.retrain(run, "Runs.", peak_lr=(0.001, 1.0, 0.1))
    press(box)
    assert states == [True]
    assert not widgets_of(box, ipywidgets.Button)[0].disabled
    assert "a fault in the run" in caplog.text  # without a kernel, ipywidgets logs the error


def test_retraining_on_a_static_page_says_what_it_needs(static):
    text = explore.retrain(lambda peak_lr: None, "Runs.", peak_lr=(0.001, 1.0, 0.1)).data
    assert "kernel" in text
    assert "<button" not in text
    assert "<input" not in text
