"""Figures: they show what the log says, they name their data, and they are accessible."""

import itertools
import re

import numpy as np
import pytest

from lrlib import plots
from lrlib.train import History


@pytest.fixture
def history():
    steps = list(range(60))
    return History(
        dataset="Shapes-10",
        n_train=15_000,
        seed=4,
        step=steps,
        lr=[0.1 - 0.001 * step for step in steps],
        loss=[2.0 - 0.01 * step for step in steps],
        epoch_end=[30, 60],
        val_loss=[1.5, 1.2],
        val_accuracy=[0.4, 0.6],
    )


def test_the_learning_rate_is_the_logged_one(history):
    _, (ax,) = plots.panels()
    plots.curves(ax, {"run": history}, "lr")
    assert list(ax.lines[0].get_xdata()) == history.step
    assert list(ax.lines[0].get_ydata()) == history.lr


def test_smoothing_does_not_shift_a_straight_line(history):
    _, (ax,) = plots.panels()
    plots.curves(ax, {"run": history}, "loss")
    np.testing.assert_allclose(ax.lines[0].get_ydata(), history.loss)


def test_smoothing_takes_the_mean_of_fifteen_steps(history):
    history.loss = [0.0] * 60
    history.loss[30] = 15.0
    _, (ax,) = plots.panels()
    plots.curves(ax, {"run": history}, "loss")
    smooth = np.asarray(ax.lines[0].get_ydata())
    np.testing.assert_allclose(smooth[23:38], 1.0)
    np.testing.assert_allclose([smooth[22], smooth[38]], 0, atol=1e-12)


def test_a_single_step_weighs_no_more_at_an_end_than_a_line_gives_it(history):
    """The end of a line through 15 values moves by 0.24 of what the last one does."""
    history.loss = [0.0] * 59 + [1.0]
    _, (ax,) = plots.panels()
    plots.curves(ax, {"run": history}, "loss")
    smooth = np.asarray(ax.lines[0].get_ydata())
    slope = 7 / sum(place**2 for place in range(-7, 8))
    np.testing.assert_allclose(smooth[-1], 1 / 15 + 7 * slope)


@pytest.mark.parametrize("steps", [0, 1, 2, 4, 15, 16])
def test_a_run_of_any_length_is_drawn(history, steps):
    history.step, history.loss = history.step[:steps], history.loss[:steps]
    _, (ax,) = plots.panels()
    plots.curves(ax, {"run": history}, "loss")
    np.testing.assert_allclose(ax.lines[0].get_ydata(), history.loss)


@pytest.mark.parametrize("lost", [np.inf, np.nan])
def test_a_run_that_blew_up_is_drawn_as_far_as_its_loss_is_a_number(history, lost):
    history.loss[40:] = [lost] * 20
    _, (ax,) = plots.panels()
    plots.curves(ax, {"run": history}, "loss")
    smooth = np.asarray(ax.lines[0].get_ydata())
    np.testing.assert_allclose(smooth[:33], history.loss[:33])
    assert not np.isfinite(smooth[33:]).any()


def test_validation_points_stand_at_the_ends_of_epochs(history):
    _, (ax,) = plots.panels()
    plots.curves(ax, {"run": history}, "val_accuracy")
    assert list(ax.lines[0].get_xdata()) == [30, 60]
    assert list(ax.lines[0].get_ydata()) == [0.4, 0.6]


def test_a_figure_of_a_run_names_its_data_and_budget(history):
    figure, (ax,) = plots.panels()
    plots.curves(ax, {"run": history}, "loss")
    shown = plots.show(figure, "A run.").data
    assert "Shapes-10, 15,000 images, 2\u00a0epochs, seed 4" in shown


def test_a_run_that_two_panels_show_is_named_once(history):
    figure, axes = plots.panels(columns=2)
    for ax, y in zip(axes, ("loss", "lr"), strict=True):
        plots.curves(ax, {"run": history}, y)
    assert "\n" not in figure.get_supxlabel()


def test_a_figure_of_a_formula_names_no_data():
    figure, (ax,) = plots.panels()
    plots.curves(ax, {"formula": np.linspace(0.1, 0, 10)})
    assert "images" not in plots.show(figure, "A formula.").data


def test_several_lines_are_named_and_differ_in_colour_and_in_dashes(history):
    _, (ax,) = plots.panels()
    plots.curves(ax, {"one": history, "two": history, "three": history}, "loss")
    assert {"one", "two", "three"} <= {text.get_text() for text in ax.texts}
    assert len({line.get_color() for line in ax.lines}) == 3
    assert len({line.get_linestyle() for line in ax.lines}) == 3


def test_of_three_panels_with_the_same_lines_the_last_alone_names_them(history):
    for columns, named in ((2, [2, 2]), (3, [0, 0, 2])):
        _, axes = plots.panels(columns)
        for ax in axes:
            plots.curves(ax, {"one": history, "two": history}, "loss")
        assert [len(ax.texts) for ax in axes] == named


@pytest.mark.parametrize("height", [2.0, 2.4, 3.0, 4.4])
def test_names_of_lines_do_not_overlap(history, height):
    figure, (ax,) = plots.panels(height=height)
    plots.curves(ax, {"one": history, "two": history, "three": history}, "loss")
    ax.set_title("Three runs")
    figure.draw_without_rendering()
    boxes = sorted((text.get_window_extent() for text in ax.texts), key=lambda box: box.y0)
    assert all(below.y1 <= above.y0 for below, above in itertools.pairwise(boxes))


def test_names_of_lines_that_end_together_stand_around_their_end():
    _, (ax,) = plots.panels()
    ax.set_ylim(0, 1)
    plots.curves(ax, {name: np.full(9, 0.5) for name in ("one", "two", "three")})
    low, middle, high = sorted(text.get_position()[1] for text in ax.texts)
    assert middle == pytest.approx(
        ax.transAxes.inverted().transform(ax.transData.transform((0, 0.5)))[1]
    )
    assert low + high == pytest.approx(2 * middle)


def test_a_run_without_a_finite_loss_can_be_drawn(history):
    broken = History("CIFAR-10", 15_000, 0, step=[0], lr=[9.0], loss=[float("nan")])
    figure, (ax,) = plots.panels()
    plots.curves(ax, {"good": history, "broken": broken}, "loss")
    assert "broken" not in {text.get_text() for text in ax.texts}
    assert plots.show(figure, "Two runs.").data


def test_svg_has_a_text_and_follows_the_page(history):
    figure, (ax,) = plots.panels()
    plots.curves(ax, {"run": history}, "loss", colours=["teal"])
    shown = plots.show(figure, 'Loss "falls".').data
    assert 'role="img"' in shown
    assert 'aria-label="Loss &quot;falls&quot;."' in shown
    assert "currentColor" in shown
    assert "var(--lrlib-teal, #0f766e)" in shown
    assert "#000000" not in shown
    assert "#ffffff" not in shown


def test_a_picture_has_no_style_sheet_which_would_hold_for_its_page(history):
    """A browser styles the whole page anew with each: on a slow phone a second a chapter."""
    figure, (ax,) = plots.panels()
    plots.curves(ax, {"run": history}, "loss")
    shown = plots.show(figure, "A run.").data
    pictures = re.findall("<svg .*?</svg>", shown, flags=re.DOTALL)
    assert len(pictures) == 2  # for a wide page and for a narrow one
    for picture in pictures:
        assert "<style" not in picture
        assert picture.index('stroke-linejoin="round" stroke-linecap="butt"') < picture.index("<g")


def test_ids_are_unique_over_figures_and_every_reference_has_its_id(history):
    pages = ""
    for _ in range(2):
        figure, (ax,) = plots.panels()
        plots.curves(ax, {"run": history}, "val_accuracy")
        pages += plots.show(figure, "A run.").data
    ids = re.findall(r'id="([^"]+)"', pages)
    assert len(ids) == len(set(ids))
    references = re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', pages)
    assert references
    assert {a or b for a, b in references} <= set(ids)


def test_colours_have_contrast_on_white():
    def luminance(colour):
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    contrasts = {name: 1.05 / (luminance(value) + 0.05) for name, value in plots.PALETTE.items()}
    assert min(contrasts.values()) >= 4.5, contrasts


def test_an_unknown_quantity_is_named(history):
    _, (ax,) = plots.panels()
    with pytest.raises(ValueError, match="one of lr, loss, val_loss, val_accuracy, got 'accuracy'"):
        plots.curves(ax, {"run": history}, "accuracy")


def test_nothing_to_draw_is_named():
    _, (ax,) = plots.panels()
    with pytest.raises(ValueError, match="at least one run or schedule"):
        plots.curves(ax, {})


def test_a_figure_without_a_text_is_refused():
    figure, _ = plots.panels()
    with pytest.raises(ValueError, match="alt must say what the figure shows"):
        plots.show(figure, "  ")


def said(drawn):
    return re.findall(r"<text[^>]*>([^<]*)", drawn)


def drawn_for_a_phone(figure):
    wide, narrow = plots.show(figure, "A figure.").data.split("<template>")
    again, _ = plots.show(figure, "A figure.").data.split("<template>")
    assert said(again) == said(wide)  # the caller's own is as it was
    assert re.findall('viewBox="[^"]*"', again) == re.findall('viewBox="[^"]*"', wide)
    return wide, narrow


def test_a_narrow_page_has_a_picture_of_its_own_with_all_that_the_wide_one_says(history):
    figure, axes = plots.panels(columns=2)
    for ax, y in zip(axes, ("loss", "val_accuracy"), strict=True):
        plots.curves(ax, {"a first run": history, "a second run": history}, y)
        ax.set_title("a title of so many words that it would not stand on one line of a phone")
    wide, narrow = drawn_for_a_phone(figure)
    words = [set(" ".join(said(each)).split()) for each in (wide, narrow)]
    numbers = {word for word in words[0] if re.fullmatch(r"[\d.,%]+", word)}
    assert words[0] - numbers <= words[1]
    assert narrow.count("<path") >= wide.count("<path") - len(numbers)
    width, height = map(float, re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', narrow).groups())
    assert width == pytest.approx(3.7 * 72, abs=1)
    assert height > width  # one panel below the other
    assert smallest_letter(narrow) * 332 / width >= 11


def smallest_letter(drawn):
    return min(float(size) for size in re.findall(r"font(?:-size)?: ([\d.]+)px", drawn))


def test_no_letter_is_smaller_than_eleven_pixels_in_a_window_of_1280(history):
    figure, (ax,) = plots.panels()
    plots.curves(ax, {"one": history, "two": history}, "loss")
    ax.legend(fontsize=6)
    ax.set_title("small", size=6)
    wide, _ = drawn_for_a_phone(figure)
    width = float(re.search(r'viewBox="0 0 ([\d.]+) ', wide)[1])
    assert smallest_letter(wide) * 670 / width >= 11


def test_names_stand_above_the_lines_of_a_narrow_picture_once(history):
    figure, axes = plots.panels(columns=2)
    for ax, y in zip(axes, ("loss", "lr"), strict=True):
        plots.curves(ax, {"a first run": history, "a second run": history}, y)
    wide, narrow = drawn_for_a_phone(figure)
    assert wide.count(">a first run<") == 2
    assert narrow.count(">a first run<") == 1


def test_panels_of_a_narrow_picture_keep_their_names_where_these_mean_different_lines():
    figure, axes = plots.panels(columns=2)
    for ax, colours in zip(axes, (["red", "blue"], ["blue", "red"]), strict=True):
        plots.curves(ax, {"one": np.ones(9), "two": np.zeros(9)}, colours=colours)
    _, narrow = drawn_for_a_phone(figure)
    assert narrow.count(">one<") == narrow.count(">two<") == 2


def test_a_list_of_one_panel_stays_in_it_on_a_narrow_page():
    figure, (upper, lower) = plots.panels(columns=2)
    upper.plot([1, 2], label="time")
    for name, colour in (("memory", "red"), ("data", "grey")):
        lower.plot([1, 2], color=plots.PALETTE[colour], label=name)
    lower.legend()
    _, narrow = drawn_for_a_phone(figure)
    middle = float(re.search(r'viewBox="0 0 [\d.]+ ([\d.]+)"', narrow)[1]) / 2
    for name in ("memory", "data"):
        (height,) = re.findall(rf'<text[^>]* y="([\d.]+)"[^>]*>{name}<', narrow)
        assert float(height) > middle


def test_numbers_that_would_run_into_each_other_stand_upright_on_a_narrow_page():
    figure, (ax,) = plots.panels()
    ax.plot(range(10), range(10))
    ax.set_xticks(range(10), [f"{0.0123 * tick:.4f}" for tick in range(10)])
    wide, narrow = drawn_for_a_phone(figure)
    assert "rotate(-90" not in wide
    assert narrow.count("rotate(-90") == 10


@pytest.mark.parametrize("last", [2, 19, 400])
def test_steps_and_epochs_are_counted_in_whole_numbers(last):
    figure, (ax,) = plots.panels()
    ax.set(xlabel="step", xlim=(0, last), yticks=[])
    *counted, _ = said(drawn_for_a_phone(figure)[0])
    assert len(counted) >= 3
    assert all(number.isdigit() for number in counted)


def test_coordinates_are_rounded_and_texts_are_not():
    figure, (ax,) = plots.panels()
    ax.plot(np.linspace(0, 1, 50), np.random.default_rng(0).normal(size=50))
    ax.set_title("0.123456")
    drawn, _ = plots.show(figure, "Noise.").data.split("<template>")
    assert "0.123456" in drawn
    (path,) = [d for d in re.findall(r' d="([^"]*)"', drawn) if d.count("L") == 49]
    numbers = re.findall(r"[\d.]+", path)
    assert max(len(number.partition(".")[2]) for number in numbers) <= 2
    assert len(set(numbers)) > 80  # the line is still there


def test_the_powers_of_a_logarithmic_axis_are_letters():
    _, (ax,) = plots.panels()
    ax.semilogx([1e-5, 1e3], [0, 1])
    drawn = plots.show(ax.figure, "Powers.").data
    assert ">10⁻⁵<" in drawn
    assert ">10³<" in drawn
    assert "<tspan" not in drawn


def test_every_tick_is_drawn_and_all_of_a_side_as_one_line():
    figure, axes = plots.panels(columns=2)
    for ax, last in zip(axes, (4, 6), strict=True):
        ax.set(xlim=(0, last), xticks=range(last + 1), yticks=[0, 1])
    drawn = plots.show(figure, "Ticks.").data.split("<template>")[0]
    ticks = [line for line in re.findall(r'<path d="([^"]*)"', drawn) if " 3.5" in line]
    assert [line.count("M") for line in ticks] == [5, 7]
    assert len({place for line in ticks for place in line.split("M")[1:]}) == 5 + 7
    assert "<use" not in drawn


def test_a_figure_keeps_its_marks_and_loses_groups_that_only_have_a_name():
    figure, (ax,) = plots.panels()
    ax.plot([1, 2, 3], "o")
    drawn, _ = plots.show(figure, "Three points.").data.split("<template>")
    assert (
        len(re.findall(r"<use [^>]*clip|<g clip-path[^>]*>\s*(?:<use [^>]*/>\s*){3}", drawn)) == 1
    )
    assert len(re.findall(r"<g\b[^>]*>", drawn)) == drawn.count("</g>") <= 4
