"""Controls: with a kernel they redraw and retrain, on a static page they lie beside data."""

import _thread
import html.parser
import itertools
import json
import math
import re
import subprocess
import sys
import threading
import time
import types

import ipywidgets
import numpy as np
import pytest
from interrupting import interrupt, moments

from lrlib import _compare, explore, plots
from lrlib.explore import _described, _live, _retraining
from lrlib.schedules import StepDecay, lr_curve
from lrlib.train import History


def recorder():
    """A draw function that writes down what it was asked to draw."""
    seen = []

    def draw(ax, every, factor):
        seen.append((every, factor))
        plots.curves(ax, {"rate": lr_curve(StepDecay(every, factor), 30)})

    return draw, seen


def widgets_of(box, kind):
    *children, _ = box.children  # the last one hides the copy, and shows nothing
    inside = [thing for child in children for thing in (child, *getattr(child, "children", ()))]
    return [thing for thing in inside if isinstance(thing, kind)]


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
    every, factor = widgets_of(box, (ipywidgets.IntSlider, ipywidgets.SelectionSlider))
    every.value = 7
    factor.value = 0.3
    assert seen[-2:] == [(7, 0.5), (7, 0.3)]


def test_a_range_over_decades_gets_a_logarithmic_slider(live):
    box = explore.sliders(lambda ax, learning_rate: None, "x", learning_rate=(0.001, 1.0, 0.1))
    (slider,) = widgets_of(box, ipywidgets.SelectionSlider)
    values = [value for _, value in slider.options]
    assert slider.value == 0.1
    assert (values[0], values[-1]) == (0.001, 1.0)
    assert max(b / a for a, b in itertools.pairwise(values)) < 1.4


@pytest.mark.parametrize(
    "limits",
    [(0.05, 2.1, 0.3), (0.1, 1.0, 0.5), (0.01, 1.0, 0.1), (0.98, 1.0, 1.0), (0.0, 0.4, 0.0)],
)
def test_a_slider_holds_exactly_the_value_that_the_code_says(live, limits):
    """A slider over places of a list has no grid that a browser could move its value to."""
    slider = explore.sliders(lambda ax, rate: None, "x", rate=limits).children[0]
    assert isinstance(slider, ipywidgets.SelectionSlider)
    assert slider.value == limits[2]
    values = [value for _, value in slider.options]
    assert (values[0], values[-1]) == limits[:2]
    assert all(float(text) == value for text, value in slider.options)
    assert len({text for text, _ in slider.options}) == len(values) <= 501


@pytest.mark.parametrize("limits", [(1, 100, 35), (10, 1000, 100), (1, 3, 1)])
def test_whole_numbers_stay_whole_however_wide_the_range(live, limits):
    slider = explore.sliders(lambda ax, steps: None, "x", steps=limits).children[0]
    assert isinstance(slider, ipywidgets.IntSlider)
    assert (slider.min, slider.max, slider.value, slider.step) == (*limits, 1)


STATIC_PAGE = """\
import sys
from lrlib import _compare, explore, quiz
explore.sliders(lambda ax, every: None, "A slider.", every=(1, 9, 3))
explore.retrain(None, "Runs.", steps=9, every=(1, 9, 3))
_compare.compare(lambda axes, name: axes[0].plot([0, 1]), ["a", "b"], "Boxes.", chosen=["a"])
quiz.Prediction("Which?", ["a", "b"]).score("a", "So it came.")
print("ipywidgets" in sys.modules)
"""


def test_a_static_page_loads_no_widgets(static):
    command = [sys.executable, "-c", STATIC_PAGE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr


def described(text):
    """The figure as data: its frames, with their numbers in place."""
    data = json.loads(re.search(r'<script type="application/json">(.*?)</script>', text)[1])
    for frame in data["frames"]:
        for panel in frame["panels"]:
            for part in panel["lines"] + panel["bands"]:
                part |= {key: data["curves"][part[key]] for key in ("xs", "ys") if key in part}
    return data["frames"]


def test_the_static_page_has_data_for_each_cell_of_the_grid_and_a_first_picture(static):
    draw, seen = recorder()
    text = explore.sliders(draw, "Steps.", every=(5, 20, 10), factor=(0.1, 0.9, 0.5)).data
    inputs = Elements(text).of("input", type="range")
    grid = list(itertools.product(*(json.loads(slider["data-values"]) for slider in inputs)))
    frames = described(text)
    assert len(frames) == len(grid) == math.prod(int(slider["max"]) + 1 for slider in inputs)
    assert len(set(grid)) == len(grid)
    assert {(5, 0.1), (20, 0.9)} <= set(grid)
    assert seen == [*grid, (10, 0.5)]
    for (every, factor), frame in zip(grid, frames, strict=True):
        (line,) = frame["panels"][0]["lines"]
        assert line["ys"] == pytest.approx(lr_curve(StepDecay(every, factor), 30), rel=1e-3)
    first = [json.loads(slider["data-values"])[int(slider["value"])] for slider in inputs]
    assert first == [10, 0.5]
    assert 'aria-label="Steps. every 10, factor 0.5."' in text
    assert Elements(text).of("fieldset")[0] == {"disabled": None}, "nobody draws yet"


def test_a_formula_has_a_slider_for_every_value_and_the_data_of_the_first(static):
    draw, seen = recorder()
    ranges = {"every": (5, 20, 10), "factor": (0.001, 1.0, 0.3)}
    text = explore.sliders(draw, "Steps.", formula="steps", **ranges).data
    assert set(seen) == {(10, 0.3)}
    assert len(described(text)) == 1
    every, factor = Elements(text).of("input", type="range")
    assert (every["max"], every["value"], every["data-whole"]) == ("15", "5", "1")
    assert factor["data-first"] == factor["aria-valuetext"] == "0.3"
    assert factor["data-log"] == "1"
    place = int(factor["value"]) / int(factor["max"])
    assert 0.001 * 1000**place == pytest.approx(0.3, rel=0.02)


@pytest.mark.parametrize("formula", [None, "steps"])
def test_a_page_has_the_sliders_of_the_notebook(static, formula):
    """Whole numbers stand equally far apart, and a list has no others."""
    draw, _ = recorder()
    ranges = {"every": (1, 200, 35), "factor": [0.1, 0.3, 0.5]}
    text = explore.sliders(draw, "Steps.", formula=formula, **ranges).data
    every, factor = Elements(text).of("input", type="range")
    assert json.loads(factor["data-values"]) == [0.1, 0.3, 0.5]
    assert (factor["max"], factor["value"]) == ("2", "1")
    assert "data-log" not in every
    if formula:
        assert (every["max"], every["value"]) == ("199", "34")
    else:
        gaps = np.diff(json.loads(every["data-values"]))
        assert gaps.max() < 60


def test_a_figure_is_described_as_it_is_drawn():
    figure, (left, right) = plots.panels(columns=2)
    left.plot([1, 2, 3], [0.1, float("nan"), 1e-9], "--", color=plots.PALETTE["red"], label="</b>")
    left.axhline(0.5, color=plots.PALETTE["grey"])
    left.set(title="Falling", xlabel="step", yscale="log", ylim=(1e-9, 1))
    right.plot(1, 2, "s", color=plots.PALETTE["blue"], fillstyle="none", ms=8)
    right.fill_between([1, 2], [0, 1], [2, 3], color=plots.PALETTE["teal"], alpha=0.2)
    right.text(0.5, 0.9, "here", transform=right.transAxes, ha="right")
    figure.supxlabel("ten seeds")
    written = _described.to_json([_described.describe(figure)])
    assert "</" not in written, "it would end the script that holds it"
    (frame,) = described(f'<script type="application/json">{written}</script>')
    falling, mark = frame["panels"]
    assert (frame["caption"], falling["title"], mark["title"]) == ("ten seeds", "Falling", "")
    assert falling["y"] == {"label": "", "low": 1e-9, "high": 1, "log": True}
    line, across = falling["lines"]
    assert (line["xs"], line["ys"]) == ([1, 2, 3], [0.1, None, 1e-9])
    assert (line["colour"], line["dash"], line["label"]) == ("red", "--", "</b>")
    assert across["across"] == 0.5
    (square,) = mark["lines"]
    assert (square["marker"], square["size"], square["hollow"]) == ("s", 8, True)
    (band,) = mark["bands"]
    assert band["colour"] == "teal"
    assert set(zip(band["xs"], band["ys"], strict=True)) == {(1, 0), (1, 2), (2, 1), (2, 3)}
    (text,) = mark["texts"]
    assert (text["text"], text["x"], text["inside"], text["align"]) == ("here", 0.5, True, "right")


def test_what_cannot_be_described_is_named():
    figure, (ax,) = plots.panels()
    ax.bar([1], [2])
    with pytest.raises(TypeError, match="holds lines, bands and texts, got Rectangle"):
        _described.describe(figure)


def test_static_controls_are_labelled_and_speak_their_value(static):
    page = Elements(explore.sliders(lambda ax, peak_lr: None, "x", peak_lr=(0.01, 1.0, 0.1)).data)
    (slider,) = page.of("input")
    assert page.of("label", **{"for": slider["id"]})
    values = json.loads(slider["data-values"])
    assert values[int(slider["value"])] == float(slider["aria-valuetext"]) == 0.1


def test_static_ids_are_unique_over_explorers(static):
    text = "".join(
        explore.sliders(lambda ax, every: None, "x", every=[5, 20]).data for _ in range(2)
    )
    ids = [attributes["id"] for _, attributes in Elements(text).found if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_an_error_after_a_move_is_shown_and_the_next_move_draws_again(live):
    def draw(ax, every):
        if every == 20:
            raise ValueError("every < 20, please")

    box = explore.sliders(draw, "Steps.", every=(5, 20, 10))
    (slider,), (figure,) = widgets_of(box, ipywidgets.IntSlider), widgets_of(box, ipywidgets.HTML)
    slider.value = 20
    assert Elements(figure.value).of("div", **{"class": "lrlib-error", "role": "alert"})
    assert "<strong>ValueError: every &lt; 20, please</strong>" in figure.value
    assert "Change a value to draw again" in figure.value
    slider.value = 19
    assert "<svg" in figure.value
    assert "lrlib-error" not in figure.value


def test_an_error_in_the_first_drawing_is_an_error_of_the_cell(live):
    with pytest.raises(ZeroDivisionError):
        explore.sliders(lambda ax, every: 1 / 0, "x", every=(5, 20, 10))


def test_a_list_has_the_only_values_that_there_are(static):
    drawn = []
    text = explore.sliders(
        lambda ax, peak_lr: drawn.append(peak_lr), "x", peak_lr=[0.1, 0.2, 0.4]
    ).data
    assert drawn == [0.1, 0.2, 0.4, 0.2]  # the last one is the first picture
    (slider,) = Elements(text).of("input")
    assert (slider["max"], slider["value"]) == ("2", "1")
    assert json.loads(slider["data-values"]) == [0.1, 0.2, 0.4]


def test_a_list_becomes_a_slider_over_its_values(live):
    drawn = []
    box = explore.sliders(lambda ax, lr: drawn.append(lr), "x", lr=[0.1, 0.2, 0.4])
    box.children[0].value = 0.4
    assert drawn == [0.2, 0.4]


@pytest.mark.parametrize("values", [[0.1], [0.2, 0.1], [0.1, 0.1]])
def test_a_list_must_rise(values):
    with pytest.raises(ValueError, match="lr must be a list of values that rise"):
        explore.sliders(lambda ax, lr: None, "x", lr=values)


@pytest.mark.parametrize("show", [explore.sliders, explore.retrain])
def test_every_live_control_has_a_name(live, show):
    options = {} if show is explore.sliders else {"steps": 5}
    box = show(lambda *_, **values: None, "x", peak_lr=(0.01, 1.0, 0.1), every=(1, 9, 3), **options)
    kinds = (ipywidgets.SelectionSlider, ipywidgets.IntSlider)
    controls = widgets_of(box, (*kinds, ipywidgets.Button, ipywidgets.IntProgress))
    names = ["peak learning rate", "every", "Train", "Stop", "Reset", "steps"]
    assert [control.description for control in controls] == names[: len(controls)]


@pytest.mark.parametrize("ranges", [{}, dict.fromkeys("abcde", (1, 3, 2))])
def test_too_few_or_too_many_parameters_are_named(live, ranges):
    with pytest.raises(ValueError, match=f"one to four parameters, got {len(ranges)}"):
        explore.sliders(lambda ax, **values: None, "x", **ranges)


@pytest.mark.parametrize("limits", [(1, 5, 9), (5, 1, 3), (2, 2, 2)])
def test_a_range_that_makes_no_sense_is_named(live, limits):
    with pytest.raises(ValueError, match=r"every must be \(lowest, highest, first value\)"):
        explore.sliders(lambda ax, every: None, "x", every=limits)


# Comparing: boxes to tick.

RATES = {"slow": 0.1, "fast": 0.4, "a < b": 0.9}


def draw_rate(axes, name):
    for ax in axes:
        ax.plot([0, 1], [0, RATES[name]], label=name)
        ax.set_xlabel("step")


def test_a_box_decides_whether_its_line_is_drawn(live):
    box = _compare.compare(draw_rate, list(RATES), "Lines.", chosen=["slow"], columns=2)
    boxes = widgets_of(box, ipywidgets.Checkbox)
    assert [(each.description, each.value) for each in boxes] == [
        ("slow", True),
        ("fast", False),
        ("a < b", False),
    ]
    (figure,) = widgets_of(box, ipywidgets.HTML)
    assert ">slow</text>" in figure.value
    boxes[1].value = True
    boxes[0].value = False
    assert ">fast</text>" in figure.value
    assert ">slow</text>" not in figure.value
    boxes[1].value = False
    assert "Shown: none." in figure.value


def test_on_a_static_page_every_line_belongs_to_a_box_and_the_chosen_ones_are_ticked(static):
    text = _compare.compare(draw_rate, list(RATES), "Lines.", chosen=["a < b"], columns=2).data
    page = Elements(text)
    (frame,) = described(text)
    for panel in frame["panels"]:
        assert [(line["layer"], line["label"]) for line in panel["lines"]] == [*enumerate(RATES)]
    boxes = page.of("input", type="checkbox")
    assert [box["value"] for box in boxes if "checked" in box] == ["2"]
    assert "a &lt; b</label>" in text
    assert 'aria-label="Lines. Shown: a &lt; b."' in text
    assert "<path" in text
    ids = [a["id"] for _, a in page.found if "id" in a]
    assert len(ids) == len(set(ids))


def test_a_static_box_shows_a_piece_of_its_line(static):
    def draw(axes, name):
        axes[0].fill_between([0, 1], [0, 0], [1, 1])
        axes[0].plot([0, 1], [0, 1], "-." if name == "b" else "-", color=plots.PALETTE["teal"])

    text = _compare.compare(draw, ["a", "b"], "Lines.", chosen=["a"]).data
    swatches = re.findall(r'style="stroke: ([^"]*)" stroke-dasharray="([^"]*)"', text)
    assert swatches == [
        ("var(--lrlib-teal, #0f766e)", ""),
        ("var(--lrlib-teal, #0f766e)", "8 3 2 3"),
    ]


@pytest.mark.parametrize("names", [[], ["a"], ["a", "b", "a"]])
def test_a_comparison_needs_names_that_differ(names):
    with pytest.raises(ValueError, match="names must be at least two and differ"):
        _compare.compare(draw_rate, names, "x", chosen=[])


def test_a_comparison_knows_what_it_begins_with():
    with pytest.raises(ValueError, match="chosen must be among slow, fast, got late"):
        _compare.compare(draw_rate, ["slow", "fast"], "x", chosen=["slow", "late"])


# Retraining. The runs are stand-ins that make as many steps as a test needs.


@pytest.fixture(autouse=True)
def every_press_counts(monkeypatch):
    """A test presses faster than a reader."""
    monkeypatch.setattr(_retraining, "_ECHO", 0.0)


@pytest.fixture(autouse=True)
def no_run_outlives_its_test():
    yield
    wait()


def wait():
    for thread in threading.enumerate():
        if thread.name == "lrlib retrain":
            thread.join(300)
            assert not thread.is_alive(), "a training does not end"


def add_step(history, steps_per_epoch=5):
    history.step.append(len(history.step))
    history.lr.append(0.1)
    history.loss.append(2 - 0.1 * len(history.step))
    if len(history.step) % steps_per_epoch == 0:
        history.epoch_end.append(len(history.step))
        history.val_loss.append(1.0)
        history.val_accuracy.append(0.5)


def ten_steps(on_step, **values):
    history = History("tiny", 100, 0)
    for _ in range(10):
        add_step(history)
        on_step(history)
    return history


class Endless:
    """A run that ends when somebody stops it, and writes down what it was asked."""

    def __init__(self):
        self.asked, self.started = [], threading.Event()

    def __call__(self, on_step, **values):
        self.asked.append(values)
        history = History("tiny", 100, 0)
        while True:
            add_step(history)
            on_step(history)
            self.started.set()
            time.sleep(0.001)


class Form:
    """What a reader sees of the retraining widget."""

    def __init__(self, run, steps=10, recorded=None, **ranges):
        ranges = ranges or {"peak_lr": (0.001, 1.0, 0.1)}
        self.box = explore.retrain(run, "Runs.", steps=steps, recorded=recorded, **ranges)
        buttons = widgets_of(self.box, ipywidgets.Button)
        self.buttons = {button.description: button for button in buttons}
        self.message, self.figure = widgets_of(self.box, ipywidgets.HTML)
        (self.bar,) = widgets_of(self.box, ipywidgets.IntProgress)
        self.sliders = self.box.children[: len(ranges)]

    def press(self, name):
        self.buttons[name].click()

    def train(self, *values):
        for slider, value in zip(self.sliders, values, strict=False):
            slider.value = value
        self.press("Train")
        wait()

    @property
    def ends(self):
        """How each run of the figure ended, by its name."""
        items = re.findall("<li>.*?</svg> (.*?)</li>", self.figure.value)
        return dict(item.split(": ", 1) for item in items)

    @property
    def looks(self):
        """Colour and dashes of each run by its name, as the list below the figure has them."""
        item = r'stroke: var\(--lrlib-(\w+)[^"]*" stroke-dasharray="([^"]*)"/></svg> (.*?): '
        found = re.findall(item, self.figure.value)
        return {name: (colour, dashes) for colour, dashes, name in found}

    def is_ready(self):
        return [self.buttons[name].disabled for name in ("Train", "Stop")] == [False, True]


def test_it_trains_with_the_values_of_the_sliders(live):
    asked = []

    def run(on_step, **values):
        asked.append(values)
        return ten_steps(on_step)

    form = Form(run, peak_lr=(0.001, 1.0, 0.1), every=(1, 9, 3))
    assert asked == []
    assert form.figure.value == ""
    form.train()
    form.train(0.01, 7)
    assert [values["every"] for values in asked] == [3, 7]
    assert [values["peak_lr"] for values in asked] == pytest.approx([0.1, 0.01])
    assert form.bar.value == form.bar.max == 10
    assert form.ends["peak learning rate 0.01, every 7"].startswith("tiny, 100 images, 2 epochs")
    assert form.is_ready()


def test_pressed_twice_it_trains_once(live):
    run = Endless()
    form = Form(run)
    form.press("Train")
    form.press("Train")
    assert run.started.wait(20)
    assert form.buttons["Train"].disabled
    form.press("Train")
    form.press("Stop")
    wait()
    assert len(run.asked) == 1


def test_a_press_that_waited_while_it_trained_does_not_train_afterwards(live, monkeypatch):
    monkeypatch.setattr(_retraining, "_ECHO", 3600.0)
    asked = []
    form = Form(lambda on_step, **values: asked.append(values) or ten_steps(on_step))
    form.train()
    form.train()
    assert len(asked) == 1
    monkeypatch.setattr(_retraining, "_ECHO", 0.0)
    form.train()
    assert len(asked) == 2


def test_two_widgets_do_not_train_at_once(live):
    first, second = Endless(), Endless()
    one, two = Form(first), Form(second)
    one.press("Train")
    assert first.started.wait(20)
    two.press("Train")
    assert "Another run is under way" in two.message.value
    two.press("Stop")
    two.press("Reset")
    assert not one.is_ready()
    one.press("Stop")
    wait()
    assert second.asked == []
    two.press("Train")
    assert second.started.wait(20)
    two.press("Stop")
    wait()
    assert "Another run" not in two.message.value


def test_stop_ends_the_run_and_keeps_it(live):
    run = Endless()
    form = Form(run, steps=10**6)
    form.press("Train")
    assert run.started.wait(20)
    form.press("Stop")
    wait()
    assert form.is_ready()
    assert 0 < form.bar.value < 10**6
    assert "<svg" in form.figure.value
    assert list(form.ends) == ["peak learning rate 0.1"]
    run.started.clear()
    form.sliders[0].value = 0.01
    form.press("Train")
    assert run.started.wait(20)
    form.press("Stop")
    wait()
    assert list(form.ends) == ["peak learning rate 0.1", "peak learning rate 0.01"]


def test_reset_ends_the_run_forgets_all_and_puts_the_sliders_back(live):
    run = Endless()
    form = Form(run)
    form.sliders[0].value = 0.01
    form.press("Train")
    assert run.started.wait(20)
    form.press("Reset")
    assert form.is_ready()
    assert (form.figure.value, form.bar.value) == ("", 0)
    assert form.sliders[0].value == pytest.approx(0.1)


def test_the_curve_and_the_bar_grow_while_it_trains(live, monkeypatch):
    monkeypatch.setattr(_retraining, "_BETWEEN_DRAWINGS", 0.0)
    form = Form(ten_steps)
    bars, figures = [], []
    form.bar.observe(lambda change: bars.append(change.new), "value")
    form.figure.observe(lambda change: figures.append(change.new), "value")
    form.train()
    assert bars == list(range(1, 11))
    assert len(set(figures)) >= 10
    # The axis is that of the whole run from the first step on.
    ticks = [re.findall(r"<text[^>]*>(\d+)</text>", figure) for figure in figures]
    assert ticks[0][:3] == ticks[-1][:3]


def test_it_is_not_drawn_at_every_step(live, monkeypatch):
    monkeypatch.setattr(_retraining, "_BETWEEN_DRAWINGS", 3600.0)
    form = Form(ten_steps)
    bars = []
    form.bar.observe(lambda change: bars.append(change.new), "value")
    form.train()
    assert bars == [1, 10]


def test_an_error_in_a_run_is_shown_and_it_trains_again(live):
    def run(peak_lr, on_step):
        if peak_lr > 0.5:
            raise RuntimeError("a fault & its reason")
        return ten_steps(on_step)

    form = Form(run)
    form.train(0.01)
    form.train(1.0)
    assert Elements(form.message.value).of("div", **{"class": "lrlib-error", "role": "alert"})
    assert "<strong>RuntimeError: a fault &amp; its reason</strong>" in form.message.value
    assert "Change a value and press Train" in form.message.value
    assert "in run\n" in form.message.value  # the traceback says where
    assert form.is_ready()
    assert len(form.ends) == 1
    form.train(0.1)
    assert form.message.value == ""
    assert len(form.ends) == 2


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (lambda peak_lr, on_step: None, "must return a History, got None"),
        (lambda peak_lr: None, "unexpected keyword argument &#x27;on_step&#x27;"),
    ],
)
def test_a_run_that_does_not_keep_to_the_contract_is_told(live, run, message):
    form = Form(run)
    form.train()
    assert message in form.message.value


def test_the_last_four_runs_stay_and_are_named_by_what_differs(live):
    form = Form(ten_steps, peak_lr=(0.001, 1.0, 0.1), every=(1, 9, 3))
    form.train(0.1, 3)
    assert list(form.ends) == ["peak learning rate 0.1, every 3"]
    form.train(0.1, 4)
    assert list(form.ends) == ["every 3", "every 4"]
    form.train(0.1, 3)  # takes the place of the run with the same values
    assert list(form.ends) == ["every 4", "every 3"]
    for every in (5, 6, 7):
        form.train(0.1, every)
    assert list(form.ends) == ["every 3", "every 5", "every 6", "every 7"]


def test_a_run_keeps_its_colour_while_it_stays(live):
    form = Form(ten_steps, every=(1, 9, 3))
    seen = []
    for every in range(1, 8):
        form.train(every)
        seen.append({name: colour for name, (colour, _) in form.looks.items()})
    assert len(set(seen[-1].values())) == 4
    for before, after in itertools.pairwise(seen):
        both = before.keys() & after.keys()
        assert {name: before[name] for name in both} == {name: after[name] for name in both}


def panels_of(svg):
    """The width of each panel, as a fraction of the figure's."""
    width = re.search(r'viewBox="0 0 (\d+) ', svg)[1]
    rooms = re.findall(r'<clipPath[^>]*>\s*<rect [^>]*width="([\d.]+)"', svg)
    return [float(room) / float(width) for room in rooms]


def test_the_panels_keep_their_size_however_long_the_names_are(live):
    """Names that stand right of two panels take the panels' place."""
    recorded = {"the run that the chapter has made above": ten_steps(lambda history: None)}
    ranges = {"peak_learning_rate_of_the_run": (0.001, 1.0, 0.1), "every_so_many_steps": (1, 9, 3)}
    form = Form(ten_steps, recorded=recorded, **ranges)
    before = panels_of(form.figure.value)
    assert len(before) == 2
    assert min(before) > 0.4
    for rate in (0.1, 0.2, 0.3, 0.4, 0.5):
        form.train(rate)
        assert panels_of(form.figure.value) == pytest.approx(before, abs=0.02)


def test_runs_differ_in_colour_and_in_dashes_and_the_list_shows_both(live):
    form = Form(ten_steps, recorded={"cosine": ten_steps(lambda history: None)}, every=(1, 9, 3))
    for every in (1, 2, 3):
        form.train(every)
    assert list(form.looks) == list(form.ends)
    colours, dashes = zip(*form.looks.values(), strict=True)
    assert len(set(colours)) == len(set(dashes)) == 4


def test_recorded_runs_lie_under_the_readers_runs_thinner_and_named(live):
    recorded = {"cosine": ten_steps(lambda history: None)}
    form = Form(ten_steps, recorded=recorded)
    assert list(form.ends) == ["cosine (recorded)"]
    form.train()
    assert list(form.ends) == ["cosine (recorded)", "peak learning rate 0.1"]
    lines = re.findall(r'style="fill: none; [^"]*stroke: var[^"]*"', form.figure.value)
    thin = ["stroke-width: 0.9" in line for line in lines]
    assert thin == [True, False, True, False]  # the recorded one first, in both panels
    assert ["--lrlib-grey" in line for line in lines] == thin
    form.press("Reset")
    assert list(form.ends) == ["cosine (recorded)"]


def test_in_colab_a_press_stays_until_the_run_has_ended_and_ctrl_c_stops_it(live, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    form = Form(ten_steps)
    form.press("Train")
    assert form.bar.value == 10
    assert form.is_ready()

    def interrupted(peak_lr, on_step):
        history = History("tiny", 100, 0)
        for step in itertools.count():
            add_step(history)
            on_step(history)
            if step == 3:
                _thread.interrupt_main()
            time.sleep(0.001)

    form = Form(interrupted)
    form.press("Train")
    assert form.is_ready()
    assert len(form.ends) == 1


def test_ctrl_c_while_a_button_is_pressed_leaves_a_widget_that_works(live, monkeypatch):
    # Drawing takes longer than all else.
    monkeypatch.setattr(_retraining, "comparison", lambda *_: "")
    asked = []

    def run(on_step, **values):
        asked.append(values)
        return ten_steps(on_step)

    form = Form(run)
    for moment in moments():
        came, _ = interrupt(lambda: form.press("Train"), moment, _live, _retraining, threading)
        wait()
        assert form.is_ready()
        before = len(asked)
        form.train()
        assert len(asked) == before + 1
        if not came:
            break
    assert moment > 10


TRAIN_AND_LEAVE = """\
import threading, time
from lrlib import explore
from lrlib.train import History
started = threading.Event()
def run(every, on_step):
    history = History("tiny", 100, 0)
    while True:
        history.step.append(len(history.step)); history.lr.append(.1); history.loss.append(1.)
        on_step(history)
        started.set()
        time.sleep(.001)
form = explore.retrain(run, "Runs.", steps=9, every=(1, 9, 3))
form.children[1].children[0].click()
started.wait(20)
print("trains")
"""


@pytest.mark.slow
def test_a_training_does_not_keep_the_kernel_alive():
    command = [sys.executable, "-c", TRAIN_AND_LEAVE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "trains\n")


def test_retraining_on_a_static_page_shows_the_recorded_runs_and_says_what_it_needs(static):
    ranges = {"peak_lr": (0.001, 1.0, 0.1)}
    recorded = {"cosine": ten_steps(lambda history: None)}
    plain = explore.retrain(ten_steps, "Runs.", steps=10, **ranges).data
    assert "<svg" not in plain
    full = explore.retrain(ten_steps, "Runs.", steps=10, recorded=recorded, **ranges).data
    assert 'aria-label="Runs."' in full
    assert "cosine (recorded)" in full
    for text in (plain, full):
        assert "running kernel" in text
        assert 'href="../book/setup.html"' in text
        assert not Elements(text).of("button")
        assert not Elements(text).of("input")


def test_retraining_checks_its_arguments(live):
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        explore.retrain(ten_steps, "Runs.", steps=0, peak_lr=(0.001, 1.0, 0.1))
    with pytest.raises(ValueError, match=r"peak_lr must be \(lowest, highest, first value\)"):
        explore.retrain(ten_steps, "Runs.", steps=5, peak_lr=(0.001, 1.0, 2.0))
