"""What the study found, in sentences, for the chapter that asks.

Claims are called by their ids. Those of `comparisons.yml` compare two strategies and are judged in
every setting; those of `claims.yml` look into the runs of one.
"""

import html
import re
from collections.abc import Mapping
from functools import cache

from lrlib._extras import extra
from lrlib._markup import capital, signed, unbroken
from lrlib._styles import styled
from lrlib.evidence import claims, comparisons, intervals
from lrlib.evidence.claims import Claim, Verdict
from lrlib.evidence.comparisons import ASKED, Comparison, Found
from lrlib.evidence.intervals import Interval, Side
from lrlib.evidence.measures import MEASURES
from lrlib.evidence.queries import Recorded
from lrlib.evidence.settings import SETTINGS
from lrlib.evidence.strategies import STRATEGIES
from lrlib.evidence.verdicts import agreement, marked

with extra("plots", "drawing the recorded study"):
    from IPython.display import HTML

# The order in which settings are told: the book's own network, then those nearest to it.
NEAREST = ("cnn-max", "cnn-mean", "large-batch", "small-data", "text", "sparse")


def answers(*names: str) -> HTML:
    """List claims with their results in every setting: the gap, its interval, and what follows.

    Raises:
        ValueError: A name is unknown.
    """
    items = "".join(_answer(each) for each in map(_named, names))
    return HTML(styled(f'<ul class="lrlib-claims">{items}</ul>'))


def in_short(*names: str) -> HTML:
    """List comparisons in a line each, the widest gap first.

    The gap is that of the chapters' network, or of the setting most like it that was asked.

    Raises:
        ValueError: A name is unknown, or names a claim about one setting.
    """
    known = comparisons.by_id()
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: no such comparison; see {comparisons.FILE.name}")
    found = [(known[name], judged(known[name])) for name in names]
    found = [each for each in found if _speaking(each[1])] or found
    found.sort(key=lambda each: -_width(each[1]))
    lines = "".join(
        f"<li>{html.escape(each.claim)} {_shortly(each, at)}</li>" for each, at in found
    )
    return HTML(styled(f'<ul class="lrlib-findings">{lines}</ul>'))


@cache
def _recorded(setting: str) -> Recorded:
    return Recorded(setting)


@cache
def judged(comparison: Comparison) -> Mapping[str, Found]:
    """Judge a comparison in every setting, those nearest to the book's network first."""
    return {name: comparisons.judge(comparison, _recorded(name)) for name in NEAREST}


def _named(name: str) -> Comparison | Claim:
    known: dict[str, Comparison | Claim] = {**comparisons.by_id()}
    known |= {claim.id: claim for claim in claims.read()}
    if name not in known:
        raise ValueError(
            f"there is no claim {name!r}; see {comparisons.FILE.name} and {claims.CLAIMS.name}"
        )
    return known[name]


def _answer(each: Comparison | Claim) -> str:
    if isinstance(each, Claim):
        state, text = _one_setting(each)
        lines = f"<p>{text}</p>"
    else:
        found = judged(each)
        state = overall(found)
        lines = _settings(each, found)
    # As the chapters cite behind a sentence: no brackets in brackets.
    cited = html.escape(re.sub(r" \((\d{4})\)", r", \1", each.source))
    source = "" if each.source == "our question" else f" ({cited})"
    return (
        f'<li class="lrlib-claim lrlib-{state}" id="claim-{each.id}">'
        f"<p><strong>{html.escape(each.claim)}</strong>{source}</p>{lines}</li>"
    )


def _settings(comparison: Comparison, found: Mapping[str, Found]) -> str:
    """List what was found in each setting; what is in one setting alone needs no list."""
    asked = {name: cell for name, cell in found.items() if cell.state in ASKED}
    if len(asked) < 2:
        gone = "".join(_diverged(comparison, name) for name in asked)
        return f"<p>{_shortly(comparison, found)}{gone}</p>"
    lines = ""
    for name, cell in asked.items():
        numbers = html.escape(gap(name, cell, comparison.measure))
        told = f"{marked(cell.state, begins=True)}. {numbers}.{_diverged(comparison, name)}"
        lines += f"<li>{unbroken(told)}</li>"
    what = html.escape(capital(_subtracted(comparison)))
    return f"<p>{agreement(found)} {what}:</p><ul>{lines}</ul>"


def _diverged(comparison: Comparison, setting: str) -> str:
    """Say so where runs diverged: one that counts as guessing can move a mean and its interval."""
    recorded = _recorded(setting)
    said = ""
    for strategy in (comparison.left, comparison.right):
        count, runs = recorded.diverged(strategy, comparison.length)
        if count:
            label = html.escape(STRATEGIES[strategy].label)
            counts = "counts" if count == 1 else "count"
            said += f" Of {runs} runs of “{label}”, {count} diverged and {counts} as guessing."
    return said


def _subtracted(comparison: Comparison) -> str:
    left, right = (STRATEGIES[name].label for name in (comparison.left, comparison.right))
    if comparison.measure == "spread":
        return f"the spread of “{left}” minus that of “{right}” (a plus: the second spreads less)"
    return f"“{left}” minus “{right}”"


def single(name: str) -> str:
    """Say what was found about a claim on single runs, by its id, on the max-pooled network."""
    (claim,) = (each for each in claims.read() if each.id == name)
    return measured(claim, claims.judge(claim, _recorded("cnn-max")))


def _one_setting(claim: Claim) -> tuple[str, str]:
    recorded = _recorded("cnn-max")
    verdict = claims.judge(claim, recorded)
    return verdict.word, (
        f"{marked(verdict.word, begins=True)}. "
        + html.escape(f"{recorded.setting.label}, {compares(claim)}: {measured(claim, verdict)}.")
    )


def compares(claim: Claim) -> str:
    """Say what a claim about one setting measures, and what is subtracted from what."""
    if not isinstance(claim.right, dict) or MEASURES[claim.measure][1] == "doublings":
        return claim.measure
    lengths_differ = claim.left.get("length") != claim.right.get("length")
    sides = []
    for side in (claim.left, claim.right):
        words = f"“{STRATEGIES[side['strategy']].label}”"
        if "rate_of" in side:
            words += f" at the rate of “{STRATEGIES[side['rate_of']].label}”"
        if lengths_differ:
            words += f" after {SETTINGS['cnn-max'].length_in_words(side['length'])}"
        sides.append(words)
    return f"{claim.measure}, {sides[0]} minus {sides[1]}"


def measured(claim: Claim, verdict: Verdict) -> str:
    """Say what was found about one setting, where it likely is, and with how many seeds."""
    # A number on the right is the border of the claim, not a side: what was found is on the left.
    border = 0.0 if isinstance(claim.right, dict) else float(claim.right)
    write = {
        "points": lambda value: f"{signed(value)} points",
        "nats": lambda value: f"{signed(value)} nats",
        "doublings": lambda value: f"{2 ** (value + border):.1f} times",
        "decades": lambda value: f"{10 ** (value + border):.2f} times",
        "": lambda value: f"{100 * (value + border):.0f}\u00a0%",
    }[verdict.unit]
    mean, low, high = map(write, (verdict.mean, verdict.low, verdict.high))
    return f"{mean} (likely {low.split()[0]} to {high.split()[0]}; {verdict.pairs} seeds)"


def overall(found: Mapping[str, Found]) -> str:
    """The one state that all settings share in which a claim was asked, for its colour."""
    states = {cell.state for cell in found.values() if cell.state in ASKED}
    return states.pop() if len(states) == 1 else "undecided"


def gap(setting: str, found: Found, measure: str = "mean") -> str:
    """Say how far apart the two sides ended, or spread, and where that gap likely is."""
    numbers = _numbers(setting, (found.mean, found.low, found.high), measure)
    return f"{capital(SETTINGS[setting].label)}: {numbers}"


def between(recorded: Recorded, left: str, right: str, length: str = "long") -> str:
    """Say how far apart two strategies ended in one setting, each at its tuned rate, with signs.

    Raises:
        ValueError: A strategy's runs are not complete; the message names it.
    """
    return _numbers(recorded.name, _difference(recorded, left, right, length))


def compared(recorded: Recorded, left: str, right: str, length: str = "long") -> str:
    """Say how much higher or lower one strategy ended than another, each at its tuned rate.

    Raises:
        ValueError: A strategy's runs are not complete; the message names it.
    """
    interval, places = _scaled(recorded.name, _difference(recorded, left, right, length))
    unit = " points" if recorded.setting.measure == "accuracy" else ""
    return in_words(interval, unit, places)


def _difference(recorded: Recorded, left: str, right: str, length: str) -> Interval:
    left_side, right_side = (_side(recorded, name, length) for name in (left, right))
    return intervals.difference(left_side, right_side)


def _side(recorded: Recorded, strategy: str, length: str) -> Side:
    found = comparisons.side(recorded, strategy, length)
    if found is None:
        raise ValueError(f"{recorded.name} lacks runs of {strategy!r}; run `make record`")
    return found


def in_words(interval: Interval, unit: str = " points", places: int = 1) -> str:
    """Say a difference, and where it likely is, without signs.

    Example:
        >>> in_words((0.74, -0.1, 1.4)), in_words((-2, -3, -1), unit="")
        ('0.7 points higher (likely 0.1 lower to 1.4 higher)', '2.0 lower (likely 1.0 to 3.0)')
    """
    middle, *ends = (f"{abs(value):.{places}f}" for value in interval)
    way, *ways = (" lower" if value < 0 else " higher" for value in interval)
    if ways[0] == ways[1]:
        least, most = sorted(ends, key=float)
    else:
        least, most = (end + way for end, way in zip(ends, ways, strict=True))
    return f"{middle}{unit}{way} (likely {least} to {most})"


def _scaled(setting: str, interval: Interval, measure: str = "mean") -> tuple[Interval, int]:
    """What is written of an interval, in points of accuracy or in nats, and to how many places."""
    if SETTINGS[setting].measure == "accuracy":
        return interval, 1
    # A point is a hundredth of a nat. A gain is a lower loss; a spread has the same sign in both.
    mean, low, high = (value / 100 for value in interval)
    ends = (mean, low, high) if measure == "spread" else (-mean, -high, -low)
    # An end that is written as zero would look as if the interval held zero.
    smallest = min(map(abs, ends)) if ends[1] * ends[2] > 0 else 1.0
    return ends, next(places for places in (4, 5, 6) if places == 6 or round(smallest, places))


def _numbers(setting: str, interval: Interval, measure: str = "mean") -> str:
    ends, places = _scaled(setting, interval, measure)
    middle, least, most = (signed(value, places) for value in ends)
    likely = f"(likely {least} to {most})"
    if SETTINGS[setting].measure == "accuracy":
        return f"{'spread ' if measure == 'spread' else ''}{middle} points {likely}"
    return f"{'spread of the loss' if measure == 'spread' else 'loss'} {middle} {likely}"


def _width(found: Mapping[str, Found]) -> float:
    cell = _speaking(found)
    return abs(found[cell].mean) if cell else 0.0


def _speaking(found: Mapping[str, Found]) -> str | None:
    """The first setting where a claim was asked: the network of the chapters, if it was there."""
    return next((name for name, cell in found.items() if cell.state in ASKED), None)


def _shortly(comparison: Comparison, found: Mapping[str, Found]) -> str:
    """Return markup: in how many settings it is supported, and the gap in the most telling one."""
    name = _speaking(found)
    if name is None:
        return agreement(found)
    cell = found[name]
    numbers = _numbers(name, (cell.mean, cell.low, cell.high), comparison.measure)
    where = html.escape(capital(SETTINGS[name].label))
    what = html.escape(f"{_subtracted(comparison)}, {numbers}.")
    if sum(each.state in ASKED for each in found.values()) == 1:
        return f"{agreement(found)[:-1]}: {where}, {what}"
    return f"{agreement(found)} {where}, {marked(cell.state)}: {what}"
