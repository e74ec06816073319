"""The table of claims × settings, and under it what each cell stands on, as HTML."""

import html
from collections import Counter
from collections.abc import Mapping, Sequence

from lrlib._extras import extra
from lrlib._markup import signed
from lrlib._markup import table as markup_table
from lrlib.evidence import comparisons, intervals
from lrlib.evidence.comparisons import Comparison, Found
from lrlib.evidence.queries import Recorded
from lrlib.evidence.settings import SETTINGS
from lrlib.evidence.strategies import STRATEGIES

with extra("plots", "drawing the recorded study"):
    from IPython.display import HTML

_MARKS = {
    "holds": "✓",
    "fails": "✗",
    "undecided": "?",
    "not recorded": "…",
    "cannot be asked": "·",
}
_ASKED = ("holds", "fails", "undecided")

Cells = Mapping[str, Mapping[str, Found]]  # by the id of a comparison, then by setting


def judged() -> Cells:
    """Judge every comparison in every setting; takes some seconds."""
    recorded = [Recorded(setting) for setting in SETTINGS]
    return {
        each.id: {where.name: comparisons.judge(each, where) for where in recorded}
        for each in comparisons.read()
    }


def settings() -> HTML:
    """List the settings: what is learned, by which network, for how long."""
    lines = "".join(
        f"<li><strong>{html.escape(where.short)}</strong>: {html.escape(where.describe('long'))}"
        "</li>"
        for where in SETTINGS.values()
    )
    return HTML(f"<ul>{lines}</ul>")


def table(cells: Cells) -> HTML:
    """Draw a row for each claim and a column for each setting; a mark leads to its numbers."""
    heads = "".join(
        f'<th scope="col"><abbr title="{html.escape(where.label)}">{html.escape(where.short)}'
        "</abbr></th>"
        for where in SETTINGS.values()
    )
    by_chapter: dict[str, list[Comparison]] = {}
    for each in comparisons.read():
        by_chapter.setdefault(each.chapter, []).append(each)
    bodies = "".join(_chapter(chapter, own, cells) for chapter, own in by_chapter.items())
    return HTML(
        f"<p>{_counted(cells)}</p>"
        '<div class="lrlib-table lrlib-matrix" tabindex="0" role="region" '
        'aria-label="Claims and settings"><table class="table">'
        f'<thead><tr><th scope="col">claim</th>{heads}</tr></thead>{bodies}</table></div>'
    )


def _counted(cells: Cells) -> str:
    every = [found for row in cells.values() for found in row.values()]
    counts = Counter(found.state for found in every)
    decided = counts["holds"] + counts["fails"]
    marks = ", ".join(f"{_MARKS[state]} {state} ({counts[state]})" for state in _MARKS)
    return (
        f"{len(cells)} claims in {len(SETTINGS)} settings: {marks}. Of the {decided} verdicts that "
        f"are decided, {comparisons.standing(every)} stand when all of them are judged at once "
        "(Holm’s correction)."
    )


def _chapter(chapter: str, own: Sequence[Comparison], cells: Cells) -> str:
    number, _, name = chapter.partition("-")
    title = f"{int(number)}. {name.replace('-', ' ').capitalize()}"
    head = (
        f'<tr><th colspan="{len(SETTINGS) + 1}" scope="rowgroup">'
        f'<a href="../notebooks/{chapter}.html">{title}</a></th></tr>'
    )
    return f"<tbody>{head}{''.join(_row(each, cells[each.id]) for each in own)}</tbody>"


def _row(comparison: Comparison, found: Mapping[str, Found]) -> str:
    cells = "".join(_cell(comparison, setting, found[setting]) for setting in SETTINGS)
    return f'<tr><th scope="row">{html.escape(comparison.claim)}</th>{cells}</tr>'


def _cell(comparison: Comparison, setting: str, found: Found) -> str:
    name = f'<span class="lrlib-sr">{found.state}</span>'
    mark = f'<span aria-hidden="true">{_MARKS[found.state]}</span>{name}'
    if found.state in _ASKED:
        mark = f'<a href="#{comparison.id}-{setting}">{mark}</a>'
    return f'<td class="lrlib-{found.state.replace(" ", "-")}">{mark}</td>'


def details(cells: Cells) -> HTML:
    """List for each claim what every verdict stands on."""
    return HTML("".join(_details(each, cells[each.id]) for each in comparisons.read()))


def _details(comparison: Comparison, found: Mapping[str, Found]) -> str:
    asked = {setting: cell for setting, cell in found.items() if cell.state in _ASKED}
    lines = "".join(
        f'<li id="{comparison.id}-{setting}">{html.escape(sentence(comparison, setting, cell))}'
        "</li>"
        for setting, cell in asked.items()
    )
    left, right = (STRATEGIES[name].label for name in (comparison.left, comparison.right))
    what = "spread over seeds of " if comparison.measure == "spread" else ""
    words = f"{comparison.kind} {comparison.amount:g} {_points(comparison.amount)}"
    return (
        f'<section class="lrlib-claim" id="{comparison.id}"><h3>{html.escape(comparison.claim)}'
        f"</h3><p>{html.escape(f'{what}{left} − {right}: {words}')}. Source: "
        f"{html.escape(comparison.source)}.</p>"
        f"<ul>{lines or '<li>No runs yet.</li>'}</ul></section>"
    )


def sentence(comparison: Comparison, setting: str, found: Found) -> str:
    """Say the difference, its interval, the seeds, and how many more would decide it."""
    unit = "points" if SETTINGS[setting].measure == "accuracy" else "hundredths of a nat"
    numbers = [signed(value) for value in (found.mean, found.low, found.high)]
    text = (
        f"{SETTINGS[setting].label}, {SETTINGS[setting].length_in_words('long')}: {found.state}. "
        f"{numbers[0]} {unit} ({numbers[1]} to {numbers[2]}), {found.seeds} seeds a side"
    )
    if not found.needed:
        return f"{text}."
    if found.needed > 1000:
        return f"{text}; more than 1,000 would be needed to decide."
    return f"{text}; about {found.needed} would decide."


def _points(amount: float) -> str:
    return "point" if amount == 1 else "points"


def answers(cells: Cells, names: Sequence[str]) -> HTML:
    """List some claims, each with how many settings say what; a claim leads to its numbers.

    Raises:
        ValueError: A claim is unknown.
    """
    known = {each.id: each for each in comparisons.read()}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"there are no claims {', '.join(unknown)}; see {comparisons.FILE.name}")
    lines = "".join(
        f'<li><a href="claims.html#{name}">{html.escape(known[name].claim)}</a> '
        f"{_agreement(cells[name])}</li>"
        for name in names
    )
    return HTML(f'<ul class="lrlib-answers">{lines}</ul>')


def _agreement(found: Mapping[str, Found]) -> str:
    """Say in how many of the settings that were asked a claim holds, fails, or is open."""
    counts = Counter(cell.state for cell in found.values())
    asked = sum(counts[state] for state in _ASKED)
    if not asked:
        return "Not recorded yet."
    words = {"holds": "Held", "fails": "failed", "undecided": "undecided"}
    parts = [f"{word} in {counts[state]}" for state, word in words.items() if counts[state]]
    sentence = ", ".join(parts)
    setting = "setting" if asked == 1 else "settings"
    return f"{sentence[0].upper()}{sentence[1:]} of {asked} {setting}."


def differences(recorded: Recorded, pairs: Sequence[tuple[str, str]]) -> HTML:
    """List the differences of some pairs of strategies in one setting, at the length "long".

    Raises:
        ValueError: A strategy's runs are not complete; the message names it.
    """
    lines = []
    for pair in pairs:
        sides = [comparisons.side(recorded, name, "long") for name in pair]
        for name, side in zip(pair, sides, strict=True):
            if side is None:
                raise ValueError(f"{recorded.name} lacks runs of {name!r}; run `make record`")
        mean, low, high = intervals.difference(*sides)  # type: ignore[arg-type]
        left, right = (html.escape(STRATEGIES[name].label) for name in pair)
        lines.append([f"{left} − {right}", f"{signed(mean)} ({signed(low)} to {signed(high)})"])
    caption = f"{recorded.setting.describe('long')}: points, 95 % intervals."
    return HTML(markup_table(caption, ["", ""], lines))


def complete(recorded: Recorded) -> int:
    """Count the strategies of a setting whose runs are complete."""
    names = recorded.strategies("long")
    return sum(comparisons.side(recorded, name, "long") is not None for name in names)


def summary(cells: Cells) -> HTML:
    """List the claims whose verdicts agree in several settings, and those whose verdicts part."""
    groups: dict[str, list[str]] = {
        "Held wherever it was decided": [],
        "Failed wherever it was decided": [],
        "Held in some settings and failed in others": [],
    }
    held, failed, parted = groups.values()
    for each in comparisons.read():
        states = Counter(found.state for found in cells[each.id].values())
        if states["holds"] and states["fails"]:
            parted.append(_parted(each, cells[each.id]))
        elif states["holds"] + states["fails"] > 1:
            decided = f"{states['holds'] + states['fails']} settings"
            open_ones = f", undecided in {states['undecided']}" if states["undecided"] else ""
            line = html.escape(f"{each.claim.removesuffix('.')} ({decided}{open_ones}).")
            (held if states["holds"] else failed).append(line)
    return HTML(
        "".join(
            f"<h3>{what}</h3><ul>{''.join(f'<li>{line}</li>' for line in lines)}</ul>"
            for what, lines in groups.items()
            if lines
        )
    )


def _parted(comparison: Comparison, found: Mapping[str, Found]) -> str:
    where = {
        state: [SETTINGS[s].label for s, cell in found.items() if cell.state == state]
        for state in ("holds", "fails")
    }
    return html.escape(
        f"{comparison.claim} Held: {'; '.join(where['holds'])}. Failed: "
        f"{'; '.join(where['fails'])}."
    )
