// The race's page: its controls, when it runs and what a frame does, and a text for those who don't
// see it. The race itself is in race-run.js, its pictures in race-draw.js, its words in race-words.js.
//
// It stands on a page of its own, whose address holds its state, or on another page, where
// `data-state` says it.
(function () {
  "use strict";
  const { race: makeRace, preparing, STEPS, EVERY } = window.lrlibRace;
  const { STRATEGIES } = window.lrlibRaceSchedules;
  const { FIRST, PEAK, SEED, percent, rounded, standing, encode, decode, laneOf, table } = window.lrlibRaceWords;
  const { coloursOf, drawPoints, drawSurface, drawLosses, drawRates } = window.lrlibRaceDrawing;
  const { make, labelled, grouped, numberField } = window.lrlibTools;
  const { short } = window.lrlibFigures;

  const PEAKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];
  const PACE = 120; // steps a second: a race takes 12 seconds
  const MOST = 4; // steps in one frame; where they take longer than BUDGET, there are fewer
  const BUDGET = 6; // milliseconds of a frame, of 16 on a laptop, and of a piece of other work
  const FIGURES = 200; // milliseconds between two drawings of the figures and the table, or more:
  const REST = 20; // so many times what they take
  const TOLD = 4000; // milliseconds between two texts

  let root, race;
  let marked = null; // the chapter of the strategy that stands out
  let keys = []; // of the strategies that take part
  let peak = FIRST.peak; // what the slider says; a race that is over keeps the one that it had
  let lanes = []; // what the page shows of each run: { canvas, says, row }
  let wanted = false; // whether the reader wants the race to run; it runs only where it is seen
  let seen = false;
  let frame = 0; // the number of the next frame that was asked for, 0 if none was
  let colours = null;

  const place = (name) => root.querySelector(`[data-race=${name}]`);
  const isGuest = () => "state" in root.dataset; // on a page that isn't the race's
  const paint = (k) => drawSurface(race, k, lanes[k].canvas, colours);
  const setText = (element, text) => { if (element.textContent !== text) element.textContent = text; };

  // Words and numbers

  function showNumbers() {
    setText(place("step"), `Step ${grouped(race.step)} of ${grouped(STEPS)}`);
    race.lanes.forEach((lane, k) => {
      const { says, canvas, cells, card, row } = lanes[k];
      const blown = lane.blown !== null;
      for (const each of [card, row]) each.toggleAttribute("data-marked", lane.chapter === marked);
      card.classList.toggle("race-blown", blown);
      const word = blown ? `blew up at step ${grouped(lane.blown)}` : `${percent(lane.accuracy)} right`;
      setText(says, word);
      canvas.setAttribute("aria-label", `Decision surface of ${lane.name}: ${word}`);
      const loss = Number.isFinite(lane.loss) ? lane.loss.toFixed(3) : "no number";
      const rate = blown ? "blew up" : rounded(race.rate(lane));
      const shown = [String(lane.history.steps.at(-1)), loss, percent(lane.accuracy), rate];
      shown.forEach((text, column) => setText(cells[column], text));
    });
  }

  let toldAt = -Infinity;
  let toldBlown = 0; // how many had blown up by then
  const countBlown = () => race.lanes.filter((lane) => lane.blown !== null).length;
  function tell() {
    [toldAt, toldBlown] = [performance.now(), countBlown()];
    setText(place("told"), standing(race, marked));
  }

  function showFound() {
    const { found } = race.test;
    place("found").hidden = !race.lanes.some(({ finds }) => finds);
    setText(place("found"), found === null
      ? "The range test found no descent to read, so the finder's network takes your peak."
      : `The range test found ${short(Number(found.toPrecision(2)))}; the finder's network trains with that peak, whatever yours is.`);
  }

  // Everything that a standing race shows, in pieces
  function* showing() {
    root.style.setProperty("--race-points", `url(${drawPoints(race, colours)})`);
    for (const k of lanes.keys()) {
      yield;
      paint(k);
    }
    for (const draw of FIGURE_PARTS) {
      yield;
      draw();
    }
    showFound();
    showControls();
    tell();
  }

  function show() {
    for (const _ of showing());
  }

  function showControls() {
    setText(place("play"), race.done() ? "Run again" : wanted ? "Pause" : "Play");
    // Not `disabled`: who has just pressed it on the last step would lose their place on the page.
    place("advance").setAttribute("aria-disabled", race.done());
  }

  // Frames: some steps, then one picture. So no frame has much more to do than another.

  const FIGURE_PARTS = [
    () => drawLosses(race, marked, place("losses")),
    () => drawRates(race, marked, place("rates")),
    showNumbers,
  ];
  let next = 0; // the surface whose turn it is
  let due = []; // the parts of the figures whose turn comes first
  let before = 0; // when the last frame was
  let drawn = 0; // when the figures were drawn
  let took = 0; // how long that took
  let owed = 0; // steps that the clock asks for and no frame has made yet
  let busy = false; // whether the last frame had no time for a picture

  function makeSteps(begin) {
    while (owed >= 1 && !race.done() && performance.now() - begin < BUDGET) {
      race.advance();
      owed -= 1;
    }
  }

  function drawOne(now) {
    if (!due.length && now - drawn > Math.max(FIGURES, REST * took)) {
      due = [...FIGURE_PARTS];
      [drawn, took] = [now, 0];
    }
    const part = due.shift();
    if (!part) {
      paint(next % lanes.length);
      next += 1;
      return;
    }
    const from = performance.now();
    part();
    took += performance.now() - from;
  }

  function onFrame(now) {
    frame = 0;
    if (!running()) return;
    const begin = performance.now();
    owed = Math.min(MOST, owed + ((now - before) * PACE) / 1000);
    before = now;
    makeSteps(begin);
    if (race.done()) {
      finish();
      return;
    }
    // Where the steps alone are too much, every second frame has a picture.
    busy = performance.now() - begin > BUDGET && !busy;
    if (!busy) drawOne(now);
    if (now - toldAt > (countBlown() > toldBlown ? TOLD / 2 : TOLD)) tell();
    ask();
  }

  function finish() {
    wanted = false;
    settle();
    show();
  }

  const running = () => wanted && seen && !document.hidden && !race.done();

  function ask() {
    if (!frame && running()) frame = requestAnimationFrame(onFrame);
  }

  // Go on, or stop, as all that is known says.
  function settle() {
    root.dataset.running = running();
    if (running()) {
      before = performance.now();
      owed = 0;
      ask();
    } else if (frame) {
      cancelAnimationFrame(frame);
      frame = 0;
    }
    showControls();
  }

  // What the reader does

  function play() {
    if (race.done()) begin(race.seed);
    wanted = !wanted;
    settle();
    if (!wanted) show();
  }

  function advance() {
    if (race.done()) return;
    wanted = false;
    settle();
    for (let k = 0; k < EVERY; k += 1) race.advance();
    show();
  }

  function reset() {
    wanted = false;
    begin(race.seed);
    settle();
  }

  function begin(seed) {
    race = makeRace(seed, peak, keys);
    show();
  }

  // The nearest stop of the slider.
  function stopOf(peak) {
    const gaps = PEAKS.map((stop) => Math.abs(Math.log(stop / peak)));
    return gaps.indexOf(Math.min(...gaps));
  }

  // A race that has begun goes on with another peak.
  function setPeak(value, typing) {
    peak = value;
    if (race.step === 0) begin(race.seed);
    else if (!race.done() && race.peak !== peak) Object.assign(race, { peak, changed: true });
    showPeak(typing);
    remember();
    if (!running()) show();
  }

  function showPeak(typing) {
    const slider = place("peak");
    if (typing !== slider) slider.value = stopOf(peak);
    place("number").sync(typing);
    slider.setAttribute("aria-valuetext", short(peak));
  }

  function setSeed(seed) {
    begin(seed);
    remember();
    settle();
  }

  function setKeys(chosen) {
    keys = chosen;
    lanes = STRATEGIES.filter(({ key }) => keys.includes(key)).map(laneOf);
    place("lanes").replaceChildren(...lanes.map(({ card }) => card));
    place("rows").replaceChildren(...lanes.map(({ row }) => row));
  }

  // Who takes part: a race of others is another race. One is always left.
  function choose() {
    const boxes = [...place("choice").querySelectorAll("input")];
    const chosen = boxes.filter((box) => box.checked);
    for (const box of boxes) box.disabled = chosen.length === 1 && box.checked;
    setKeys(chosen.map((box) => box.value));
    begin(race.seed);
    remember();
    settle();
  }

  // The address

  let waiting = 0;
  function remember() {
    place("notice").replaceChildren();
    if (!root.dataset.ready || isGuest()) return;
    clearTimeout(waiting);
    const text = encode({ peak, seed: race.seed, chapter: marked, keys });
    waiting = setTimeout(() => history.replaceState(null, "", text), 100);
  }

  const stateHere = (told) => decode(isGuest() ? root.dataset.state : location.hash, told);

  // Take what the address says.
  function take() {
    const told = [];
    const state = stateHere(told);
    [peak, marked] = [state.peak, state.chapter];
    setKeys(state.keys);
    for (const box of place("choice").querySelectorAll("input")) {
      box.checked = keys.includes(box.value);
      box.disabled = box.checked && keys.length === 1;
    }
    race = makeRace(state.seed, peak, keys);
    showPeak();
    place("seed").sync();
    place("notice").replaceChildren(...told.map((text) => make("p", {}, `Not taken from this address: ${text}`)));
    wanted = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  }

  function load() {
    take();
    show();
    settle();
  }

  // The page's elements

  function controls() {
    const button = (text, name, onclick) =>
      make("button", { type: "button", class: "tool-button", "data-race": name, onclick }, text);
    const slider = make("input", { type: "range", min: 0, max: PEAKS.length - 1, step: 1, "data-race": "peak" });
    slider.addEventListener("input", () => setPeak(PEAKS[slider.value], slider));
    const number = numberField("as a number", {
      ...{ rule: PEAK, data: { race: "number" } },
      ...{ get: () => String(peak), set: (value, input) => setPeak(value, input) },
    });
    const seed = numberField("Seed", {
      ...{ rule: SEED, data: { race: "seed" }, on: "change" }, // not with each digit: it begins a race
      ...{ get: () => String(race?.seed ?? FIRST.seed), set: setSeed },
    });
    return make(
      "div", { class: "tool-row" },
      make("div", { class: "tool-buttons" },
        button("Play", "play", play), button(`${EVERY} steps`, "advance", advance), button("Reset", "reset", reset)),
      labelled("Peak rate", slider), number, seed,
      make("output", { "data-race": "step", for: slider.id }),
    );
  }

  function choice() {
    const boxes = STRATEGIES.map(({ key, name }) =>
      make("label", {}, make("input", { type: "checkbox", value: key, onchange: choose }), ` ${name}`));
    return make("details", { class: "race-choice" }, make("summary", {}, "Who takes part"),
      make("fieldset", { "data-race": "choice" }, make("legend", { class: "lrlib-sr" }, "Who takes part"), ...boxes));
  }

  function skeleton() {
    const part = (name, tag = "div", attributes = {}) => make(tag, { "data-race": name, ...attributes });
    return [
      part("notice", "div", { role: "status" }),
      controls(),
      choice(),
      part("lanes", "ul", { class: "race-lanes" }),
      part("told", "p", { class: "race-told", role: "status" }),
      part("found", "p", { class: "race-found" }),
      part("figures", "div", { class: "race-figures" }),
      table(),
    ];
  }

  function watch() {
    new IntersectionObserver(([entry]) => {
      seen = entry.isIntersecting;
      settle();
    }).observe(place("lanes"));
    document.addEventListener("visibilitychange", settle);
    if (!isGuest()) window.addEventListener("hashchange", load);
    for (const link of document.querySelectorAll('a[href*="#peak="]')) {
      link.addEventListener("click", () => {
        if (link.hash === location.hash) load(); // else the address changes, and that is noticed
        root.scrollIntoView();
      });
    }
    const dressed = () => { colours = coloursOf(root); show(); };
    new MutationObserver(dressed).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    let width = place("figures").clientWidth;
    new ResizeObserver(() => {
      if (place("figures").clientWidth === width) return;
      width = place("figures").clientWidth;
      for (const draw of FIGURE_PARTS) draw();
    }).observe(place("figures"));
  }

  // The picture of the page stays until its race is ready.
  function* starting() {
    yield* preparing(stateHere([]).seed);
    colours = coloursOf(root);
    yield;
    root.replaceChildren(...skeleton());
    place("figures").append(make("div", { "data-race": "losses" }), make("div", { "data-race": "rates" }));
    if (isGuest()) place("play").focus(); // where the button was that started it
    take();
    yield* showing();
    watch();
    settle();
    root.dataset.ready = true;
  }

  // Between two pieces of work the browser does what else there is, such as scrolling.
  function inPieces(work) {
    const begin = performance.now();
    let done;
    do done = work.next().done;
    while (!done && performance.now() - begin < BUDGET);
    if (!done) setTimeout(inPieces, 0, work);
  }

  function start() {
    root = document.getElementById("race");
    if (root) setTimeout(inPieces, 0, starting());
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
