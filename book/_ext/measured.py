"""Tables, figures and numbers of the page "How it was made fast", drawn from `benchmarks/rows`.

The directive `{measured} goal` puts a table or a figure there, the role of this name a number.
"""

import html
import json
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from docutils import nodes
from matplotlib.figure import Figure
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole

from lrlib import _markup as markup
from lrlib import plots
from lrlib._drawing import SMALLEST, write_below

ROWS = Path(__file__).resolve().parents[2] / "benchmarks" / "rows"
BOOK = "the book's recipe"
Row = dict[str, Any]

# What can be a column of a table: its heading, and how a number is written.
COLUMNS = {
    "val_accuracy": ("validation accuracy", "{:.1%}"),
    "test_accuracy": ("test accuracy", "{:.1%}"),
    "processor_seconds": ("processor seconds", "{:.1f}"),
    "seconds": ("seconds of fit", "{:.0f}"),
    "epochs": ("epochs", "{:.0f}"),
    "minutes": ("minutes", "{:.1f}"),
    "training_minutes": ("of these, training", "{:.1f}"),
    "gain": ("points beyond the book's recipe in the same time", "{:+z.1f}"),
    "ratio": ("ratio", "{:.2f}"),
}
# The finished experiments: a caption, and columns. The last one decides the order of the lines.
SPREAD = "the mean of three seeds (lowest to highest)"
TABLES = {
    "accuracy": (
        f"15,000 images, three epochs if no other number is given, {SPREAD}",
        *("processor_seconds", "val_accuracy", "gain"),
    ),
    "quick": (
        f"One thread, three epochs if no other number is given, {SPREAD}",
        *("processor_seconds", "val_accuracy"),
    ),
    "throughput": (f"Steps in the same time, the setting : the book's, {SPREAD}", "ratio"),
    "goal_search": ("45,000 images, one thread, one seed", "processor_seconds", "val_accuracy"),
    "goal": (
        f"45,000 images, two threads, {SPREAD}",
        *("seconds", "test_accuracy", "val_accuracy"),
    ),
}
CHAPTERS = "45,000 images, one seed; the accuracy is that of the chapter's first run"
START = "5,000 images, 1 epoch, width 16 but for what varies"
SIZES = {"images": "training images", "epochs": "epochs", "width": "width of the network"}


def read(name: str, **wanted: str) -> list[Row]:
    """Read the rows of an experiment, or those that have what is wanted."""
    lines = (ROWS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [row for row in map(json.loads, lines) if wanted.items() <= row.items()]


def column(rows: Iterable[Row], field: str) -> list[Any]:
    return [row[field] for row in rows]


def by_name(file: str) -> dict[str, list[Row]]:
    """Put the rows together that differ in the seed alone, the best of them first."""
    groups: dict[str, list[Row]] = {}
    for row in read(file):
        count = row.get("epochs", 3)
        length = "" if count == 3 else f", {count} epoch{'s' if count > 1 else ''}"
        images = f", {row['n_train']:,} images" if file == "quick" else ""
        groups.setdefault(row["name"] + images + length, []).append(row)
    if file == "accuracy":
        add_gains(groups.values())
    decisive = TABLES[file][-1]

    def order(item: tuple[str, list[Row]]) -> tuple[float, str]:
        return -round(mean(column(item[1], decisive)), 6), item[0]

    return dict(sorted(groups.items(), key=order))


def add_gains(recipes: Iterable[Sequence[Row]]) -> None:
    """Say of each row how many points it lies above the book's recipe in the same time.

    Between two lengths of the book's recipe the line is straight on a logarithmic time axis.
    """
    timed = [(mean(column(rows, "processor_seconds")), rows) for rows in recipes]
    book = [
        (seconds, mean(column(rows, "val_accuracy")))
        for seconds, rows in timed
        if rows[0]["name"] == BOOK
    ]
    times, heights = np.transpose(sorted(book))
    for seconds, rows in timed:
        expected = np.interp(np.log(seconds), np.log(times), heights)
        for row in rows:
            row["gain"] = 100 * (row["val_accuracy"] - expected)


def setting(row: Row) -> str:
    """Say on which machine, with which versions and when a row was measured."""
    python, torch = row["versions"]["python"], row["versions"]["torch"]
    return f"{row['machine']}, {row['cores']} cores, Python {python}, torch {torch}, {row['date']}"


def typeset(text: str) -> str:
    """Write as a page does what a row says as a terminal shows it."""
    return text.replace("'", "’").replace(" : ", " against ")


def table(caption: str, header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rows = [
        # No line is broken between a number and its unit.
        [html.escape(typeset(first)), *(html.escape(cell).replace(" ", "\u00a0") for cell in rest)]
        for first, *rest in lines
    ]
    return markup.table(typeset(caption), [typeset(cell) for cell in header], rows)


def experiment(name: str) -> str:
    """Lay out the table of a finished experiment."""
    caption, *fields = TABLES[name]
    header = ["setting" if name == "throughput" else "recipe", *(COLUMNS[f][0] for f in fields)]
    lines = [
        [label, *(span(column(rows, field), COLUMNS[field][1]) for field in fields)]
        for label, rows in by_name(name).items()
    ]
    return table(caption, header, lines)


def span(values: Sequence[float], form: str) -> str:
    middle, *ends = (form.format(each) for each in (mean(values), min(values), max(values)))
    spread = f" ({' to '.join(ends).replace('%', '')})" if len(values) > 1 else ""
    return (middle.replace("%", " %") + spread).replace("-", "−")


def bench() -> tuple[dict[str, Row], Row]:
    """Read what `make bench` wrote: the rows of its table, by benchmark, and the machine."""
    content = json.loads((ROWS / "ratios.json").read_text(encoding="utf-8"))
    return {b["name"]: b["extra_info"] for b in content["benchmarks"]}, content["machine_info"]


def ratios() -> str:
    rows, machine = bench()
    header = ["ratio", "result", "reached", "wanted", "aim"]
    lines = [
        # With a digit more than the terminal shows: 1.013 isn't the 1.01 that was aimed at.
        [
            *(row["row"], row["verdict"]),
            re.sub(r"^[\d.]+", f"{row['reached']:.4g}", row["shown"]),
            *(row["wanted"], row["aim"]),
        ]
        for row in rows.values()
    ]
    speed = " and ".join(f"{speed:.0f}" for speed in machine["mm_gflops"].values())
    caption = f"{setting(machine)}; torch.mm reaches {speed} GFLOP/s on one thread and on two."
    return table(caption, header, lines)


def figure(drawn: Figure, alt: str, note: str) -> str:
    write_below(drawn, note)
    return plots.show(drawn, f"{alt} {note}.").data


def gains() -> str:
    """Draw each change beside the book's recipe in the same time."""
    drawn, (ax,) = plots.panels(height=4.6)
    changes = {name: rows for name, rows in by_name("accuracy").items() if BOOK not in name}
    for place, rows in enumerate(changes.values()):
        points = column(rows, "gain")
        colour, marker = ("green", "s") if mean(points) > 0 else ("red", "x")
        style = {"color": plots.PALETTE[colour], "linewidth": 1}
        ax.plot(points, [place] * len(points), marker="|", **style)
        ax.plot(mean(points), place, marker=marker, ms=6, **style)
    ax.axvline(0, color=plots.PALETTE["grey"], linewidth=1)
    ax.set_yticks(range(len(changes)), map(typeset, changes))
    ax.invert_yaxis()
    ax.set_xlabel("percentage points beyond the book’s recipe in the same time")
    alt = (
        "Changes of the book’s recipe, by how many points of validation accuracy they lie above or "
        "below it in the same time. The table below has the numbers."
    )
    return figure(drawn, alt, "CIFAR-10, 15,000 images, three seeds")


def growth(size: str) -> str:
    """Draw time and memory against one size."""
    rows = read("growth", sweep=size)
    drawn, (left, right) = plots.panels(columns=2, height=2.8)
    large: dict[str, Any] = {"ms": 10, "fillstyle": "none"}  # the smaller one is seen within
    for ax, field, name, colour, dots in (
        (left, "processor_seconds", "processor seconds of fit", "blue", {}),
        (right, "peak_mb", "at the end", "purple", {}),
        (right, "loaded_mb", "once the images are loaded", "grey", large),
    ):
        values = column(rows, field)
        style = {"color": plots.PALETTE[colour], "label": name, **dots}
        ax.plot(column(rows, "value"), values, "o-", **style)
        ax.set(xlabel=SIZES[size], ylabel=name, ylim=(0, 1.1 * max(ax.dataLim.y1, *values)))
    right.set_ylabel("memory, MB")
    right.legend(frameon=False, fontsize=SMALLEST, labelcolor="linecolor", loc="lower right")
    alt = f"Processor seconds and peak memory of a run against {SIZES[size]}."
    return figure(drawn, alt, f"CIFAR-10, {START}, one thread, seed 0")


def slope(size: str, scale: Callable[[list[float]], Any] = list) -> float:
    """Return the slope of the straight line that fits seconds against a size best."""
    rows = read("growth", sweep=size)
    x, y = scale(column(rows, "value")), scale(column(rows, "processor_seconds"))
    return float(np.polyfit(x, y, deg=1)[0])


def numbers() -> dict[str, str]:
    rows, _ = bench()
    seeds = rows["test_two_seeds"]
    possible = seeds["at_best"] >= float(seeds["aim"].removeprefix("≥ "))
    return {
        "machine": setting(read("accuracy")[0]),
        "machine of the budgets": setting(read("quick")[0]),
        "same layout": f"{rows['test_training']['same_layout']:.2f}",
        "at best": f"{seeds['at_best']:.2f}",
        "the aim for two seeds": "within reach" if possible else "out of reach",
        "with what trains": f"{rows['test_import']['with_what_trains']:.0f} ms",
        "10,000 images": f"{1e4 * slope('images'):.1f} s",
        "an epoch": f"{slope('epochs'):.1f} s",
        "power of the width": f"{slope('width', np.log):.2f}",
    }


def chapters() -> str:
    """Lay out how long whole chapters take in the full budget, and what their first run reached."""
    rows = read("chapters", budget="full")
    fields = ("epochs", "minutes", "training_minutes", "val_accuracy")
    header = ["chapter", *(COLUMNS[field][0] for field in fields)]
    lines = [[row["name"], *(span([row[f]], COLUMNS[f][1]) for f in fields)] for row in rows]
    return table(f"{setting(rows[0])}; {CHAPTERS}", header, lines)


DRAWINGS = {
    "ratios": ratios,
    "gains": gains,
    **{name: partial(experiment, name) for name in TABLES},
    "chapters": chapters,
    **{f"growth with {size}": partial(growth, size) for size in SIZES},
}


class Drawing(SphinxDirective):
    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        for file in (*ROWS.glob("*.json*"), Path(__file__)):
            self.env.note_dependency(str(file))  # the page is made again when one changes
        drawing = DRAWINGS[self.arguments[0]]()
        return [nodes.raw("", drawing, format="html")]


class Number(SphinxRole):
    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        return [nodes.Text(numbers()[self.text])], []


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("measured", Drawing)
    app.add_role("measured", Number())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
