"""Lists and tables of the recorded study, as HTML. What they say was computed from the runs.

Each takes the recorded runs of a setting; `ValueError` names what is not recorded.
"""

import html
from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import Any

from lrlib._extras import extra
from lrlib._markup import signed, table
from lrlib.evidence import claims, intervals, side_checks, study, suggestions
from lrlib.evidence.claims import Claim, Verdict
from lrlib.evidence.measures import accuracy_on_test
from lrlib.evidence.queries import Recorded, interval
from lrlib.evidence.range_tests import TESTED
from lrlib.evidence.settings import SETTINGS
from lrlib.evidence.strategies import STRATEGIES
from lrlib.evidence.suggestions import Judged

with extra("plots", "drawing the recorded study"):
    from IPython.display import HTML

_MARKS = {"holds": "✓", "fails": "✗", "undecided here": "?"}
_STAGES = {
    "tuning": "tuning of the peak rates",
    "far": "rates far from the best, for the finder",
    "evaluation": "fresh seeds: at tuned rates, at another's, with another weight decay",
    "edge": "the edge with and without warm-up",
    "finder": "at the finder's suggestion",
    "calibration": "the same runs on each machine",
}


def verdicts(recorded: Recorded, chapter: str) -> HTML:
    """List the chapter's claims, each with its verdict, interval and n."""
    chosen = [claim for claim in claims.read() if claim.chapter == chapter]
    if not chosen:
        raise ValueError(f"there are no claims for the chapter {chapter!r}; see claims.yml")
    items = "".join(_item(recorded, claim, claims.judge(claim, recorded)) for claim in chosen)
    return HTML(f'<ul class="lrlib-claims">{items}</ul>')


def _item(recorded: Recorded, claim: Claim, verdict: Verdict) -> str:
    return (
        f'<li class="lrlib-claim {_class(verdict)}" id="claim-{claim.id}">'
        f"<p>{html.escape(claim.claim)}</p>"
        f"<p>{_word(verdict)}: {html.escape(sentence(recorded, claim, verdict))} "
        f"Source of the claim: {html.escape(claim.source)}.</p></li>"
    )


def every_claim(recorded: Recorded) -> HTML:
    """List all claims with their verdicts, and how many there are of each."""
    judged = [(claim, claims.judge(claim, recorded)) for claim in claims.read()]
    counts = Counter(verdict.word for _, verdict in judged)
    found = (
        f"{counts['holds']} hold, {counts['fails']} fail, "
        f"{counts['undecided here']} are undecided here"
    )
    lines = [
        [
            f'<a href="../notebooks/{claim.chapter}.html#claim-{claim.id}">'
            f"{html.escape(claim.claim)}</a>",
            _word(verdict),
            f"{signed(verdict.mean)} ({signed(verdict.low)} to {signed(verdict.high)}) "
            f"{verdict.unit}",
            str(verdict.pairs),
        ]
        for claim, verdict in judged
    ]
    header = ["claim", "verdict", "mean difference (95 % interval)", "n"]
    return _table(f"{len(judged)} claims: {found}.", header, lines)


def second_look(recorded: Recorded) -> HTML:
    """List the claims whose verdict is another with the first seeds alone."""
    later = set(study.SEEDS) - set(study.FIRST_SEEDS)
    first = Recorded(
        recorded.name,
        [row for row in recorded.rows if row.run.stage == "finder" or row.run.seed not in later],
    )
    lines = []
    for claim in claims.read():
        before, now = claims.judge(claim, first), claims.judge(claim, recorded)
        if before.word != now.word:
            lines.append([html.escape(claim.claim), _judged(before), _judged(now)])
    header = ["claim", f"with {len(study.FIRST_SEEDS)} seeds", f"with {len(study.SEEDS)}"]
    return _table(f"{len(lines)} verdicts turned with more seeds.", header, lines)


def _judged(verdict: Verdict) -> str:
    return f"{_word(verdict)}: {signed(verdict.low)} to {signed(verdict.high)} {verdict.unit}"


def accuracies(recorded: Recorded, length: str = "long") -> HTML:
    """List the strategies by test accuracy, with the tuned rate and how exact it must be."""
    lines = []
    for strategy in recorded.strategies(length):
        runs = recorded.evaluated(strategy, length)
        found = accuracy_on_test(recorded, strategy, length)
        mean, low, high = interval([*found.values()])
        near = recorded.near_best(strategy, length)
        line = [
            html.escape(STRATEGIES[strategy].label),
            f"{mean:.1f} % ({low:.1f} to {high:.1f})",
            f"{runs[0].lr:.3g}",
            f"{near[0]:.3g} to {near[-1]:.3g}" if len(near) > 1 else f"{near[0]:.3g}",
        ]
        lines.append((mean, line))
    header = ["strategy", "test accuracy (95 % interval)", "tuned peak rate", "within 1 point"]
    seeds = len(study.SEEDS)
    return _table(
        f"{recorded.setting.describe(length)}, {seeds} seeds at the tuned rate.",
        header,
        [line for _, line in sorted(lines, reverse=True)],
    )


def weight_decays(recorded: Recorded) -> HTML:
    """List the test accuracies of the side check of weight decay."""
    lines = []
    for strategy in side_checks.OTHER_DECAY_STRATEGIES:
        usual = recorded.setting.usual_decay(strategy)
        for weight_decay in sorted({usual, *side_checks.OTHER_DECAYS}):
            found = accuracy_on_test(recorded, strategy, "long", weight_decay)
            mean, low, high = interval([*found.values()])
            label = html.escape(STRATEGIES[strategy].label)
            lines.append([label, f"{weight_decay:g}", f"{mean:.1f} % ({low:.1f} to {high:.1f})"])
    header = ["strategy", "weight decay", "test accuracy (95 % interval)"]
    return _table(f"{recorded.setting.describe('long')}, {len(study.SEEDS)} seeds.", header, lines)


def machines(recorded: Recorded) -> HTML:
    """Compare the machines that recorded: the same runs, made on each of them."""
    found: dict[str, list[float]] = {}
    for row in recorded.rows:
        if row.run.stage == "calibration":
            found.setdefault(row.machine, []).append(100 * row.tested)
    if not found:
        raise ValueError(f"{recorded.name} has no calibration runs; run `make record`")
    (_, first), *_ = found.items()
    lines = []
    for machine, values in found.items():
        mean, low, high = interval(values)
        apart = "–" if values is first else _apart(values, first)
        lines.append(
            [
                html.escape(machine),
                str(len(values)),
                f"{mean:.1f} % ({low:.1f} to {high:.1f})",
                apart,
            ]
        )
    setting, strategy, length, lr = study.CALIBRATION
    what = f"{SETTINGS[setting].describe(length)}, {STRATEGIES[strategy].label} at {lr:g}"
    header = ["machine", "seeds", "test accuracy (95 % interval)", "less the first machine's"]
    return _table(f"The same runs on each machine: {what}.", header, lines)


def _apart(values: Sequence[float], first: Sequence[float]) -> str:
    mean, low, high = intervals.difference_of_means(values, first)
    return f"{signed(mean)} ({signed(low)} to {signed(high)}) points"


def finder(judged: Sequence[Judged]) -> HTML:
    """List what is lost by following each rule of a learning-rate finder, by optimizer."""
    everything = [*judged, *suggestions.beside(judged)]
    steps, seeds = ({getattr(each.sweep, name) for each in judged} for name in ("steps", "seed"))
    settings = [SETTINGS[name].label for name in {each.sweep.setting: 0 for each in judged}]
    held_out = all(each.sweep.setting in suggestions.HELD_OUT for each in judged)
    part = "no part in choosing the default" if held_out else "the default was chosen on some"
    lines = []
    for score in suggestions.scores(everything):
        own = [each for each in everything if each.rule == score.rule]
        lost = [_percent([e.regret for e in own if e.sweep.optimizer == name]) for name in TESTED]
        rest = [
            _percent([score.mean]),
            f"{100 * score.worst:.0f}\u00a0%",
            f"{100 * score.far_off:.0f}\u00a0%",
        ]
        lines.append([html.escape(score.rule), *lost, *rest])
    return _table(
        "Lost by training at what is suggested, as a share of what the best rate gains over "
        f"guessing. Range tests of {' and '.join(map(str, sorted(steps)))} steps, {len(seeds)} "
        f"seeds each; {'; '.join(settings)}: {part}.",
        ["suggestion", *TESTED, "mean", "worst", "off by more than 10×"],
        lines,
    )


def _percent(shares: Sequence[float]) -> str:
    return f"{100 * fmean(shares):.1f}\u00a0%" if shares else "–"


def protocol(recorded: Recorded) -> HTML:
    """Say how many runs there are of each kind, and on which machines they were made."""
    rows = recorded.rows
    counts = Counter(row.run.stage for row in rows)
    lines = [[what, f"{counts[stage]:,}"] for stage, what in _STAGES.items() if counts[stage]]
    lines.append(["together", f"{len(rows):,}"])
    diverged = sum(row.diverged for row in rows)
    lines.append(["of them ended early, since the loss was not finite", str(diverged)])
    lines.append(["hours of training", f"{sum(row.seconds for row in rows) / 3600:.1f}"])
    days = sorted({row.date[:10] for row in rows})
    lines.append(["from, to", f"{days[0]}, {days[-1]}"])
    for what, values in (
        ("machine", (row.machine for row in rows)),
        ("threads of a run", (row.threads for row in rows)),
        ("Python", (row.versions["python"] for row in rows)),
        ("torch", (row.versions["torch"] for row in rows)),
        ("data set", (row.dataset for row in rows)),
        ("md5 of its archive", (row.data_md5 for row in rows)),
        ("commit of lrlib", (row.commit for row in rows)),
    ):
        lines.append([what, html.escape(_listed(values))])
    return _table(f"What was recorded: {recorded.setting.label}.", ["", ""], lines)


def _listed(values: Iterable[object]) -> str:
    return ", ".join(str(value) for value in dict.fromkeys(values))


def _table(caption: str, header: Sequence[str], lines: Iterable[Sequence[str]]) -> HTML:
    return HTML(table(caption, header, lines))


def _word(verdict: Verdict) -> str:
    mark = _MARKS[verdict.word]
    return f'<strong><span aria-hidden="true">{mark}</span> {verdict.word}</strong>'


def _class(verdict: Verdict) -> str:
    return f"lrlib-{verdict.word.replace(' ', '-')}"


def sentence(recorded: Recorded, claim: Claim, verdict: Verdict) -> str:
    """Say what was measured: the mean difference, its interval, n and what the claim expects."""
    words, threshold = claim.expect
    unit = f" {verdict.unit}" if verdict.unit else ""
    one = unit.removesuffix("s") if abs(threshold) == 1 else unit
    border = f"{threshold:g}{one}".replace("-", "−")
    return (
        f"{claim.measure}, {_side(recorded, claim.left)}{_compared(recorded, claim.right)}: "
        f"{signed(verdict.mean)}{unit} (95 % interval {signed(verdict.low)} to "
        f"{signed(verdict.high)}, n = {verdict.pairs}); the claim says {words} {border}."
    )


def _compared(recorded: Recorded, right: object) -> str:
    if isinstance(right, dict):
        return f" minus {_side(recorded, right)}"
    return "" if right == 0 else f", compared with {right:g}".replace("-", "−")


def _side(recorded: Recorded, side: dict[str, Any]) -> str:
    rest = ", ".join(
        recorded.setting.length_in_words(value)
        if name == "length"
        else f"{name.replace('_', ' ')} {value}"
        for name, value in side.items()
        if name != "strategy"
    )
    label = STRATEGIES[side["strategy"]].label
    return f"{label} ({rest})" if rest else label
