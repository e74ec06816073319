"""Claims that are judged in every setting: one strategy against another, at the same effort."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lrlib._extras import extra
from lrlib.evidence import intervals, study
from lrlib.evidence.intervals import Side
from lrlib.evidence.queries import Recorded
from lrlib.evidence.settings import SETTINGS
from lrlib.evidence.strategies import STRATEGIES

with extra("evidence", "the book's claims"):
    import yaml

FILE = Path(__file__).with_name("comparisons.yml")
KINDS = ("gains at least", "costs at most", "differs by")
# The states of a claim in a setting, and what a reader sees.
WORDS = {
    "holds": "supported",
    "fails": "not supported",
    "undecided": "can’t tell",
    "not recorded": "not run yet",
    "cannot be asked": "doesn’t apply",
}
ASKED = ("holds", "fails", "undecided")
_REQUIRED = {"id", "chapter", "claim", "source", "kind", "amount", "left", "right"}


@dataclass(frozen=True)
class Comparison:
    """A sentence about two strategies.

    Args:
        id: Its name, unique.
        chapter: The notebook that it belongs to.
        claim: The sentence.
        source: Who says so, and where; or "our question".
        kind: "gains at least": left − right is the amount or more. "costs at most": left − right is
            not below minus the amount. "differs by": left and right are not the same; it fails
            where they are known to differ by less than the amount.
        amount: In points: hundredths of the accuracy, or of a nat.
        left: A key of `STRATEGIES`.
        right: Another one.
        only: The settings that the sentence speaks of; empty for all.
        measure: "mean" of the results, or their "spread" over seeds.
        length: The name of the length at which both ran; each was tuned for it.
    """

    id: str
    chapter: str
    claim: str
    source: str
    kind: str
    amount: float
    left: str
    right: str
    only: tuple[str, ...] = ()
    measure: str = "mean"
    length: str = "long"


@dataclass(frozen=True)
class Found:
    """What the runs of a setting say of a comparison.

    Args:
        state: A key of `WORDS`.
        mean: Left − right in points, the more the better for the left; `nan` without runs.
        low: The lower end of its 95 % interval.
        high: The upper end.
        seeds: Fresh seeds a side.
        needed: About how many seeds a side would decide an undecided claim; else 0.
        p: A two-sided p-value: how surprising the difference would be if the truth lay at the
            border of the claim.
    """

    state: str
    mean: float = math.nan
    low: float = math.nan
    high: float = math.nan
    seeds: int = 0
    needed: int = 0
    p: float = math.nan


def read(file: Path = FILE) -> list[Comparison]:
    """Read the comparisons and check each.

    Raises:
        ValueError: One lacks a field or has one too many, its id is not unique, or it names an
            unknown strategy, setting or kind. The message names the file and the comparison.
    """
    found: dict[str, Comparison] = {}
    for number, entry in enumerate(yaml.safe_load(file.read_text(encoding="utf-8")), start=1):
        name = entry.get("id", f"number {number}")
        odd = {*(_REQUIRED - set(entry)), *(set(entry) - _REQUIRED - {"only", "measure", "length"})}
        unknown = {entry.get("left"), entry.get("right")} - set(STRATEGIES)
        unknown |= set(entry.get("only", ())) - set(SETTINGS)
        asked = set(entry.get("only", SETTINGS)) & set(SETTINGS)
        length = entry.get("length", "long")
        unknown |= {length for where in asked if length not in SETTINGS[where].lengths}
        for wrong, what in (
            (odd, "too many or missing fields"),
            (unknown, "unknown strategies, settings or lengths"),
            ({entry.get("kind")} - set(KINDS), f"kind must be one of {', '.join(KINDS)}"),
            ({name} & set(found), "the id stands there twice"),
        ):
            if wrong:
                raise ValueError(f"{file}, {name}: {what}: {', '.join(map(str, sorted(wrong)))}")
        found[name] = Comparison(**{**entry, "only": tuple(entry.get("only", ()))})
    return list(found.values())


@cache
def by_id() -> Mapping[str, Comparison]:
    """Return the book's comparisons by their ids."""
    return {each.id: each for each in read()}


def judge(comparison: Comparison, recorded: Recorded, fewest: int = len(study.SEEDS)) -> Found:
    """Judge a comparison by the runs of a setting.

    The interval includes the choice of the rates, see `lrlib.evidence.intervals`. Without at least
    `fewest` fresh seeds at each rate of each side, the comparison counts as not recorded.
    """
    if comparison.only and recorded.name not in comparison.only:
        return Found("cannot be asked")
    if not {comparison.left, comparison.right} <= set(recorded.strategies(comparison.length)):
        return Found("cannot be asked")
    names = (comparison.left, comparison.right)
    sides = [side(recorded, name, comparison.length, fewest) for name in names]
    if not all(sides):
        return Found("not recorded")
    left, right = (each for each in sides if each)
    spread = comparison.measure == "spread"
    mean, low, high = intervals.difference(left, right, spread=spread)
    border = {"gains at least": comparison.amount, "costs at most": -comparison.amount}.get(
        comparison.kind, 0.0
    )
    state = _state(comparison, border, low, high)
    seeds = min(len(values) for each in (left, right) for values in each.evaluated.values())
    needed = 0
    if state == "undecided" and mean != border:
        # The reach of an interval falls with the square root of the seeds.
        needed = math.ceil(seeds * ((high - low) / 2 / (mean - border)) ** 2)
    p = intervals.tail(left, right, border, spread=spread)
    return Found(state, mean, low, high, seeds, needed, p)


def _state(comparison: Comparison, border: float, low: float, high: float) -> str:
    if comparison.kind == "differs by":
        if low > 0 or high < 0:
            return "holds"
        inside = -comparison.amount < low and high < comparison.amount
        return "fails" if inside else "undecided"
    if low > border:
        return "holds"
    return "fails" if high < border else "undecided"


def side(
    recorded: Recorded, strategy: str, length: str, fewest: int = len(study.SEEDS)
) -> Side | None:
    """Return what a strategy is judged by, in points; `None` while its runs are not complete."""
    of = recorded.cell(strategy, length)
    close = study.close_rates(recorded.results, of)
    if not close:
        return None
    fresh = recorded.runs("evaluation", strategy, length)
    evaluated = {lr: [100 * row.tested for row in fresh if row.lr == lr] for lr in close}
    if any(len(values) < fewest for values in evaluated.values()):
        return None
    grid, seeds = study.last_choice(recorded.results, of)
    tuning = {lr: [recorded.results[of.run("tuning", lr, seed)] for seed in seeds] for lr in grid}
    return Side(tuning, evaluated)


def standing(found: Sequence[Found]) -> int:
    """Count the clear verdicts that stand when all that were judged are taken together (Holm).

    Those that can't tell count among the tests that were made: each could have been luck.
    """
    asked = [each for each in found if each.state in ASKED]
    stand = intervals.holm([each.p for each in asked])
    return sum(s and each.state != "undecided" for s, each in zip(stand, asked, strict=True))
