"""How a result is said: its mark, its word, and what would have made it another one."""

from collections import Counter
from collections.abc import Mapping

from lrlib._markup import capital
from lrlib.evidence.comparisons import ASKED, WORDS, Comparison, Found
from lrlib.evidence.strategies import STRATEGIES

MARKS = {
    "holds": "✓",
    "fails": "✗",
    "undecided": "?",
    "not recorded": "…",
    "cannot be asked": "·",
}
IN_WORDS = ("no", "one", "two", "three", "four", "five", "six")


def marked(state: str, begins: bool = False) -> str:
    """Return markup of a state: its mark and its word, which stay together, in its colour.

    With `begins` the word begins a sentence.
    """
    word = capital(WORDS[state]) if begins else WORDS[state]
    kind = f"lrlib-{state.replace(' ', '-')}"
    return f'<strong class="lrlib-verdict {kind}">{MARKS[state]}\u00a0{word}</strong>'


def agreement(found: Mapping[str, Found]) -> str:
    """Return markup: in how many settings a claim is supported, isn't, or the study can't tell."""
    counts = Counter(cell.state for cell in found.values() if cell.state in ASKED)
    asked = counts.total()
    if not asked:
        return "The study hasn’t run this yet."
    if len(counts) > 1:
        # In words: a figure that a line begins with, before a full stop, looks like that of a list.
        parts = [f"{marked(each)} in {IN_WORDS[counts[each]]}" for each in ASKED if counts[each]]
        return f"Tested in {IN_WORDS[asked]} settings: {', '.join(parts)}."
    (state,) = counts
    where = {1: "one setting", 2: "both settings"}.get(asked, f"all {IN_WORDS[asked]} settings")
    if state == "undecided" and asked > 1:  # "can't tell in all" might mean that it can in some
        where = "either setting" if asked == 2 else f"any of {IN_WORDS[asked]} settings"
    return f"{marked(state, begins=True)} in {where}."


def condition(comparison: Comparison) -> str:
    """Say what must be seen for a claim to be supported, and what for the opposite."""
    left, right = (f"“{STRATEGIES[name].label}”" for name in (comparison.left, comparison.right))
    points = f"{comparison.amount:g} {'point' if comparison.amount == 1 else 'points'}"
    if comparison.kind == "differs by":
        return (
            f"Supported if {left} and {right} clearly differ, not supported if they clearly differ "
            f"by less than {points}."
        )
    if comparison.measure == "spread":
        left, right, more = f"the spread over seeds of {left}", f"that of {right}", "wider"
    else:
        more = "better"
    if comparison.kind == "costs at most":
        return (
            f"Supported if {left} is clearly not worse than {right} by more than {points}, not "
            "supported if it clearly is."
        )
    if comparison.amount:
        return (
            f"Supported if {left} is clearly {more} than {right} by {points} or more, not "
            "supported if it clearly isn’t."
        )
    opposite = {"better": "worse", "wider": "narrower"}[more]
    return (
        f"Supported if {left} is clearly {more} than {right}, not supported if it is clearly "
        f"{opposite}."
    )
