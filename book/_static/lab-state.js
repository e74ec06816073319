// The schedule lab's state: curves made of stages, how an address holds them, and their rates.
//
// A state is plain data: { run: {steps} or {epochs, images, batch}, log, code, chosen, curves:
// [{peak, stages}] }; `code` is a framework, `chosen` the number of the curve that is changed.
// A stage has a kind of KINDS, a length, and values. Lengths are texts: "100" steps, "10p" percent of
// the run, or "rest", what the other stages leave. What a stage computes is in formulas.js; how an
// address holds a state is in lab-address.js.
(function () {
  "use strict";
  const { hold, stepDecay, exponential, cosine, linear, cyclical, inverseSquareRoot, oneCycle, join } =
    window.lrlibSchedules;
  const { grouped } = window.lrlibTools;

  const MOST = { steps: 10_000_000, curves: 6, stages: 12, periods: 100 };
  // Which numbers are taken, as tools.js reads them.
  const PEAK = { low: 0, high: 10_000, open: true };
  const WHOLE = { low: 1, high: 1_000_000_000, whole: true };
  const STEPS = { low: 0, high: MOST.steps, whole: true };
  const PERCENT = { low: 0, high: 1000 };

  const share = (label, initial, low = 0, high = 1) => ({ label, initial, low, high });
  const span = (label, initial) => ({ label, initial, span: true });
  const floor = (initial, low = 0) => share("final rate ÷ peak", initial, low);

  // What a reader can set, in the order in which an address has it. `level` names the value that a
  // handle at the stage's end moves, `inner` the length that a handle inside the stage moves.
  const KINDS = {
    warmup: { name: "warm-up", values: { start: { ...share("from", "auto"), auto: true } } },
    hold: { name: "hold", level: "value", values: { value: share("at", 1, 0.0001) } },
    linear: {
      name: "straight line",
      level: "end",
      values: { start: share("from", 1), end: share("to", 0) },
    },
    cosine: { name: "cosine", level: "floor", values: { floor: floor(0) } },
    exponential: { name: "exponential", level: "floor", values: { floor: floor(0.01, 0.000001) } },
    step: {
      name: "steps down",
      inner: "every",
      values: { every: span("every", "33.4p"), factor: share("multiplied by", 0.1, 0.001) },
    },
    invsqrt: {
      name: "inverse square root",
      inner: "timescale",
      values: { timescale: span("time scale", "10p") },
    },
    cycles: {
      name: "cycles",
      level: "floor",
      inner: "half",
      values: {
        half: span("half-cycle", "16.7p"),
        floor: share("lower bound", 0.1),
        shrink: share("height × each cycle", 1, 0.01),
        gamma: share("height × each step", 1, 0.5),
      },
    },
    restarts: {
      name: "cosine with restarts",
      level: "floor",
      inner: "first",
      values: {
        first: span("first period", "33.4p"),
        growth: share("next period ×", 2, 1, 4),
        floor: floor(0),
      },
    },
    onecycle: {
      name: "one-cycle",
      level: "floor",
      values: {
        rise: share("share of the rise", 0.3, 0.02, 0.95),
        start: share("from", 0.04),
        floor: floor(0.000004),
      },
    },
  };

  function stage(kind, length = "rest", values = {}) {
    const all = Object.entries(KINDS[kind].values).map(([name, { initial }]) => [name, initial]);
    return { kind, length, values: { ...Object.fromEntries(all), ...values } };
  }

  // The strategies of the book, by the names that the study has for them.
  const warm = stage("warmup", "10p");
  const drops = [0.1, 0.01].map((value, k) => stage("hold", k ? "rest" : "25p", { value }));
  const PRESETS = {
    "warmup-linear": ["Warm-up + linear, the default", 0.1, [warm, stage("linear")]],
    fixed: ["Fixed", 0.1, [stage("hold")]],
    step: ["Step decay", 0.1, [stage("hold", "50p"), ...drops]],
    every: ["Step decay, every so often", 0.05, [stage("step")]],
    exponential: ["Exponential decay", 0.1, [stage("exponential")]],
    "exponential-tenth": ["Exponential decay to a tenth", 0.1, [stage("exponential", "rest", { floor: 0.1 })]],
    "inverse-square-root": ["Warm-up + inverse square root", 0.1, [warm, stage("invsqrt")]],
    cosine: ["Cosine", 0.1, [stage("cosine")]],
    restarts: ["Cosine, warm restarts", 0.1, [stage("restarts")]],
    linear: ["Linear to zero", 0.1, [stage("linear")]],
    triangular2: ["Cyclical (triangular2)", 0.1, [stage("cycles", "rest", { shrink: 0.5 })]],
    "one-cycle": ["One-cycle", 0.2, [stage("onecycle")]],
    "hold-linear": ["Hold, then linear", 0.1, [stage("hold"), stage("linear", "20p")]],
    "warmup-fixed": ["Warm-up + fixed", 0.1, [warm, stage("hold")]],
    "warmup-step": ["Warm-up + step decay", 0.1, [warm, stage("hold", "40p"), ...drops]],
    "warmup-cosine": ["Warm-up + cosine", 0.1, [warm, stage("cosine")]],
    wsd: ["Warm-up–stable–decay", 0.1, [warm, stage("hold"), stage("linear", "20p")]],
    "adamw-warmup-cosine": ["AdamW + warm-up + cosine", 0.001, [warm, stage("cosine")]],
  };

  const copied = (data) => JSON.parse(JSON.stringify(data));

  function preset(name) {
    const [, peak, stages] = PRESETS[name];
    const curves = [{ peak, stages: copied(stages) }];
    return { run: { steps: 1000 }, log: false, code: "torch", chosen: 0, curves };
  }

  // Lengths

  const perEpoch = ({ images, batch }) => Math.floor(images / batch);
  const runSteps = (run) => ("steps" in run ? run.steps : run.epochs * perEpoch(run));

  // Why the lab can't draw a run, if it can't.
  function refusedRun(run) {
    const steps = runSteps(run);
    if (steps < 1) return `A batch of ${run.batch} is more than the ${run.images} images, so no batch is ever full.`;
    if (steps > MOST.steps) return `That makes ${grouped(steps)} steps: the lab draws 10 million at most.`;
    return undefined;
  }

  function lengthIn(text, run) {
    const number = Number.parseFloat(text);
    return text.endsWith("p") ? Math.floor((run * number) / 100 + 1e-9) : Math.round(number);
  }

  // How many steps each stage has.
  function lengths(stages, run) {
    const own = stages.map(({ length }) => (length === "rest" ? null : lengthIn(length, run)));
    const left = run - own.reduce((sum, steps) => sum + (steps ?? 0), 0);
    const open = own.filter((steps) => steps === null).length;
    return own.map((steps) => steps ?? Math.max(0, Math.floor(left / open)));
  }

  // The periods of a stage with restarts, until so many steps are covered. Code with more than a
  // hundred of them helps nobody; lab-advice.js says so where a period had to be longer than asked.
  const leastPeriod = (steps) => Math.ceil(steps / MOST.periods);
  function periods(first, growth, steps) {
    const found = [];
    const least = Math.max(first, leastPeriod(steps));
    for (let sum = 0, next = least; sum < steps; next *= growth) {
      found.push(Math.round(next));
      sum += Math.round(next);
    }
    return found;
  }

  // What runs when, in whole steps: each piece begins at a step and has numbers alone. Restarts are
  // several cosines. Pieces that begin after the run are left out.
  function pieces(curve, run) {
    const counts = lengths(curve.stages, run);
    const found = [];
    let begin = 0;
    curve.stages.forEach(({ kind, values }, k) => {
      const steps = counts[k];
      if (steps < 1) return;
      const number = { ...values };
      for (const [name, { span: isSpan }] of Object.entries(KINDS[kind].values)) {
        if (isSpan) number[name] = Math.max(1, lengthIn(values[name], run));
      }
      if (kind === "restarts") {
        let at = begin;
        const restarts = { first: Math.max(number.first, leastPeriod(steps)), growth: number.growth };
        for (const period of periods(number.first, number.growth, steps)) {
          found.push({ kind: "cosine", begin: at, steps: period, floor: values.floor, of: k, restarts });
          at += period;
        }
      } else if (kind === "onecycle" && steps > 1) {
        number.rise = Math.max(number.rise, 1.5 / steps); // the rise takes more than a step
        found.push({ kind, begin, steps, ...number, of: k });
      } else {
        found.push({ kind: kind === "onecycle" ? "hold" : kind, begin, steps, value: 1, ...number, of: k });
      }
      begin += steps;
    });
    if (!found.length) found.push({ kind: "hold", begin: 0, steps: run, value: 1, of: 0 });
    const { of } = found.at(-1);
    if (begin < run && ENDLESS.includes(curve.stages[of].kind)) {
      // Where steps go down, the last of them counts; elsewhere a line arrives a step later.
      const end = curve.stages[of].kind === "step" ? begin - 1 : begin;
      found.push({ kind: "hold", begin, steps: run - begin, value: joined(found)(end), of, stays: true });
    }
    return found.filter((piece) => piece.begin < run);
  }

  // These would go on behind their stage; where nothing follows they stay at the height that they have.
  const ENDLESS = ["step", "invsqrt", "cycles", "restarts"];

  const warmStart = (piece) => (piece.start === "auto" ? 1 / (piece.steps + 1) : piece.start);

  const SCHEDULES = {
    warmup: (piece) => linear(piece.steps, warmStart(piece), 1),
    hold: ({ value }) => hold(value),
    linear: ({ steps, start, end }) => linear(steps, start, end),
    cosine: (piece) => cosine(piece.steps, piece.floor),
    exponential: (piece) => exponential(piece.steps, piece.floor),
    step: ({ every, factor }) => stepDecay(every, factor),
    invsqrt: ({ timescale }) => inverseSquareRoot(timescale),
    cycles: (piece) => cyclical(piece.half, piece.floor, piece.shrink, piece.gamma),
    onecycle: (piece) => oneCycle(piece.steps, piece.rise, piece.start, piece.floor),
  };

  function joined(parts) {
    const schedules = parts.map((piece) => SCHEDULES[piece.kind](piece));
    return join(schedules, parts.slice(1).map(({ begin }) => begin));
  }

  // The factor of a step: what the peak is multiplied by.
  const factor = (curve, run) => joined(pieces(curve, run));

  function rates(state, number = 0) {
    const curve = state.curves[number];
    const steps = runSteps(state.run);
    const factorOf = factor(curve, steps);
    return [...Array(steps).keys()].map((step) => curve.peak * factorOf(step));
  }

  // A stage that goes on at the height where the one before it ends, where it has a say in that.
  function following(kind, length, height) {
    const made = stage(kind, length);
    const begins = { linear: "start", hold: "value" }[kind];
    if (begins) made.values[begins] = Math.max(KINDS[kind].values[begins].low, Number(height.toPrecision(3)));
    return made;
  }

  // The height at which the first `count` stages end, 1 where there are none.
  function heightAfter(curve, count, run) {
    const counts = lengths(curve.stages, run);
    const stages = curve.stages.slice(0, count).map((each, k) => ({ ...each, length: String(counts[k]) }));
    const steps = counts.slice(0, count).reduce((sum, each) => sum + each, 0);
    // A straight line arrives a step later.
    return steps ? factor({ ...curve, stages }, Math.max(run, steps) + 1)(steps) : 1;
  }

  // What a curve is called.
  function title(curve) {
    return curve.stages.map(({ kind }) => KINDS[kind].name).join(", ");
  }

  window.lrlibLab = {
    ...{ MOST, PEAK, WHOLE, STEPS, PERCENT, KINDS, PRESETS, preset, stage, following, heightAfter },
    ...{ perEpoch, runSteps, refusedRun, lengths, lengthIn, leastPeriod, pieces, warmStart, factor },
    ...{ rates, copied, title },
  };
})();
