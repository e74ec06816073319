// The schedule lab's grips: all that can be pulled on a curve.
//
// A grip says where a ring is and what it sets:
// { id, label, step, rate, moveX, moveY, steps: [least, most], rates: [least, most] }.
(function () {
  "use strict";
  const lab = window.lrlibLab;
  const { KINDS, asUnit, unitOf } = lab;

  const within = (value, low, high) => Math.min(high, Math.max(low, value));
  const digits = (value, count = 3) => Number(value.toPrecision(count));
  // What a ring sets as the peak; any other can be typed.
  const PULLED = [1e-5, 10];

  // Up and down: a value of the stage. `toShare` gives the height, as a share of the peak, of a
  // value, and `toValue` the value of a height.
  const SAME = { toShare: (value) => value, toValue: (share) => share };
  function upDown(curve, stage, name, { toShare, toValue, count } = SAME) {
    const { low, high } = KINDS[stage.kind].values[name];
    const moveY = (rate) => {
      const value = digits(within(toValue(rate / curve.peak), low, high), count);
      stage.values[name] = value < 1e-5 && low === 0 ? 0 : value;
    };
    return { moveY, rates: [low, high].map((value) => curve.peak * toShare(value)) };
  }

  function peakGrip(curve) {
    const rates = [Math.min(PULLED[0], curve.peak), Math.max(PULLED[1], curve.peak)];
    return { moveY: (rate) => { curve.peak = digits(within(rate, ...rates)); }, rates, isPeak: true };
  }

  // To the sides: a length that is counted from a step.
  function sideways(run, from, get, set, least = 1) {
    const moveX = (step) => set(asUnit(Math.max(least, step - from), unitOf(get()), run));
    return { moveX, steps: [from + least, run] };
  }

  // The rings inside a stage, which begins at `from`, of `count` steps. `of` has all that they need.
  const INNER = {
    step: (of) => [{
      ...{ what: "first step down", step: of.from + of.span("every"), rate: of.curve.peak * of.values.factor },
      ...of.sideways("every"), ...of.upDown("factor"),
    }],
    invsqrt: (of) => [{
      ...{ what: "time scale", step: of.from + of.span("timescale"), rate: of.curve.peak * Math.SQRT1_2 },
      ...of.sideways("timescale"),
    }],
    cycles: (of) => [firstTop(of), ...laterTops(of)],
    restarts: (of) => {
      const { growth } = of.values;
      const first = of.span("first");
      const end = of.from + first;
      const moveX = (step) => { of.values.growth = digits(within((step - end) / first, 1, 4)); };
      return [
        { what: "first period", step: end, rate: of.rateAt(Math.min(end, of.run - 1)), ...of.sideways("first") },
        {
          ...{ id: "growth", what: "end of the second period", step: end + Math.round(first * growth) },
          ...{ rate: of.curve.peak * of.values.floor, moveX, steps: [end + first, end + 4 * first], isExtra: true },
        },
      ];
    },
    onecycle: (of) => {
      const moveX = (step) => { of.values.rise = digits(within((step - of.from) / of.count, 0.02, 0.95)); };
      const steps = [0.02, 0.95].map((rise) => of.from + Math.round(rise * of.count));
      const step = of.from + of.values.rise * of.count;
      return of.count > 1 ? [{ what: "top", step, rate: of.curve.peak, moveX, steps, ...peakGrip(of.curve) }] : [];
    },
  };

  // The top of the first cycle is where the peak is pulled, too.
  function firstTop(of) {
    const top = of.from + of.span("half");
    return { what: "half-cycle", step: top, rate: of.rateAt(top), ...of.sideways("half"), ...peakGrip(of.curve) };
  }

  // The second top falls with each cycle's factor, and the last one with each step's.
  function laterTops(of) {
    const { floor, shrink, gamma } = of.values;
    const half = of.span("half");
    const seen = Math.min(of.count, of.run - of.from) - 1; // steps from the first to the last
    const last = Math.floor((seen / half - 1) / 2); // the number of the last top
    if (last < 1 || floor === 1) return [];
    const height = (share) => Math.max(0, (share - floor) / (1 - floor));
    const share = (shrunk) => floor + (1 - floor) * shrunk;
    const at = (cycle) => (2 * cycle + 1) * half;
    const grip = (id, what, cycle, vertical) =>
      ({ id, what, step: of.from + at(cycle), rate: of.rateAt(of.from + at(cycle)), ...vertical });
    const byCycle = of.upDown("shrink", {
      toShare: (value) => share(value * gamma ** at(1)),
      toValue: (to) => height(to) / gamma ** at(1),
    });
    const byStep = of.upDown("gamma", {
      toShare: (value) => share(shrink ** last * value ** at(last)),
      toValue: (to) => (height(to) / shrink ** last) ** (1 / at(last)),
      count: 6, // over hundreds of steps the fifth digit is seen
    });
    const second = grip("shrink", "second top", 1, byCycle);
    return last > 1 ? [second, grip("gamma", "last top", last, byStep)] : [second];
  }

  // What the rings of a stage have to know.
  function described(curve, k, from, count, run, factorOf) {
    const stage = curve.stages[k];
    const { values } = stage;
    return {
      ...{ curve, k, stage, values, from, count, run },
      span: (name) => Math.max(1, lab.lengthIn(values[name], run)),
      rateAt: (step) => curve.peak * factorOf(step),
      sideways: (name) => sideways(run, from, () => values[name], (text) => { values[name] = text; }),
      upDown: (name, ways) => upDown(curve, stage, name, ways),
    };
  }

  function startGrip(of) {
    if (!("start" in KINDS[of.stage.kind].values) || of.count < 2) return [];
    return [{ id: "start", what: "start", step: of.from, rate: of.rateAt(Math.min(of.from, of.run - 1)), ...of.upDown("start") }];
  }

  // A boundary belongs to the stage before it, or else to the one behind.
  function boundary({ curve, k, stage, from, count, run }, next, after) {
    const end = from + count;
    if (stage.length !== "rest") {
      return sideways(run, from, () => stage.length, (text) => { stage.length = text; }, 0);
    }
    if (!next || next.length === "rest") return {};
    const moveX = (step) => { next.length = asUnit(Math.max(0, end + after - step), unitOf(next.length), run); };
    return { moveX, steps: [from, Math.min(run, end + after)] };
  }

  function endGrip(of, next, after) {
    const { curve, stage, from, count, run } = of;
    const { level, values } = KINDS[stage.kind];
    const end = from + count;
    const sides = boundary(of, next, after);
    if (stage.kind === "warmup") {
      return [{ id: "end", what: "end and peak rate", step: end, rate: curve.peak, ...sides, ...peakGrip(curve) }];
    }
    if (level) {
      const rate = curve.peak * stage.values[level];
      return [{ id: "end", what: `end, ${values[level].label}`, step: end, rate, ...sides, ...of.upDown(level) }];
    }
    return sides.moveX ? [{ id: "end", what: "end", step: end, rate: of.rateAt(Math.max(0, end - 1)), ...sides }] : [];
  }

  // All that can be pulled on a curve.
  function grips(curve, run) {
    const factorOf = lab.factor(curve, run);
    const counts = lab.lengths(curve.stages, run);
    const found = [];
    let from = 0;
    curve.stages.forEach((stage, k) => {
      const of = described(curve, k, from, counts[k], run, factorOf);
      const inner = (INNER[stage.kind]?.(of) ?? []).map((grip) => ({ id: "inner", ...grip }));
      for (const grip of [...startGrip(of), ...inner, ...endGrip(of, curve.stages[k + 1], counts[k + 1])]) {
        found.push({ ...grip, id: `${grip.id}-${k}`, label: `stage ${k + 1}, ${KINDS[stage.kind].name}: ${grip.what}` });
      }
      from += counts[k];
    });
    if (!found.some(({ isPeak }) => isPeak)) found.push(atTheTop(curve, run, factorOf, found));
    return found;
  }

  // Where no other ring sets the peak, one at the curve's highest place does.
  function atTheTop(curve, run, factorOf, found) {
    let top = 0;
    const tried = [...found.map(({ step }) => Math.min(step, run - 1)), ...lab.drawnSteps(curve, run)];
    for (const step of tried) if (factorOf(step) > factorOf(top) + 1e-9) top = step;
    return { id: "peak", label: "peak rate", step: top, rate: curve.peak, ...peakGrip(curve) };
  }

  Object.assign(lab, { grips, within });
})();
