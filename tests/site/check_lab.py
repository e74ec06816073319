"""The schedule lab: its rates are lrlib's, its controls work, and its address holds the state.

The page is made from the cells of `book/lab.md`, without the site around it.
"""

import re
from collections.abc import Iterator

import numpy as np
import pytest
from alone import ROOT, address_of, follow, opener, opening, rests_without_scripts
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from lrlib import schedules
from lrlib.evidence.findings import NEAREST
from lrlib.evidence.settings import SETTINGS
from lrlib.evidence.strategies import STRATEGIES

address = address_of("lab", "The schedule lab")
READY = "#schedule-lab[data-ready]"
lab = opener(READY)


@pytest.fixture(scope="module")
def functions(context_with, address: str) -> Iterator[Page]:
    """The page, for what its functions return: nobody changes it."""
    with opening(context_with, address, READY) as open_page:
        yield open_page()


# Rates


def of_lrlib(page: Page, state: dict) -> np.ndarray:
    """The rates of the schedule that the lab's own text for lrlib makes."""
    text = page.evaluate("state => lrlibLab.code(state, 'lrlib')", state)
    call = re.search(r"^schedule = (.*)$", text, flags=re.MULTILINE)[1]
    schedule = eval(call, vars(schedules).copy())
    return schedules.lr_curve(schedule, state["run"]["steps"], state["curves"][0]["peak"])


def stage(kind: str, length: str, **values: object) -> dict:
    return {"kind": kind, "length": length, "values": values}


# A list of stages, and what it is in lrlib, for a run of 1,000 steps.
WRITTEN_OUT = [
    (
        [stage("warmup", "100", start="auto"), stage("cosine", "rest", floor=0.1)],
        schedules.Warmup(100, then=schedules.CosineAnnealing(900, floor=0.1)),
    ),
    (
        [stage("warmup", "7p", start=0.2), stage("invsqrt", "rest", timescale="15p")],
        schedules.Warmup(70, then=schedules.InverseSquareRoot(150), start=0.2),
    ),
    (
        [stage("hold", "rest", value=0.5), stage("linear", "20p", start=0.5, end=0.01)],
        schedules.Join((schedules.Fixed(0.5), schedules.Linear(200, 0.5, 0.01)), (800,)),
    ),
    ([stage("step", "rest", every="117", factor=0.3)], schedules.StepDecay(117, 0.3)),
    ([stage("exponential", "600", floor=0.02)], schedules.ExponentialDecay(600, 0.02)),
    (
        [stage("cycles", "rest", half="90", floor=0.2, shrink=0.7, gamma=0.999)],
        schedules.Cyclical(90, floor=0.2, shrink=0.7, gamma=0.999),
    ),
    (
        [stage("restarts", "rest", first="20p", growth=1.5, floor=0.05)],
        schedules.Join(
            tuple(schedules.CosineAnnealing(s, floor=0.05) for s in (200, 300, 450, 675)),
            (200, 500, 950),
        ),
    ),
    (
        [stage("onecycle", "900", rise=0.25, start=0.1, floor=0.001)],
        schedules.OneCycle(900, rise=0.25, start=0.1, floor=0.001),
    ),
    # A last stage that ends before the run does: the rate stays where it is then.
    *(
        ([stage(kind, "500", **values)], schedules.Join((*parts, schedules.Fixed(height)), ends))
        for kind, values, parts, ends, height in (
            (
                "step",
                {"every": "100", "factor": 0.3},
                (schedules.StepDecay(100, 0.3),),
                (500,),
                0.3**4,
            ),
            ("invsqrt", {"timescale": "100"}, (schedules.InverseSquareRoot(100),), (500,), 6**-0.5),
            (
                *("cycles", {"half": "90", "floor": 0.2, "shrink": 0.7, "gamma": 0.999}),
                (schedules.Cyclical(90, floor=0.2, shrink=0.7, gamma=0.999),),
                *((500,), schedules.Cyclical(90, floor=0.2, shrink=0.7, gamma=0.999)(500)),
            ),
            (
                *("restarts", {"first": "300", "growth": 2, "floor": 0.05}),
                tuple(schedules.CosineAnnealing(steps, floor=0.05) for steps in (300, 600)),
                *((300, 500), schedules.CosineAnnealing(600, floor=0.05)(200)),
            ),
        )
    ),
]


@pytest.mark.parametrize(("stages", "schedule"), WRITTEN_OUT)
def test_rates_are_those_of_lrlib(functions, stages, schedule):
    page = functions
    state = {"run": {"steps": 1000}, "log": False, "curves": [{"peak": 0.3, "stages": stages}]}
    expected = schedules.lr_curve(schedule, 1000, 0.3)
    rates = page.evaluate("state => lrlibLab.rates(state)", state)
    np.testing.assert_allclose(rates, expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(of_lrlib(page, state), expected, rtol=1e-9, atol=1e-12)


def test_a_preset_is_the_strategy_of_the_study(functions):
    page = functions
    names = set(page.evaluate("Object.keys(lrlibLab.PRESETS)"))
    assert len(names & set(STRATEGIES)) >= 14
    for name in sorted(names):
        state = page.evaluate("name => lrlibLab.preset(name)", name)
        rates = page.evaluate("state => lrlibLab.rates(state)", state)
        np.testing.assert_allclose(rates, of_lrlib(page, state), rtol=1e-9, atol=1e-12)
        if name in STRATEGIES:
            steps, peak = state["run"]["steps"], state["curves"][0]["peak"]
            study = schedules.lr_curve(STRATEGIES[name].schedule(steps), steps, peak)
            assert np.abs(rates - study).mean() < 0.003 * peak, name


# State and address


def states(page: Page) -> list[dict]:
    return [
        page.evaluate("name => lrlibLab.preset(name)", name)
        for name in page.evaluate("Object.keys(lrlibLab.PRESETS)")
    ]


def test_an_address_holds_the_state(functions):
    page = functions
    several = states(page)
    whole = {
        "run": {"epochs": 3, "images": 5000, "batch": 64},
        "log": True,
        "code": "optax",
        "chosen": 3,
        "curves": [state["curves"][0] for state in several[:5]],
    }
    for state in [*several, whole]:
        text = page.evaluate("state => lrlibLab.encode(state)", state)
        assert page.evaluate("text => lrlibLab.decode(text)", f"#{text}") == state
        assert re.fullmatch(r"[\w=&~.-]+", text), "an address that needs no escapes"


@pytest.mark.parametrize(
    "text",
    [
        "#",
        "#steps=x&curve=",
        "#curve=0.1~nothing_rest",
        "#preset=nothing",
        "#curve=-1~cosine",
        "#%",
    ],
)
def test_a_broken_address_still_opens(lab, text):
    page = lab(text)
    rates = page.evaluate("text => lrlibLab.rates(lrlibLab.decode(text))", text)
    assert len(rates) > 0
    assert np.isfinite(rates).all()


# What stands in an address, what is said of it, and what is drawn instead.
REFUSED = {
    "#steps=1000&curve=0~cosine": "Peak rate: “0” is too low: this takes a number above 0",
    "#steps=1e12": "steps: “1e12” is too high: this takes a whole number from 1 to 10,000,000",
    "#steps=2.5": "steps: “2.5” isn’t whole",
    "#epochs=9&images=100&batch=256": "A batch of 256 is more than the 100 images",
    "#epochs=1000000&images=45000&batch=1": "That makes 45,000,000,000 steps",
    "#curve=0,1~cosine": "Peak rate: “0,1” has a comma",
    "#curve=0.1~cosine_rest_7": "cosine, final rate ÷ peak: “7” is too high",
    "#curve=0.1~step_rest_0_0.1": "steps down, every: “0” is too low",
    "#curve=0.1~sine~cosine": "“sine” is no kind of stage",
    "#preset=nothing": "“nothing” is none that the lab knows for “preset”",
    "#code=cobol": "“cobol” is none that the lab knows for “code”",
    "#chosen=4": "“4” is none that the lab knows for “chosen”",
    "#curve=0.1" + 13 * "~hold_1": "A curve has 12 stages at most",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_an_address_holds_and_the_lab_cannot_take_is_named(lab, text):
    page = lab(text)
    notice = page.locator("[data-lab=notice]")
    assert REFUSED[text] in notice.inner_text()
    page.get_by_label("axis").select_option("log")
    assert notice.inner_text() == "", "the address is a new one by now"


def test_a_link_to_a_place_of_the_page_leaves_the_curves(lab):
    page = lab("#steps=5000&curve=0.3~hold_50p_1~linear_rest_1_0")
    before = seen(page)
    follow(page, "how-to-use-it")
    assert seen(page) == before
    follow(page, "preset=wsd")
    assert seen(page) != before


def test_nothing_is_said_of_an_address_that_can_be_taken(functions):
    page = functions
    for state in states(page):
        text = page.evaluate("state => lrlibLab.encode(state)", state)
        told = page.evaluate(
            "text => { const told = []; lrlibLab.decode(text, told); return told; }", text
        )
        assert told == []


def test_an_address_holds_the_framework_and_the_curve(lab):
    page = lab("#preset=cosine")
    page.get_by_role("button", name="Add a curve").click()
    page.get_by_label("start from").select_option("one-cycle")
    page.get_by_label("Code for").select_option("optax")
    page.wait_for_function("location.hash.includes('code=optax&chosen=2')")
    again = lab(page.evaluate("location.hash"))
    assert again.get_by_label("Code for").input_value() == "optax"
    assert again.locator("input[name=lab-curve]:checked").input_value() == "1"
    assert seen(again) == seen(page)


def test_an_address_that_is_no_text_breaks_no_script(lab):
    assert lab("#%E0%A4%A").locator(".lab-stage").count() == 2


def test_a_chapter_can_link_to_its_schedule(lab):
    page = lab("#preset=one-cycle")
    assert page.locator('[data-stage="0"] select').first.input_value() == "onecycle"


# Controls


def seen(page: Page) -> tuple[str, str]:
    """The picture, and the code below it."""
    picture = page.locator("[data-lab=picture] svg[role=img]").last.inner_html()
    return re.sub(r"lrlib-clip-\d+", "", picture), page.locator("[data-lab=code]").inner_text()


@pytest.mark.parametrize(
    "kind",
    [
        *("warmup", "hold", "linear", "cosine", "exponential"),
        *("step", "invsqrt", "cycles", "restarts", "onecycle"),
    ],
)
def test_every_number_changes_the_picture_and_the_code(lab, kind):
    page = lab(f"#steps=1000&curve=0.1~{kind}_60p~linear_rest")
    for k in range(page.locator('[data-stage="0"] input').count()):
        control = page.locator('[data-stage="0"] input').nth(k)
        before = seen(page)
        value = control.input_value()
        control.fill(str(float(value) * 0.6) if float(value or 0) > 0.001 else "0.3")
        after = seen(page)
        assert before[0] != after[0]
        assert before[1] != after[1]


def test_the_run_the_peak_and_the_axis_change_the_picture(lab):
    page = lab("#preset=cosine")
    for label, value in (("steps", "700"), ("peak rate", "0.4")):
        before = seen(page)
        page.get_by_label(label, exact=True).first.fill(value)
        after = seen(page)
        assert before[0] != after[0]
        assert before[1] != after[1]
    before = seen(page)
    page.get_by_label("axis").select_option("log")
    assert seen(page)[0] != before[0]
    page.get_by_label("length of the run").select_option("epochs")
    page.get_by_label("epochs", exact=True).fill("2")
    page.get_by_label("images").fill("1000")
    page.get_by_label("batch size").fill("100")
    assert page.locator("[data-lab=steps]").inner_text() == "20 steps, 10 each epoch"
    state = "epochs=2&images=1000&batch=100&axis=log"
    page.wait_for_function("state => location.hash.includes(state)", arg=state)


def test_every_handle_moves_by_keyboard(lab):
    page = lab(
        "#steps=1000&curve=0.1~warmup_10p_0.2~restarts_50p_100_1.5_0.1~cycles_rest_50_0.3_1_1"
    )
    ids = page.locator(".lab-handle").evaluate_all("all => all.map(each => each.dataset.grip)")
    assert len(ids) >= 5
    for name in ids:
        handle = page.locator(f'[data-grip="{name}"]')
        handle.focus()
        moved = 0
        for key in ("ArrowLeft", "ArrowUp"):
            before = seen(page)[0], handle.get_attribute("aria-valuetext")
            page.keyboard.press(key)
            moved += (seen(page)[0], handle.get_attribute("aria-valuetext")) != before
        assert moved, f"{name} moves nothing"
        assert handle.evaluate("e => e === document.activeElement"), "the focus is lost"
        assert handle.evaluate("e => getComputedStyle(e).outlineStyle") != "none"


ONE_OF_EACH = {
    "warmup": "warmup_40p_0.2~hold",
    "hold": "hold_60p_0.5~linear",
    "linear": "linear_60p_0.9_0.2~hold_rest_0.2",
    "cosine": "cosine_60p_0.2~hold_rest_0.2",
    "exponential": "exponential_60p_0.2~hold_rest_0.2",
    "step": "step_60p_20p_0.5~hold_rest_0.2",
    "invsqrt": "invsqrt_60p_10p~hold_rest_0.2",
    "cycles": "cycles_90p_10p_0.2_0.8_0.999~hold_rest_0.2",
    "restarts": "restarts_90p_20p_1.5_0.2~hold_rest_0.2",
    "onecycle": "onecycle_60p_0.3_0.2_0.1~hold_rest_0.2",
}


def change_address(page: Page, state: str) -> None:
    """Give an open lab another address, or once more its first one."""
    page.evaluate(
        """state => {
            history.replaceState(null, "", state);
            dispatchEvent(new HashChangeEvent("hashchange"));
        }""",
        state,
    )


def first_stage(page: Page) -> dict:
    return page.evaluate(
        """() => new Promise((done) => setTimeout(() => {
            const { peak, stages: [{ length, values }] } = lrlibLab.decode(location.hash).curves[0];
            done({ peak, length, ...values });
        }, 150))"""
    )


@pytest.mark.parametrize("kind", ONE_OF_EACH)
def test_every_value_has_a_handle(lab, kind):
    """Each value of the stage, its length and the peak follow some ring, by keyboard."""
    page = lab(f"#steps=1000&curve=0.1~{ONE_OF_EACH[kind]}")
    moved: set[str] = set()
    before = first_stage(page)
    for handle in page.locator(".lab-handle:not([data-grip$='-1'])").all():
        handle.focus()
        for key in ("ArrowRight", "ArrowDown"):
            page.keyboard.press(key)
            after = first_stage(page)
            changed = {name for name in before if before[name] != after[name]}
            assert len(changed) <= 1, f"{key} on {handle.get_attribute('data-grip')}: {changed}"
            moved |= changed
            before = after
    assert moved == set(before)


@pytest.mark.parametrize("kind", ONE_OF_EACH)
def test_a_handle_says_how_far_it_goes_and_goes_there(lab, kind):
    state = f"#steps=1000&curve=0.1~{ONE_OF_EACH[kind]}"
    page = lab(state)
    names = page.locator(".lab-handle").evaluate_all("all => all.map((e) => e.dataset.grip)")
    for name in names:
        for key, end in (("End", "max"), ("Home", "min")):
            change_address(page, state)
            handle = page.locator(f'[data-grip="{name}"]')
            value = "(e, name) => Number(e.getAttribute(`aria-value${name}`))"
            low, now, high = (handle.evaluate(value, each) for each in ("min", "now", "max"))
            assert low <= now <= high
            handle.press(key)
            if handle.count():  # a ring that has left the picture is gone
                expected = low if end == "min" else high
                assert handle.evaluate(value, "now") == pytest.approx(expected, rel=0.02), (
                    name,
                    key,
                )


def test_a_ring_that_is_held_stays_where_its_value_leaves_the_run(lab):
    state = "#steps=1000&curve=0.1~restarts_rest_220_2_0"
    page = lab(state)
    rings = page.locator(".lab-handle").evaluate_all("all => all.map((e) => e.dataset.grip)")
    for name in rings:
        change_address(page, state)
        handle = page.locator(f'[data-grip="{name}"]')
        handle.press("End")
        assert handle.evaluate("e => e === document.activeElement"), name


def take(page, grip):
    """Press the mouse on a ring, and return the ring and its place."""
    ring = page.locator(f'[data-grip="{grip}"]')
    ring.scroll_into_view_if_needed()
    box = ring.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    return ring, x, y


def test_a_ring_leaves_the_browser_its_keys_and_the_mouse_its_menu(lab):
    page = lab("#preset=wsd")
    before = seen(page)
    ring = page.locator('[data-grip="end-0"]')
    ring.focus()
    for key in ("Control+ArrowLeft", "Meta+ArrowUp"):
        page.keyboard.press(key)
    box = ring.bounding_box()
    page.mouse.move(box["x"] + 14, box["y"] + 14)
    page.mouse.down(button="right")
    page.mouse.move(box["x"] + 60, box["y"] + 60, steps=3)
    page.mouse.up(button="right")
    assert seen(page) == before


def test_rings_are_reached_in_the_order_of_the_curve(lab):
    page = lab()
    page.get_by_label("stage 1", exact=True).select_option("cycles")
    rings = page.locator(".lab-handle").evaluate_all("all => all.map((e) => e.dataset.grip)")
    page.wait_for_function("location.hash.includes('cycles')")
    again = lab(page.evaluate("location.hash"))
    assert rings == again.locator(".lab-handle").evaluate_all(
        "all => all.map((e) => e.dataset.grip)"
    )


@pytest.mark.parametrize("stages", ["cycles_rest_1500", "step_rest_1500", "restarts_rest_1500"])
def test_a_ring_beyond_the_run_can_be_pulled_back(lab, stages):
    page = lab(f"#steps=1000&curve=0.1~{stages}")
    ring, x, y = take(page, "inner-0")
    page.mouse.move(x - 214, y, steps=3)
    page.mouse.up()
    assert float(ring.get_attribute("aria-valuenow")) < 1000


def test_shift_with_an_arrow_moves_a_single_step_of_a_long_run(lab):
    page = lab("#steps=300000&curve=0.1~warmup_10p~cosine")
    page.locator('[data-grip="end-0"]').focus()
    page.keyboard.press("Shift+ArrowRight")
    assert page.locator('[data-grip="end-0"]').get_attribute("aria-valuenow") == "30001"
    page.keyboard.press("Shift+ArrowLeft")
    assert page.locator('[data-grip="end-0"]').get_attribute("aria-valuenow") == "30000"


def test_on_a_logarithmic_axis_a_ring_at_zero_can_be_pulled_up(lab):
    page = lab("#steps=1000&axis=log&curve=0.1~cosine_rest_0")
    ring = page.locator('[data-grip="end-0"]')
    floor = page.locator('[data-stage="0"] [data-shows=floor]')
    below = page.locator("[data-lab=below]")
    assert ring.get_attribute("aria-valuetext") == "rate 0, below the logarithmic axis"
    assert "has no 0" in below.inner_text()
    ring.focus()
    page.keyboard.press("ArrowUp")
    assert floor.input_value() == "0.00001"
    page.keyboard.press("ArrowUp")
    assert floor.input_value() == "0.000011"
    assert below.inner_text() == ""
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert floor.input_value() == "0"
    _, x, y = take(page, "end-0")
    page.mouse.move(x, y - 74)
    assert float(floor.input_value()) > 1e-5
    page.mouse.move(x, y + 46)
    page.mouse.up()
    assert floor.input_value() == "0"


# Numbers that can't be taken: the field, what is typed, what is said.
TYPED = [
    (
        "peak",
        "0",
        "“0” is too low: this takes a number above 0, up to 10,000. The curve keeps 0.1.",
    ),
    ("peak", "0,001", "“0,001” has a comma; write a decimal point"),
    ("peak", "", "Empty: this takes a number above 0"),
    ("steps", "1e12", "“1e12” is too high: this takes a whole number from 1 to 10,000,000"),
    ("steps", "1.5", "“1.5” isn’t whole"),
    ("length", "ten", "“ten” isn’t a number: this takes a number from 0 to 1,000"),
    ("floor", "2", "“2” is too high: this takes a number from 0 to 1. The curve keeps 0."),
]


@pytest.mark.parametrize(("name", "text", "why"), TYPED)
def test_a_number_that_cannot_be_taken_is_named_beside_its_field(lab, name, text, why):
    page = lab("#steps=1000&curve=0.1~cosine_80p_0~hold_rest_0.5")
    field = page.locator(f"[data-shows={name}]").first
    before, shown = seen(page), field.input_value()
    field.fill(text)
    said = field.locator("xpath=..").locator(".tool-refused")
    assert why in said.inner_text()
    assert field.get_attribute("aria-invalid") == "true"
    assert seen(page) == before, "nothing else is drawn instead"
    page.get_by_label("axis").select_option("log")
    assert field.input_value() == text, "nothing else is written instead"
    field.fill(shown)
    assert said.inner_text() == ""
    assert field.get_attribute("aria-invalid") is None


def test_what_is_pasted_is_not_changed(lab):
    """A field for numbers makes 1 of “0,001”."""
    page = lab("#preset=cosine")
    field = page.locator("[data-shows=peak]")
    field.select_text()
    page.keyboard.insert_text("0,001")
    assert field.input_value() == "0,001"
    assert "comma" in page.locator(".tool-refused:not(:empty)").inner_text()
    page.locator('[data-grip="peak"]').press("ArrowUp")
    assert field.input_value() == "0.11", "a change from elsewhere is shown"
    assert page.locator(".tool-refused:not(:empty)").count() == 0


def test_numbers_that_only_fit_together_are_taken_together(lab):
    page = lab("#epochs=2&images=1000&batch=128&curve=0.1~cosine")
    total = page.locator("[data-lab=steps]")
    assert (
        total.inner_text()
        == "14 steps, 7 each epoch; the 104 images left over fill no batch and are dropped, "
        "as with drop_last=True"
    )
    page.get_by_label("images").fill("50")
    assert (
        "A batch of 128 is more than the 50 images"
        in page.locator(".tool-refused:not(:empty)").inner_text()
    )
    page.get_by_label("batch size").fill("10")
    assert page.get_by_label("images").input_value() == "50"
    assert page.locator(".tool-refused:not(:empty)").count() == 0
    assert total.inner_text() == "10 steps, 5 each epoch"


def test_a_number_follows_the_arrow_keys(lab):
    page = lab("#preset=cosine")
    for name, keys, expected in (
        ("peak rate", ["ArrowUp"], "0.11"),
        ("peak rate", 2 * ["ArrowDown"], "0.09"),
        ("steps", ["ArrowDown"], "999"),
    ):
        for key in keys:
            page.get_by_label(name, exact=True).first.press(key)
        assert page.get_by_label(name, exact=True).first.input_value() == expected


@pytest.mark.parametrize(
    ("stages", "why"),
    [
        (
            "restarts_rest_3_1_0",
            "a first period of 3 could make more than 100 of them. The lab draws and writes one of",
        ),
        ("cycles_rest_0.01p_0.1_1_1", "half-cycle comes to less than a step, so the lab draws 1"),
        (
            "onecycle_20_0.02~hold",
            "a rise of 2\u00a0% is hardly a step, so the lab draws 7.5\u00a0%",
        ),
        ("onecycle_1~hold", "one step is no cycle, so the rate is held at the peak"),
    ],
)
def test_what_is_drawn_otherwise_than_asked_is_said(lab, stages, why):
    assert why in lab(f"#steps=1000&curve=0.1~{stages}").locator(".lab-warnings").inner_text()


def test_a_handle_follows_the_mouse(lab):
    page = lab("#steps=1000&curve=0.1~warmup_100_auto~cosine_rest_0")
    _, x, y = take(page, "end-0")
    page.mouse.move(x + 150, y + 60, steps=4)
    page.mouse.up()
    length = float(page.locator('[data-stage="0"] [data-shows=length]').input_value())
    peak = float(page.get_by_label("peak rate", exact=True).input_value())
    assert 150 < length < 400
    assert 0.05 < peak < 0.099
    _, x, y = take(page, "end-1")
    page.mouse.move(x, y - 74)
    page.mouse.up()
    assert float(page.locator('[data-stage="1"] [data-shows=floor]').input_value()) > 0.1


@pytest.mark.parametrize("axis", ["linear", "log"])
def test_escape_takes_a_pull_back(lab, axis):
    page = lab(f"#steps=1000&axis={axis}&curve=0.1~warmup_100_auto~cosine_rest_0")
    before = seen(page)
    ring, x, y = take(page, "end-0")
    page.mouse.move(x + 150, y + 60, steps=3)
    pulled = seen(page)
    assert pulled != before
    page.keyboard.press("Escape")
    assert seen(page) == before
    page.mouse.move(x + 100, y + 90, steps=3)
    page.mouse.up()
    assert seen(page) == before, "the ring is let go"
    assert ring.evaluate("e => e === document.activeElement")
    page.keyboard.press("ArrowRight")
    length = page.locator('[data-stage="0"] [data-shows=length]')
    assert length.input_value() == "110", "the fields still set what is drawn"


def test_a_peak_that_was_pulled_to_the_bottom_can_be_pulled_up_again(lab):
    page = lab("#steps=1000&curve=0.1~warmup_100_auto~cosine_rest_0")
    peak = page.get_by_label("peak rate", exact=True)
    _, x, y = take(page, "end-0")
    page.mouse.move(x, y + 600, steps=3)
    page.mouse.up()
    low = float(peak.input_value())
    assert 5e-4 < low < 2e-3
    _, x, y = take(page, "end-0")
    page.mouse.move(x, y - 60, steps=3)
    page.mouse.up()
    assert float(peak.input_value()) > 1.1 * low


def test_a_ring_is_let_go_where_its_stage_is_removed(lab):
    page = lab("#steps=1000&curve=0.1~warmup_100_auto~hold_300_0.5~cosine_rest_0")
    _, x, y = take(page, "end-1")
    page.mouse.move(x - 20, y + 10, steps=3)
    page.get_by_label("Remove stage 2").evaluate("e => e.click()")
    before = seen(page)
    page.mouse.move(x - 60, y + 60, steps=3)
    page.mouse.up()
    assert seen(page) == before


def test_where_two_rings_lie_on_each_other_the_end_of_the_first_stage_is_pulled(lab):
    """The default: a line begins at the peak, where the warm-up ends."""
    page = lab()
    box = page.locator('[data-grip="end-0"]').bounding_box()
    assert box == page.locator('[data-grip="start-1"]').bounding_box()
    _, x, y = take(page, "end-0")
    page.mouse.move(x + 100, y + 40, steps=4)
    page.mouse.up()
    assert page.locator('[data-stage="1"] [data-shows=start]').input_value() == "1"
    assert float(page.get_by_label("peak rate", exact=True).input_value()) < 0.1


def test_a_handle_follows_a_finger(lab):
    page = lab("#preset=wsd", viewport={"width": 390, "height": 800}, has_touch=True)
    before = seen(page)
    handle = page.locator('[data-grip="end-0"]')
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    client = page.context.new_cdp_session(page)
    places = [box["x"] + 14, box["x"] + 40, box["x"] + 70]
    for name, x in zip(("touchStart", "touchMove", "touchMove"), places, strict=True):
        points = [{"x": x, "y": box["y"] + 14}]
        client.send("Input.dispatchTouchEvent", {"type": name, "touchPoints": points})
    client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert seen(page) != before


def test_two_fingers_pull_two_handles_and_one_goes_on_when_the_other_lets_go(lab):
    page = lab("#preset=wsd", viewport={"width": 390, "height": 800}, has_touch=True)
    handles = page.locator(".lab-handle").all()
    handles[0].scroll_into_view_if_needed()
    client = page.context.new_cdp_session(page)
    middles = []
    for handle in (handles[0], handles[-1]):
        box = handle.bounding_box()
        middles.append((box["x"] + box["width"] / 2, box["y"] + box["height"] / 2))
    (x1, y1), (x2, y2) = middles

    def touch(name, *places):
        points = [{"x": x, "y": y, "id": number} for number, x, y in places]
        client.send("Input.dispatchTouchEvent", {"type": name, "touchPoints": points})

    touch("touchStart", (0, x1, y1), (1, x2, y2))
    touch("touchMove", (0, x1 + 20, y1 + 20), (1, x2 - 20, y2 - 20))
    handles[0].dispatch_event("pointerup")  # Chromium's protocol lets go of all fingers or none
    before = handles[-1].get_attribute("aria-valuetext")
    touch("touchMove", (0, x1 + 20, y1 + 20), (1, x2 - 20, y2 - 60))
    expect(handles[-1]).not_to_have_attribute("aria-valuetext", before)
    touch("touchEnd")


def height_at_the_end(page: Page, count: int) -> tuple[float, float]:
    """The last rate of the first stages of the first curve, and the next one."""
    return page.evaluate(
        """count => {
            const state = lrlibLab.decode(location.hash);
            const counts = lrlibLab.lengths(state.curves[0].stages, lrlibLab.runSteps(state.run));
            const end = counts.slice(0, count).reduce((a, b) => a + b);
            return lrlibLab.rates(state).slice(end - 1, end + 1);
        }""",
        count,
    )


@pytest.mark.parametrize(
    "stages",
    ["linear_50p_1_0.3", "cosine_50p_0.1", "hold_50p_0.4", "cosine_rest_0", "step_50p_20p_0.1"],
)
def test_a_new_stage_begins_where_the_last_one_ends(lab, stages):
    page = lab(f"#steps=1000&curve=0.1~{stages}")
    page.get_by_role("button", name="Add a stage").click()
    page.wait_for_function("location.hash.includes('linear_rest')")
    last, first = height_at_the_end(page, 1)
    assert first == pytest.approx(last, abs=0.001)


def test_a_stage_of_another_kind_begins_where_the_last_one_ends(lab):
    page = lab("#steps=1000&curve=0.1~linear_50p_1_0.3~cosine")
    page.locator('[data-stage="1"] select').first.select_option("hold")
    assert page.locator('[data-stage="1"] [data-shows=value]').input_value() == "0.3"


def test_the_keyboard_walks_through_the_strategies_and_back_to_the_own_curve(lab):
    page = lab("#steps=1000&curve=0.3~hold_50p_0.7~linear_rest_0.7_0.1")
    own = seen(page)
    choice = page.get_by_label("start from")
    choice.focus()
    shown = []
    for _ in range(4):
        page.keyboard.press("ArrowDown")
        shown.append(choice.input_value())
    assert len(set(shown)) == 4
    page.keyboard.type("cosine")
    assert choice.input_value() == "cosine"
    choice.select_option("")
    assert seen(page) == own


def test_the_keyboard_walks_through_the_kinds_and_finds_the_values_again(lab):
    page = lab("#steps=1000&curve=0.1~warmup_10p_auto~cosine_rest_0.05")
    before = seen(page)
    kind = page.get_by_label("stage 2", exact=True)
    kind.focus()
    page.keyboard.press("ArrowDown")
    assert seen(page) != before
    page.keyboard.press("ArrowUp")
    assert seen(page) == before
    page.keyboard.type("steps")
    assert kind.input_value() == "step"
    assert kind.evaluate("e => e === document.activeElement")


def test_a_unit_is_chosen_by_keyboard_without_losing_the_place(lab):
    page = lab("#preset=wsd")
    unit = page.locator('[data-stage="0"]').get_by_label("for: unit")
    unit.focus()
    page.keyboard.press("ArrowDown")
    assert unit.input_value() == "steps"
    assert page.locator('[data-stage="0"] input').first.input_value() == "100"
    assert unit.evaluate("e => e === document.activeElement")


def test_epochs_images_and_batch_are_kept_while_the_run_is_in_steps(lab):
    page = lab("#epochs=30&images=12000&batch=64&curve=0.1~cosine")
    length = page.get_by_label("length of the run")
    length.select_option("steps")
    assert page.get_by_label("steps", exact=True).first.input_value() == "5610"
    length.select_option("epochs")
    for label, value in (("epochs", "30"), ("images", "12000"), ("batch size", "64")):
        assert page.get_by_label(label, exact=True).input_value() == value


def test_a_stage_that_an_address_would_lose_cannot_be_added(lab):
    page = lab("#curve=0.1" + 12 * "~hold_1")
    assert page.locator(".lab-stage").count() == 12
    assert page.get_by_role("button", name="Add a stage").is_disabled()


def test_stages_and_curves_come_and_go(lab):
    page = lab("#preset=cosine")
    page.get_by_role("button", name="Add a stage").click()
    assert page.locator(".lab-stage").count() == 2
    page.get_by_role("button", name="Move stage 2 up").click()
    assert page.locator('[data-stage="0"] select').first.input_value() == "linear"
    page.get_by_role("button", name="Remove stage 1").click()
    assert page.locator(".lab-stage").count() == 1
    page.get_by_role("button", name="Add a curve").click()
    page.get_by_label("start from").select_option("one-cycle")
    assert page.locator("input[name=lab-curve]").count() == 2
    page.wait_for_function("location.hash.split('curve=').length === 3")  # once nothing changes
    page.locator("input[name=lab-curve]").first.check()
    assert page.locator('[data-stage="0"] select').first.input_value() == "cosine"
    page.get_by_role("button", name="Remove this curve").click()
    assert page.locator("input[name=lab-curve]").count() == 1


def test_the_code_is_that_of_the_chosen_framework(lab):
    page = lab("#preset=warmup-cosine")
    told = set()
    for name in page.evaluate("Object.keys(lrlibLab.FRAMEWORKS)"):
        page.get_by_label("Code for").select_option(name)
        told.add(seen(page)[1])
    assert len(told) == 9


def test_the_code_can_be_copied(lab):
    page = lab("#preset=wsd", permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == seen(page)[1]


# Advice

WARNED = {
    "climbs": "#steps=1000&curve=0.1~cosine_800_0",
    "cut": "#steps=1000&curve=0.1~warmup_100_auto~cosine_1000_0",
    "zero": "#steps=1000&curve=0.1~warmup_100_0~cosine_rest_0",
    "units": "#steps=90&curve=0.1~step_rest_30_0.1",
    "decay": "#steps=1000&curve=0.1~exponential_500_0.1",
    "oneCycle": "#steps=1000&curve=0.1~onecycle_900",
    "overwrites": "#preset=triangular2",
    "halfCycle": "#steps=1000&curve=0.1~cycles_rest_800_0.1_1_1",
    "gamma": "#steps=1000&curve=0.1~cycles_rest_100_0.1_1_0.9",
    "adam": "#steps=1000&curve=2~cosine_rest_0",
}


@pytest.mark.parametrize("key", WARNED)
def test_a_warning_leads_to_its_mistake(lab, key):
    page = lab(WARNED[key])
    links = page.locator(".lab-warnings a").evaluate_all("all => all.map(a => a.hash.slice(1))")
    assert page.evaluate("key => lrlibLab.MISTAKES[key]", key) in links


@pytest.mark.parametrize(
    "stages",
    [
        "warmup_10p~hold_90p~linear_20p",
        "warmup_10p~linear_rest~hold_90p_0.1",
        "warmup_10p~cosine_0",
        "hold_100p_1~hold_rest_0.1",
    ],
)
def test_a_stage_that_never_begins_is_named(lab, stages):
    told = lab(f"#steps=1000&curve=0.1~{stages}").locator(".lab-warnings").inner_text()
    assert re.search(r"Stage \d gets no step of the run", told)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("#steps=39000&curve=0.1~warmup_5_auto~cosine", "A stage of 5 steps is less than a thous"),
        ("#epochs=30&images=45000&batch=128&curve=0.1~cycles_rest_4_0.1_1_1", "A half-cycle of 4"),
        ("#epochs=30&images=45000&batch=128&curve=0.1~restarts_rest_10_1_0", "you mean 10 epochs?"),
    ],
)
def test_steps_that_are_likely_epochs_are_named(lab, state, said):
    page = lab(state)
    assert said in page.locator(".lab-warnings").inner_text()


def test_a_line_that_rises_is_no_decay_and_a_last_stage_says_that_the_rate_stays(lab):
    page = lab("#steps=1000&curve=0.1~linear_500_0.1_0.5")
    assert "decay" not in page.locator(".lab-warnings").inner_text()
    change_address(page, "#steps=1000&curve=0.1~cycles_500_50_0.1_1_1")
    said = "The last stage ends at step 500 of 1,000; the rate stays where it is then."
    assert said in page.locator(".lab-warnings").inner_text()


def test_a_warm_up_from_the_peak_is_named(lab):
    page = lab("#steps=1000&curve=0.1~warmup_100_1~cosine")
    assert "The warm-up starts at the peak" in page.locator(".lab-warnings").inner_text()


def test_a_warm_up_that_ends_after_the_run_is_named_also_behind_another_stage(lab):
    page = lab("#steps=1000&curve=0.1~hold_500_1~warmup_600_auto")
    assert "ends no earlier than the run" in page.locator(".lab-warnings").inner_text()


@pytest.mark.parametrize(
    "state", ["steps=1001&curve=0.1~hold_5_1~cycles_rest_5_0.1_1_1", "steps=1&curve=0.1~cosine"]
)
def test_a_curve_that_only_meets_the_samples_of_the_study_is_not_its_schedule(lab, state):
    page = lab(f"#{state}")
    assert "no schedule that is close" in page.locator("#schedule-lab-results").inner_text()


def test_a_ring_stays_where_it_is_when_it_is_taken_beside_its_middle(lab):
    page = lab("#steps=1000&curve=0.1~warmup_100_auto~linear_rest_1_0")
    ring = page.locator(".lab-handle").nth(1)
    box = ring.bounding_box()
    x, y = box["x"] + box["width"] / 2 + 6, box["y"] + box["height"] / 2 + 6
    before = ring.get_attribute("aria-valuetext")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y, steps=2)
    page.mouse.up()
    assert ring.get_attribute("aria-valuetext") == before


def test_a_warning_that_stays_is_left_alone(lab):
    """Its link keeps the focus, and a screen reader hears only what is new."""
    page = lab("#steps=90&curve=2~warmup_20_0~step_rest_30_0.1")
    link = page.locator(".lab-warnings a").first
    link.focus()
    items = page.locator(".lab-warnings li")
    items.evaluate_all("all => all.forEach((item) => { item.kept = true; })")
    count = items.count()
    assert count >= 3
    page.evaluate(
        """() => { window.changes = [];
            new MutationObserver((all) => window.changes.push(...all))
                .observe(document.querySelector("[data-lab=warnings]"),
                         { childList: true, characterData: true, subtree: true }); }"""
    )
    page.locator('[data-grip="start-0"]').evaluate(
        "e => e.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowUp' }))"
    )
    assert items.evaluate_all("all => all.every((item) => item.kept)")
    assert items.count() == count - 1, "the warm-up from zero is gone"
    assert page.evaluate("window.changes.length") == 1, "and nothing else has changed"
    status = page.locator("[role=status]:has(> .lab-warnings)")
    assert status.get_attribute("aria-atomic") == "false"


def test_the_table_of_the_study_stays_while_its_curve_does(lab):
    page = lab("#preset=warmup-cosine")
    table = page.locator("#schedule-lab-results .lrlib-table")
    table.evaluate("e => { e.kept = true; }")
    page.get_by_label("axis").evaluate(
        "e => { e.value = 'log'; e.dispatchEvent(new Event('change')); }"
    )
    assert table.evaluate("e => e.kept")


def test_drops_are_counted_within_their_stage(lab):
    drops = "#steps=1000&curve=0.1~step_{}_30_0.5~hold_rest_0.1"
    assert "drops" not in lab(drops.format(100)).locator(".lab-warnings").inner_text()
    assert "drops 30 times" in lab(drops.format(900)).locator(".lab-warnings").inner_text()


def test_the_code_has_the_optimizer_of_the_rate(lab):
    code = "() => Object.keys(lrlibLab.FRAMEWORKS).map(name => lrlibLab.code(%s, name))"
    for preset, optimizer in (("warmup-cosine", "sgd"), ("adamw-warmup-cosine", "adamw")):
        page = lab(f"#preset={preset}")
        texts = page.evaluate(code % f"lrlibLab.preset('{preset}')")
        named = [set(re.findall(r"\b(sgd|adamw)\(", text.lower())) for text in texts]
        assert named.count({optimizer}) == len(named) - named.count(set())
        assert named.count({optimizer}) >= 7


def test_every_key_is_warned_of_and_every_mistake_is_in_a_chapter(functions):
    page = functions
    mistakes = page.evaluate("lrlibLab.MISTAKES")
    assert set(mistakes) == set(WARNED)
    chapters = "".join(p.read_text("utf-8") for p in (ROOT / "notebooks").glob("*.ipynb"))
    headings = re.findall(r'"### ([^"\\]+)', chapters)
    slugs = {re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-") for heading in headings}
    assert set(mistakes.values()) <= slugs


def test_nothing_is_said_against_the_default(lab):
    page = lab()
    for name in ("warmup-linear", "cosine", "wsd", "restarts", "linear", "hold-linear"):
        change_address(page, f"#preset={name}")
        assert page.locator(".lab-warnings li").count() == 0, name


def test_the_study_says_how_a_close_curve_did(lab):
    page = lab("#preset=warmup-cosine")
    told = page.locator("#schedule-lab-results").inner_text()
    assert "warm-up + cosine" in told
    assert SETTINGS["cnn-max"].short in told
    assert re.search(r"\d+\.\d\u00a0% \(\d+\.\d to \d+\.\d\)", told)
    page = lab("#steps=1000&curve=0.1~linear_rest_0_1")
    assert "no schedule that is close" in page.locator("#schedule-lab-results").inner_text()


def test_the_table_names_strategies_only_where_there_are_several(lab):
    page = lab("#preset=one-cycle")
    results = page.locator("#schedule-lab-results")
    heads = results.locator("thead th")
    assert heads.first.inner_text() == "setting"
    assert heads.all_inner_texts()[1:] == ["tuned peak", "on test data (95\u00a0% interval)"]
    assert STRATEGIES["one-cycle"].label in results.locator("p").inner_text()
    change_address(page, "#preset=warmup-cosine")
    assert heads.all_inner_texts()[:2] == ["setting", "strategy"]
    shown = list(dict.fromkeys(results.locator("tbody th").all_inner_texts()))
    assert shown == [SETTINGS[name].short for name in NEAREST if SETTINGS[name].short in shown]


def test_the_rest_of_the_run_has_no_number(lab):
    page = lab("#steps=1000&curve=0.1~linear_rest_1_0")
    number = page.locator("[data-shows=length]")
    assert not number.is_visible()
    page.get_by_label("for: unit").select_option("steps")
    assert number.is_visible()
    assert number.input_value() == "1000"


# For everyone


@pytest.mark.parametrize("width", [390, 820, 1280, 1600])
def test_the_buttons_of_a_stage_stand_beside_its_name(lab, width):
    page = lab(
        "#preset=one-cycle&curve=0.1~warmup_10p~linear", viewport={"width": width, "height": 800}
    )
    places = page.locator(".lab-stage").evaluate_all(
        """all => all.map((stage) => {
            const kind = stage.querySelector("select").getBoundingClientRect();
            const buttons = stage.querySelector(".tool-buttons").getBoundingClientRect();
            return [buttons.left - kind.right, buttons.top - kind.top];
        })"""
    )
    assert len(places) == 2
    assert all(0 < side < 20 and abs(down) < 2 for side, down in places), places


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_lab_is_accessible(lab, theme):
    page = lab("#steps=90&curve=0.1~warmup_10p_auto~cosine_rest_0&curve=0.2~onecycle_rest", theme)
    found = Axe().run(page).response["violations"]
    assert [(v["id"], [n["target"] for n in v["nodes"]][:3]) for v in found] == []


def test_the_lab_fits_a_phone(lab):
    page = lab("#preset=triangular2", viewport={"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for preset in ("triangular2", "warmup-linear", "warmup-cosine", "fixed"):
        change_address(page, f"#preset={preset}")
        table = page.locator("#schedule-lab-results .lrlib-table")
        assert table.evaluate("e => e.scrollWidth - e.clientWidth") <= 0, preset


@pytest.mark.parametrize("state", ["#steps=100000", "#steps=10000000&axis=log"])
@pytest.mark.parametrize("width", [390, 1280])
def test_no_label_is_cut(lab, state, width):
    """Nor the names of six curves that end at the same height."""
    curves = "".join(f"&curve={peak}~hold_rest_1" for peak in 6 * [0.1])
    for text in (state, state + curves):
        page = lab(text, viewport={"width": width, "height": 800})
        outside = page.locator("[data-lab=picture] svg[role=img]").last.evaluate(
            """svg => { const { left, right, top, bottom } = svg.getBoundingClientRect();
                const cut = (text) => { const box = text.getBoundingClientRect();
                    return box.left < left || box.right > right
                        || box.top < top || box.bottom > bottom; };
                const texts = [...svg.querySelectorAll("text")];
                return texts.filter(cut).map((text) => text.textContent); }"""
        )
        assert outside == []


def test_a_cycle_that_is_faster_than_a_pixel_fills_its_band(lab):
    """Equal distances would draw another cycle, with tops and bottoms that the schedule hasn't."""
    page = lab("#steps=100000&curve=0.1~cycles_rest_37_0.1_1_1")
    steps, rates = page.evaluate(
        """() => {
            const state = lrlibLab.decode(location.hash);
            const steps = lrlibLab.drawnSteps(state.curves[0], 100000);
            const factorOf = lrlibLab.factor(state.curves[0], 100000);
            return [steps, steps.map(factorOf)];
        }"""
    )
    columns = np.digitize(steps, np.linspace(0, 1e5, 401))
    for column in np.unique(columns)[:-1]:
        inside = np.array(rates)[columns == column]
        assert inside.max() == pytest.approx(1)
        assert inside.min() == pytest.approx(0.1)
    for name in ("step_rest_40_0.99", "cycles_rest_25_0.1_1_1"):
        page = lab(f"#steps=10000000&curve=0.1~{name}")
        assert len(page.locator("[data-lab=picture] svg[role=img]").last.inner_html()) < 60_000


def test_a_long_run_is_drawn_from_few_points(lab):
    page = lab("#epochs=90&images=1281167&batch=256&curve=0.1~warmup_5p_auto~step_rest_30p_0.1")
    assert len(page.locator("[data-lab=picture] svg[role=img]").last.inner_html()) < 60_000


def test_without_scripts_there_is_a_picture_and_a_word(browser, address):
    rests_without_scripts(browser, address, "#schedule-lab")
