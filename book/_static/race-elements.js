// The race's elements: its controls, and for each run a card and a row of the table.
(function () {
  "use strict";
  const { EVERY } = window.lrlibRace;
  const { STRATEGIES } = window.lrlibRaceSchedules;
  const { GRID } = window.lrlibRaceDrawing;
  const { PEAK, SEED } = window.lrlibRaceWords;
  const { make, labelled, numberField } = window.lrlibTools;

  const PEAKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];

  // The nearest stop of the slider.
  function stopOf(peak) {
    const gaps = PEAKS.map((stop) => Math.abs(Math.log(stop / peak)));
    return gaps.indexOf(Math.min(...gaps));
  }

  // `reader` has what the controls show, `peak` and `seed`, and what they do.
  function controls({ play, advance, reset, peak, setPeak, seed, setSeed }) {
    const button = (text, name, onclick) =>
      make("button", { type: "button", class: "tool-button", "data-race": name, onclick }, text);
    const slider = make("input", { type: "range", min: 0, max: PEAKS.length - 1, step: 1, "data-race": "peak" });
    slider.addEventListener("input", () => setPeak(PEAKS[slider.value], slider));
    // Taken when they are typed, not with each digit: “2” of “20” may blow up all, and a seed begins a race.
    const peakField = numberField("as a number", {
      ...{ rule: PEAK, data: { race: "number" }, on: "change" },
      ...{ get: () => String(peak()), set: (value, input) => setPeak(value, input) },
    });
    const seedField = numberField("Seed", {
      ...{ rule: SEED, data: { race: "seed" }, on: "change" },
      ...{ get: () => String(seed()), set: setSeed },
    });
    return make(
      "div", { class: "tool-row" },
      make("div", { class: "tool-buttons" },
        button("Play", "play", play), button(`${EVERY} steps`, "advance", advance), button("Reset", "reset", reset)),
      labelled("Peak rate", slider), peakField, seedField,
      make("output", { "data-race": "step", for: slider.id }),
    );
  }

  function choice(choose) {
    const boxes = STRATEGIES.map(({ key, name }) =>
      make("label", {}, make("input", { type: "checkbox", value: key, onchange: choose }), ` ${name}`));
    return make("details", { class: "race-choice" }, make("summary", {}, "Who takes part"),
      make("fieldset", { "data-race": "choice" }, make("legend", { class: "lrlib-sr" }, "Who takes part"), ...boxes));
  }

  function table() {
    const heads = ["strategy", "step", "loss", "accuracy", "rate"];
    const head = make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text)));
    const whole = make("table", { class: "table" }, make("thead", {}, head), make("tbody", { "data-race": "rows" }));
    const named = { role: "region", "aria-label": "The race in numbers", tabindex: 0 };
    return make("div", { class: "lrlib-table race-table", ...named }, whole);
  }

  function skeleton(reader) {
    const part = (name, tag = "div", attributes = {}, ...children) =>
      make(tag, { "data-race": name, ...attributes }, ...children);
    return [
      part("notice", "div", { role: "status" }),
      controls(reader),
      choice(reader.choose),
      part("lanes", "ul", { class: "race-lanes" }),
      part("found", "p", { class: "race-found" }),
      part("told", "p", { class: "race-told", role: "status" }),
      part("figures", "div", { class: "race-figures" }, part("losses"), part("rates")),
      table(),
    ];
  }

  // A card and a row of the table for each run.
  function laneOf({ name, colour, chapter }) {
    const canvas = make("canvas", { width: GRID, height: GRID, role: "img" });
    const says = make("span", { class: "race-says" });
    const link = make("a", { href: `../notebooks/${chapter}.html` }, name);
    const heading = make("strong", { style: `--race-colour: var(--lrlib-${colour})` }, link);
    const card = make("li", {}, heading, make("div", { class: "race-surface" }, canvas), says);
    const cells = [...Array(4)].map(() => make("td"));
    const row = make("tr", {}, make("th", { scope: "row" }, name), ...cells);
    return { canvas, says, card, cells, row };
  }

  window.lrlibRaceElements = { stopOf, skeleton, laneOf };
})();
