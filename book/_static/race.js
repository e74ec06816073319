// The race's page: controls, eight decision surfaces, two figures, a table, and a text for those
// who don't see them. The race itself is in race-run.js.
(function () {
  "use strict";
  const { race: makeRace, STEPS, EVERY, SPIRALS } = window.lrlibRace;
  const { drawPanel, short } = window.lrlibFigures;

  const PEAKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];
  const FIRST = { peak: 0.2, seed: 1 };
  const [LOWEST, HIGHEST] = [0.001, 10]; // peaks that can be typed
  const PACE = 120; // steps a second: a race takes 12 seconds
  const MOST = 4; // steps in one frame; where they take longer than BUDGET, there are fewer
  const BUDGET = 6; // milliseconds of a frame, of 16 on a laptop
  const GRID = 24; // a surface is computed at 24 × 24 places
  const REACH = 1.12 * SPIRALS.scale; // of the surfaces, to each side
  const SHOWN = 240; // points that are drawn
  const FIGURES = 200; // milliseconds between two drawings of the figures and the table, or more:
  const REST = 20; // so many times what a drawing takes
  const TOLD = 4000; // milliseconds between two texts
  const DASHES = ["-", "-.", "--", "--", ":", "-", "-", "-."];

  let root, race;
  let marked = null; // the chapter of the strategy that stands out
  let peak = FIRST.peak; // what the slider says; a race that is over keeps the one that it had
  let lanes = []; // what the page shows of each run: { canvas, says, row }
  let wanted = false; // whether the reader wants the race to run; it runs only where it is seen
  let seen = false;
  let frame = 0; // the number of the next frame that was asked for, 0 if none was
  let colours = null;

  function make(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  }

  const place = (name) => root.querySelector(`[data-race=${name}]`);
  const percent = (share) => `${(100 * share).toFixed(1)} %`;
  // A rate in two digits; what is next to nothing is called so.
  const rounded = (rate) => (rate < 1e-5 ? "near 0" : String(Number(rate.toPrecision(2))));

  // Colours: those of the page's theme, as three numbers each

  function numbers(value) {
    const pen = document.createElement("canvas").getContext("2d");
    pen.fillStyle = value.trim();
    const hex = pen.fillStyle;
    return [1, 3, 5].map((k) => Number.parseInt(hex.slice(k, k + 2), 16));
  }

  function readColours() {
    const style = getComputedStyle(root);
    const read = (name) => numbers(style.getPropertyValue(name) || "#ffffff");
    const [zero, one, ground] = ["--lrlib-orange", "--lrlib-blue", "--pst-color-background"].map(read);
    colours = { zero, one, ground };
  }

  // Decision surfaces

  const surface = make("canvas", { width: GRID, height: GRID });
  const surfacePen = surface.getContext("2d");
  const pixels = surfacePen.createImageData(GRID, GRID);
  const points = make("canvas"); // the points are the same on all surfaces: drawn once
  const SIDE = 320; // pixels of a canvas

  function drawPoints() {
    points.width = points.height = SIDE; // this also empties it
    const pen = points.getContext("2d");
    const at = (value) => ((value / REACH + 1) / 2) * SIDE;
    pen.lineWidth = 1.5;
    pen.strokeStyle = `rgb(${colours.ground})`;
    for (let k = 0; k < SHOWN; k += 1) {
      const [x, y] = [at(race.points.x[2 * k]), at(-race.points.x[2 * k + 1])];
      const one = race.points.y[k] > 0.5;
      pen.fillStyle = `rgb(${one ? colours.one : colours.zero})`;
      pen.beginPath();
      if (one) pen.arc(x, y, 4, 0, 7);
      else pen.rect(x - 3.5, y - 3.5, 7, 7);
      pen.fill();
      pen.stroke();
    }
  }

  function drawSurface(k) {
    const { parameters } = race.lanes[k];
    let at = 0;
    for (let row = 0; row < GRID; row += 1) {
      for (let column = 0; column < GRID; column += 1) {
        const across = ((column + 0.5) / GRID) * 2 - 1;
        const up = 1 - ((row + 0.5) / GRID) * 2;
        const z = race.net.output(parameters, across * REACH, up * REACH);
        const sure = Math.tanh(z / 2); // −1 to 1: from class 0 for certain to class 1
        const share = 0.55 * Math.abs(sure);
        const full = sure > 0 ? colours.one : colours.zero;
        for (let c = 0; c < 3; c += 1) {
          pixels.data[at + c] = colours.ground[c] + (full[c] - colours.ground[c]) * share;
        }
        pixels.data[at + 3] = 255;
        at += 4;
      }
    }
    surfacePen.putImageData(pixels, 0, 0);
    const pen = lanes[k].canvas.getContext("2d");
    pen.imageSmoothingEnabled = true;
    pen.drawImage(surface, 0, 0, SIDE, SIDE);
    pen.drawImage(points, 0, 0);
  }

  // Figures

  function lines(values) {
    return race.lanes.map(({ name, colour, chapter, history }, k) => {
      const ys = values(history);
      const width = chapter === marked ? 4 : name === "Fixed" ? 2.4 : 1.8;
      return { label: name, colour, dash: DASHES[k], width, xs: history.steps, ys };
    });
  }

  function drawFigures() {
    const box = place("figures");
    const whole = box.clientWidth;
    if (!whole) return;
    const x = { low: 0, high: STEPS, label: "step" };
    const rest = { title: "", named: true, legend: false, bands: [], texts: [], x };
    const losses = lines(({ losses }) => losses);
    const loss = { ...rest, lines: losses, y: { low: 0, high: 1.2, label: "loss on new points" } };
    const rates = lines((history) => history.rates);
    const top = 1.08 * Math.max(...rates.flatMap(({ ys }) => ys), race.peak);
    // Where the names stand in a list, one list is enough.
    const rate = { ...rest, named: whole >= 560, lines: rates, y: { low: 0, high: top, label: "learning rate" } };
    const what = "one line for each strategy; the table below has the numbers.";
    box.replaceChildren(
      drawPanel(loss, whole, 260, `Loss on new points against the step, ${what}`),
      drawPanel(rate, whole, 180, `Learning rate against the step, ${what}`),
    );
  }

  // Words and numbers

  function showNumbers() {
    place("step").textContent = `Step ${race.step.toLocaleString("en-US")} of ${STEPS.toLocaleString("en-US")}`;
    race.lanes.forEach((lane, k) => {
      const { says, canvas, cells, card, row } = lanes[k];
      const blown = lane.blown !== null;
      for (const each of [card, row]) each.toggleAttribute("data-marked", lane.chapter === marked);
      card.classList.toggle("race-blown", blown);
      const word = blown ? `blew up at step ${lane.blown.toLocaleString("en-US")}` : `${percent(lane.accuracy)} right`;
      says.textContent = word;
      canvas.setAttribute("aria-label", `Decision surface of ${lane.name}: ${word}`);
      const loss = Number.isFinite(lane.loss) ? lane.loss.toFixed(3) : "no number";
      const rate = blown ? "blew up" : rounded(race.rate(lane));
      const shown = [lane.blown ?? race.step, loss, percent(lane.accuracy), rate];
      shown.forEach((text, column) => { cells[column].textContent = text; });
    });
  }

  // Where the race stands, in a few sentences.
  function standing() {
    const left = race.lanes.filter(({ blown }) => blown === null).sort((a, b) => a.loss - b.loss);
    const gone = race.lanes.filter(({ blown }) => blown !== null);
    const described = ({ name, loss, accuracy }) => `${name} (loss ${loss.toFixed(2)}, ${percent(accuracy)} right)`;
    const told = [`Step ${race.step} of ${STEPS}, peak rate ${race.peak}, seed ${race.seed}.`];
    if (race.step === 0) told.push("All eight networks have the same weights.");
    else if (left.length > 1) {
      told.push(`Lowest loss on new points: ${described(left[0])}; highest: ${described(left.at(-1))}.`);
    } else if (left.length) told.push(`Only one is left: ${described(left[0])}.`);
    const own = left.find(({ chapter }) => chapter === marked);
    if (own) told.push(`Marked: ${described(own)}.`);
    if (gone.length) {
      told.push(`Blew up: ${gone.map(({ name, blown }) => `${name} at step ${blown}`).join(", ")}.`);
    }
    if (race.changed) told.push("The peak was moved on the way.");
    return told.join(" ");
  }

  let toldAt = -Infinity;
  function tell() {
    toldAt = performance.now();
    const text = standing();
    if (place("told").textContent !== text) place("told").textContent = text;
  }

  function showFound() {
    const { found } = race.test;
    place("found").textContent = found === null
      ? "The range test found no descent to read, so the finder's network takes your peak."
      : `The range test found ${short(Number(found.toPrecision(2)))}; the finder's network trains with that peak, whatever yours is.`;
  }

  // Everything that a standing race shows
  function show() {
    drawPoints();
    lanes.forEach((_, k) => drawSurface(k));
    drawFigures();
    showNumbers();
    showFound();
    showControls();
    tell();
  }

  function showControls() {
    const word = race.done() ? "Run again" : wanted ? "Pause" : "Play";
    if (place("play").textContent !== word) place("play").textContent = word;
    place("advance").disabled = race.done();
  }

  // Frames

  let next = 0; // the surface whose turn it is
  let before = 0; // when the last frame was
  let drawn = 0; // when the figures were drawn
  let took = 0; // how long that took
  let owed = 0; // steps that the clock asks for and no frame has made yet
  let busy = 0; // whether the last frame was over its budget

  function onFrame(now) {
    frame = 0;
    if (!running()) return;
    const begin = performance.now();
    owed = Math.min(MOST, owed + ((now - before) * PACE) / 1000);
    before = now;
    const blown = race.lanes.filter((lane) => lane.blown !== null).length;
    while (owed >= 1 && !race.done() && performance.now() - begin < BUDGET) {
      race.advance();
      owed -= 1;
    }
    // One surface a frame; every second frame where the steps alone are too much.
    busy = performance.now() - begin > BUDGET && !busy;
    if (!busy) {
      drawSurface(next);
      next = (next + 1) % lanes.length;
    }
    if (race.done()) return finish();
    if (now - drawn > Math.max(FIGURES, REST * took)) {
      drawn = now;
      const from = performance.now();
      drawFigures();
      showNumbers();
      took = performance.now() - from;
    }
    const more = race.lanes.filter((lane) => lane.blown !== null).length > blown;
    if (now - toldAt > (more ? TOLD / 2 : TOLD)) tell();
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
    race = makeRace(seed, peak);
    show();
  }

  const within = (value, low, high, instead) =>
    Number.isFinite(value) ? Math.min(high, Math.max(low, value)) : instead;

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

  // The control that is typed into keeps its text.
  function showPeak(typing) {
    const [slider, number] = [place("peak"), place("number")];
    if (typing !== slider) slider.value = stopOf(peak);
    if (typing !== number) number.value = peak;
    slider.setAttribute("aria-valuetext", short(peak));
  }

  function setSeed(seed) {
    begin(seed);
    place("seed").value = seed;
    remember();
    settle();
  }

  let waiting = 0;
  function remember() {
    if (!root.dataset.ready) return;
    clearTimeout(waiting);
    const text = `#peak=${peak}&seed=${race.seed}${marked ? `&chapter=${marked}` : ""}`;
    waiting = setTimeout(() => history.replaceState(null, "", text), 100);
  }

  // The race of an address: what cannot be read is left out.
  function load() {
    const found = new URLSearchParams(location.hash.slice(1));
    const read = (name) => (found.has(name) ? Number.parseFloat(found.get(name)) : Number.NaN);
    peak = within(read("peak"), LOWEST, HIGHEST, FIRST.peak);
    const chapters = window.lrlibRaceSchedules.STRATEGIES.map(({ chapter }) => chapter);
    marked = chapters.find((chapter) => chapter === found.get("chapter")) ?? null;
    const seed = Math.round(within(read("seed"), 1, 9999, FIRST.seed));
    begin(seed);
    showPeak();
    place("seed").value = seed;
    wanted = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    settle();
  }

  // The page's elements

  function labelled(text, control, id) {
    control.id = id;
    return make("div", { class: "tool-field" }, make("label", { for: id }, text), control);
  }

  function controls() {
    const button = (text, name, onclick) =>
      make("button", { type: "button", class: "tool-button", "data-race": name, onclick }, text);
    const slider = make("input", { type: "range", min: 0, max: PEAKS.length - 1, step: 1, "data-race": "peak" });
    slider.addEventListener("input", () => setPeak(PEAKS[slider.value], slider));
    const number = make("input", { type: "number", min: LOWEST, max: HIGHEST, step: "any", "data-race": "number" });
    number.addEventListener("input", () => {
      const peak = Number.parseFloat(number.value);
      if (peak > 0) setPeak(within(peak, LOWEST, HIGHEST), number);
    });
    const seed = make("input", { type: "number", min: 1, max: 9999, step: 1, "data-race": "seed" });
    seed.addEventListener("change", () => setSeed(Math.round(within(Number.parseFloat(seed.value), 1, 9999, race.seed))));
    return make(
      "div", { class: "tool-row" },
      make("div", { class: "tool-buttons" },
        button("Play", "play", play), button(`${EVERY} steps`, "advance", advance), button("Reset", "reset", reset)),
      labelled("Peak rate", slider, "race-peak"),
      labelled("as a number", number, "race-number"),
      labelled("Seed", seed, "race-seed"),
      make("output", { "data-race": "step", for: "race-peak race-seed" }),
    );
  }

  // A card and a row of the table for each run.
  function laneOf({ name, colour, chapter }) {
    const canvas = make("canvas", { width: SIDE, height: SIDE, role: "img" });
    const says = make("span", { class: "race-says" });
    const link = make("a", { href: `../notebooks/${chapter}.html` }, name);
    const heading = make("strong", { style: `--race-colour: var(--lrlib-${colour})` }, link);
    const card = make("li", {}, heading, canvas, says);
    const cells = [...Array(4)].map(() => make("td"));
    const row = make("tr", {}, make("th", { scope: "row" }, name), ...cells);
    return { canvas, says, card, cells, row };
  }

  function table() {
    const heads = ["strategy", "step", "loss", "accuracy", "rate"];
    const head = make("tr", {}, ...heads.map((text) => make("th", { scope: "col" }, text)));
    const body = make("tbody", {}, ...lanes.map(({ row }) => row));
    const whole = make("table", { class: "table" }, make("thead", {}, head), body);
    const named = { role: "region", "aria-label": "The race in numbers", tabindex: 0 };
    return make("div", { class: "lrlib-table race-table", ...named }, whole);
  }

  function skeleton() {
    return [
      controls(),
      make("ul", { class: "race-lanes", "data-race": "lanes" }, ...lanes.map(({ card }) => card)),
      make("p", { class: "race-told", role: "status", "data-race": "told" }),
      make("p", { class: "race-found", "data-race": "found" }),
      make("div", { "data-race": "figures", class: "race-figures" }),
      table(),
    ];
  }

  function watch() {
    new IntersectionObserver(([entry]) => {
      seen = entry.isIntersecting;
      settle();
    }).observe(place("lanes"));
    document.addEventListener("visibilitychange", settle);
    window.addEventListener("hashchange", load);
    for (const link of document.querySelectorAll('a[href*="#peak="]')) {
      link.addEventListener("click", () => {
        if (link.hash === location.hash) load(); // else the address changes, and that is noticed
        root.scrollIntoView();
      });
    }
    const dressed = () => { readColours(); show(); };
    new MutationObserver(dressed).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    let width = 0;
    new ResizeObserver(() => {
      if (place("figures").clientWidth === width) return;
      width = place("figures").clientWidth;
      drawFigures();
    }).observe(place("figures"));
  }

  function start() {
    root = document.getElementById("race");
    if (!root) return;
    lanes = window.lrlibRaceSchedules.STRATEGIES.map(laneOf);
    root.replaceChildren(...skeleton());
    readColours();
    load();
    watch();
    root.dataset.ready = true;
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
