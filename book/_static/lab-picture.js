// The schedule lab's picture: what is drawn of its curves, and what is said of them.
(function () {
  "use strict";
  const lab = window.lrlibLab;
  const { COLOURS } = lab;
  const { short } = window.lrlibFigures;
  const { grouped } = window.lrlibTools;
  const DASHES = ["-", "--", ":", "-.", "--", ":"];
  const SHORT = 1500; // steps: all of them are drawn
  const COLUMNS = 800; // as many as a picture has pixels
  const DECADES = 5; // of a logarithmic axis

  // Steps at which a curve is drawn. Of a long run: the first of each column of pixels, those beside
  // a boundary, and where a cycle turns or a rate drops within the column. A cycle that is faster
  // than a column so fills its band, where equal distances would draw another, slower one.
  function drawnSteps(curve, run) {
    if (run <= SHORT) return [...Array(run).keys()];
    const found = new Set([run - 1]);
    const parts = lab.pieces(curve, run);
    parts.forEach((piece, k) => {
      const end = parts[k + 1]?.begin ?? run;
      const turn = { cycles: piece.half, step: piece.every }[piece.kind] ?? Infinity;
      const width = (run - 1) / COLUMNS;
      found.add(piece.begin).add(end - 1);
      for (let column = Math.ceil(piece.begin / width); column * width < end; column += 1) {
        const [from, to] = [column, column + 1].map((each) => Math.min(end, Math.ceil(each * width)));
        const next = piece.begin + Math.ceil((from - piece.begin) / turn) * turn;
        for (const step of [from, next - 1, next, next + turn]) if (from <= step && step < to) found.add(step);
      }
    });
    return [...found].sort((a, b) => a - b);
  }

  const highest = ({ curves }) => Math.max(...curves.map(({ peak }) => peak));

  // `high` is the highest rate of the axis, which stays where it is while a ring is pulled.
  function axes(state, high = highest(state)) {
    const y = state.log
      ? { low: high / 10 ** DECADES, high: high * 1.3, log: true, label: "learning rate" }
      : { low: 0, high: high * 1.08, label: "learning rate" };
    return { x: { low: 0, high: lab.runSteps(state.run), label: "step" }, y };
  }

  function panel(state, high) {
    const run = lab.runSteps(state.run);
    const lines = state.curves.map((curve, k) => {
      const factorOf = lab.factor(curve, run);
      const xs = drawnSteps(curve, run);
      const ys = xs.map((step) => curve.peak * factorOf(step)).map((rate) => (state.log && rate <= 0 ? null : rate));
      const width = k === state.chosen ? 2.6 : 1.8;
      return { label: `${k + 1}`, colour: COLOURS[k], dash: DASHES[k], width, xs, ys };
    });
    return { title: "", named: state.curves.length > 1, legend: false, lines, bands: [], texts: [], ...axes(state, high) };
  }

  // The same for those who don't see it.
  function spoken(state) {
    const run = lab.runSteps(state.run);
    const told = state.curves.map((curve, k) => {
      const rate = (step) => short(curve.peak * lab.factor(curve, run)(step));
      return `Curve ${k + 1}, ${lab.title(curve)}: from ${rate(0)} to ${rate(run - 1)}, peak ${short(curve.peak)}.`;
    });
    return `Learning rate against ${grouped(run)} steps. ${told.join(" ")}`;
  }

  Object.assign(lab, { drawnSteps, highest, axes, panel, spoken });
})();
