"""The race: its gradients and updates are torch's, its rates lrlib's, and it obeys its reader.

The page is made from the cells of `book/race.md`, without the site around it.
"""

import itertools
import json
import re
from statistics import mean

import numpy as np
import pytest
import race_start
import torch
from alone import (
    FRAME,
    STATIC,
    address_of,
    follow,
    opener,
    rests_without_scripts,
    shown_by,
)
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from sphinx.application import Sphinx

from lrlib import schedules
from lrlib.evidence.strategies import STRATEGIES
from lrlib.finder import RangeTest

SCRIPTS = ("formulas", "race-network", "race-schedules", "race-run")
LANES = 8
DECAYS = ("Step decay", "Exponential", "Cosine", "Cyclical", "Warm-up + cosine", "Finder")


@pytest.fixture(scope="module")
def tab(browser: Browser):
    """A page that has the race's scripts and shows nothing."""
    page = browser.new_page()
    for name in SCRIPTS:
        page.add_script_tag(path=STATIC / f"{name}.js")
    yield page
    page.close()


# Gradients and updates


def of_torch(sizes: list[int], parameters: list[float]) -> torch.nn.Sequential:
    """The network in torch, with the weights of an array as the script has it."""
    layers: list[torch.nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [torch.nn.Linear(inputs, outputs, dtype=torch.float64), torch.nn.Tanh()]
    net = torch.nn.Sequential(*layers[:-1])
    torch.nn.utils.vector_to_parameters(
        torch.tensor(parameters, dtype=torch.float64), net.parameters()
    )
    return net


@pytest.mark.parametrize("sizes", [[2, 1], [2, 5, 1], [2, 16, 16, 1]])
def test_gradients_are_those_of_torch(tab, sizes):
    made = tab.evaluate(
        """sizes => {
            const { random, spirals, firstWeights, network } = lrlibNetwork;
            const uniform = random(7);
            const points = spirals(40, uniform, lrlibRace.SPIRALS);
            const parameters = firstWeights(sizes, uniform).map((w) => w + 0.3 * (uniform() - 0.5));
            const gradient = new Float64Array(parameters.length).fill(9);
            const chosen = [3, 5, 8, 8, 21, 34];
            const net = network(sizes);
            const loss = net.gradientOf(parameters, points, chosen, gradient);
            const judged = net.judge(parameters, points);
            return { loss, judged, chosen, x: [...points.x], y: [...points.y],
                     parameters: [...parameters], gradient: [...gradient] };
        }""",
        sizes,
    )
    net = of_torch(sizes, made["parameters"])
    x = torch.tensor(made["x"], dtype=torch.float64).reshape(-1, 2)
    y = torch.tensor(made["y"], dtype=torch.float64)
    chosen = made["chosen"]
    loss_of = torch.nn.functional.binary_cross_entropy_with_logits
    loss = loss_of(net(x[chosen])[:, 0], y[chosen])
    loss.backward()
    gradient = torch.cat([p.grad.flatten() for p in net.parameters()])
    np.testing.assert_allclose(made["loss"], loss.item(), rtol=1e-9)
    np.testing.assert_allclose(made["gradient"], gradient.numpy(), rtol=1e-5, atol=1e-9)
    whole = net(x)[:, 0]
    np.testing.assert_allclose(made["judged"]["loss"], loss_of(whole, y).item(), rtol=1e-9)
    assert made["judged"]["accuracy"] == ((whole > 0) == (y > 0.5)).double().mean().item()


def sgd(weights: torch.Tensor, lr: float) -> torch.optim.Optimizer:
    return torch.optim.SGD([weights], lr=lr, momentum=0.9, nesterov=True)


def adam(weights: torch.Tensor, lr: float) -> torch.optim.Optimizer:
    return torch.optim.Adam([weights], lr=lr)


@pytest.mark.parametrize("make", [sgd, adam])
def test_updates_are_those_of_torch(tab, make):
    generator = np.random.default_rng(0)
    gradients = generator.normal(size=(60, 5)) * [1e-6, 1e-2, 1, 10, 0]
    rates = generator.uniform(0.01, 0.3, 60)
    theirs = tab.evaluate(
        """([name, gradients, rates]) => {
            const update = lrlibNetwork[name](5);
            const parameters = new Float64Array(5).fill(1);
            return gradients.map((gradient, k) => {
                update(parameters, gradient, rates[k]);
                return [...parameters];
            });
        }""",
        [make.__name__, gradients.tolist(), rates.tolist()],
    )
    weights = torch.ones(5, dtype=torch.float64, requires_grad=True)
    optimizer = make(weights, 0.1)
    for gradient, rate, now in zip(gradients, rates, theirs, strict=True):
        optimizer.param_groups[0]["lr"] = rate
        weights.grad = torch.tensor(gradient)
        optimizer.step()
        np.testing.assert_allclose(now, weights.detach().numpy(), rtol=1e-9, atol=1e-12)


# Rates


def test_rates_are_those_of_the_study_step_for_step(tab):
    """Also those that the runs are given, which are multiples of the peak."""
    steps = tab.evaluate("lrlibRace.STEPS")
    told = tab.evaluate(
        """() => {
            const race = lrlibRace.race(1, 0.3);
            const rates = race.lanes.map(() => []);
            for (let step = 0; step < lrlibRace.STEPS; step += 1) {
                race.step = step;
                race.lanes.forEach((lane, k) => rates[k].push(race.rate(lane)));
            }
            const about = ({ study, optimizer = null, finds = null, share = null }) =>
                ({ study, optimizer, finds, share });
            return { rates, lanes: race.lanes.map(about), found: race.test.found };
        }"""
    )
    assert len(told["lanes"]) == LANES
    for lane, rates in zip(told["lanes"], told["rates"], strict=True):
        strategy = STRATEGIES[lane["study"]]
        peak = told["found"] if lane["finds"] else 0.3 * (lane["share"] or 1)
        ours = schedules.lr_curve(strategy.schedule(steps), steps, peak_lr=peak)
        np.testing.assert_allclose(rates, ours, rtol=1e-9, atol=1e-12)
        assert strategy.optimizer.lower() == (lane["optimizer"] or "sgd")


def test_the_finder_reads_what_the_books_finder_reads(tab):
    steps = tab.evaluate("lrlibRace.STEPS")
    for seed in range(1, 7):
        test = tab.evaluate("seed => lrlibRace.prepare(seed).test", seed)
        ours = RangeTest(test["rates"], test["losses"], "ended", planned=300)
        expected = ours.suggest(run_steps=steps, decaying=True)
        assert test["found"] == pytest.approx(expected, rel=1e-9)


def test_the_finder_says_when_there_is_nothing_to_read(tab):
    generator = np.random.default_rng(0)
    rates, losses = np.geomspace(0.001, 10, 300), generator.normal(0.7, 0.1, 300)
    with pytest.raises(ValueError, match="noise"):
        RangeTest(rates, losses, "ended").suggest()
    found = tab.evaluate(
        "([rates, losses]) => lrlibRaceSchedules.suggest(rates, losses, 1500)",
        [rates.tolist(), losses.tolist()],
    )
    assert found is None


# Runs

TRACE = """([seed, peak, steps]) => {
    const race = lrlibRace.race(seed, peak);
    for (let k = 0; k < steps; k += 1) race.advance();
    race.judgeAll();
    return JSON.stringify(race.lanes.map(({ parameters, history }) => [[...parameters], history]));
}"""


def test_a_seed_decides_the_race(tab):
    once, again, other = (tab.evaluate(TRACE, [seed, 0.1, 60]) for seed in (3, 3, 4))
    assert once == again
    assert once != other
    assert tab.evaluate(TRACE, [3, 0.2, 60]) != once
    # Also after another race of the seed.
    assert tab.evaluate(TRACE, [3, 0.1, 60]) == once


def test_all_begin_with_the_same_weights_and_with_two_spirals(tab):
    told = tab.evaluate(
        """() => {
            const { lanes, points, fresh } = lrlibRace.race(5, 0.1);
            return { first: lanes.map(({ parameters }) => [...parameters]),
                     ones: [points, fresh].map(({ y }) => [...y].filter((one) => one).length),
                     same: points.x.some((x) => fresh.x.includes(x)) };
        }"""
    )
    assert all(first == told["first"][0] for first in told["first"])
    assert 450 <= told["ones"][0] <= 550
    assert 200 <= told["ones"][1] <= 300
    assert not told["same"], "a point to judge with is one to learn from"


ENDS = """([seed, peak]) => {
    const race = lrlibRace.race(seed, peak);
    const begun = race.lanes[0].loss;
    while (!race.done()) race.advance();
    return race.lanes.map(({ name, loss, blown }) => ({ name, loss, blown, begun }));
}"""


@pytest.fixture(scope="module")
def ends(tab) -> dict[float, dict[str, float]]:
    """The mean of the last losses of ten seeds, for each peak and strategy."""
    found = {}
    for peak in (0.05, 0.1, 0.2):
        runs = [run for seed in range(1, 11) for run in tab.evaluate(ENDS, [seed, peak])]
        assert [run for run in runs if run["blown"] is not None] == []
        assert mean(run["loss"] for run in runs) < 0.6 * mean(run["begun"] for run in runs)
        names = {run["name"] for run in runs}
        found[peak] = {n: mean(r["loss"] for r in runs if r["name"] == n) for n in names}
    return found


def test_a_decay_beats_a_fixed_rate_as_in_the_study(ends):
    best = {name: min(means[name] for means in ends.values()) for name in ends[0.1]}
    for name in DECAYS:
        assert ends[0.1][name] < ends[0.1]["Fixed"] - 0.005, ends
        assert ends[0.2][name] < ends[0.2]["Fixed"] - 0.05, ends
        assert best[name] < best["Fixed"] - 0.005, ends


def test_which_decay_is_best_cannot_be_told(ends):
    """Each at its best peak: the gaps are smaller than a loss's spread over seeds, some 0.04."""
    best = [min(means[name] for means in ends.values()) for name in DECAYS]
    assert max(best) - min(best) < 0.03, ends


def test_a_decay_wants_a_higher_peak_than_a_fixed_rate(ends):
    assert min(ends, key=lambda peak: ends[peak]["Fixed"]) == 0.05
    for name in set(DECAYS) - {"Finder"}:
        assert ends[0.05][name] > ends[0.05]["Fixed"] - 0.02, ends
        assert min(ends, key=lambda peak: ends[peak][name]) > 0.05, ends


def test_a_warm_up_gains_nothing_in_the_toy_as_the_page_says(ends):
    for peak in (0.1, 0.2):
        assert abs(ends[peak]["Cosine"] - ends[peak]["Warm-up + cosine"]) < 0.03, ends


# The page


address = address_of("race", "The race")
# Where motion isn't wanted the race waits to be started: a test decides how many steps it makes.
race = opener("#race[data-ready]", reduced_motion="reduce")


def place(page: Page, name: str):
    return page.locator(f"[data-race={name}]")


def make_steps(page: Page, tens: int) -> None:
    place(page, "advance").evaluate(f"e => {{ for (let k = 0; k < {tens}; k += 1) e.click(); }}")


def says(page: Page) -> list[str]:
    return page.locator(".race-says").all_inner_texts()


def table(page: Page) -> list[list[str]]:
    rows = page.locator(".race-table tbody tr").all()
    return [row.locator("th, td").all_inner_texts() for row in rows]


def surfaces(page: Page) -> list[str]:
    return page.locator(".race-lanes canvas").evaluate_all("all => all.map(c => c.toDataURL())")


def test_the_page_shows_what_the_race_computes(race, tab):
    page = race("#peak=0.2&seed=3")
    before = surfaces(page)
    assert len(set(before)) == 1, "the same weights, the same surface"
    make_steps(page, 6)
    after = surfaces(page)
    assert after[0] == after[1], "step decay is a fixed rate until its first drop"
    assert len(set(after)) == LANES - 1
    assert not set(before) & set(after)
    runs = json.loads(tab.evaluate(TRACE, [3, 0.2, 60]))
    for row, (_, history) in zip(table(page), runs, strict=True):
        assert row[1] == str(history["steps"][-1])
        assert row[2] == f"{history['losses'][-1]:.3f}"
    assert place(page, "step").inner_text() == "Step 60 of 1,500"
    fixed, step = table(page)[:2]
    assert fixed[1:] == step[1:], "until its first drop"
    lines = page.locator(".race-figures svg").first.locator("path[stroke-dasharray]")
    assert lines.count() >= LANES


def test_a_run_that_blows_up_says_so_and_reset_recovers(race):
    page = race("#peak=5&seed=1")
    make_steps(page, 8)
    told = place(page, "told").inner_text()
    assert "Blew up: " in told
    assert "Fixed at step " in told
    assert says(page)[0].startswith("blew up at step ")
    assert table(page)[0][4] == "blew up"
    assert page.locator(".race-blown").count() >= 3
    assert "blew" not in says(page)[-1], "the finder has a peak of its own"
    stopped = surfaces(page)[0]
    make_steps(page, 2)
    assert surfaces(page)[0] == stopped, "a run that has blown up rests"
    type_peak(page, "0.1")
    assert page.locator(".race-blown").count() >= 3, "a lower peak alone recovers nothing"
    place(page, "reset").click()
    assert page.locator(".race-blown").count() == 0
    assert "Blew up" not in place(page, "told").inner_text()
    make_steps(page, 20)
    fresh = race("#peak=0.1&seed=1")
    make_steps(fresh, 20)
    assert table(page) == table(fresh)


def type_peak(page: Page, text: str) -> None:
    field = page.get_by_label("as a number")
    field.fill(text)
    field.press("Enter")


def test_a_peak_is_taken_once_it_is_typed_and_not_with_its_first_digit(race):
    page = race("#peak=0.1&seed=1")
    make_steps(page, 2)
    field = page.get_by_label("as a number")
    field.press("ControlOrMeta+a")
    field.press_sequentially("5")
    field.press("Backspace")
    field.press_sequentially("0.05")
    assert "moved" not in place(page, "told").inner_text()
    field.press("Enter")
    page.wait_for_function("location.hash === '#peak=0.05&seed=1'")


def test_the_peak_can_be_pulled_while_the_race_runs(race):
    page = race("#peak=0.1&seed=1")
    make_steps(page, 2)
    place(page, "peak").evaluate("e => { e.value = 8; e.dispatchEvent(new Event('input')); }")
    assert page.get_by_label("as a number").input_value() == "5"
    make_steps(page, 8)
    assert says(page)[0].startswith("blew up at step ")
    assert "The peak was moved on the way." in place(page, "told").inner_text()
    page.wait_for_function("location.hash === '#peak=5&seed=1'")  # once nothing changes


def test_a_race_ends_and_can_be_run_again(race):
    page = race("#peak=0.1&seed=2&show=fixed,cosine")
    make_steps(page, 150)
    assert place(page, "step").inner_text() == "Step 1,500 of 1,500"
    assert place(page, "play").inner_text() == "Run again"
    assert place(page, "advance").is_disabled()
    ended = table(page)
    assert mean(float(row[2]) for row in ended) < 0.4, "the loss falls, from 0.75"
    type_peak(page, "1")
    assert table(page) == ended
    assert "Peak rate 0.1," in place(page, "told").inner_text(), "it had another peak"
    place(page, "play").click()
    expect(place(page, "play")).to_have_text("Pause")
    place(page, "play").click()
    assert "Peak rate 1," in place(page, "told").inner_text()


@pytest.mark.parametrize("state", ["#", "#peak=x&seed=", "#peak=-1&seed=1e9", "#seed=%", "#abc"])
def test_a_broken_address_still_opens(race, state):
    page = race(state)
    make_steps(page, 1)
    assert place(page, "step").inner_text() == "Step 10 of 1,500"


REFUSED = {
    "#peak=0": "peak: “0” is too low: this takes a number from 0.001 to 10.",
    "#seed=1.5": "seed: “1.5” isn’t whole",
    "#chapter=09-none": "“09-none” is none of 01-fixed, 02-step-decay",
    "#show=fixed,none": "“none” is none of fixed, step, exponential",
}


@pytest.mark.parametrize("state", REFUSED)
def test_what_an_address_holds_and_the_race_cannot_take_is_named(race, state):
    page = race(state)
    assert REFUSED[state] in place(page, "notice").inner_text()
    type_peak(page, "0.3")
    assert place(page, "notice").inner_text() == ""


@pytest.mark.parametrize("text", ["", "0", "0,1", "1e12", "1.5"])
@pytest.mark.parametrize("label", ["Seed", "as a number"])
def test_a_number_that_cannot_be_taken_is_named_and_changes_nothing(race, label, text):
    if (label, text) == ("as a number", "1.5"):
        return  # a peak
    page = race("#peak=0.1&seed=3")
    make_steps(page, 4)
    before = table(page)
    field = page.get_by_label(label)
    field.fill(text)
    field.press("Enter")
    said = field.locator("xpath=..").locator(".tool-refused")
    assert said.inner_text().endswith(f"It stays at {3 if label == 'Seed' else 0.1}.")
    assert field.input_value() == text
    assert table(page) == before, "the race goes on as it was"
    assert "Peak rate 0.1, seed 3." in place(page, "told").inner_text()
    field.fill("2")
    field.press("Enter")
    assert said.inner_text() == ""


def test_an_address_says_who_takes_part(race, tab):
    page = race("#peak=0.1&seed=3&show=cosine,fixed")
    make_steps(page, 6)
    assert [row[0] for row in table(page)] == ["Fixed", "Cosine"]
    assert page.locator(".race-lanes canvas").count() == 2
    # Each runs as it does beside the others.
    every = dict(
        zip(
            tab.evaluate("lrlibRaceSchedules.STRATEGIES.map(({ name }) => name)"),
            json.loads(tab.evaluate(TRACE, [3, 0.1, 60])),
            strict=True,
        )
    )
    for row in table(page):
        assert row[2] == f"{every[row[0]][1]['losses'][-1]:.3f}"
    page.get_by_text("Who takes part").first.click()
    page.get_by_role("checkbox", name="Adam").check()
    assert len(table(page)) == 3
    page.wait_for_function("location.hash === '#peak=0.1&seed=3&show=fixed,cosine,adam'")
    page.get_by_role("checkbox", name="Adam").uncheck()
    page.get_by_role("checkbox", name="Fixed").uncheck()
    last = page.get_by_role("checkbox", name="Cosine", exact=True)
    assert last.is_disabled(), "one is always left"


def test_a_suggestion_of_the_page_sets_the_race(race, address):
    page = race()
    page.goto(f"{address}race.html")
    page.locator("#race[data-ready]").wait_for()
    links = page.locator("ol a")
    assert links.count() == 3
    for k in range(3):
        links.nth(k).click()
        state = links.nth(k).get_attribute("href").split("#")[1]
        peak, seed = (part.split("=")[1] for part in state.split("&"))
        expect(page.get_by_label("as a number")).to_have_value(peak)
        expect(page.get_by_label("Seed")).to_have_value(seed)
        make_steps(page, 1)
        links.nth(k).click()  # the same address once more begins once more
        expect(place(page, "step")).to_have_text("Step 0 of 1,500")


def marked(page: Page) -> list[str]:
    return page.locator(".race-lanes [data-marked], .race-table [data-marked] th").evaluate_all(
        "all => all.map((e) => (e.querySelector('strong') ?? e).textContent)"
    )


@pytest.mark.parametrize(
    ("chapter", "name"), [("04-cosine-annealing", "Cosine"), ("08-lr-finder", "Finder")]
)
def test_a_chapter_opens_the_race_with_its_own_strategy_marked(race, chapter, name):
    page = race(f"#chapter={chapter}")
    make_steps(page, 6)
    assert marked(page) == [name, name]
    assert f"Marked: {name} (loss " in place(page, "told").inner_text()
    groups = page.locator(".race-figures svg").first.locator("g[stroke]")
    lines = groups.evaluate_all(
        "all => all.map((e) => [+e.style.strokeWidth, e.getAttribute('stroke')])"
    )
    widest, next_one = sorted(lines, reverse=True)[:2]
    assert widest[0] > next_one[0]
    colour = page.locator(".race-lanes [data-marked] strong").get_attribute("style")
    assert widest[1] in colour, "the line of the marked strategy"
    place(page, "peak").press("ArrowRight")
    page.wait_for_function(f"location.hash === '#peak=0.5&seed=1&chapter={chapter}'")


def test_a_chapter_that_is_none_marks_nothing(race):
    page = race("#peak=0.1&chapter=09-none")
    make_steps(page, 1)
    assert marked(page) == []
    assert "Marked" not in place(page, "told").inner_text()


# When it runs

RUNS = "#race[data-running=true]"
RESTS = "#race[data-running=false]"


def step_of(page: Page) -> int:
    return int(place(page, "step").inner_text().split()[1].replace(",", ""))


def test_it_runs_where_it_is_seen_and_only_there(race):
    page = race(reduced_motion="no-preference")
    page.evaluate("document.body.style.paddingBottom = '300vh'")
    page.locator(RUNS).wait_for()
    expect(place(page, "step")).not_to_have_text("Step 0 of 1,500")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.locator(RESTS).wait_for(state="attached")
    # No frame is asked for: two later, no step was made.
    told = "() => document.querySelectorAll('.race-lanes canvas')[0].getAttribute('aria-label')"
    frames = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    page.evaluate(frames)
    before = (surfaces(page), page.evaluate(told))
    page.evaluate(frames)
    assert (surfaces(page), page.evaluate(told)) == before
    page.evaluate("scrollTo(0, 0)")
    page.locator(RUNS).wait_for()


def test_it_does_not_run_for_an_edge_and_play_brings_the_surfaces_into_view(race):
    page = race(viewport={"width": 390, "height": 664}, reduced_motion="no-preference")
    page.evaluate(
        """() => {
            const { top } = document.querySelector(".race-lanes").getBoundingClientRect();
            document.body.style.paddingTop = `${innerHeight - 1 - top - scrollY}px`;
            scrollTo(0, 0);
        }"""
    )
    page.locator(RESTS).wait_for()
    assert place(page, "play").inner_text() == "Play"
    place(page, "play").dispatch_event("click")
    page.locator(RUNS).wait_for()
    assert place(page, "play").inner_text() == "Pause"


def test_a_link_to_a_place_of_the_page_leaves_the_race(race):
    page = race("#peak=1&seed=5&show=fixed,cosine")
    make_steps(page, 3)
    follow(page, "what-you-see")
    assert step_of(page) == 30
    assert place(page, "number").input_value() == "1"
    assert page.locator(".race-lanes canvas").count() == 2


def test_it_pauses_when_the_reader_asks_for_less_motion(race):
    page = race(reduced_motion="no-preference")
    page.locator(RUNS).wait_for()
    page.emulate_media(reduced_motion="reduce")
    page.locator(RESTS).wait_for()
    assert place(page, "play").inner_text() == "Play"


def test_what_changes_while_it_starts_is_seen(race):
    """Each piece of the start is made by hand: what a reader does falls between two of them."""
    page = race("#peak=0.2&seed=1")
    page.add_init_script(
        """(() => {
            let now = 0;
            window.waiting = [];
            performance.now = () => (now += 1000);
            const wait = window.setTimeout;
            window.setTimeout = (work, after, ...given) => after
                ? wait(work, after, ...given) : waiting.push(() => work(...given));
        })()"""
    )
    page.reload()
    go_on = "() => { while (!document.querySelector('.race-lanes li')) waiting.shift()(); }"
    page.evaluate(go_on)
    page.locator("summary", has_text="Who takes part").click()
    for name in ("Step decay", "Exponential", "Cosine", "Cyclical", "Adam"):
        page.get_by_role("checkbox", name=name, exact=True).uncheck()
    page.evaluate("() => { while (waiting.length) waiting.shift()(); }")
    page.locator("#race[data-ready]").wait_for()
    assert page.locator(".race-lanes canvas").count() == 3
    make_steps(page, 1)
    assert step_of(page) == 10


def test_it_rests_in_a_tab_that_is_hidden(race):
    page = race(reduced_motion="no-preference")
    page.locator(RUNS).wait_for()
    hide = """hidden => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(hide, True)
    page.locator(RESTS).wait_for()
    page.evaluate(hide, False)
    page.locator(RUNS).wait_for()


def test_where_motion_is_not_wanted_it_waits_for_play(race):
    page = race()
    assert page.locator(RESTS).count() == 1
    assert place(page, "play").inner_text() == "Play"
    assert step_of(page) == 0
    place(page, "play").click()
    page.locator(RUNS).wait_for()
    expect(place(page, "step")).not_to_have_text("Step 0 of 1,500")
    place(page, "play").click()
    page.locator(RESTS).wait_for()
    assert step_of(page) > 0
    compared_at_one_step(page)
    place(page, "advance").click()
    compared_at_one_step(page)


def compared_at_one_step(page: Page) -> None:
    """While a race runs its networks are judged in turn; where it stands, all at once."""
    assert f" At step {step_of(page)}" in place(page, "told").inner_text()
    assert {row[1] for row in table(page)} == {str(step_of(page))}


def test_runs_that_are_the_same_are_named_together(race):
    """The peak is one at which Fixed, and with it step decay, soon has the highest loss."""
    page = race("#peak=0.5&seed=1&show=fixed,step,adam")
    make_steps(page, 30)
    told = place(page, "told").inner_text()
    assert "Fixed and Step decay (loss " in told
    assert "; the highest: " in told


def test_a_sentence_does_not_break_before_a_percent_sign(race):
    page = race("#peak=0.2&seed=1")
    make_steps(page, 1)
    told = place(page, "told").text_content()
    assert "\u00a0% right" in told
    assert " %" not in told


def test_before_the_start_the_rates_are_planned_and_the_losses_are_asked_for(race):
    page = race("#peak=0.2&seed=1")
    planned = page.locator("[data-race=rates] .race-planned path")
    assert planned.count() == LANES
    assert all(
        d.count("L") > 100
        for d in planned.evaluate_all("all => all.map(e => e.attributes.d.value)")
    )
    losses = page.locator("[data-race=losses] svg")
    assert losses.get_by_text("Press Play").is_visible()
    assert not losses.get_by_text("Exponential").is_visible(), "no line is there to be named"
    make_steps(page, 75)
    assert losses.get_by_text("Press Play").count() == 0
    assert losses.get_by_text("Exponential").is_visible()
    ends = planned.evaluate_all("all => all.map(e => e.attributes.d.value.split('L').length)")
    assert set(ends) == {76}, "what is still to come"
    make_steps(page, 75)
    assert page.locator("[data-race=rates]").get_by_text("Exponential").is_visible()


def test_a_frame_makes_few_steps_and_one_picture(race):
    """Counted, since a test knows no time: exponentials, surfaces and figures of a frame."""
    page = race("#peak=0.1&seed=1", reduced_motion="no-preference")
    page.evaluate(
        """() => {
            const { exp } = Math;
            const ask = requestAnimationFrame.bind(window);
            const put = CanvasRenderingContext2D.prototype.putImageData;
            const replace = Element.prototype.replaceChildren;
            const zero = () => ({ exp: 0, surfaces: 0, figures: 0 });
            let now = zero();
            window.frames_seen = [];
            Math.exp = (x) => { now.exp += 1; return exp(x); };
            CanvasRenderingContext2D.prototype.putImageData = function (...all) {
                now.surfaces += 1; return put.apply(this, all); };
            Element.prototype.replaceChildren = function (...all) {
                now.figures += 1; return replace.apply(this, all); };
            window.requestAnimationFrame = (work) => ask((time) => {
                now = zero(); work(time); window.frames_seen.push(now); });
        }"""
    )
    page.wait_for_function(
        """() => ["figures", "surfaces"].every(
            (kind) => frames_seen.filter((frame) => frame[kind]).length > 4)"""
    )
    place(page, "play").click()  # a pause draws everything
    sizes = tab_sizes(page)
    seen = page.evaluate("frames_seen.slice(0, -1)")
    most = 4 * (LANES * sizes["batch"] + 2 * sizes["judged"]) * sizes["exponentials"]
    most += sizes["grid"] ** 2 * sizes["exponentials"]
    assert max(each["exp"] for each in seen) <= most
    assert {each["surfaces"] + each["figures"] for each in seen} <= {0, 1}


def test_the_race_starts_in_pieces_that_let_a_slow_phone_scroll(race):
    """Counted as well: where each look at the clock says that time is up, a piece is one drawing,
    one step of the range test, or the first judgement of all runs."""
    page = race("#seed=2")
    page.add_init_script(
        """(() => {
            const { exp } = Math;
            const wait = window.setTimeout;
            let [now, count] = [0, 0];
            window.pieces = [];
            performance.now = () => (now += 1000);
            Math.exp = (x) => { count += 1; return exp(x); };
            window.setTimeout = (work, after, ...given) => wait(() => {
                count = 0; work(...given); pieces.push(count); }, after);
        })()"""
    )
    page.reload()
    page.locator("#race[data-ready]").wait_for()
    seen, sizes = page.evaluate("pieces"), tab_sizes(page)
    assert max(seen) <= LANES * sizes["judged"] * sizes["exponentials"]
    assert len([count for count in seen if count]) > 100


def tab_sizes(page: Page) -> dict[str, int]:
    """What a step and a surface are made of. A step judges at most two networks.

    A point takes an exponential for each unit, one for its loss, and one for the loss's slope.
    """
    return page.evaluate(
        """() => ({ batch: lrlibRace.BATCH, grid: lrlibRaceDrawing.GRID,
                    judged: lrlibRace.prepare(1).fresh.count,
                    exponentials: lrlibRace.SIZES.slice(1, -1).reduce((a, b) => a + b, 2) })"""
    )


def test_playing_makes_the_same_race_as_single_steps(race):
    page = race("#peak=0.1&seed=4")
    place(page, "play").click()
    expect(place(page, "step")).not_to_have_text("Step 0 of 1,500")
    place(page, "play").click()
    made = step_of(page)
    runs = json.loads(page.evaluate(TRACE, [4, 0.1, made]))
    for row, (_, history) in zip(table(page), runs, strict=True):
        assert row[2] == f"{history['losses'][-1]:.3f}"


# For everyone


def test_the_keyboard_does_all(race):
    page = race("#peak=0.1&seed=1")
    place(page, "play").focus()
    page.keyboard.press("Enter")
    page.locator(RUNS).wait_for()
    page.keyboard.press("Space")
    page.locator(RESTS).wait_for()
    stops = []
    for _ in range(5):
        page.keyboard.press("Tab")
        name = page.evaluate("document.activeElement.dataset.race")
        stops.append(name)
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        if name == "reset":
            page.keyboard.press("Enter")
            assert step_of(page) == 0
        if name == "peak":
            page.keyboard.press("ArrowRight")
            assert page.get_by_label("as a number").input_value() == "0.2"
            assert place(page, "peak").get_attribute("aria-valuetext") == "0.2"
        if name == "seed":
            page.keyboard.press("ArrowUp")
            page.keyboard.press("Enter")
            assert ", seed 2." in place(page, "told").inner_text()
    assert stops == ["advance", "reset", "peak", "number", "seed"]


def test_the_last_step_leaves_the_focus_where_it_is(race):
    page = race("#peak=0.1&seed=1")
    make_steps(page, 149)
    for pressed in range(2):
        place(page, "advance").press("Enter")
        assert place(page, "step").inner_text() == "Step 1,500 of 1,500"
        assert page.evaluate("document.activeElement.dataset.race") == "advance", pressed


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_race_is_accessible(race, theme):
    page = race("#peak=5&seed=1", theme)
    make_steps(page, 6)
    found = Axe().run(page).response["violations"]
    assert [(v["id"], [n["target"] for n in v["nodes"]][:3]) for v in found] == []
    assert place(page, "told").get_attribute("role") == "status"
    names = page.locator(".race-lanes canvas").evaluate_all("all => all.map(c => c.ariaLabel)")
    assert len(set(names)) == LANES


def test_the_race_follows_the_theme(race):
    page = race()
    light = surfaces(page)[0]
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert surfaces(page)[0] != light


@pytest.mark.parametrize("state", ["#peak=5&seed=1", "#peak=0.1&seed=1"])
def test_the_race_fits_a_phone_and_its_text_can_be_read(race, state):
    page = race(state, viewport={"width": 390, "height": 800})
    make_steps(page, 8)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    sizes = page.evaluate(
        """() => [...document.querySelectorAll("#race *")]
            .filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
            .map((e) => [parseFloat(getComputedStyle(e).fontSize), e.textContent])"""
    )
    assert [text for size, text in sizes if size < 11] == []
    inside = "e => e.scrollWidth - e.clientWidth"
    assert page.locator(".race-table").evaluate(inside) <= 0
    assert page.locator(".race-figures").evaluate(inside) <= 0


def test_the_race_has_few_elements(race):
    page = race()
    make_steps(page, 30)
    assert page.evaluate("document.querySelectorAll('*').length") <= 4000


def test_without_scripts_there_is_a_picture_and_a_word(browser, address):
    rests_without_scripts(browser, address, "#race")


def test_the_race_asks_no_other_host():
    for file in [*STATIC.glob("race*.js"), *STATIC.glob("race*.css")]:
        assert "http" not in file.read_text(encoding="utf-8")
    assert "http" not in shown_by("race").replace('xmlns="http://www.w3.org', "").replace(
        'xlink="http://www.w3.org', ""
    )


# On other pages


@pytest.fixture(scope="module")
def chapter(tmp_path_factory) -> str:
    """What Sphinx makes of a chapter that names the race, and of a page with the directive."""
    folder = tmp_path_factory.mktemp("book")
    texts = {
        "conf.py": 'extensions = ["myst_parser", "named_pages"]\nhtml_theme = "basic"\n',
        "index.md": "# Book\n\n```{race} all of them\n```\n",
        "book/race.md": "# The race\n",
        "book/claims.md": "# Claims\n",
        "notebooks/04-cosine-annealing.md": "# Cosine\n\nIn *The race*, watch.\n\nThe end.\n",
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    app = Sphinx(folder, folder, folder / "html", folder / "trees", "html", status=None)
    app.build()
    return (folder / "html" / "notebooks" / "04-cosine-annealing.html").read_text("utf-8")


def test_a_chapter_has_a_button_below_its_link(chapter):
    between = chapter.split('race.html#chapter=04-cosine-annealing"')[1].split("The end.")[0]
    assert 'data-state="chapter=04-cosine-annealing&amp;show=fixed,cosine"' in between
    assert 'href="../book/claims.html"' in between


def test_every_chapter_has_two_strategies_that_the_race_knows(tab):
    told = tab.evaluate("lrlibRaceSchedules.STRATEGIES.map(({ key, chapter }) => [key, chapter])")
    assert {chapter for _, chapter in told} == set(race_start.PAIRS)
    for key, chapter in told:
        shown = race_start.PAIRS[chapter][0].split(",")
        assert key in shown
        assert set(shown) <= {key for key, _ in told}
        assert len(shown) == 2


def test_a_button_fetches_the_race_and_starts_it_there(browser, address, chapter):
    """Nothing is fetched before; the page keeps its address; its keyboard stays where it was."""
    start = race_start.start("chapter=04-cosine-annealing&show=fixed,cosine", "two", "claims.html")
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    fetched: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: fetched.append(request.url.split("/")[-1]))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    guest = FRAME.format(theme="light", title="A chapter", shown=start.astext())
    page.route("**/guest.html", lambda route: route.fulfill(body=guest, content_type="text/html"))
    page.goto(f"{address}guest.html#a-heading")
    assert not [name for name in fetched if name.startswith(("race", "tools"))]
    page.get_by_role("button", name="Race two, here").press("Enter")
    page.locator("#race[data-ready]").wait_for()
    scripts = [name for name in fetched if name.startswith(("race", "tools")) and "js" in name]
    assert scripts == re.findall(r"(?:race|tools)[\w-]*\.js", shown_by("race"))
    page.wait_for_function("document.activeElement.dataset.race === 'play'")
    make_steps(page, 6)
    assert [row[0] for row in table(page)] == ["Fixed", "Cosine"]
    assert marked(page) == ["Cosine", "Cosine"]
    type_peak(page, "0.5")
    page.wait_for_timeout(200)
    assert page.url.endswith("#a-heading")
    assert complaints == []
    context.close()


def test_a_race_that_cannot_be_fetched_says_so_and_one_left_behind_takes_no_focus(browser, address):
    start = race_start.start("chapter=04-cosine-annealing&show=fixed,cosine", "two", "claims.html")
    guest = FRAME.format(
        theme="light", title="A chapter", shown=f"{start.astext()}<a href=#>On</a>"
    )
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.route("**/guest.html", lambda route: route.fulfill(body=guest, content_type="text/html"))
    page.route("**/race-run.js", lambda route: route.abort())
    page.goto(f"{address}guest.html")
    page.get_by_role("button", name="Race two, here").click()
    expect(page.locator("#race")).to_have_text(re.compile("couldn’t be fetched"))
    page.unroute("**/race-run.js")
    page.reload()
    page.get_by_role("button", name="Race two, here").click()
    page.get_by_role("link", name="On").focus()
    page.locator("#race[data-ready]").wait_for()
    assert page.evaluate("document.activeElement.textContent") == "On"
    context.close()


def test_without_scripts_there_is_no_button(browser, address):
    start = race_start.start("", "all", "claims.html")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_content(FRAME.format(theme="light", title="A chapter", shown=start.astext()))
    assert not page.get_by_text("Race all, here").is_visible()
    context.close()
