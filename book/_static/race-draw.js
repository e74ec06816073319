// What the race shows: decision surfaces, and two figures. How often each is drawn is in race.js.
(function () {
  "use strict";
  const { STEPS, EVERY, SPIRALS } = window.lrlibRace;
  const { drawPanel, NARROW } = window.lrlibFigures;
  const { make } = window.lrlibTools;

  const GRID = 24; // a surface is computed at 24 × 24 places
  const REACH = 1.12 * SPIRALS.scale; // of the surfaces, to each side
  const SHOWN = 240; // points that are drawn
  const SIDE = 320; // pixels of the picture of the points

  // Colours of the page's theme, as three numbers each. The classes share one that no strategy of the race has.

  function numbers(value) {
    const pen = make("canvas").getContext("2d");
    pen.fillStyle = value.trim();
    const hex = pen.fillStyle;
    return [1, 3, 5].map((k) => Number.parseInt(hex.slice(k, k + 2), 16));
  }

  function coloursOf(element) {
    const style = getComputedStyle(element);
    const read = (name) => numbers(style.getPropertyValue(name) || "#ffffff");
    const [class1, ground] = ["--lrlib-green", "--pst-color-background"].map(read);
    return { class1, ground };
  }

  // Decision surfaces. A canvas has a pixel for each place and the browser stretches it; the points,
  // which are the same on all, are a picture above it that is drawn once.

  const pixels = new ImageData(GRID, GRID);

  function drawPoints(race, colours) {
    const points = make("canvas", { width: SIDE, height: SIDE });
    const pen = points.getContext("2d");
    const at = (value) => ((value / REACH + 1) / 2) * SIDE;
    pen.lineWidth = 1.5;
    for (let k = 0; k < SHOWN; k += 1) {
      const [x, y] = [at(race.points.x[2 * k]), at(-race.points.x[2 * k + 1])];
      const one = race.points.y[k] > 0.5;
      pen.fillStyle = `rgb(${one ? colours.class1 : colours.ground})`;
      pen.strokeStyle = `rgb(${one ? colours.ground : colours.class1})`;
      pen.beginPath();
      if (one) pen.arc(x, y, 4, 0, 7);
      else pen.rect(x - 3, y - 3, 6, 6);
      pen.fill();
      pen.stroke();
    }
    return points.toDataURL();
  }

  function drawSurface(race, k, canvas, colours) {
    const { parameters } = race.lanes[k];
    let at = 0;
    for (let row = 0; row < GRID; row += 1) {
      for (let column = 0; column < GRID; column += 1) {
        const across = ((column + 0.5) / GRID) * 2 - 1;
        const up = 1 - ((row + 0.5) / GRID) * 2;
        const z = race.net.output(parameters, across * REACH, up * REACH);
        const share = 0.6 / (1 + Math.exp(-z)); // the probability of class 1 decides how much green
        for (let c = 0; c < 3; c += 1) {
          pixels.data[at + c] = colours.ground[c] + (colours.class1[c] - colours.ground[c]) * share;
        }
        pixels.data[at + 3] = 255;
        at += 4;
      }
    }
    canvas.getContext("2d").putImageData(pixels, 0, 0);
  }

  // Figures: each redraws one box

  function lines(race, marked, values) {
    return race.lanes.map(({ name, key, colour, dash, chapter, history }) => {
      const width = chapter === marked ? 4 : key === "fixed" ? 2.4 : 1.8;
      return { label: name, colour, dash, width, xs: history.steps, ys: values(history) };
    });
  }

  function drawFigure(box, height, figure, label) {
    if (!box.clientWidth) return;
    const rest = { title: "", legend: false, bands: [], texts: [], x: { low: 0, high: STEPS, label: "step" } };
    const what = "one line for each strategy; the table below has the numbers.";
    const drawn = drawPanel({ ...rest, ...figure }, box.clientWidth, height, `${label} against the step, ${what}`);
    box.replaceChildren(drawn);
    return drawn;
  }

  // Before the first step no line is there to be named.
  const INVITED = { text: "Press Play to see the losses", x: 0.5, y: 0.5, inside: true, align: "center" };

  function drawLosses(race, marked, box) {
    const y = { low: 0, high: 1.2, label: "loss on new points" };
    const losses = lines(race, marked, (history) => history.losses);
    const texts = race.step ? [] : [INVITED];
    box.classList.toggle("race-waiting", race.step === 0);
    drawFigure(box, 260, { named: true, lines: losses, texts, y }, "Loss on new points");
  }

  // The rates still to come: thin lines, at whose ends the names stand.
  function plannedRates(race) {
    const xs = [];
    for (let step = race.step; step < STEPS; step += EVERY) xs.push(step);
    xs.push(STEPS);
    return race.lanes.filter(({ blown }) => blown === null).map((lane) => {
      const ys = xs.map((step) => race.rate(lane, step));
      return { label: lane.name, colour: lane.colour, dash: lane.dash, width: 1, xs, ys };
    });
  }

  function drawRates(race, marked, box) {
    const planned = plannedRates(race);
    const made = lines(race, marked, (history) => history.rates).map((line, k) =>
      race.lanes[k].blown === null ? { ...line, label: "" } : line);
    const all = [...planned, ...made];
    const top = 1.08 * Math.max(...all.flatMap(({ ys }) => ys), race.peak);
    const y = { low: 0, high: top, label: "learning rate" };
    // Where the names stand in a list, one list is enough.
    const drawn = drawFigure(box, 180, { named: box.clientWidth >= NARROW, lines: all, y }, "Learning rate");
    const groups = drawn?.querySelectorAll("[clip-path] > g") ?? [];
    planned.forEach((_, k) => groups[k]?.classList.add("race-planned"));
  }

  window.lrlibRaceDrawing = { GRID, coloursOf, drawPoints, drawSurface, drawLosses, drawRates };
})();
