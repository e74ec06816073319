"""The book's claims about single runs, and the verdict that the recorded runs give on each."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lrlib._extras import extra
from lrlib.evidence.measures import MEASURES
from lrlib.evidence.queries import Recorded, Values, interval, subtract

with extra("evidence", "the book's claims"):
    import yaml

CLAIMS = Path(__file__).with_name("claims.yml")
# Sign-flips of five pairs cannot reach p < 0.05: fewer than six decide nothing.
FEWEST_PAIRS = 6
_FIELDS = {"id", "chapter", "claim", "source", "measure", "left", "right", "expect", "verdict"}
_EXPECTATIONS = ("more than", "less than", "within")


@dataclass(frozen=True)
class Claim:
    """A sentence that the recorded runs can judge.

    Args:
        id: Its name, unique.
        chapter: The notebook that shows it, such as "04-cosine-annealing".
        claim: The sentence.
        source: Who says so: a key of the bibliography and where it stands there, or "common
            wisdom".
        measure: A key of `MEASURES`.
        left: The arguments of the measure for the side that the sentence speaks of.
        right: The same for the other side, or a number.
        expect: ("more than", x), ("less than", x) or ("within", x): what the sentence says of the
            mean difference left − right.
        verdict: What the runs said when the claim was last read over, as `Verdict` writes it. No
            page shows it: a test compares it with the computed one, so that no row and no verdict
            changes unseen.
    """

    id: str
    chapter: str
    claim: str
    source: str
    measure: str
    left: dict[str, Any]
    right: dict[str, Any] | float
    expect: tuple[str, float]
    verdict: str


@dataclass(frozen=True)
class Verdict:
    """What the recorded runs say of a claim.

    Args:
        word: "holds", "fails" or "undecided".
        mean: The mean difference left − right.
        low: The lower end of its 95 % interval.
        high: The upper end.
        pairs: How many differences there are.
        unit: What they are counted in.
    """

    word: str
    mean: float
    low: float
    high: float
    pairs: int
    unit: str

    def __str__(self) -> str:
        ends = f"{self.low:+.2f} to {self.high:+.2f}"
        return f"{self.word}: {self.mean:+.2f} ({ends}), n = {self.pairs}"


def read(file: Path = CLAIMS) -> list[Claim]:
    """Read the claims from a file of YAML and check each.

    Raises:
        ValueError: A claim lacks a field or has one too many, its id is not unique, or its measure
            or its expectation is unknown. The message names the file and the claim.
    """
    claims: dict[str, Claim] = {}
    for number, entry in enumerate(yaml.safe_load(file.read_text(encoding="utf-8")), start=1):
        name = entry.get("id", f"number {number}")
        if set(entry) != _FIELDS:
            odd = sorted(set(entry) ^ _FIELDS)
            raise ValueError(f"{file}, claim {name}: too many or missing fields: {odd}")
        if name in claims:
            raise ValueError(f"{file}, claim {name}: the id stands there twice; rename one")
        if entry["measure"] not in MEASURES:
            raise ValueError(
                f"{file}, claim {name}: measure must be one of {', '.join(MEASURES)}, "
                f"got {entry['measure']!r}"
            )
        words, _, threshold = str(entry["expect"]).rpartition(" ")
        if words not in _EXPECTATIONS:
            raise ValueError(
                f"{file}, claim {name}: expect must be 'more than x', 'less than x' or 'within x', "
                f"got {entry['expect']!r}"
            )
        claims[name] = Claim(**{**entry, "expect": (words, float(threshold))})
    return list(claims.values())


def judge(claim: Claim, recorded: Recorded) -> Verdict:
    r"""Compute the verdict on a claim from the paired differences :math:`d_1, \dots, d_n`.

    .. math:: \bar d \pm t_{0.975,\, n-1} \, s / \sqrt n

    A claim holds if this interval lies where the claim says that the mean is, it fails if the
    interval lies outside, and it is undecided if the interval reaches across a boundary, or if
    there are fewer than six pairs.

    Raises:
        ValueError: There are no runs for a side of the claim.
    """
    differences = _differences(claim, recorded)
    mean, low, high = interval(differences)
    unit = MEASURES[claim.measure][1]
    word = "undecided"
    if len(differences) >= FEWEST_PAIRS:
        word = _word(claim.expect, low, high)
    return Verdict(word, mean, low, high, len(differences), unit)


def _differences(claim: Claim, recorded: Recorded) -> list[float]:
    left = _side(claim, claim.left, recorded)
    if not isinstance(claim.right, dict):
        return [value - float(claim.right) for value in left.values()]
    right = _side(claim, claim.right, recorded)
    try:
        return subtract(left, right)
    except ValueError as error:
        sides = f"{claim.left} and {claim.right}"
        raise ValueError(f"claim {claim.id}, {sides}: {error}") from error


def _side(claim: Claim, side: dict[str, Any], recorded: Recorded) -> Values:
    try:
        values = MEASURES[claim.measure][0](recorded, **side)
    except ValueError as error:
        raise ValueError(f"claim {claim.id}, {side}: {error}") from error
    if len(values) < 2:
        raise ValueError(
            f"claim {claim.id}: there are {len(values)} runs for the {claim.measure} of "
            f"{side}; correct the claim in {CLAIMS.name}, or run `make record`"
        )
    return values


def _word(expect: tuple[str, float], low: float, high: float) -> str:
    words, threshold = expect
    start, end = {
        "more than": (threshold, np.inf),
        "less than": (-np.inf, threshold),
        "within": (-threshold, threshold),
    }[words]
    if start < low and high < end:
        return "holds"
    if high <= start or end <= low:
        return "fails"
    return "undecided"
