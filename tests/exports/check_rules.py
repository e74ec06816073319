"""The finder's rules of other libraries, beside their packages: `make test-exports`.

Each package makes a test over losses that are written down, with its own smoothing, stop and cuts,
in a process of `build/exports`; what it suggests is compared with lrlib's answer.
"""

import numpy as np
import pytest
from child import ask

from lrlib.evidence import range_tests
from lrlib.finder import RangeTest

RULES = {
    "fastai": ("fastai-valley", "fastai-slide", "fastai-minimum", "fastai-steep"),
    "lightning": ("lightning",),
    "torch-lr-finder": ("torch-lr-finder",),
}


def dip(u, at):
    return np.exp(-((u - at) ** 2) / 0.01)


SHAPES = {
    "valley": lambda u: 2.3 - 1.5 / (1 + np.exp(-20 * (u - 0.5))) + np.exp(20 * (u - 0.8)),
    "lowest at the end": lambda u: 2.3 - u - u**3,
    "lowest at the start": lambda u: 1 + u**2,
    "falls late": lambda u: 2.3 - 1.5 / (1 + np.exp(-40 * (u - 0.9))),
    "flat": lambda u: 2.3 + 0 * u,
    "blows up at once": lambda u: np.exp(30 * np.maximum(u - 0.05, 0)),
    "two valleys": lambda u: 2 - dip(u, 0.3) - dip(u, 0.7),
    "falls below zero": lambda u: 1 - 2 * u,
    "below zero": lambda u: -1 - u,
}
# The last losses of a test: one that isn't finite, and more.
ENDS = {
    "nan": [np.nan],
    "many nan": [np.nan] * 60,
    "inf": [np.inf],
    "inf, then nan": [np.inf, np.nan],
}


def drawn(name, steps, noise):
    number = list(SHAPES).index(name)
    luck = np.random.default_rng([number, steps])
    return SHAPES[name](np.linspace(0, 1, steps)) + noise * luck.normal(size=steps)


def curves():
    """Yield a name, losses, and how many steps the test was to have."""
    for curve in range_tests.read():
        sweep = curve.sweep
        if sweep.seed == range_tests.SEEDS[0]:
            # After its last finite loss such a test had only others.
            lost = [np.nan] * (sweep.steps - len(curve.losses))
            yield f"{sweep.setting} {sweep.optimizer} {sweep.steps}", [*curve.losses, *lost]
    for name in SHAPES:
        for steps, noise in ((40, 0.01), (100, 0.05), (100, 0.5), (157, 0.002), (300, 0.1)):
            yield f"{name} {steps} {noise}", drawn(name, steps, noise)
        for end, values in ENDS.items():
            yield f"{name} {end}", [*drawn(name, 100 - len(values), 0.05), *values]


CURVES = {name: np.float32(losses).astype(float) for name, losses in curves()}


def theirs(library, folder):
    """What the package answers on each curve, and the rates that it tried."""
    losses = [curve.tolist() for curve in CURVES.values()]
    answers = ask("run_rules.py", library, losses, folder, OMP_NUM_THREADS="1")
    return dict(zip(CURVES, answers, strict=True))


def ours(rule, tried, losses):
    """What lrlib answers; `None` where it refuses."""
    # Where the package stopped, any rates will do: none of them may be the answer.
    rest = tried[-1] * 1.1 ** np.arange(1, len(losses) - len(tried) + 1)
    test = RangeTest([*tried, *rest], losses, "replayed", planned=len(losses))
    try:
        return test.suggest(rule)
    except ValueError:
        return None


def agree(answer, expected):
    if answer is None or expected is None:
        return answer is expected
    return answer == pytest.approx(expected, rel=1e-6)


def misreads(library, name):
    """Whether a package takes a slope that is not a number for the steepest, as lrlib doesn't."""
    return library == "torch-lr-finder" and name.endswith("many nan")


@pytest.mark.filterwarnings("ignore:the loss is lowest at")  # such curves are compared, too
@pytest.mark.parametrize("library", RULES)
def test_a_rule_answers_as_its_package(library, tmp_path):
    wrong, answers = [], []
    for name, found in theirs(library, tmp_path).items():
        if misreads(library, name):
            continue
        assert set(found["answers"]) == set(RULES[library])
        for rule, expected in found["answers"].items():
            answer = ours(rule, found["lrs"], CURVES[name])
            answers.append(expected)
            if not agree(answer, expected):
                wrong.append(f"{rule}, {name}: {answer}, the package says {expected}")
    assert not wrong, "\n".join(wrong)
    refused = sum(answer is None for answer in answers)
    assert refused > 0  # its cuts left nothing of some
    assert len(answers) - refused > 100
