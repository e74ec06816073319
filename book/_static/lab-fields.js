// The schedule lab's controls: the run, the curves, and the stages of one of them.
//
// `lrlibLab.fields(view)` makes them; a view, from lab.js, has the state and shows what has changed.
(function () {
  "use strict";
  const lab = window.lrlibLab;
  const { MOST, PEAK, WHOLE, STEPS, PERCENT, KINDS, PRESETS } = lab;
  const { make, labelled, grouped, numberField } = window.lrlibTools;
  const { colour } = window.lrlibFigures;
  const COLOURS = ["blue", "orange", "green", "purple", "red", "teal"];

  function select(options, value, set, label) {
    const made = make("select", { "aria-label": label });
    for (const [key, text] of Object.entries(options)) {
      made.append(make("option", { value: key, selected: key === value }, text));
    }
    made.addEventListener("change", () => set(made.value));
    return made;
  }

  const button = (text, onclick, { label, disabled, title } = {}) =>
    make("button", { type: "button", class: "tool-button", "aria-label": label, onclick, disabled, title }, text);

  // Lengths: a number and its unit

  const UNITS = { p: "% of the run", steps: "steps", rest: "the rest" };
  const unitOf = (text) => (text === "rest" ? "rest" : text.endsWith("p") ? "p" : "steps");

  // So many steps in a unit. A share has as many digits as a single step of the run needs, and is
  // rounded up, since its steps are rounded down.
  function asUnit(steps, unit, run) {
    if (unit === "rest") return "rest";
    if (unit === "steps") return String(Math.round(steps));
    const tens = 10 ** Math.max(1, Math.ceil(Math.log10(run)) - 2);
    return `${Math.ceil((100 * Math.round(steps) * tens) / run - 1e-6) / tens}p`;
  }

  function fields(view) {
    const { current, run, update, rename, rebuild } = view;

    // A field that shows what `get` returns; what `set` changes, the picture shows.
    const field = (label, rule, get, set, more = {}) =>
      numberField(label, {
        ...{ rule, get: () => String(get()), keeps: "The curve keeps" },
        set: (value, input) => set(value) ?? update(input),
        ...more,
      });

    function lengthFields(label, get, set, steps, { rest, low = 0 }) {
      const units = rest ? UNITS : { p: UNITS.p, steps: UNITS.steps };
      const shown = () => (get() === "rest" ? "" : Number.parseFloat(get()));
      const number = () => {
        const unit = unitOf(get());
        const rule = unit === "p" ? { ...PERCENT, open: low > 0 } : { ...STEPS, low };
        const typed = (value) => set(unit === "p" ? `${value}p` : String(value));
        const made = field(label, rule, shown, typed, { data: { shows: "length" } });
        made.querySelector("input").hidden = unit === "rest"; // it has no number
        return made;
      };
      const box = make("div", { class: "lab-length" }, number());
      const change = (unit) => {
        set(asUnit(steps(), unit, run()));
        box.firstChild.replaceWith(number());
        update();
      };
      box.append(select(units, unitOf(get()), change, `${label}: unit`));
      return box;
    }

    // A stage: its kind, buttons, its length, and its values

    function valueField(stage, name, rule) {
      const { values } = stage;
      const set = (value) => { values[name] = value; };
      if (rule.span) {
        const steps = () => lab.lengthIn(values[name], run());
        return lengthFields(rule.label, () => values[name], set, steps, { low: 1 });
      }
      const shown = () => (values[name] === "auto" ? "" : values[name]);
      const own = rule.auto ? { ...rule, empty: "auto" } : rule;
      return field(rule.label, own, shown, set, { data: { shows: name }, hint: rule.auto ? "1/(steps+1)" : "" });
    }

    // Whoever walks through the kinds with the keyboard stays in the list, and finds the values of a
    // kind again.
    function stageRow(stage, k) {
      const { stages } = current();
      const kinds = Object.fromEntries(Object.entries(KINDS).map(([kind, { name }]) => [kind, name]));
      const seen = {};
      const change = (kind) => {
        const { length } = (seen[stages[k].kind] = stages[k]);
        stages[k] = kind in seen
          ? { ...seen[kind], length }
          : lab.following(kind, length, lab.heightAfter(current(), k, run()));
        while (buttons.nextSibling) buttons.nextSibling.remove();
        row.append(...stageFields(k));
        rename();
      };
      const choice = labelled(`stage ${k + 1}`, select(kinds, stage.kind, change));
      const buttons = stageButtons(k);
      const legend = make("legend", { class: "lrlib-sr" }, `Stage ${k + 1}`);
      const row = make("fieldset", { class: "lab-stage", "data-stage": k }, legend, choice, buttons, ...stageFields(k));
      return row;
    }

    function stageFields(k) {
      const { stages } = current();
      const stage = stages[k];
      const own = (text) => { stage.length = text; };
      const steps = () => lab.lengths(stages, run())[k];
      const values = Object.entries(KINDS[stage.kind].values).map(([name, rule]) => valueField(stage, name, rule));
      return [lengthFields("for", () => stage.length, own, steps, { rest: true }), ...values];
    }

    function stageButtons(k) {
      const { stages } = current();
      const move = (by) => () => {
        [stages[k], stages[k + by]] = [stages[k + by], stages[k]];
        rebuild(`[data-stage="${k + by}"] select`);
      };
      const remove = () => { stages.splice(k, 1); rebuild('[data-lab="stages"] select'); };
      return make(
        "div", { class: "tool-buttons" },
        button("↑", move(-1), { label: `Move stage ${k + 1} up`, disabled: k === 0 }),
        button("↓", move(1), { label: `Move stage ${k + 1} down`, disabled: k === stages.length - 1 }),
        button("✕", remove, { label: `Remove stage ${k + 1}`, disabled: stages.length === 1 }),
      );
    }

    // The new stage goes on where the last one ends.
    function addStage() {
      const { stages } = current();
      const full = stages.length >= MOST.stages;
      const add = () => {
        stages.push(lab.following("linear", "rest", lab.heightAfter(current(), stages.length, run())));
        rebuild(`[data-stage="${stages.length - 1}"] select`);
      };
      return button("Add a stage", add, { disabled: full, title: full ? `A curve has ${MOST.stages} stages at most` : undefined });
    }

    // The run: so many steps, or epochs × images ÷ batch size

    let ofEpochs = { images: 45000, batch: 128 }; // the last ones; at first, those of the study

    const RUN = { steps: "steps", epochs: "epochs", images: "images", batch: "batch size" };

    function runFields() {
      const { state } = view;
      const typed = { ...state.run }; // also numbers that don't fit each other yet
      const numbers = Object.keys(state.run).map((key) => {
        const set = (value) => {
          typed[key] = value;
          const refused = lab.refusedRun(typed);
          if (!refused) state.run = { ...typed };
          return refused;
        };
        const rule = key === "steps" ? { ...STEPS, low: 1 } : WHOLE;
        return field(RUN[key], rule, () => state.run[key], set, { data: { shows: key } });
      });
      const other = (by) => {
        const { images, batch } = ofEpochs;
        const epochs = Math.max(1, Math.round(run() / lab.perEpoch(ofEpochs)));
        if (by === "steps") ofEpochs = state.run;
        state.run = by === "steps" ? { steps: run() } : { epochs, images, batch };
        rebuild('[data-lab="run"] select');
      };
      const by = "steps" in state.run ? "steps" : "epochs";
      const choice = select({ steps: "in steps", epochs: "epochs × images ÷ batch size" }, by, other);
      const peak = field("peak rate", PEAK, () => current().peak, (value) => { current().peak = value; }, { data: { shows: "peak" } });
      const axis = select({ linear: "linear", log: "logarithmic" }, state.log ? "log" : "linear", (to) => {
        state.log = to === "log";
        update();
      });
      return [labelled("length of the run", choice), ...numbers, peak, labelled("axis", axis)];
    }

    // How many steps that makes, and what an epoch leaves over.
    function runTold() {
      const { images, batch } = view.state.run;
      const steps = `${grouped(run())} steps`;
      if (!batch) return steps;
      const left = images % batch;
      const over = left ? `; the ${grouped(left)} ${left === 1 ? "image" : "images"} left over fill no batch and are dropped, as with drop_last=True` : "";
      return `${steps}, ${grouped(lab.perEpoch({ images, batch }))} each epoch${over}`;
    }

    // Several curves, one of which is changed

    function curveChoice() {
      const { state } = view;
      const choose = (k) => {
        state.chosen = k;
        rebuild(`input[name=lab-curve][value="${k}"]`);
      };
      const list = state.curves.map((curve, k) => {
        const input = make("input", { type: "radio", name: "lab-curve", value: k, checked: k === state.chosen });
        input.addEventListener("change", () => choose(k));
        const swatch = make("span", { class: "lab-swatch", style: `background:${colour(COLOURS[k])}`, "aria-hidden": "true" });
        return make("label", {}, input, swatch, `${k + 1}: ${lab.title(curve)}`);
      });
      const add = () => choose(state.curves.push(lab.copied(current())) - 1);
      const remove = () => {
        state.curves.splice(state.chosen, 1);
        choose(0);
      };
      const full = state.curves.length >= MOST.curves;
      return [
        make("fieldset", { class: "lab-curves" }, make("legend", {}, "Curve to change"), ...list),
        make("div", { class: "tool-buttons" },
          button("Add a curve", add, { disabled: full, title: full ? `The lab draws ${MOST.curves} curves at most` : undefined }),
          button("Remove this curve", remove, { disabled: state.curves.length === 1 })),
      ];
    }

    // A strategy to start from. The list shows the one that the curve is, and its first line, for any
    // other curve, brings back the reader's own.
    const presets = new Map(Object.keys(PRESETS).map((key) => [JSON.stringify(lab.preset(key).curves[0]), key]));
    const presetOf = () => presets.get(JSON.stringify(current())) ?? "";

    function presetChoice() {
      const options = Object.fromEntries(Object.entries(PRESETS).map(([key, [name]]) => [key, name]));
      let own = {};
      const take = (key) => {
        const { curves, chosen } = view.state;
        if (!presetOf()) own = { chosen, curve: current() };
        if (key) curves[chosen] = lab.preset(key).curves[0];
        else if (own.chosen === chosen) curves[chosen] = own.curve;
        rebuild();
      };
      return labelled("start from", select({ "": "a strategy …", ...options }, "", take));
    }

    function showPreset(list) {
      list.value = presetOf();
    }

    return { stageRow, addStage, runFields, runTold, curveChoice, presetChoice, showPreset };
  }

  Object.assign(lab, { fields, select, asUnit, unitOf, COLOURS });
})();
