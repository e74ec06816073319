// The schedule lab: its controls and its picture. What they change is in lab-state.js.
(function () {
  "use strict";
  const lab = window.lrlibLab;
  const { KINDS, PRESETS } = lab;
  const { drawPanel, colour, short } = window.lrlibFigures;
  const COLOURS = ["blue", "orange", "green", "purple", "red", "teal"];
  const DASHES = ["-", "--", ":", "-.", "--", ":"];
  const HEIGHT = 300; // pixels

  let state, root, study;
  let chosen = 0; // the curve that the controls change
  let framework = "torch";
  let scales = null; // of the picture: pixels for steps and rates
  let frozen = null; // the highest rate of the axis, while a handle is dragged
  let names = 0;

  function make(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else if (value === true) made.setAttribute(key, "");
      else if (value !== false && value !== undefined) made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  }

  // A label with its control.
  function labelled(text, control) {
    control.id = control.id || `lab-${(names += 1)}`;
    return make("div", { class: "tool-field" }, make("label", { for: control.id }, text), control);
  }

  const place = (name) => root.querySelector(`[data-lab=${name}]`);
  const current = () => state.curves[chosen];
  const run = () => lab.runSteps(state.run);

  // A number to type: `read` takes its text, tidied, and the picture follows.
  function numberInput(value, { low, high, step = "any", hint = "", set }) {
    const input = make("input", { type: "number", value, min: low, max: high, step, placeholder: hint });
    input.addEventListener("input", () => {
      if (input.value === "" && !hint) return;
      set(input.value);
      update(input);
    });
    return input;
  }

  function select(options, value, set, label) {
    const made = make("select", { "aria-label": label });
    for (const [key, text] of Object.entries(options)) {
      made.append(make("option", { value: key, selected: key === value }, text));
    }
    made.addEventListener("change", () => set(made.value));
    return made;
  }

  // Lengths: a number and its unit

  const UNITS = { p: "% of the run", steps: "steps", rest: "the rest" };
  const unitOf = (text) => (text === "rest" ? "rest" : text.endsWith("p") ? "p" : "steps");

  function asUnit(steps, unit) {
    if (unit === "rest") return "rest";
    return unit === "p" ? `${Number(((100 * steps) / run()).toFixed(1))}p` : String(Math.round(steps));
  }

  function lengthFields(label, get, set, steps, rest) {
    const unit = unitOf(get());
    const units = rest ? UNITS : { p: UNITS.p, steps: UNITS.steps };
    const typed = (text) => set(lab.tidyLength(text + (unitOf(get()) === "p" ? "p" : ""), get()));
    const input = numberInput(unit === "rest" ? "" : Number.parseFloat(get()), { low: 0, set: typed });
    input.disabled = unit === "rest";
    input.dataset.shows = "length";
    input.shown = () => (get() === "rest" ? "" : Number.parseFloat(get()));
    const choice = select(units, unit, (to) => { set(asUnit(steps(), to)); rebuild(); }, `${label}: unit`);
    return make("div", { class: "lab-length" }, labelled(label, input), choice);
  }

  // A stage: its kind, its length, its values, and buttons

  function stageRow(stage, k) {
    const { stages } = current();
    const kinds = Object.fromEntries(Object.entries(KINDS).map(([kind, { name }]) => [kind, name]));
    const change = (kind) => {
      stages[k] = lab.stage(kind, stage.length);
      rebuild(`[data-stage="${k}"] select`);
    };
    const row = make("fieldset", { class: "lab-stage", "data-stage": k });
    row.append(make("legend", { class: "lrlib-sr" }, `Stage ${k + 1}`));
    const kind = select(kinds, stage.kind, change);
    row.append(labelled(`stage ${k + 1}`, kind));
    const own = (text) => { stage.length = text; };
    const steps = () => lab.lengths(stages, run())[k];
    row.append(lengthFields("for", () => stage.length, own, steps, true));
    for (const [name, rule] of Object.entries(KINDS[stage.kind].values)) {
      const set = (text) => { stage.values[name] = lab.tidyValue(rule, text); };
      if (rule.span) {
        const inSteps = () => lab.lengthIn(stage.values[name], run());
        row.append(lengthFields(rule.label, () => stage.values[name], set, inSteps, false));
        continue;
      }
      const shown = () => (stage.values[name] === "auto" ? "" : stage.values[name]);
      const hint = rule.auto ? "1/(steps+1)" : "";
      const input = numberInput(shown(), { low: rule.low, high: rule.high, hint, set });
      input.shown = shown;
      input.dataset.shows = name;
      row.append(labelled(rule.label, input));
    }
    row.append(stageButtons(k));
    return row;
  }

  function stageButtons(k) {
    const { stages } = current();
    const move = (by) => () => {
      [stages[k], stages[k + by]] = [stages[k + by], stages[k]];
      rebuild(`[data-stage="${k + by}"] select`);
    };
    const remove = () => { stages.splice(k, 1); rebuild('[data-lab="stages"] select'); };
    const button = (text, label, onclick, disabled) =>
      make("button", { type: "button", class: "tool-button", "aria-label": label, onclick, disabled }, text);
    return make(
      "div", { class: "tool-buttons" },
      button("↑", `Move stage ${k + 1} up`, move(-1), k === 0),
      button("↓", `Move stage ${k + 1} down`, move(1), k === stages.length - 1),
      button("✕", `Remove stage ${k + 1}`, remove, stages.length === 1),
    );
  }

  // The run: so many steps, or epochs × images ÷ batch size

  const RUN = { steps: "steps", epochs: "epochs", images: "images", batch: "batch size" };

  function runFields() {
    const inSteps = "steps" in state.run;
    const other = (by) => {
      const batch = 128, images = 45000;
      const epochs = Math.max(1, Math.round(run() / Math.floor(images / batch)));
      state.run = by === "steps" ? { steps: run() } : { epochs, images, batch };
      rebuild('[data-lab="run"] select');
    };
    const fields = Object.keys(state.run).map((key) => {
      const set = (text) => { state.run[key] = lab.within(Number.parseFloat(text), 1, 1e9, state.run[key]); };
      const input = numberInput(state.run[key], { low: 1, step: 1, set });
      return labelled(RUN[key], input);
    });
    const choice = select({ steps: "in steps", epochs: "epochs × images ÷ batch size" }, inSteps ? "steps" : "epochs", other);
    const peak = numberInput(current().peak, {
      low: 0,
      set: (text) => { current().peak = lab.within(Number.parseFloat(text), 1e-9, 1e4, current().peak); },
    });
    peak.shown = () => current().peak;
    peak.dataset.shows = "peak";
    const axis = select({ linear: "linear", log: "logarithmic" }, state.log ? "log" : "linear", (to) => {
      state.log = to === "log";
      update();
    });
    return [labelled("length of the run", choice), ...fields, labelled("peak rate", peak), labelled("axis", axis)];
  }

  // Several curves, one of which is changed

  function curveChoice() {
    const list = state.curves.map((curve, k) => {
      const input = make("input", { type: "radio", name: "lab-curve", value: k, checked: k === chosen });
      input.addEventListener("change", () => { chosen = k; rebuild(`input[name=lab-curve][value="${k}"]`); });
      const swatch = make("span", { class: "lab-swatch", style: `background:${colour(COLOURS[k])}`, "aria-hidden": "true" });
      return make("label", {}, input, swatch, `${k + 1}: ${lab.title(curve)}`);
    });
    const add = () => {
      state.curves.push(lab.copied(current()));
      chosen = state.curves.length - 1;
      rebuild(`input[name=lab-curve][value="${chosen}"]`);
    };
    const remove = () => {
      state.curves.splice(chosen, 1);
      chosen = 0;
      rebuild('input[name=lab-curve][value="0"]');
    };
    const button = (text, onclick, disabled) =>
      make("button", { type: "button", class: "tool-button", onclick, disabled }, text);
    return [
      make("fieldset", { class: "lab-curves" }, make("legend", {}, "Curve to change"), ...list),
      make("div", { class: "tool-buttons" },
        button("Add a curve", add, state.curves.length > 5),
        button("Remove this curve", remove, state.curves.length === 1)),
    ];
  }

  function presetChoice() {
    const options = Object.fromEntries(Object.entries(PRESETS).map(([key, [name]]) => [key, name]));
    const take = (key) => {
      if (!key) return;
      state.curves[chosen] = lab.preset(key).curves[0];
      rebuild('[data-lab="preset"] select');
    };
    return labelled("start from", select({ "": "a strategy …", ...options }, "", take));
  }

  // The picture

  // Steps at which a curve is drawn: all, or many, and those beside a boundary.
  function drawnSteps(curve, steps) {
    if (steps <= 1500) return [...Array(steps).keys()];
    const found = new Set([...Array(1200).keys()].map((k) => Math.round((k / 1199) * (steps - 1))));
    for (const { begin } of lab.pieces(curve, steps)) {
      for (const step of [begin - 1, begin]) if (step >= 0) found.add(step);
    }
    return [...found].sort((a, b) => a - b);
  }

  function highest() {
    return Math.max(...state.curves.map(({ peak }) => peak));
  }

  function panel() {
    const steps = run();
    const lines = state.curves.map((curve, k) => {
      const factorOf = lab.factor(curve, steps);
      const xs = drawnSteps(curve, steps);
      const ys = xs.map((step) => curve.peak * factorOf(step)).map((rate) => (state.log && rate <= 0 ? null : rate));
      const width = k === chosen ? 2.6 : 1.8;
      return { label: `${k + 1}`, colour: COLOURS[k], dash: DASHES[k], width, xs, ys };
    });
    const high = (frozen ?? highest()) * 1.08;
    const y = state.log
      ? { low: high / 1.08 / 1e5, high: high * 1.2, log: true, label: "learning rate" }
      : { low: 0, high, label: "learning rate" };
    const x = { low: 0, high: Math.max(1, steps), label: "step" };
    return { title: "", named: state.curves.length > 1, legend: false, lines, bands: [], texts: [], x, y };
  }

  function spoken() {
    const told = state.curves.map((curve, k) => {
      const rate = (step) => short(curve.peak * lab.factor(curve, run())(step));
      return `Curve ${k + 1}, ${lab.title(curve)}: from ${rate(0)} to ${rate(run() - 1)}, peak ${short(curve.peak)}.`;
    });
    return `Learning rate against ${run().toLocaleString("en-US")} steps. ${told.join(" ")}`;
  }

  function draw() {
    const box = place("picture");
    const width = box.clientWidth;
    if (!width) return;
    const drawn = drawPanel(panel(), width, HEIGHT, spoken());
    box.replaceChildren(drawn);
    scales = drawn.drawn;
    putHandles();
  }

  // Handles: each moves a length to the sides, and a rate up and down

  function inverse(scaleOf, low, high, pixel, log) {
    const [from, to] = [scaleOf(low), scaleOf(high)];
    const share = (pixel - from) / (to - from);
    return log ? low * (high / low) ** share : low + share * (high - low);
  }

  const digits = (value) => Number(value.toPrecision(3));

  function setValue(stage, name) {
    const rule = KINDS[stage.kind].values[name];
    return (rate) => {
      const value = digits(lab.within(rate / current().peak, rule.low, rule.high, rule.initial));
      stage.values[name] = value < 1e-5 && rule.low === 0 ? 0 : value;
    };
  }

  const setPeak = (rate) => { current().peak = digits(lab.within(rate, 1e-9, 1e4, current().peak)); };

  // What can be moved: where it is, and what it sets.
  function grips() {
    const curve = current();
    const steps = run();
    const factorOf = lab.factor(curve, steps);
    const counts = lab.lengths(curve.stages, steps);
    const found = [];
    let begin = 0;
    curve.stages.forEach((stage, k) => {
      const { name, level, inner, values } = KINDS[stage.kind];
      const from = begin, last = k === curve.stages.length - 1, own = `stage ${k + 1}, ${name}`;
      const end = begin + counts[k];
      if ("start" in values && counts[k] > 1) {
        const at = curve.peak * factorOf(Math.min(from, steps - 1));
        found.push({ id: `start-${k}`, label: `${own}: start`, step: from, rate: at, moveY: setValue(stage, "start") });
      }
      if (inner) {
        const at = from + lab.lengthIn(stage.values[inner], steps);
        const moveX = (step) => { stage.values[inner] = asUnit(Math.max(1, step - from), unitOf(stage.values[inner])); };
        const rate = curve.peak * factorOf(at);
        // The top of the first cycle is where the peak is pulled, too.
        const moveY = stage.kind === "cycles" ? setPeak : undefined;
        found.push({ id: `inner-${k}`, label: `${own}: ${values[inner].label}`, step: at, rate, moveX, moveY });
      }
      if (stage.kind === "onecycle" && counts[k] > 1) {
        const at = from + stage.values.rise * counts[k];
        const moveX = (step) => { stage.values.rise = digits(lab.within((step - from) / counts[k], 0.02, 0.95, 0.3)); };
        found.push({ id: `inner-${k}`, label: `${own}: top`, step: at, rate: curve.peak, moveX, moveY: setPeak });
      }
      // A boundary belongs to the stage before it, or else to the one behind.
      const next = curve.stages[k + 1];
      let moveX;
      if (stage.length !== "rest") {
        moveX = (step) => { stage.length = asUnit(Math.max(0, step - from), unitOf(stage.length)); };
      } else if (next && next.length !== "rest") {
        moveX = (step) => { next.length = asUnit(Math.max(0, end + counts[k + 1] - step), unitOf(next.length)); };
      }
      const isPeak = stage.kind === "warmup";
      const moveY = isPeak ? setPeak : level ? setValue(stage, level) : undefined;
      const height = isPeak ? 1 : level ? stage.values[level] : factorOf(Math.max(0, end - 1));
      const rate = curve.peak * height;
      const what = isPeak ? "end and peak rate" : level ? `end, ${values[level].label}` : "end";
      if (moveX || moveY) found.push({ id: `end-${k}`, label: `${own}: ${what}`, step: Math.min(end, steps), rate, moveX, moveY });
      begin = end;
    });
    if (!found.some(({ moveY }) => moveY === setPeak)) {
      let top = 0;
      const tried = [0, ...found.map(({ step }) => Math.min(step, steps - 1)), ...drawnSteps(curve, steps)];
      for (const step of tried) if (factorOf(step) > factorOf(top) + 1e-9) top = step;
      found.push({ id: "peak", label: "peak rate", step: top, rate: curve.peak, moveY: setPeak });
    }
    return found;
  }

  function gripAt(id) {
    return grips().find((grip) => grip.id === id);
  }

  function putHandles() {
    const layer = place("handles");
    const old = new Map([...layer.children].map((handle) => [handle.dataset.grip, handle]));
    const { x, y } = scales;
    const { y: axis } = panel();
    for (const grip of grips()) {
      const handle = old.get(grip.id) ?? newHandle(grip.id);
      old.delete(grip.id);
      const [left, top] = [x(Math.min(grip.step, run())), y(Math.max(grip.rate, axis.low))];
      handle.style.left = `${left}px`;
      handle.style.top = `${scales.picture.getBoundingClientRect().top - layer.getBoundingClientRect().top + top}px`;
      handle.style.setProperty("--lab-colour", colour(COLOURS[chosen]));
      const told = [grip.moveX && `step ${Math.round(grip.step).toLocaleString("en-US")}`, grip.moveY && `rate ${short(grip.rate)}`];
      handle.setAttribute("aria-label", grip.label);
      handle.setAttribute("aria-valuenow", grip.moveX ? Math.round(grip.step) : grip.rate);
      handle.setAttribute("aria-valuetext", told.filter(Boolean).join(", "));
      handle.setAttribute("aria-orientation", grip.moveX ? "horizontal" : "vertical");
      if (!handle.parentNode) layer.append(handle);
    }
    for (const gone of old.values()) gone.remove();
  }

  function newHandle(id) {
    const handle = make("div", { class: "lab-handle", role: "slider", tabindex: 0, "data-grip": id });
    handle.addEventListener("keydown", (event) => byKey(event, id));
    handle.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      handle.focus();
      handle.setPointerCapture(event.pointerId);
      frozen = highest();
    });
    handle.addEventListener("pointermove", (event) => {
      if (frozen !== null && handle.hasPointerCapture(event.pointerId)) byPointer(event, id);
    });
    const release = () => {
      if (frozen === null) return;
      frozen = null;
      update();
    };
    handle.addEventListener("pointerup", release);
    handle.addEventListener("pointercancel", release);
    return handle;
  }

  function byPointer(event, id) {
    const grip = gripAt(id);
    const { x: across, y: upwards } = panel();
    const seen = scales.picture.getBoundingClientRect();
    const step = inverse(scales.x, across.low, across.high, event.clientX - seen.left, false);
    const rate = inverse(scales.y, upwards.low, upwards.high, event.clientY - seen.top, state.log);
    grip.moveX?.(lab.within(Math.round(step), 0, run(), 0));
    grip.moveY?.(Math.max(rate, 0));
    update();
  }

  function byKey(event, id) {
    const side = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const up = { ArrowDown: -1, ArrowUp: 1 }[event.key];
    if (!side && !up) return;
    event.preventDefault();
    const grip = gripAt(id);
    if (side) {
      const far = event.shiftKey ? 1 : Math.max(1, Math.round(run() / 100));
      (grip.moveX ?? (() => {}))(lab.within(grip.step + side * far, 0, run(), 0));
    } else if (id === "peak" || state.log || grip.moveY === setPeak) {
      grip.moveY?.(Math.max(grip.rate, 1e-6 * current().peak) * 1.1 ** up);
    } else grip.moveY?.(Math.max(0, grip.rate + 0.02 * up * current().peak));
    update();
  }

  // Below the picture

  function showWarnings() {
    const list = lab.warnings(state, chosen).map(({ text, href }) =>
      make("li", {}, `${text} `, make("a", { href }, "See the mistake")));
    place("warnings").replaceChildren(...list);
  }

  function showCode() {
    place("code").textContent = lab.code(state, framework, chosen).trimEnd();
  }

  function showStudy() {
    const near = lab.nearest(state, study, chosen);
    const where = place("study");
    if (near.gap > 0.04) {
      where.replaceChildren(make("p", {}, "The study has no schedule that is close to this curve."));
      return;
    }
    const rows = study.results.filter(({ shape }) => shape === near.shape);
    const heads = ["setting", "strategy", "tuned peak", "on test data (95 % interval)"];
    const head = make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text)));
    const body = rows.map(({ setting, label, peak, result }) => {
      const rest = [label, short(peak), result].map((text) => make("td", {}, text));
      return make("tr", {}, make("th", { scope: "row" }, setting), ...rest);
    });
    const gap = `${Number((100 * near.gap).toPrecision(1))} % of the peak on average`;
    const begin = near.gap < 0.002
      ? "This is the study’s schedule"
      : `The study’s nearest schedule differs by ${gap}`;
    const told = make("p", {},
      `${begin}: ${study.names[near.shape]}. It had its own tuned peak in each setting, `
        + "so take the results for that, not for your number.");
    const table = make("table", { class: "table" }, make("thead", {}, head), make("tbody", {}, ...body));
    const named = { role: "region", "aria-label": "Results of the study", tabindex: 0 };
    const box = make("div", { class: "lrlib-table", ...named }, table);
    where.replaceChildren(told, ...(rows.length ? [box] : [make("p", {}, "It isn’t recorded yet.")]));
  }

  // Changes

  let waiting = 0;
  function remember() {
    clearTimeout(waiting);
    waiting = setTimeout(() => history.replaceState(null, "", `#${lab.encode(state)}`), 100);
  }

  // Show what a control has changed; the one that is typed into keeps its text.
  function update(typing) {
    for (const input of root.querySelectorAll("[data-shows]")) {
      if (input !== typing && input.shown) input.value = input.shown();
    }
    place("steps").textContent = `${run().toLocaleString("en-US")} steps`;
    draw();
    showWarnings();
    showCode();
    showStudy();
    if (root.dataset.ready) remember();
  }

  // Make the controls again, as after a stage was added; the focus goes where a reader expects it.
  function rebuild(focus) {
    place("preset").replaceChildren(presetChoice());
    place("run").replaceChildren(...runFields());
    place("curves").replaceChildren(...curveChoice());
    place("stages").replaceChildren(...current().stages.map(stageRow));
    update();
    if (focus) root.querySelector(focus)?.focus();
  }

  async function copy(button) {
    const text = place("code").textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      getSelection().selectAllChildren(place("code"));
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  }

  function skeleton() {
    const part = (name, tag = "div", attributes = {}) => make(tag, { "data-lab": name, ...attributes });
    const add = () => {
      current().stages.push(lab.stage("linear"));
      rebuild(`[data-stage="${current().stages.length - 1}"] select`);
    };
    const names = lab.FRAMEWORKS;
    const frameworks = select(names, framework, (to) => { framework = to; showCode(); });
    const copyButton = make("button", { type: "button", class: "tool-button", onclick: () => copy(copyButton) }, "Copy");
    return [
      make("div", { class: "tool-row" }, part("preset"), part("run", "div", { class: "tool-row" }),
        make("p", { class: "lab-told" }, "In all ", part("steps", "output"))),
      make("div", { class: "lab-picture" }, part("picture"), part("handles")),
      part("curves", "div", { class: "tool-row" }),
      part("stages"),
      make("button", { type: "button", class: "tool-button", onclick: add }, "Add a stage"),
      make("div", { role: "status" }, part("warnings", "ul", { class: "lab-warnings" })),
      make("div", { class: "tool-row lab-copy" }, labelled("Code for", frameworks), copyButton),
      make("pre", { class: "lab-code", tabindex: 0, "aria-label": "Code" }, part("code", "code")),
      make("h2", { class: "lab-heading" }, "How that did in the study"),
      part("study"),
    ];
  }

  function load() {
    state = lab.decode(location.hash);
    chosen = 0;
    rebuild();
  }

  function start() {
    root = document.getElementById("schedule-lab");
    if (!root) return;
    study = JSON.parse(document.getElementById("schedule-lab-study").textContent);
    root.replaceChildren(...skeleton());
    load();
    root.dataset.ready = true;
    window.addEventListener("hashchange", load);
    let before = 0;
    new ResizeObserver(() => {
      const width = place("picture").clientWidth;
      if (width !== before) {
        before = width;
        draw();
      }
    }).observe(place("picture"));
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
