// The schedule lab's code for PyTorch: a function of the step, torch's own classes, and lrlib.
(function () {
  "use strict";
  const { python } = window.lrlibLab;
  const { times, withFactor, optimizerFor } = python;

  // Every stage that ends and is followed by nothing stays where it is: say so with a piece.
  const LAST = { warmup: () => 1, linear: (p) => p.end, cosine: (p) => p.floor, exponential: (p) => p.floor };
  LAST.onecycle = LAST.cosine;
  function closed(found, run) {
    const last = found.at(-1);
    const end = last.begin + last.steps;
    if (!(last.kind in LAST) || end >= run) return found;
    return [...found, { kind: "hold", begin: end, steps: run - end, value: LAST[last.kind](last) }];
  }

  function torch({ peak, found }) {
    return withFactor(
      "import torch\nfrom torch.optim.lr_scheduler import LambdaLR",
      found,
      `${optimizerFor(peak)}\nscheduler = LambdaLR(optimizer, factor)  # scheduler.step() after each optimizer.step()`,
    );
  }

  // torch's own classes

  const CLASSES = {
    warmup: (p) =>
      p.start === 0
        ? null
        : `LinearLR(optimizer, start_factor=${p.start === "auto" ? `1 / ${p.steps + 1}` : p.start}, total_iters=${p.steps})`,
    hold: (p, left) => `ConstantLR(optimizer, factor=${p.value}, total_iters=${left + 1})`,
    linear: (p) =>
      p.start === 0
        ? null
        : `LinearLR(optimizer, start_factor=${p.start}, end_factor=${p.end}, total_iters=${p.steps})`,
    cosine: (p) => `CosineAnnealingLR(optimizer, T_max=${p.steps}, eta_min=${times(p.floor, "peak")})`,
    exponential: (p) => `ExponentialLR(optimizer, gamma=${p.floor} ** (1 / ${p.steps}))`,
    step: (p) => `StepLR(optimizer, step_size=${p.every}, gamma=${p.factor})`,
    drops: (p) => `MultiStepLR(optimizer, milestones=[${p.milestones.join(", ")}], gamma=${p.gamma})`,
    restarts: (p) =>
      `CosineAnnealingWarmRestarts(optimizer, T_0=${p.first}, T_mult=${p.growth}, eta_min=${times(p.floor, "peak")})`,
  };

  // Some pieces are together what one class does: restarts whose periods grow by whole factors, and
  // heights that begin at the peak and are multiplied by the same number again and again.
  function belongs(part, group) {
    const [first, second] = group;
    if (first.restarts) return part.restarts && part.of === first.of && Number.isInteger(first.restarts.growth);
    if (first.kind !== "hold" || first.value !== 1 || part.kind !== "hold" || part.value === 1) return false;
    const factor = part.value / group.at(-1).value;
    return !second || Math.abs(factor / second.value - 1) < 1e-12;
  }

  function together(group) {
    const [first, second] = group;
    if (!second) return first;
    const { begin, floor, restarts } = first;
    if (restarts) return { kind: "restarts", begin, floor, ...restarts };
    const milestones = group.slice(1).map((part) => part.begin - begin);
    return { kind: "drops", begin, milestones, gamma: second.value };
  }

  function gathered(parts) {
    const groups = [];
    for (const part of parts) {
      if (groups.length && belongs(part, groups.at(-1))) groups.at(-1).push(part);
      else groups.push([part]);
    }
    return groups.map(together);
  }

  // What a class can do only where it is alone: it sets the rate of the whole run.
  const ALONE = {
    onecycle: (p) =>
      p.start > 0 && p.floor > 0
        ? `OneCycleLR(\n    optimizer,\n    max_lr=peak,\n    total_steps=${p.steps},\n    pct_start=${p.rise},\n` +
          `    div_factor=1 / ${p.start},\n    final_div_factor=${p.start} / ${p.floor},\n    cycle_momentum=False,\n)`
        : null,
    cycles: (p) =>
      p.shrink === 1 || (p.shrink === 0.5 && p.gamma === 1)
        ? `CyclicLR(\n    optimizer,\n    base_lr=${p.floor} * peak,\n    max_lr=peak,\n    step_size_up=${p.half},\n` +
          (p.shrink === 1 ? `    mode="exp_range",\n    gamma=${p.gamma},\n` : '    mode="triangular2",\n') +
          "    cycle_momentum=False,\n)"
        : null,
  };

  const WHY = {
    warmup: "LinearLR refuses to start at 0",
    linear: "LinearLR refuses to start at 0",
    invsqrt: "there is no class for an inverse square root",
    onecycle: "OneCycleLR can't be one part of several, nor start or end at 0",
    cycles: "CyclicLR can't be one part of several, and shrinks by one half with each cycle, or with each step, or not at all",
  };

  function torchClasses({ peak, found, run }) {
    const parts = gathered(closed(found, run));
    const [only] = parts;
    const alone = parts.length === 1 && only.kind in ALONE && (only.kind !== "onecycle" || only.steps >= run);
    const calls = parts.map((p, k) => {
      if (alone) return ALONE[p.kind](p);
      const left = (parts[k + 1]?.begin ?? run) - p.begin;
      return CLASSES[p.kind]?.(p, left) ?? null;
    });
    const missing = parts.filter((p, k) => calls[k] === null);
    if (missing.length) {
      const reasons = [...new Set(missing.map(({ kind }) => WHY[kind]))];
      return `# torch's own classes can't do exactly this: ${reasons.join("; ")}.\n# Take LambdaLR, under “PyTorch”.\n`;
    }
    const names = [...new Set(calls.map((call) => call.split("(")[0]))].sort();
    if (calls.length > 1) names.push("SequentialLR");
    const head = `import torch\nfrom torch.optim.lr_scheduler import ${names.join(", ")}\n\npeak = ${peak}\n${optimizerFor(peak, "peak")}\n`;
    if (calls.length === 1) return `${head}scheduler = ${calls[0]}\n`;
    const stops = parts.slice(1).map(({ begin }) => begin);
    const list = calls.map((call) => `    ${call},\n`).join("");
    return `${head}parts = [\n${list}]\nscheduler = SequentialLR(optimizer, parts, milestones=[${stops.join(", ")}])\n`;
  }

  // lrlib

  const OURS = {
    warmup: (p) => `Linear(${p.steps}, start=${p.start === "auto" ? `1 / ${p.steps + 1}` : p.start}, end=1)`,
    hold: ({ value }) => (value === 1 ? "Fixed()" : `Fixed(${value})`),
    linear: (p) =>
      p.start === 1 && p.end === 0
        ? `Linear(${p.steps})`
        : `Linear(${p.steps}, start=${p.start}, end=${p.end})`,
    cosine: (p) => `CosineAnnealing(${p.steps}${p.floor ? `, floor=${p.floor}` : ""})`,
    exponential: (p) => `ExponentialDecay(${p.steps}, floor=${p.floor})`,
    step: (p) => `StepDecay(every=${p.every}, factor=${p.factor})`,
    invsqrt: (p) => `InverseSquareRoot(${p.timescale})`,
    cycles: (p) =>
      `Cyclical(${p.half}, floor=${p.floor}${p.shrink === 1 ? "" : `, shrink=${p.shrink}`}${p.gamma === 1 ? "" : `, gamma=${p.gamma}`})`,
    onecycle: (p) => `OneCycle(${p.steps}, rise=${p.rise}, start=${p.start}, floor=${p.floor})`,
  };

  function joined(parts, origin) {
    if (parts.length === 1) return OURS[parts[0].kind](parts[0]);
    const stops = parts.slice(1).map(({ begin }) => begin - origin);
    const comma = stops.length === 1 ? "," : "";
    return `Join((${parts.map((p) => OURS[p.kind](p)).join(", ")}), (${stops.join(", ")}${comma}))`;
  }

  function ours(found) {
    const [first, ...rest] = found;
    if (first.kind !== "warmup") return joined(found, 0);
    const start = first.start === "auto" ? "" : `, start=${first.start}`;
    const then = rest.length ? joined(rest, first.steps) : "Fixed()";
    return `Warmup(${first.steps}, then=${then}${start})`;
  }

  function lrlib({ peak, found }) {
    const schedule = ours(found);
    const names = [...new Set(schedule.match(/[A-Z]\w+(?=\()/g))].sort();
    return (
      `import torch\nfrom torch.optim.lr_scheduler import LambdaLR\n\nfrom lrlib.schedules import ${names.join(", ")}\n\n` +
      `schedule = ${schedule}\n${optimizerFor(peak)}\nscheduler = LambdaLR(optimizer, schedule)  # scheduler.step() after each optimizer.step()\n`
    );
  }

  Object.assign(python, { torch, torchClasses, lrlib });
})();
