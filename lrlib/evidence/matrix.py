"""The table of claims about two strategies, in all settings, and the numbers behind its results."""

import html
from collections import Counter
from collections.abc import Mapping, Sequence

from lrlib._extras import extra
from lrlib._markup import table as markup_table
from lrlib._markup import unbroken
from lrlib.evidence import comparisons, findings
from lrlib.evidence.comparisons import ASKED, WORDS, Comparison, Found
from lrlib.evidence.queries import Recorded
from lrlib.evidence.settings import SETTINGS
from lrlib.evidence.strategies import STRATEGIES
from lrlib.evidence.verdicts import MARKS, agreement, condition, marked

with extra("plots", "drawing the recorded study"):
    from IPython.display import HTML

Cells = Mapping[str, Mapping[str, Found]]  # by the id of a comparison, then by setting


def judged() -> Cells:
    """Judge every claim that compares two strategies, in every setting; this takes some seconds.

    Returns:
        What was found, by the id of the claim in `lrlib/evidence/comparisons.yml` and then by the
        key of the setting; `table` takes it.
    """
    return {each.id: findings.judged(each) for each in comparisons.read()}


def settings() -> HTML:
    """List the settings: data, network, batch size, and the steps or epochs of a long run."""
    lines = "".join(
        f"<li><strong>{html.escape(where.short)}</strong>: {html.escape(where.describe('long'))}"
        "</li>"
        for where in map(SETTINGS.__getitem__, findings.NEAREST)
    )
    return HTML(f"<ul>{lines}</ul>")


def table(cells: Cells) -> HTML:
    """Return a table with a row for each claim and a column for each setting.

    Args:
        cells: What `judged` returns.

    Returns:
        An object that a notebook displays. Above the table stands what its marks mean.
    """
    heads = "".join(
        f'<th scope="col"><abbr title="{html.escape(where.label)}">{html.escape(where.short)}'
        "</abbr></th>"
        for where in map(SETTINGS.__getitem__, findings.NEAREST)
    )
    bodies = "".join(_chapter(chapter, own, cells) for chapter, own in _by_chapter().items())
    return HTML(
        f"{_counted(cells)}"
        '<div class="lrlib-table lrlib-matrix" tabindex="0" role="region" '
        'aria-label="Claims and settings"><table class="table">'
        f'<thead><tr><th scope="col">claim</th>{heads}</tr></thead>{bodies}</table></div>'
    )


def _by_chapter() -> Mapping[str, Sequence[Comparison]]:
    found: dict[str, list[Comparison]] = {}
    for each in comparisons.read():
        found.setdefault(each.chapter, []).append(each)
    return found


def _counted(cells: Cells) -> str:
    every = [found for row in cells.values() for found in row.values()]
    counts = Counter(found.state for found in every)
    decided = counts["holds"] + counts["fails"]
    marks = "".join(f"<li>{marked(state)} ({counts[state]})</li>" for state in MARKS)
    return (
        f'<ul class="lrlib-key">{marks}</ul>'
        f"<p>{len(cells)} claims in {len(SETTINGS)} settings; {decided} results are clear, one way "
        "or the other. Among so many, some are luck; with Holm’s correction, which allows for "
        f"that, {comparisons.standing(every) or 'none'} would stay clear. Choose a mark to see its "
        "numbers.</p>"
    )


def _title(chapter: str) -> str:
    number, _, name = chapter.partition("-")
    words = name if name == "warm-up" else name.replace("-", " ")
    return f'<a href="../notebooks/{chapter}.html">{int(number)}. {words.capitalize()}</a>'


def _chapter(chapter: str, own: Sequence[Comparison], cells: Cells) -> str:
    head = f'<tr><th colspan="{len(SETTINGS) + 1}" scope="rowgroup">{_title(chapter)}</th></tr>'
    return f"<tbody>{head}{''.join(_row(each, cells[each.id]) for each in own)}</tbody>"


def _row(comparison: Comparison, found: Mapping[str, Found]) -> str:
    cells = "".join(_cell(comparison, setting, found[setting]) for setting in findings.NEAREST)
    return f'<tr><th scope="row">{html.escape(comparison.claim)}</th>{cells}</tr>'


def _cell(comparison: Comparison, setting: str, found: Found) -> str:
    name = f'<span class="lrlib-sr">{WORDS[found.state]}</span>'
    mark = f'<span aria-hidden="true">{MARKS[found.state]}</span>{name}'
    if found.state in ASKED:
        mark = f'<a href="#{comparison.id}-{setting}">{mark}</a>'
    return f'<td class="lrlib-{found.state.replace(" ", "-")}">{mark}</td>'


def details(cells: Cells) -> HTML:
    """List the numbers behind each result of each claim, by chapters."""
    return HTML(
        "".join(
            f"<h3>{_title(chapter)}</h3>" + "".join(_details(each, cells[each.id]) for each in own)
            for chapter, own in _by_chapter().items()
        )
    )


def _details(comparison: Comparison, found: Mapping[str, Found]) -> str:
    asked = {setting: cell for setting, cell in found.items() if cell.state in ASKED}
    lines = "".join(
        f'<li id="{comparison.id}-{setting}">{sentence(comparison, setting, cell)}</li>'
        for setting, cell in asked.items()
    )
    rule = condition(comparison)
    if comparison.source != "our question":
        rule += f" Source: {comparison.source}."
    return (
        f'<section class="lrlib-claim lrlib-{findings.overall(found)}" id="{comparison.id}">'
        f"<h4>{html.escape(comparison.claim)}</h4><p>{html.escape(rule)}</p>"
        f"<ul>{lines or '<li>The study hasn’t run this yet.</li>'}</ul></section>"
    )


def sentence(comparison: Comparison, setting: str, found: Found) -> str:
    """Return markup: the result, the gap, and how many seeds would settle an open one."""
    words = SETTINGS[setting].length_in_words(comparison.length)
    numbers = findings.gap(setting, found, comparison.measure)
    text = (
        f"{marked(found.state, begins=True)}. {html.escape(numbers)}; {words}, "
        f"{found.seeds} seeds each."
    )
    if found.needed:
        needed = "more than 1,000" if found.needed > 1000 else f"about {found.needed}"
        text += f" To tell would take {needed} seeds."
    return unbroken(text)


def answers(cells: Cells, names: Sequence[str]) -> HTML:
    """List claims and in how many settings each is supported; a link leads to its numbers.

    Raises:
        ValueError: A claim is unknown.
    """
    known = comparisons.by_id()
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"there are no claims {', '.join(unknown)}; see {comparisons.FILE.name}")
    lines = "".join(
        f'<li><a href="claims.html#{name}">{html.escape(known[name].claim)}</a> '
        f"{agreement(cells[name])}</li>"
        for name in names
    )
    return HTML(f'<ul class="lrlib-answers">{lines}</ul>')


def differences(recorded: Recorded, pairs: Sequence[tuple[str, str]]) -> HTML:
    """List how far some strategies ended apart in one setting, at the length "long".

    Raises:
        ValueError: A strategy's runs are not complete; the message names it.
    """
    lines = []
    for left, right in pairs:
        labels = " against ".join(html.escape(STRATEGIES[name].label) for name in (left, right))
        lines.append([labels, findings.between(recorded, left, right)])
    return HTML(
        markup_table(
            f"{recorded.setting.describe('long')}.", ["strategies", "first minus second"], lines
        )
    )


def complete(recorded: Recorded) -> int:
    """Count the strategies of a setting whose runs are complete."""
    names = recorded.strategies("long")
    return sum(comparisons.side(recorded, name, "long") is not None for name in names)


def summary(cells: Cells) -> HTML:
    """List the claims whose results agree in several settings, and those whose results don't."""
    groups: dict[str, list[str]] = {
        "Supported wherever the study can tell": [],
        "Not supported wherever the study can tell": [],
        "Supported in some settings, not supported in others": [],
    }
    held, failed, parted = groups.values()
    for each in comparisons.read():
        states = Counter(found.state for found in cells[each.id].values())
        if states["holds"] and states["fails"]:
            parted.append(_parted(each, cells[each.id]))
        elif states["holds"] + states["fails"] > 1:
            decided = f"{states['holds'] + states['fails']} settings"
            open_ones = f"; can’t tell in {states['undecided']}" if states["undecided"] else ""
            line = html.escape(unbroken(f"{each.claim.removesuffix('.')} ({decided}{open_ones})."))
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
        state: [SETTINGS[s].short for s, cell in found.items() if cell.state == state]
        for state in ("holds", "fails")
    }
    return html.escape(
        f"{comparison.claim} Supported: {'; '.join(where['holds'])}. Not supported: "
        f"{'; '.join(where['fails'])}."
    )
