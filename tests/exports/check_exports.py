"""The code of the schedule lab, run with the real packages: `make test-exports`.

For each framework one process of `build/exports` runs the texts of all schedules; their rates are
compared with the lab's curves, step for step.
"""

import json
import random
import re
from pathlib import Path

import numpy as np
import pytest
from child import ROOT, ask
from playwright.sync_api import Browser, Page

FRAMEWORKS = (
    *("torch", "torch-classes", "lrlib", "huggingface", "timm"),
    *("optax", "lightning", "fastai", "keras"),
)
SCRIPTS = ("formulas", "tools", "lab-state", "lab-python", "lab-torch", "lab-exports")
RANDOM = 60  # schedules beside the presets


@pytest.fixture(scope="module")
def tab(browser: Browser):
    page = browser.new_page()
    for name in SCRIPTS:
        page.add_script_tag(path=ROOT / "book" / "_static" / f"{name}.js")
    yield page
    page.close()


def drawn_stage(luck: random.Random, kind: str, rules: dict) -> dict:
    """A stage with values from anywhere in their ranges."""
    values: dict[str, object] = {}
    for name, rule in rules.items():
        if rule.get("span"):
            values[name] = luck.choice([f"{luck.randint(3, 60)}p", str(luck.randint(1, 90))])
        elif name == "gamma":
            values[name] = luck.choice([1, round(luck.uniform(0.97, 1), 4)])
        elif name == "shrink":
            values[name] = luck.choice([1, 0.5, 0.7])
        elif name in ("start", "end", "value"):
            ends = [1, 1, max(rule["low"], 0), "auto" if rule.get("auto") else 0.3]
            values[name] = luck.choice([*ends, round(luck.uniform(0.001, 1), 3)])
        else:
            low, high = max(rule["low"], 0), min(rule["high"], 3)
            values[name] = luck.choice([rule["initial"], round(luck.uniform(low, high), 3)])
    length = luck.choice(["rest", "rest", f"{luck.randint(5, 60)}p", str(luck.randint(1, 120))])
    return {"kind": kind, "length": length, "values": values}


def drawn(luck: random.Random, kinds: dict) -> dict:
    """A state with one curve: most begin with a warm-up, as schedules do."""
    count = luck.choice([1, 1, 2, 3])
    names = [luck.choice(list(kinds)) for _ in range(count)]
    if luck.random() < 0.5:
        names = ["warmup", *names]
    stages = [drawn_stage(luck, name, kinds[name]["values"]) for name in names]
    peak = luck.choice([0.1, 0.001, 1, round(luck.uniform(0.0001, 2), 5)])
    return state_of(luck.randint(30, 160), peak, stages)


def state_of(steps: int, peak: float, stages: list[dict]) -> dict:
    return {"run": {"steps": steps}, "log": False, "curves": [{"peak": peak, "stages": stages}]}


def from_zero(stages: list[dict]) -> list[dict]:
    """The same stages with warm-ups from zero, which Hugging Face's own names have."""
    changed = json.loads(json.dumps(stages))
    for stage in changed:
        if stage["kind"] == "warmup":
            stage["values"]["start"] = 0
    return changed


def stage(kind: str, length: str, **values: object) -> dict:
    return {"kind": kind, "length": length, "values": values}


WARM = stage("warmup", "10", start="auto")
DROPS = [stage("hold", "30", value=value) for value in (1, 0.1, 0.01)]
# What one of torch's classes does in several pieces of the lab, alone and as a part.
GATHERED = [
    [stage("restarts", "rest", first="15", growth=2, floor=0.1)],
    [stage("restarts", "rest", first="17", growth=1, floor=0)],
    [WARM, stage("restarts", "rest", first="20", growth=3, floor=0.01)],
    [stage("restarts", "70", first="15", growth=2, floor=0.1), stage("hold", "rest", value=0.05)],
    DROPS,
    [WARM, *DROPS, stage("hold", "rest", value=0.001)],
    [*DROPS, stage("linear", "rest", start=0.01, end=0)],
]
# Where a name of Hugging Face's raises the warm-up together with the floor.
FLOORED = [
    [
        stage("warmup", "10", start=0),
        stage("hold", "40", value=1),
        stage("cosine", "rest", floor=0.05),
    ],
    [
        stage("warmup", "10", start=0),
        stage("hold", "40", value=1),
        stage("linear", "rest", start=1, end=0.2),
    ],
]


@pytest.fixture(scope="module")
def states(tab: Page) -> list[dict]:
    """Every preset at two lengths and with warm-ups from zero; then schedules of a fixed seed."""
    luck = random.Random(7)
    found = []
    for name in tab.evaluate("Object.keys(lrlibLab.PRESETS)"):
        (curve,) = tab.evaluate("name => lrlibLab.preset(name)", name)["curves"]
        for steps, peak in ((100, curve["peak"]), (luck.randint(40, 160), 0.0375)):
            found.append(state_of(steps, peak, curve["stages"]))
        if "warmup" in json.dumps(curve):
            found.append(state_of(90, curve["peak"], from_zero(curve["stages"])))
    kinds = tab.evaluate("lrlibLab.KINDS")
    found += [state_of(120, 0.1, stages) for stages in [*GATHERED, *FLOORED]]
    several = [drawn(luck, kinds) for _ in range(RANDOM)]
    for state in several[::2]:
        state["curves"][0]["stages"] = from_zero(state["curves"][0]["stages"])
    return found + several


def results(
    tab: Page, states: list[dict], framework: str, folder: Path, precision: str = "double"
) -> list:
    texts = [
        {
            "text": tab.evaluate("([s, f]) => lrlibLab.code(s, f)", [state, framework]),
            "steps": state["run"]["steps"],
        }
        for state in states
    ]
    settings = {"PYTHONPATH": str(ROOT), "KERAS_BACKEND": "torch", "HF_HUB_OFFLINE": "1"}
    found = ask("run_exports.py", framework, texts, folder, precision, **settings)
    return list(zip(texts, found, strict=True))


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_code_gives_the_rates_of_the_curve(tab, states, framework, tmp_path):
    assert set(tab.evaluate("Object.keys(lrlibLab.FRAMEWORKS)")) == set(FRAMEWORKS)
    compared = 0
    for state, (given, found) in zip(
        states, results(tab, states, framework, tmp_path), strict=True
    ):
        if found is None:
            assert framework == "torch-classes", given["text"]
            assert re.fullmatch(r"(#.*\n)+", given["text"])
            continue
        expected = tab.evaluate("state => lrlibLab.rates(state)", state)
        peak = state["curves"][0]["peak"]
        where = f"{json.dumps(state)}\n{given['text']}"
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * peak, err_msg=where)
        compared += 1
    assert compared >= (30 if framework == "torch-classes" else len(states))


@pytest.mark.parametrize("framework", ["optax", "keras"])
def test_in_single_precision_the_rates_agree_to_four_digits(tab, states, framework, tmp_path):
    found = results(tab, states, framework, tmp_path, "single")
    apart = []
    for state, (given, rates) in zip(states, found, strict=True):
        expected = np.array(tab.evaluate("state => lrlibLab.rates(state)", state))
        apart.append((np.abs(np.array(rates) - expected).max() / max(expected), given["text"]))
    largest, text = max(apart)
    assert 1e-9 < largest < 1e-4, text


# What is called by a framework's own name, and not written out as a function.
NAMED = {
    "torch-classes": [
        *("SequentialLR", "CosineAnnealingLR", "OneCycleLR", "CyclicLR", "StepLR"),
        *("CosineAnnealingWarmRestarts", "MultiStepLR"),
    ],
    "huggingface": [
        '"linear"',
        '"cosine"',
        '"warmup_stable_decay"',
        '"inverse_sqrt"',
        '"constant"',
    ],
    "timm": ["CosineLRScheduler", "PolyLRScheduler", "StepLRScheduler"],
    "optax": ["cosine_decay_schedule", "join_schedules", "exponential_decay"],
    "keras": ["CosineDecay", "PolynomialDecay", "ExponentialDecay"],
}


@pytest.mark.parametrize("framework", NAMED)
def test_a_frameworks_own_names_are_among_the_texts(tab, states, framework):
    texts = [tab.evaluate("([s, f]) => lrlibLab.code(s, f)", [s, framework]) for s in states]
    for name in NAMED[framework]:
        assert any(name in text for text in texts), name


def test_torch_classes_are_not_put_together_where_one_does_it_all(tab):
    for stages in GATHERED:
        text = tab.evaluate(
            "state => lrlibLab.code(state, 'torch-classes')", state_of(120, 0.1, stages)
        )
        for name in ("CosineAnnealingLR(", "ConstantLR("):
            assert text.count(name) <= 1, text
        assert re.search(r"CosineAnnealingWarmRestarts\(|MultiStepLR\(", text), text


def test_what_only_looks_like_a_class_is_not_taken_for_it(tab):
    """Periods that grow by half, and heights that fall by different factors or start elsewhere."""
    for stages in (
        [stage("restarts", "rest", first="15", growth=1.5, floor=0.1)],
        [stage("hold", "30", value=value) for value in (1, 0.1, 0.05)],
        [stage("hold", "30", value=value) for value in (0.5, 0.05)],
        [stage("hold", "30", value=value) for value in (1, 1)],
    ):
        text = tab.evaluate(
            "state => lrlibLab.code(state, 'torch-classes')", state_of(120, 0.1, stages)
        )
        assert "WarmRestarts" not in text
        assert "MultiStepLR" not in text or text.count("ConstantLR(") == 1
