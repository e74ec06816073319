"""Tables of the recorded study, each computed from the runs.

Each takes the recorded runs of a setting, except `finder` and `batch_size`, and returns an object
that a notebook displays when it is the last value of a cell. A `ValueError` names what is not
recorded. The tables of accuracies need a setting that measures them: not "text" and not "sparse".
"""

import html
from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import fmean

from lrlib._extras import extra
from lrlib._markup import signed, table
from lrlib.evidence import (
    batch_sizes,
    claims,
    comparisons,
    findings,
    intervals,
    side_checks,
    study,
    suggestions,
)
from lrlib.evidence.comparisons import Found
from lrlib.evidence.measures import accuracy_on_test
from lrlib.evidence.queries import Recorded, interval
from lrlib.evidence.range_tests import TESTED
from lrlib.evidence.settings import SETTINGS
from lrlib.evidence.strategies import STRATEGIES
from lrlib.evidence.suggestions import Judged
from lrlib.evidence.verdicts import marked

with extra("plots", "drawing the recorded study"):
    from IPython.display import HTML

_STAGES = {
    "tuning": "tuning of the peak rates",
    "far": "rates far from the best, to judge the finder",
    "evaluation": "fresh seeds, at tuned rates and for side checks",
    "edge": "the highest rate that still trains, with and without warm-up",
    "finder": "trained at the finder’s suggestion",
    "calibration": "the same runs on each machine",
}


def every_claim(recorded: Recorded) -> HTML:
    """List the claims about single runs with their results, and how many there are of each result.

    They are those of `lrlib/evidence/claims.yml`, which are about the setting "cnn-max".
    """
    judged = [(claim, claims.judge(claim, recorded)) for claim in claims.read()]
    counts = Counter(verdict.word for _, verdict in judged)
    found = (
        f"{counts['holds']} are supported, {counts['fails']} are not, "
        f"and for {counts['undecided']} we can’t tell"
    )
    lines = [
        [
            f'<a href="../notebooks/{claim.chapter}.html#claim-{claim.id}">'
            f"{html.escape(claim.claim)}</a>",
            marked(verdict.word),
            f"{html.escape(findings.compares(claim))}: {findings.measured(claim, verdict)}",
        ]
        for claim, verdict in judged
    ]
    return _table(f"{len(judged)} claims: {found}.", ["claim", "result", "what was found"], lines)


def second_look(recorded: Recorded) -> HTML:
    """List the comparisons of two strategies whose result changed when more seeds were run."""
    later = set(study.SEEDS) - set(study.FIRST_SEEDS)
    first = Recorded(recorded.name, [row for row in recorded.rows if row.run.seed not in later])
    lines = []
    for each in comparisons.read():
        before = comparisons.judge(each, first, fewest=len(study.FIRST_SEEDS))
        now = comparisons.judge(each, recorded)
        if before.state != now.state:
            lines.append([html.escape(each.claim), _judged(before), _judged(now)])
    header = ["claim", f"with {len(study.FIRST_SEEDS)} seeds", f"with {len(study.SEEDS)}"]
    return _table(f"Results that changed with more seeds: {len(lines)}.", header, lines)


def _judged(found: Found) -> str:
    return f"{marked(found.state)}: {signed(found.low)} to {signed(found.high)} points"


def accuracies(recorded: Recorded, length: str = "long") -> HTML:
    """List the strategies by test accuracy, with the tuned rate and the rates that do as well.

    These are the rates whose mean validation accuracy is within 1 percentage point of the best.
    """
    lines = []
    for strategy in recorded.strategies(length):
        runs = recorded.evaluated(strategy, length)
        found = accuracy_on_test(recorded, strategy, length)
        mean, low, high = interval([*found.values()])
        near = recorded.near_best(strategy, length)
        line = [
            html.escape(STRATEGIES[strategy].label),
            f"{mean:.1f}\u00a0% ({low:.1f} to {high:.1f})",
            f"{runs[0].lr:.3g}",
            f"{near[0]:.3g} to {near[-1]:.3g}" if len(near) > 1 else f"{near[0]:.3g}",
        ]
        lines.append((mean, line))
    header = ["strategy", "test accuracy (95\u00a0% interval)", "tuned peak rate", "within 1 point"]
    seeds = len(study.SEEDS)
    return _table(
        f"{recorded.setting.describe(length)}, {seeds} seeds at the tuned rate.",
        header,
        [line for _, line in sorted(lines, reverse=True)],
    )


def warm_up_at_one_peak(recorded: Recorded, peaks: Sequence[float] = (0.05, 0.1, 0.2)) -> HTML:
    """List what a warm-up gains a cosine in accuracy if both have one peak, in "cnn-max"."""
    sides = ("cosine", "warmup-cosine")
    lines = []
    for length, stage in (("short", "edge"), ("long", "tuning")):
        ended = {
            (name, peak): [
                100 * row.accuracy for row in recorded.runs(stage, name, length) if row.lr == peak
            ]
            for name in sides
            for peak in peaks
        }
        if not all(ended.values()):
            raise ValueError(f"{recorded.name} has no {stage} runs at some of the peaks {peaks}")
        seeds = min(map(len, ended.values()))
        gains = [fmean(ended[sides[1], peak]) - fmean(ended[sides[0], peak]) for peak in peaks]
        run = f"{recorded.setting.length_in_words(length)}, {seeds} seeds each"
        tuned = [f"{recorded.tuned_lr(name, length):g}" for name in sides]
        lines.append([run, *tuned, *(signed(gain, 1) for gain in gains)])
    heads = [f"gain at {peak:g}" for peak in peaks]
    return _table(
        f"{recorded.setting.caption.format(length='2 or 5 epochs')}: the gain of a warm-up at one "
        "peak, in points of validation accuracy.",
        ["runs", "tuned peak without a warm-up", "tuned peak with one", *heads],
        lines,
    )


def weight_decays(recorded: Recorded) -> HTML:
    """List the test accuracies with other weight decays, a side check of the setting "cnn-max"."""
    lines = []
    for strategy in side_checks.OTHER_WEIGHT_DECAY_STRATEGIES:
        usual = recorded.setting.usual_weight_decay(strategy)
        for weight_decay in sorted({usual, *side_checks.OTHER_WEIGHT_DECAYS}):
            found = accuracy_on_test(recorded, strategy, "long", weight_decay)
            mean, low, high = interval([*found.values()])
            label = html.escape(STRATEGIES[strategy].label)
            lines.append(
                [label, f"{weight_decay:g}", f"{mean:.1f}\u00a0% ({low:.1f} to {high:.1f})"]
            )
    header = ["strategy", "weight decay", "test accuracy (95\u00a0% interval)"]
    return _table(f"{recorded.setting.describe('long')}, {len(study.SEEDS)} seeds.", header, lines)


def machines(recorded: Recorded) -> HTML:
    """Compare the machines of the study by their calibration runs, in the setting "cnn-mean"."""
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
                f"{mean:.1f}\u00a0% ({low:.1f} to {high:.1f})",
                apart,
            ]
        )
    setting, strategy, length, lr = study.CALIBRATION
    what = f"{SETTINGS[setting].describe(length)}, {STRATEGIES[strategy].label} at {lr:g}"
    header = [
        "machine",
        "seeds",
        "test accuracy (95\u00a0% interval)",
        "gap to the first machine, points",
    ]
    return _table(f"The same runs on each machine: {what}.", header, lines)


def _apart(values: Sequence[float], first: Sequence[float]) -> str:
    mean, low, high = intervals.difference_of_means(values, first)
    return f"{signed(mean)} ({signed(low)} to {signed(high)})"


def finder(judged: Sequence[Judged]) -> HTML:
    """List what is lost by training at the suggestion of each rule of the finder, by optimizer.

    `judged` is what `lrlib.evidence.suggestions.judge` returns.
    """
    everything = [*judged, *suggestions.beside(judged)]
    steps, seeds = ({getattr(each.sweep, name) for each in judged} for name in ("steps", "seed"))
    settings = [SETTINGS[name].label for name in {each.sweep.setting: 0 for each in judged}]
    held_out = all(each.sweep.setting in suggestions.HELD_OUT for each in judged)
    lines = []
    for score in suggestions.scores(everything):
        own = [each for each in everything if each.rule == score.rule]
        lost = [_percent([e.regret for e in own if e.sweep.optimizer == name]) for name in TESTED]
        rest = [
            _percent([score.mean]),
            f"{100 * score.worst:.0f}\u00a0%",
            f"{100 * score.far_off:.0f}\u00a0%",
        ]
        name = html.escape(score.rule)
        ours = score.rule == suggestions.TOLD
        lines.append([f"<strong>{name}</strong>" if ours else name, *rest, *lost])
    names = [name.replace("Adagrad", "AdaGrad") for name in TESTED]  # torch's class, its paper
    return _table(
        "Lost by training at what is suggested, as a share of what the best rate gains over "
        f"guessing. Range tests of {' and '.join(map(str, sorted(steps)))} steps, {len(seeds)} "
        f"seeds each, in {len(settings)} settings: {'; '.join(settings)}. In bold: the default "
        "rule, told the run. It was chosen on "
        f"{'other settings' if held_out else 'some of these settings'}.",
        ["suggestion", "mean", "worst", "off\u00a0by\u00a0more than\u00a010×", *names],
        lines,
    )


def _percent(shares: Sequence[float]) -> str:
    return f"{100 * fmean(shares):.1f}\u00a0%" if shares else "–"


def batch_size() -> HTML:
    """List how the best rate changed with the batch size, and what the usual rules would lose."""
    (small, length), (large, _) = batch_sizes.SMALL, batch_sizes.LARGE
    lines = [
        [
            html.escape(STRATEGIES[each.strategy].label),
            f"{each.small_lr:.2g}\u00a0→\u00a0{each.large_lr:.2g}",
            *(f"×\u00a0{value:.3g}" for value in (each.factor, each.rule)),
            f"{100 * each.lost:.0f}\u00a0%",
        ]
        for each in batch_sizes.scaled()
    ]
    sizes = " and ".join(f"{SETTINGS[name].batch_size:,}" for name in (small, large))
    caption = SETTINGS[small].caption.format(length=SETTINGS[small].length_in_words(length))
    return _table(
        f"{caption}, batches of {sizes}, one run at each rate, rates a factor of two apart, SGD "
        "where no optimizer is named. Lost: what training at the rule’s rate costs, as a "
        "share of what the best rate gains over guessing.",
        ["strategy", "best rate", "change", "rule", "lost"],
        lines,
    )


def protocol(every: Sequence[Recorded]) -> HTML:
    """List how many runs of each kind some settings have, and their hours of training."""
    counts = [Counter(row.run.stage for row in each.rows) for each in every]
    lines = [
        [what, *(f"{count[stage]:,}" for count in counts)]
        for stage, what in _STAGES.items()
        if any(count[stage] for count in counts)
    ]
    lines.append(["in all", *(f"{len(each.rows):,}" for each in every)])
    diverged = (sum(row.diverged for row in each.rows) for each in every)
    lines.append(["ended early, because the loss was no longer finite", *map(str, diverged)])
    hours = (sum(row.seconds for row in each.rows) / 3600 for each in every)
    lines.append(["hours of training", *(f"{each:.1f}" for each in hours)])
    return _table("Recorded runs.", ["runs", *(each.setting.short for each in every)], lines)


def origins(every: Sequence[Recorded]) -> HTML:
    """List when, where, and with what code and data the runs of some settings were made."""
    rows = [row for each in every for row in each.rows]
    days = sorted({row.date[:10] for row in rows})
    lines = [["recorded", days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"]]
    for what, values in (
        ("machine", (row.machine for row in rows)),
        ("threads of a run", (row.threads for row in rows)),
        ("Python", (row.versions["python"] for row in rows)),
        ("torch", (row.versions["torch"] for row in rows)),
        ("data, with the md5 of their file", (f"{row.dataset} ({row.data_md5})" for row in rows)),
        ("commit of lrlib", (row.commit for row in rows)),
    ):
        lines.append([what, html.escape(_listed(values))])
    return _table(
        "Where the runs come from. Each recorded row names its own machine and commit.",
        ["", ""],
        lines,
    )


def _listed(values: Iterable[object]) -> str:
    return "; ".join(str(value) for value in dict.fromkeys(values))


def _table(caption: str, header: Sequence[str], lines: Iterable[Sequence[str]]) -> HTML:
    return HTML(table(caption, header, lines))
