"""Tables and figures of the page "How it was made fast", drawn from the rows."""

import html
from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import mean
from typing import Any

import numpy as np
from IPython.display import HTML
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from benchmarks import report
from benchmarks.machine import read_rows
from lrlib import plots

Row = dict[str, Any]
BOOK = "the book's recipe"
CHANCE = 0.1


def _table(caption: str, header: Sequence[str], lines: Iterable[Sequence[str]]) -> HTML:
    heads = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in header)
    body = ""
    for first, *rest in lines:
        cells = "".join(f"<td>{html.escape(cell)}</td>" for cell in rest)
        body += f'<tr><th scope="row">{html.escape(first)}</th>{cells}</tr>'
    title = html.escape(caption)
    return HTML(
        f'<div class="lrlib-table" tabindex="0" role="region" aria-label="{title}">'
        f'<table class="table"><caption>{title}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _setting(rows: Sequence[Row]) -> str:
    """Say on which machine, with which versions and when rows were measured."""
    figures = {n: max(row["mm_gflops"][n] for row in rows) for n in ("1", "2")}
    on_two = f" and {figures['2']:.0f} on two" if rows[-1].get("threads", 2) == 2 else ""
    days = sorted({row["date"] for row in rows})
    row = rows[-1]
    return (
        f"{row['machine']}, {row['cores']} cores; torch.mm reaches {figures['1']:.0f} GFLOP/s on "
        f"one thread{on_two}; Python {row['versions']['python']}, torch "
        f"{row['versions']['torch']}; {' to '.join(dict.fromkeys([days[0], days[-1]]))}."
    )


def ratios() -> HTML:
    """Lay out the table of `make bench`."""
    rows, machine = report.ratios()
    lines = [[*report.cells(row), ""] for row in rows]
    return _table(_setting([machine]), [*report.HEADER, "on a GPU"], lines)


def remarks() -> HTML:
    """Say what else the benchmarks found about three of the rows."""
    rows = {row["row"]: row for row in report.ratios()[0]}
    trained = rows["trained images a second, ours : DataLoader loop"]
    seeds = rows["two seeds, one after the other : side by side"]
    imports = rows["import lrlib, beyond torch's own import"]
    return HTML(
        f"<p>Trained images: with lrlib's memory layout in both loops, so that the batches alone "
        f"differ, the ratio is {trained['same_layout']:.2f}. Two seeds: one seed on one thread, "
        f"with the other core at rest, bounds what two side by side could reach; that bound is "
        f"{seeds['at_best']:.2f}, and {seeds['reached']:.2f} was reached. The better two threads "
        f"share one run, the less there is to gain. Import: with the modules that train it takes "
        f"{imports['with_what_trains']:.0f} ms.</p>"
    )


def _points(value: float) -> str:
    return f"{100 * value:.1f} %"


def _span(values: Sequence[float]) -> str:
    return f"{min(values):.3f} to {max(values):.3f}"


def _by_recipe() -> dict[tuple[str, int], list[Row]]:
    groups: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for row in read_rows("accuracy"):
        groups[row["name"], row["epochs"]].append(row)
    return groups


def _means(rows: Sequence[Row]) -> tuple[float, float]:
    """Return the mean processor seconds and the mean accuracy."""
    return mean(r["processor_seconds"] for r in rows), mean(r["val_accuracy"] for r in rows)


def _book_curve() -> tuple[np.ndarray, np.ndarray]:
    runs = sorted(_means(rows) for (name, _), rows in _by_recipe().items() if name == BOOK)
    seconds, accuracies = zip(*runs, strict=True)
    return np.array(seconds), np.array(accuracies)


def _gain(rows: Sequence[Row]) -> float:
    """Return the accuracy beyond the book's recipe in the same seconds, with fewer or more epochs.

    Between two lengths of the book's recipe the line is straight on a logarithmic time axis.
    """
    seconds, accuracy = _means(rows)
    curve_seconds, curve = _book_curve()
    return accuracy - float(np.interp(np.log(seconds), np.log(curve_seconds), curve))


def _changes() -> list[tuple[str, int, list[Row]]]:
    """Return the recipes but for the book's, the best for its time first."""
    changes = [(*key, rows) for key, rows in _by_recipe().items() if key[0] != BOOK]
    return sorted(changes, key=lambda change: -_gain(change[2]))


def accuracy_table() -> HTML:
    """List what each change of the recipe gave and cost."""
    recipes = [
        ["", f"{BOOK}, {epochs} epochs", rows]
        for (name, epochs), rows in sorted(_by_recipe().items())
        if name == BOOK
    ]
    for number, (name, epochs, rows) in enumerate(_changes(), start=1):
        recipes.append([str(number), name if epochs == 3 else f"{name}, {epochs} epochs", rows])
    lines = []
    for number, name, rows in recipes:
        seconds, accuracy = _means(rows)
        values = [row["val_accuracy"] for row in rows]
        lines.append(
            [
                name,
                number,
                _points(accuracy),
                f"{_points(min(values))} to {_points(max(values))}",
                f"{seconds:.1f}",
                f"{100 * (accuracy - CHANCE) / seconds:.1f}",
                f"{100 * _gain(rows):+.1f}" if number else "",
            ]
        )
    rows = read_rows("accuracy")
    seeds = len({row["seed"] for row in rows})
    header = [
        *("recipe", "in the figure", "validation accuracy", "lowest to highest", "seconds"),
        *("points a second", "points beyond the book's in the same time"),
    ]
    caption = f"{rows[0]['n_train']:,} images, 3 epochs if no other number is given, {seeds} seeds."
    return _table(f"{caption} {_setting(rows)}", header, lines)


def accuracy_figure() -> HTML:
    """Draw accuracy against seconds: the book's recipe at several lengths, and each change."""
    figure, (ax,) = plots.panels(height=4.2)
    seconds, accuracies = _book_curve()
    ax.plot(seconds, accuracies, marker="o", ms=4, color=plots.PALETTE["blue"])
    ax.annotate(f"{BOOK}, longer", (seconds[-1], accuracies[-1]), xytext=(6, 0), **_BESIDE)
    for number, (_, _, rows) in enumerate(_changes(), start=1):
        second, accuracy = _means(rows)
        values = [row["val_accuracy"] for row in rows]
        better = _gain(rows) > 0
        colour = plots.PALETTE["green" if better else "red"]
        ax.plot([second, second], [min(values), max(values)], color=colour, linewidth=1)
        ax.plot(second, accuracy, marker="s" if better else "x", ms=5, color=colour)
        ax.annotate(str(number), (second, accuracy), xytext=(5, -3), color=colour, **_BESIDE)
    ax.set(xlabel="processor seconds of a run, one thread", ylabel="validation accuracy")
    ax.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    rows = read_rows("accuracy")
    seeds = ", ".join(map(str, sorted({row["seed"] for row in rows})))
    setting = f"CIFAR-10, {rows[0]['n_train']:,} images, seeds {seeds}"
    figure.supxlabel(setting, size=8, color=plots.PALETTE["grey"], x=0.01, ha="left")
    return plots.show(
        figure,
        "Validation accuracy against the seconds of a run. A line joins the book's recipe at "
        "several lengths. Changes above it, marked by squares, gave more in the same time; changes "
        "below it, marked by crosses, gave less. The table below names the numbers.",
    )


_BESIDE: dict[str, Any] = {"textcoords": "offset points", "fontsize": 8}


def better() -> HTML:
    """Say which changes gave more in the same time, beyond the spread of the seeds."""
    names = []
    for name, _, rows in _changes():
        spread = max(r["val_accuracy"] for r in rows) - min(r["val_accuracy"] for r in rows)
        if _gain(rows) > spread / 2:
            names.append(f"{name} ({100 * _gain(rows):+.1f} points)")
    if not names:
        return HTML("<p>No change gave more in the same time, beyond the spread of its seeds.</p>")
    listed = html.escape(", ".join(names))
    return HTML(f"<p>More in the same time, beyond the spread of its seeds: {listed}.</p>")


def throughput_table() -> HTML:
    """List how fast a step is with each setting, against the book's."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in read_rows("throughput"):
        groups[row["name"]].append(row)
    lines = []
    for name, rows in sorted(groups.items(), key=lambda item: -mean(r["ratio"] for r in item[1])):
        values = sorted(row["ratio"] for row in rows)
        lines.append([name, f"{values[len(values) // 2]:.2f}", _span(values), rows[0]["clock"]])
    rows = read_rows("throughput")
    seeds = len({row["seed"] for row in rows})
    caption = f"Steps in the same time, setting : the book's; {seeds} seeds, {rows[0]['rounds']} "
    header = ["setting", "ratio, middle seed", "lowest to highest", "clock"]
    return _table(f"{caption}turns each. {_setting(rows)}", header, lines)


def goal_search_table() -> HTML:
    """List the recipes that were tried for the goal."""
    rows = sorted(read_rows("goal_search"), key=lambda row: row["processor_seconds"])
    lines = [
        [
            row["name"],
            str(row["epochs"]),
            _points(row["val_accuracy"]),
            f"{row['processor_seconds']:.0f}",
        ]
        for row in rows
    ]
    header = ["recipe", "epochs", "validation accuracy", "processor seconds, one thread"]
    return _table(f"45,000 images, seed 0. {_setting(rows)}", header, lines)


GOALS = {"width 16, no augmentation": (0.78, 60), "width 24": (0.82, 120)}


def goal_table() -> HTML:
    """List what the chosen recipes reached on two cores."""
    lines = []
    for row in sorted(read_rows("goal"), key=lambda row: (row["name"], row["seed"])):
        accuracy, seconds = GOALS[row["name"]]
        reached = row["val_accuracy"] >= accuracy and row["seconds"] <= seconds
        lines.append(
            [
                f"{row['name']}, {row['epochs']} epochs, seed {row['seed']}",
                f"{_points(accuracy)} in {seconds} s",
                _points(row["val_accuracy"]),
                f"{row['seconds']:.0f} s",
                "reached" if reached else "missed",
                _points(row["test_accuracy"]),
                f"{row['cores_of_others']:.1f}",
            ]
        )
    header = [
        *("run", "goal", "validation accuracy", "time of fit"),
        *("verdict", "test accuracy", "cores busy with other programs"),
    ]
    rows = read_rows("goal")
    return _table(f"45,000 images, two threads. {_setting(rows)}", header, lines)


_AXES = {"images": "training images", "epochs": "epochs", "width": "width of the network"}


def growth_figure(sweep: str) -> HTML:
    """Draw time and memory against one size."""
    rows = [row for row in read_rows("growth") if row["sweep"] == sweep]
    values = [row["value"] for row in rows]
    figure, (left, right) = plots.panels(columns=2, height=2.8)
    left.plot(values, [row["processor_seconds"] for row in rows], "o-", color=plots.PALETTE["blue"])
    left.set(xlabel=_AXES[sweep], ylabel="processor seconds of fit", ylim=(0, None))
    _memory(right, values, rows)
    right.set(xlabel=_AXES[sweep], ylabel="memory, MB", ylim=(0, None))
    setting = f"CIFAR-10, {_growth_setting(rows, sweep)}, seed 0"
    figure.supxlabel(setting, size=8, color=plots.PALETTE["grey"], x=0.01, ha="left")
    return plots.show(
        figure,
        f"Processor seconds and peak memory of a run against {_AXES[sweep]}. "
        f"{_growth_setting(rows, sweep)}.",
    )


def _memory(ax: Axes, values: Sequence[float], rows: Sequence[Row]) -> None:
    for field, name, colour in (
        ("peak_mb", "at the end", "purple"),
        ("loaded_mb", "once the images are loaded", "grey"),
    ):
        ax.plot(values, [r[field] for r in rows], "o-", color=plots.PALETTE[colour], label=name)
    ax.legend(frameon=False, fontsize=8, loc="lower right")


def _growth_setting(rows: Sequence[Row], sweep: str) -> str:
    row = rows[0]
    others = {
        "images": f"{row['images']:,} images",
        "epochs": f"{row['epochs']} epoch",
        "width": f"width {row['width']}",
    }
    return f"{', '.join(v for k, v in others.items() if k != sweep)}, one thread"


def growth_fit() -> HTML:
    """Say how straight each line of seconds is."""
    sentences = []
    for sweep in ("images", "epochs"):
        rows = [row for row in read_rows("growth") if row["sweep"] == sweep]
        x = np.array([row["value"] for row in rows], float)
        y = np.array([row["processor_seconds"] for row in rows])
        slope, start = np.polyfit(x, y, 1)
        off = np.abs(y - (slope * x + start)).max() / y.max()
        unit, scale = {"images": ("10,000 images", 1e4), "epochs": ("epoch", 1)}[sweep]
        sentences.append(
            f"Against {sweep}, a straight line fits the seconds to within {100 * off:.0f} % of "
            f"the longest run; each {unit} costs {slope * scale:.1f} s."
        )
    rows = [row for row in read_rows("growth") if row["sweep"] == "width"]
    widths = np.log([row["value"] for row in rows])
    power = np.polyfit(widths, np.log([row["processor_seconds"] for row in rows]), 1)[0]
    sentences.append(f"Against width, the seconds grow like its power {power:.2f}.")
    return HTML(f"<p>{' '.join(sentences)}</p>")
