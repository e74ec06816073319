// The schedule lab: its picture, what stands below it, and how all of it follows a change.
//
// The state is that of lab-state.js. lab-fields.js makes the controls, lab-handles.js the rings.
(function () {
  "use strict";
  const lab = window.lrlibLab;
  const { select } = lab;
  const { make, labelled, isState } = window.lrlibTools;
  const { drawPanel, onWidth, short } = window.lrlibFigures;
  const HEIGHT = 300; // pixels

  let root, study, results, fields, handles;
  let frozen; // the highest rate of the axis, while a ring is pulled

  const place = (name) => root.querySelector(`[data-lab=${name}]`);
  const current = () => view.state.curves[view.state.chosen];
  const run = () => lab.runSteps(view.state.run);
  const lowest = () => lab.axes(view.state, frozen).y.low;
  const top = () => lab.axes(view.state, frozen).y.high;

  // What the controls and the rings see of the page.
  const view = {
    ...{ state: null, scales: null, place, current, run, lowest, top, update, rename, rebuild },
    freeze: (pulled) => { frozen = pulled ? lab.highest(view.state) : undefined; },
    at,
  };

  // The picture

  function draw() {
    const width = place("picture").clientWidth;
    if (!width) return;
    const drawn = drawPanel(lab.panel(view.state, frozen), width, HEIGHT, lab.spoken(view.state));
    place("picture").replaceChildren(drawn);
    view.scales = drawn.drawn;
    handles.put();
    const belowIt = view.state.log && lab.grips(current(), run()).some(({ rate }) => rate < lowest());
    setText(place("below"), belowIt
      ? "A logarithmic axis has no 0: the ring of a rate that is 0, or too low to be seen, lies on the axis. Pull it up, or type a number."
      : "");
  }

  // The step and the rate at a place of the window.
  function at(left, top) {
    const { x, y } = lab.axes(view.state, frozen);
    const seen = view.scales.picture.getBoundingClientRect();
    const share = (scale, axis, pixel) => (pixel - scale(axis.low)) / (scale(axis.high) - scale(axis.low));
    const up = share(view.scales.y, y, top - seen.top);
    const rate = y.log ? y.low * (y.high / y.low) ** up : up * y.high;
    return { step: share(view.scales.x, x, left - seen.left) * x.high, rate };
  }

  // Below the picture. Only what has changed is put there anew: a reader's focus, a selection and
  // what a screen reader has read stay.

  function setText(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  function showWarnings() {
    const list = place("warnings");
    const told = lab.warnings(view.state, view.state.chosen);
    const old = new Map([...list.children].map((item) => [item.dataset.key, item]));
    for (const [key, item] of old) if (!told.some((each) => each.key === key)) item.remove();
    told.forEach(({ key, text, href }, k) => {
      const link = href ? [" ", make("a", { href }, "See the mistake")] : [];
      const item = old.get(key) ?? make("li", { "data-key": key }, make("span"), ...link);
      setText(item.firstChild, text);
      if (list.children[k] !== item) list.insertBefore(item, list.children[k] ?? null);
    });
  }

  function showCode() {
    setText(place("code"), lab.code(view.state, view.state.code, view.state.chosen).trimEnd());
  }

  let shownStudy = "";
  function showStudy() {
    const near = lab.nearest(view.state, study, view.state.chosen);
    const gap = `${Number((100 * near.gap).toPrecision(1))}\u00a0% of the peak on average`;
    const begin = near.gap > 0.04 ? "none"
      : near.gap < 0.002 ? "This is the study’s schedule" : `The study’s nearest schedule differs by ${gap}`;
    const shown = `${begin}: ${near.shape}`;
    if (shown === shownStudy) return;
    shownStudy = shown;
    if (begin === "none") {
      results.replaceChildren(make("p", {}, "The study has no schedule that is close to this curve."));
      return;
    }
    const rows = study.results.filter(({ shape }) => shape === near.shape);
    const labels = [...new Set(rows.map(({ label }) => label))];
    const name = labels.length === 1 ? labels[0] : study.names[near.shape];
    const told = make("p", {},
      `${begin}: ${name}. Its peak was tuned in each setting, `
        + "so the results are for the peaks in the table and not for yours.");
    const table = () => studyTable(rows, labels.length > 1);
    results.replaceChildren(told, rows.length ? table() : make("p", {}, "It isn’t recorded yet."));
  }

  // Strategies of other optimizers may have the same shape; where there is one, the sentence names it.
  function studyTable(rows, several) {
    const only = (text) => (several ? [text] : []);
    const heads = ["setting", ...only("strategy"), "tuned peak", "on test data (95\u00a0% interval)"];
    const head = make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text)));
    const body = rows.map(({ setting, label, peak, result }) => {
      const rest = [...only(label), short(peak), result].map((text) => make("td", {}, text));
      return make("tr", {}, make("th", { scope: "row" }, setting), ...rest);
    });
    const table = make("table", { class: "table" }, make("thead", {}, head), make("tbody", {}, ...body));
    return make("div", { class: "lrlib-table", role: "region", "aria-label": "Results of the study", tabindex: 0 }, table);
  }

  // Changes

  let waiting = 0;
  function remember() {
    if (!root.dataset.ready) return;
    clearTimeout(waiting);
    waiting = setTimeout(() => history.replaceState(null, "", `#${lab.encode(view.state)}`), 100);
  }

  // Show what a control has changed.
  function update(typing) {
    for (const _ of showing(typing));
  }

  function* showing(typing) {
    for (const input of root.querySelectorAll("[data-shows]")) input.sync(typing);
    fields.showPreset(place("preset").querySelector("select"));
    setText(place("steps"), fields.runTold());
    place("notice").replaceChildren();
    draw();
    yield;
    showWarnings();
    showCode();
    yield;
    showStudy();
    remember();
  }

  // A curve is called after its stages.
  function rename() {
    place("curves").replaceChildren(...fields.curveChoice());
    update();
  }

  // Make the controls again, as after a stage was added; the focus goes where a reader expects it.
  function rebuild(focus) {
    handles.letGo();
    for (const _ of controls());
    update();
    if (focus) root.querySelector(focus)?.focus();
  }

  function* controls() {
    place("run").replaceChildren(...fields.runFields());
    place("curves").replaceChildren(...fields.curveChoice());
    place("stages").replaceChildren();
    for (const [k, stage] of current().stages.entries()) {
      yield;
      place("stages").append(fields.stageRow(stage, k));
    }
    place("more").replaceChildren(fields.addStage());
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

  function frameworks() {
    const choice = select(lab.FRAMEWORKS, "torch", (to) => {
      view.state.code = to;
      showCode();
      remember();
    });
    choice.dataset.lab = "framework";
    return labelled("Code for", choice);
  }

  function skeleton() {
    const part = (name, tag = "div", attributes = {}) => make(tag, { "data-lab": name, ...attributes });
    const copyButton = make("button", { type: "button", class: "tool-button", onclick: () => copy(copyButton) }, "Copy");
    // One that listens hears what is new in the list of warnings, not the whole of it.
    const status = { role: "status", "aria-atomic": "false", "aria-relevant": "additions text" };
    return [
      part("notice", "div", { role: "status" }),
      make("div", { class: "tool-row" }, part("preset"), part("run", "div", { class: "tool-row" }),
        make("p", { class: "lab-told" }, "In all ", part("steps", "output"))),
      make("div", { class: "lab-picture" }, part("picture"), part("handles")),
      part("below", "p", { class: "lab-below" }),
      part("curves", "div", { class: "tool-row" }),
      part("stages"),
      part("more"),
      make("div", status, part("warnings", "ul", { class: "lab-warnings" })),
      make("div", { class: "tool-row lab-copy" }, frameworks(), copyButton),
      make("pre", { class: "lab-code", tabindex: 0, "aria-label": "Code" }, part("code", "code")),
    ];
  }

  // Take the state of the address, and return what the lab can't take of it.
  function take() {
    const refused = [];
    view.state = lab.decode(location.hash, refused);
    place("framework").value = view.state.code;
    return refused;
  }

  function name(refused) {
    if (!refused.length) return;
    place("notice").append(
      make("p", {}, "The lab can’t take all of this address, and shows the usual value instead:"),
      make("ul", {}, ...refused.map((text) => make("li", {}, text))),
    );
  }

  function load() {
    const refused = take();
    rebuild();
    name(refused);
  }

  // The page's own picture stays until the lab can take its place.
  function* starting() {
    const page = root;
    study = JSON.parse(document.getElementById("schedule-lab-study").textContent);
    results = document.getElementById("schedule-lab-results");
    fields = lab.fields(view);
    handles = lab.handles(view);
    root = make("div", {}, ...skeleton());
    place("preset").append(fields.presetChoice());
    const refused = take();
    yield;
    yield* controls();
    yield;
    page.replaceChildren(...root.childNodes);
    root = page;
    yield* showing();
    name(refused);
    watch();
    root.dataset.ready = true;
  }

  function watch() {
    window.addEventListener("hashchange", () => isState(location.hash, lab.NAMES) && load());
    onWidth(place("picture"), draw);
  }

  function start() {
    root = document.getElementById("schedule-lab");
    if (root) window.lrlibInPieces(starting());
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
