"""Lists and tables of the recorded study, as HTML. What they say comes from the record."""

import html
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from lrlib.evidence import claims, figures, study
from lrlib.evidence.claims import Claim, Verdict
from lrlib.evidence.measures import accuracy_on_test
from lrlib.evidence.rows import Row

_MARKS = {"holds": "✓", "fails": "✗", "undecided here": "?"}
_STAGES = {
    "tuning": "tuning of the peak rates",
    "main": "fresh seeds at the tuned rates",
    "swap": "at another strategy's tuned rate",
    "edge": "the edge with and without warm-up",
    "finder": "at the finder's suggestion",
    "decay": "other weight decays",
}


def verdicts(record: Sequence[Row], chapter: str) -> str:
    """List the chapter's claims, each with its verdict, interval and n."""
    chosen = [claim for claim in claims.read() if claim.chapter == chapter]
    if not chosen:
        raise ValueError(f"there are no claims for the chapter {chapter!r}; see claims.yml")
    items = "".join(_item(claim, claims.judge(claim, record)) for claim in chosen)
    return f'<ul class="lrlib-claims">{items}</ul>'


def _item(claim: Claim, verdict: Verdict) -> str:
    return (
        f'<li class="lrlib-claim {_class(verdict)}" id="claim-{claim.id}">'
        f"<p>{html.escape(claim.claim)}</p>"
        f"<p>{_word(verdict)}: {html.escape(sentence(claim, verdict))} "
        f"Source of the claim: {html.escape(claim.source)}.</p></li>"
    )


def advice(record: Sequence[Row], name: str, words: dict[str, str]) -> str:
    """Show the advice that belongs to a claim's verdict, and the evidence below it."""
    claim = next((claim for claim in claims.read() if claim.id == name), None)
    if claim is None:
        raise ValueError(f"there is no claim {name!r}; see claims.yml")
    verdict = claims.judge(claim, record)
    link = f'<a href="../notebooks/{claim.chapter}.html#claim-{claim.id}">{claim.chapter[:2]}</a>'
    return (
        f'<div class="lrlib-advice {_class(verdict)}"><p>{html.escape(words[verdict.word])}</p>'
        f"<p>“{html.escape(claim.claim)}” {_word(verdict)}: "
        f"{html.escape(sentence(claim, verdict))} Chapter {link}.</p></div>"
    )


def every_claim(record: Sequence[Row]) -> str:
    """List all claims with their verdicts, and how many there are of each."""
    judged = [(claim, claims.judge(claim, record)) for claim in claims.read()]
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
            f"{_signed(verdict.mean)} ({_signed(verdict.low)} to {_signed(verdict.high)}) "
            f"{verdict.unit}",
            str(verdict.pairs),
        ]
        for claim, verdict in judged
    ]
    header = ["claim", "verdict", "mean difference (95 % interval)", "n"]
    return _table(f"{len(judged)} claims: {found}.", header, lines)


def second_look(record: Sequence[Row]) -> str:
    """List the claims whose verdict is another with the first seeds alone."""
    later = set(study.SEEDS) - set(study.FIRST_SEEDS)
    first = [row for row in record if row.run.stage == "finder" or row.run.seed not in later]
    lines = []
    for claim in claims.read():
        before, now = claims.judge(claim, first), claims.judge(claim, record)
        if before.word != now.word:
            lines.append([html.escape(claim.claim), _judged(before), _judged(now)])
    header = ["claim", f"with {len(study.FIRST_SEEDS)} seeds", f"with {len(study.SEEDS)}"]
    return _table(f"{len(lines)} verdicts turned with more seeds.", header, lines)


def _judged(verdict: Verdict) -> str:
    return f"{_word(verdict)}: {_signed(verdict.low)} to {_signed(verdict.high)} {verdict.unit}"


def accuracies(record: Sequence[Row], budget: str) -> str:
    """List the strategies by test accuracy, with the tuned rate and how exact it must be."""
    lines = []
    for variant, shown in study.VARIANTS.items():
        runs = figures.main_runs(record, variant, budget)
        found = accuracy_on_test(record, variant, budget)
        mean, low, high = claims.interval([*found.values()])
        near = figures.near_best(record, variant, budget)
        line = [
            html.escape(shown.label),
            f"{mean:.1f} % ({low:.1f} to {high:.1f})",
            f"{runs[0].lr:.3g}",
            f"{near[0]:.3g} to {near[-1]:.3g}" if len(near) > 1 else f"{near[0]:.3g}",
        ]
        lines.append((mean, line))
    header = ["strategy", "test accuracy (95 % interval)", "tuned peak rate", "within 1 point"]
    seeds = len(study.SEEDS)
    return _table(
        f"{figures.setting(budget)}, {seeds} seeds at the tuned rate.",
        header,
        [line for _, line in sorted(lines, reverse=True)],
    )


def decays(record: Sequence[Row]) -> str:
    """List the test accuracies of the side check of weight decay."""
    lines = []
    for variant in study.DECAY_VARIANTS:
        for decay in sorted({study.WEIGHT_DECAY, *study.WEIGHT_DECAYS}):
            found = accuracy_on_test(record, variant, "long", decay)
            if len(found) < len(study.SEEDS):
                raise ValueError(
                    f"the record has {len(found)} runs of {variant!r} at the weight decay {decay}; "
                    "run `make record`"
                )
            mean, low, high = claims.interval([*found.values()])
            label = html.escape(study.VARIANTS[variant].label)
            lines.append([label, f"{decay:g}", f"{mean:.1f} % ({low:.1f} to {high:.1f})"])
    header = ["strategy", "weight decay", "test accuracy (95 % interval)"]
    return _table(f"{figures.setting('long')}, {len(study.SEEDS)} seeds.", header, lines)


def protocol(record: Sequence[Row]) -> str:
    """Say how many runs there are of each kind, and on which machines they were made."""
    counts = Counter(row.run.stage for row in record)
    lines = [[what, f"{counts[stage]:,}"] for stage, what in _STAGES.items()]
    lines.append(["together", f"{len(record):,}"])
    diverged = sum(row.diverged for row in record)
    lines.append(["of them ended early, since the loss was not finite", str(diverged)])
    lines.append(["hours of training", f"{sum(row.seconds for row in record) / 3600:.1f}"])
    days = sorted({row.date[:10] for row in record})
    lines.append(["from, to", f"{days[0]}, {days[-1]}"])
    for what, values in (
        ("machine", (row.machine for row in record)),
        ("threads of a run", (row.threads for row in record)),
        ("Python", (row.versions["python"] for row in record)),
        ("torch", (row.versions["torch"] for row in record)),
        ("data set", (row.dataset for row in record)),
        ("md5 of its archive", (row.data_md5 for row in record)),
        ("commit of lrlib", (row.commit for row in record)),
    ):
        lines.append([what, html.escape(_listed(values))])
    return _table("What the record holds.", ["", ""], lines)


def _listed(values: Iterable[object]) -> str:
    return ", ".join(str(value) for value in dict.fromkeys(values))


def _table(caption: str, header: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    heads = "".join(f'<th scope="col">{cell}</th>' for cell in header) if any(header) else ""
    body = "".join(
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in rest)}</tr>'
        for first, *rest in lines
    )
    head = f"<thead><tr>{heads}</tr></thead>" if heads else ""
    return (
        f'<div class="lrlib-table" tabindex="0" role="region" aria-label="{html.escape(caption)}">'
        f'<table class="table"><caption>{html.escape(caption)}</caption>'
        f"{head}<tbody>{body}</tbody></table></div>"
    )


def _word(verdict: Verdict) -> str:
    mark = _MARKS[verdict.word]
    return f'<strong><span aria-hidden="true">{mark}</span> {verdict.word}</strong>'


def _class(verdict: Verdict) -> str:
    return f"lrlib-{verdict.word.replace(' ', '-')}"


def sentence(claim: Claim, verdict: Verdict) -> str:
    """Say what was measured: the mean difference, its interval, n and what the claim expects."""
    words, threshold = claim.expect
    unit = f" {verdict.unit}" if verdict.unit else ""
    one = unit.removesuffix("s") if abs(threshold) == 1 else unit
    border = f"{threshold:g}{one}".replace("-", "−")
    return (
        f"{claim.measure}, {_side(claim.left)}{_compared(claim.right)}: {_signed(verdict.mean)}"
        f"{unit} (95 % interval {_signed(verdict.low)} to {_signed(verdict.high)}, "
        f"n = {verdict.pairs}); the claim says {words} {border}."
    )


def _compared(right: object) -> str:
    if isinstance(right, dict):
        return f" minus {_side(right)}"
    return "" if right == 0 else f", compared with {right:g}".replace("-", "−")


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _side(side: dict[str, Any]) -> str:
    rest = ", ".join(
        f"{study.EPOCHS[value]} epochs" if name == "budget" else f"{name.replace('_', ' ')} {value}"
        for name, value in side.items()
        if name != "variant"
    )
    label = study.VARIANTS[side["variant"]].label
    return f"{label} ({rest})" if rest else label
