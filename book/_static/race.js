// The race's page: what it shows, when it runs, and what the reader does. The race itself is in
// race-run.js, when its steps are made in race-frames.js, its pictures in race-draw.js, its words in
// race-words.js, its controls in race-elements.js.
//
// It stands on a page of its own, whose address holds its state, or on another page, where
// `data-state` says it.
(function () {
  "use strict";
  const { race: makeRace, preparing, STEPS, EVERY } = window.lrlibRace;
  const { STRATEGIES } = window.lrlibRaceSchedules;
  const { FIRST, percent, rounded, standing, NAMES, encode, decode } = window.lrlibRaceWords;
  const { coloursOf, drawPoints, drawSurface, drawLosses, drawRates } = window.lrlibRaceDrawing;
  const { frames } = window.lrlibRaceFrames;
  const { stopOf, skeleton, laneOf } = window.lrlibRaceElements;
  const { make, grouped, isState } = window.lrlibTools;
  const { onWidth, short } = window.lrlibFigures;

  const TOLD = 4000; // milliseconds between two texts
  const SEEN = 0.15; // so much of the surfaces must be in view: less than a row on a phone, more than an edge
  const stillness = matchMedia("(prefers-reduced-motion: reduce)");

  let root, race;
  let marked = null; // the chapter of the strategy that stands out
  let keys = []; // of the strategies that take part
  let peak = FIRST.peak; // what the slider says; a race that is over keeps the one that it had
  let lanes = []; // what the page shows of each run: { canvas, says, row }
  let wanted = false; // whether the reader wants the race to run; it runs only where it is seen
  let seen = false;
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
      ? "The range test found no descent to read, so the finder’s network takes your peak."
      : `The range test found ${short(Number(found.toPrecision(2)))}; the finder’s network trains with that peak, whatever yours is.`);
  }

  // Everything that a standing race shows, in pieces. Between two of them it may have become another.
  function* showing() {
    root.style.setProperty("--race-points", `url(${drawPoints(race, colours)})`);
    for (let k = 0; k < lanes.length; k += 1) {
      paint(k);
      yield;
    }
    for (const draw of FIGURES) {
      draw();
      yield;
    }
    showFound();
    showControls();
    tell();
  }

  function show() {
    race.judgeAll();
    for (const _ of showing());
  }

  function showControls() {
    setText(place("play"), race.done() ? "Run again" : running() ? "Pause" : "Play");
    // Not `disabled`: who has just pressed it on the last step would lose their place on the page.
    place("advance").setAttribute("aria-disabled", race.done());
  }

  const FIGURES = [
    () => drawLosses(race, marked, place("losses")),
    () => drawRates(race, marked, place("rates")),
    showNumbers,
  ];

  // When it runs

  const running = () => wanted && seen && !document.hidden && !race.done();

  const loop = frames({
    ...{ running, paint, figures: FIGURES, race: () => race },
    passed(now) {
      if (now - toldAt > (countBlown() > toldBlown ? TOLD / 2 : TOLD)) tell();
    },
    ended() {
      wanted = false;
      settle();
    },
  });

  // Go on, or stop, as all that is known says. Whoever stops it sees all runs at the same step.
  function settle() {
    const stops = root.dataset.running === "true" && !running();
    root.dataset.running = running();
    loop.settle();
    if (stops) show();
    else showControls();
  }

  // What the reader does

  function play() {
    if (race.done()) begin(race.seed);
    wanted = !running();
    settle();
    if (wanted && !seen) place("lanes").scrollIntoView({ block: "nearest" });
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
    if (isGuest()) return;
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
    wanted = !stillness.matches;
  }

  function load() {
    take();
    show();
    settle();
  }

  // The start

  function watch() {
    const onSight = (entries) => {
      seen = entries.at(-1).intersectionRatio >= SEEN;
      settle();
    };
    new IntersectionObserver(onSight, { threshold: SEEN }).observe(place("lanes"));
    document.addEventListener("visibilitychange", settle);
    stillness.addEventListener("change", () => {
      if (stillness.matches && running()) play();
    });
    if (!isGuest()) window.addEventListener("hashchange", () => isState(location.hash, NAMES) && load());
    for (const link of document.querySelectorAll('a[href*="#peak="]')) {
      link.addEventListener("click", () => {
        if (link.hash === location.hash) load(); // else the address changes, and that is noticed
        root.scrollIntoView();
      });
    }
    const dressed = () => { colours = coloursOf(root); show(); };
    new MutationObserver(dressed).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    onWidth(place("figures"), () => { for (const draw of FIGURES) draw(); });
  }

  // The picture of the page stays until its race is ready.
  function* starting() {
    yield* preparing(stateHere([]).seed);
    colours = coloursOf(root);
    yield;
    root.replaceChildren(...skeleton({
      ...{ play, advance, reset, choose, setPeak, setSeed },
      ...{ peak: () => peak, seed: () => race?.seed ?? FIRST.seed },
    }));
    // Where the button was that started it, unless the reader has gone on.
    if (isGuest() && document.activeElement === document.body) place("play").focus({ preventScroll: true });
    take();
    watch();
    yield;
    yield* showing();
    settle();
    root.dataset.ready = true;
  }

  function start() {
    root = document.getElementById("race");
    if (root) window.lrlibInPieces(starting());
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
