// Python for the schedule lab's curves: their formulas, a function of the step, an optimizer.
(function () {
  "use strict";

  // Formulas, as Python: the fraction of the peak after t steps of a piece. `f` says what a
  // framework calls its functions. With a `min` a formula stays as it is after the piece's end.

  const MATH = { cos: "math.cos", pi: "math.pi", sqrt: "math.sqrt", min: "min", abs: "abs" };
  const JAX = { cos: "jnp.cos", pi: "jnp.pi", sqrt: "jnp.sqrt", min: "jnp.minimum", abs: "jnp.abs" };
  // ops.minimum would turn double into single precision.
  const KERAS = { cos: "ops.cos", pi: "math.pi", sqrt: "ops.sqrt", min: "clip", abs: "ops.abs" };

  const INSIDE = { ...MATH, min: "" }; // a piece that another one follows is never past its end
  const upTo1 = (position, f) => {
    if (f.min === "clip") return `ops.clip(${position}, 0, 1)`;
    return f.min ? `${f.min}(${position}, 1)` : position;
  };
  const times = (share, peak) => (share === 1 ? peak : share === 0 ? "0.0" : `${share} * ${peak}`);

  function halfCosine(from, to, position, f) {
    const wave = `(1 + ${f.cos}(${f.pi} * ${upTo1(position, f)})) / 2`;
    if (to === 0 && from === 1) return wave;
    if (to === 0) return `${from} * ${wave}`;
    return `${to} + (${from} - ${to}) * ${wave}`;
  }

  function line(from, to, position, f) {
    const place = upTo1(position, f);
    if (from === 0 && to === 1) return place;
    if (from === 1 && to === 0) return `1 - ${place}`;
    return `${from} + (${to} - ${from}) * ${place}`;
  }

  // A one-cycle is two halves: up to the last whole step before its top, and down from there.
  function halves({ steps, rise, start, floor }) {
    const top = rise * steps - 1;
    return { top, first: Math.floor(top) + 1, start, floor, rest: steps - 1 - top };
  }

  const FORMULAS = {
    warmup: (p, t, f) =>
      p.start === "auto"
        ? upTo1(`(${t} + 1) / ${p.steps + 1}`, f)
        : line(p.start, 1, `${t} / ${p.steps}`, f),
    hold: ({ value }) => String(value),
    linear: (p, t, f) => line(p.start, p.end, `${t} / ${p.steps}`, f),
    cosine: (p, t, f) => halfCosine(1, p.floor, `${t} / ${p.steps}`, f),
    exponential: (p, t, f) => `${p.floor} ** ${f.min ? upTo1(`${t} / ${p.steps}`, f) : `(${t} / ${p.steps})`}`,
    step: (p, t) => `${p.factor} ** (${t} // ${p.every})`,
    invsqrt: (p, t, f) => `1 / ${f.sqrt}(1 + ${t} / ${p.timescale})`,
    cycles: (p, t, f) => {
      const shrink = p.shrink === 1 ? "" : `${p.shrink} ** (${t} // ${2 * p.half}) * `;
      const gamma = p.gamma === 1 ? "" : `${p.gamma} ** ${t} * `;
      const tent = `(1 - ${f.abs}(${t} % ${2 * p.half} / ${p.half} - 1))`;
      return `${p.floor} + (1 - ${p.floor}) * ${shrink}${gamma}${tent}`;
    },
    rise: (p, t, f) => halfCosine(p.start, 1, `${t} / ${p.top}`, f),
    fall: (p, t, f) => halfCosine(1, p.floor, `(${t} + ${p.ahead}) / ${p.rest}`, f),
  };

  // The pieces with formulas: a one-cycle is cut in two.
  function simple(found) {
    return found.flatMap((piece) => {
      if (piece.kind !== "onecycle") return [piece];
      const cut = halves(piece);
      const { begin } = piece;
      const down = { ...cut, kind: "fall", begin: begin + cut.first, ahead: cut.first - cut.top };
      return cut.first > 0 ? [{ ...cut, kind: "rise", begin }, down] : [down];
    });
  }

  function since(begin, name = "step") {
    return begin ? `(${name} - ${begin})` : name;
  }

  // Python's function of the step.
  function plain(all) {
    const parts = simple(all);
    const lines = parts.flatMap((piece, k) => {
      const last = k === parts.length - 1;
      const formula = FORMULAS[piece.kind](piece, since(piece.begin), last ? MATH : INSIDE);
      if (last) return [`    return ${formula}`];
      return [`    if step < ${parts[k + 1].begin}:`, `        return ${formula}`];
    });
    const text = [
      "def factor(step):",
      '    """The fraction of the peak rate at a step; the first step is 0."""',
      ...lines,
    ].join("\n");
    return (text.includes("math.") ? "import math\n\n" : "") + text;
  }

  // math first, as a style checker wants it; then the imports of the framework, then the function.
  function withFactor(imports, all, code) {
    const text = plain(all);
    const usesMath = text.startsWith("import math");
    const body = usesMath ? text.slice("import math\n\n".length) : text;
    return [usesMath ? "import math\n" : "", `${imports}\n`, "", body, "", "", code]
      .filter((part, k) => part || k > 1)
      .join("\n");
  }

  // The code has the optimizer whose rates are usually that high. `lr` is how the peak is written.
  const isForAdam = (peak) => peak < 0.02;
  function optimizerFor(peak, lr = peak, owner = "model") {
    const call = isForAdam(peak) ? ["AdamW", ""] : ["SGD", ", momentum=0.9"];
    return `optimizer = torch.optim.${call[0]}(${owner}.parameters(), lr=${lr}${call[1]})`;
  }

  window.lrlibLab.python = { JAX, KERAS, FORMULAS, times, simple, since, withFactor, isForAdam, optimizerFor };
})();
