// The code that the schedule lab offers for each framework: lrlibLab.code(state, "optax").
//
// tests/exports runs each text with the real package and compares its rates with the lab's curve.
(function () {
  "use strict";
  const { pieces, runSteps } = window.lrlibLab;

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
  };

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
    cycles: "CyclicLR can't be one part of several, and shrinks by one half or not at all",
  };

  function torchClasses({ peak, found, run }) {
    const parts = closed(found, run);
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

  // Hugging Face

  // The name and the arguments of get_scheduler, where it has exactly this schedule.
  function namedByHuggingFace(found, run) {
    const warm = found[0].kind === "warmup" ? found[0] : null;
    if (warm && warm.start !== 0) return null;
    const [main, last, ...more] = warm ? found.slice(1) : found;
    const own = (name, specific = "") => ({ name, warmup: warm ? warm.steps : 0, specific });
    if (!main || more.length) return null;
    const fills = (piece) => piece.begin + piece.steps === run;
    if (last) {
      const decay = { linear: "linear", cosine: "cosine" }[last.kind];
      const floor = last.kind === "linear" ? last.end : last.floor;
      if (main.kind !== "hold" || main.value !== 1 || !decay || !fills(last)) return null;
      if (decay === "linear" && last.start !== 1) return null;
      const stable = last.begin - main.begin;
      return own(
        "warmup_stable_decay",
        `{"num_stable_steps": ${stable}, "num_decay_steps": ${last.steps}, "decay_type": "${decay}", "min_lr_ratio": ${floor}}`,
      );
    }
    if (main.kind === "hold" && main.value === 1) return own(warm ? "constant_with_warmup" : "constant");
    if (main.kind === "invsqrt") return own("inverse_sqrt", `{"timescale": ${main.timescale}}`);
    if (!fills(main)) return null;
    if (main.kind === "linear" && main.start === 1 && main.end === 0) return own("linear");
    if (main.kind === "cosine" && main.floor === 0) return own("cosine");
    if (main.kind === "cosine") return own("cosine_with_min_lr", `{"min_lr_rate": ${main.floor}}`);
    return null;
  }

  function huggingface({ peak, found, run }) {
    const named = namedByHuggingFace(found, run);
    const trainer =
      "trainer = Trainer(\n    model=model, args=args, train_dataset=train_dataset, optimizers=(optimizer, scheduler)\n)\n";
    const optimizer = optimizerFor(peak);
    if (!named) {
      const why = "# get_scheduler has no name for exactly this one";
      const note = found[0].kind === "warmup" && found[0].start !== 0 ? `${why}: its warm-ups start at 0.` : `${why}.`;
      return withFactor(
        "import torch\nfrom torch.optim.lr_scheduler import LambdaLR\nfrom transformers import Trainer",
        found,
        `${note} Trainer takes any scheduler.\n${optimizer}\nscheduler = LambdaLR(optimizer, factor)\n${trainer}`,
      );
    }
    const specific = named.specific ? `    scheduler_specific_kwargs=${named.specific},\n` : "";
    return (
      `import torch\nfrom transformers import Trainer, get_scheduler\n\n${optimizer}\nscheduler = get_scheduler(\n` +
      `    "${named.name}",\n    optimizer,\n    num_warmup_steps=${named.warmup},\n    num_training_steps=${run},\n${specific})\n${trainer}`
    );
  }

  // timm

  const started = ({ start, steps }) => (start === "auto" ? `peak / ${steps + 1}` : times(start, "peak"));

  function timmClass(found, run) {
    const warm = found[0].kind === "warmup" ? found[0] : null;
    const [main, ...more] = warm ? found.slice(1) : found;
    if (!main || more.length || main.begin + main.steps < run) return null;
    const end = [
      "t_in_epochs=False",
      ...(warm
        ? [`warmup_t=${warm.steps}`, `warmup_lr_init=${started(warm)}`, "warmup_prefix=True"]
        : []),
    ];
    const call = (name, ...own) => [name, ["optimizer", ...own, ...end]];
    if (main.kind === "cosine") {
      return call("CosineLRScheduler", `t_initial=${main.steps}`, `lr_min=${times(main.floor, "peak")}`);
    }
    if (main.kind === "linear" && main.start === 1) {
      return call("PolyLRScheduler", `t_initial=${main.steps}`, "power=1", `lr_min=${times(main.end, "peak")}`);
    }
    if (main.kind === "step") {
      return call("StepLRScheduler", `decay_t=${main.every}`, `decay_rate=${main.factor}`);
    }
    return null;
  }

  function timm({ peak, found, run }) {
    const known = timmClass(found, run);
    const use = "# after each optimizer.step(): scheduler.step_update(steps_done)\n";
    if (known) {
      const [name, own] = known;
      const list = own.map((each) => `    ${each},\n`).join("");
      return (
        `import torch\nfrom timm.scheduler import ${name}\n\npeak = ${peak}\n${optimizerFor(peak, "peak")}\n` +
        `scheduler = ${name}(\n${list})\nscheduler.step_update(0)\n${use}`
      );
    }
    return withFactor(
      "import torch\nfrom timm.scheduler.scheduler import Scheduler",
      found,
      "# timm has no class for exactly this one; its base class takes any function of the step.\n" +
        "class Schedule(Scheduler):\n    def _get_lr(self, t):\n        return [peak * factor(t) for peak in self.base_values]\n\n\n" +
        `${optimizerFor(peak)}\nscheduler = Schedule(optimizer, param_group_field="lr", t_in_epochs=False)\nscheduler.step_update(0)\n${use}`,
    );
  }

  // optax. Its staircase divides, which in single precision can be a step late; // on whole numbers
  // can't be.

  const OPTAX = {
    warmup: (p) =>
      `optax.linear_schedule(${started(p)}, peak, ${p.steps})`,
    hold: ({ value }) => `optax.constant_schedule(${times(value, "peak")})`,
    linear: (p) => `optax.linear_schedule(${times(p.start, "peak")}, ${times(p.end, "peak")}, ${p.steps})`,
    cosine: (p) => `optax.cosine_decay_schedule(peak, ${p.steps}, alpha=${p.floor})`,
    exponential: (p) =>
      `optax.exponential_decay(peak, ${p.steps}, ${p.floor}, end_value=${times(p.floor, "peak")})`,
  };

  function optax({ peak, found }) {
    const parts = simple(found);
    const calls = parts.map((p) =>
      p.kind in OPTAX ? OPTAX[p.kind](p) : `lambda t: peak * (${FORMULAS[p.kind](p, "t", JAX)})`,
    );
    const stops = parts.slice(1).map(({ begin }) => begin);
    const list = calls.map((call) => `    ${call},\n`).join("");
    const schedule =
      calls.length === 1
        ? `schedule = ${calls[0]}\n`
        : `parts = [\n${list}]\nschedule = optax.join_schedules(parts, boundaries=[${stops.join(", ")}])\n`;
    const imports = schedule.includes("jnp.") ? "import jax.numpy as jnp\nimport optax\n" : "import optax\n";
    const use = isForAdam(peak) ? "optax.adamw(schedule)" : "optax.sgd(schedule, momentum=0.9)";
    return `${imports}\npeak = ${peak}\n${schedule}optimizer = ${use}\n`;
  }

  function lightning({ peak, found }) {
    return withFactor(
      "import torch\nfrom torch.optim.lr_scheduler import LambdaLR",
      found,
      "# A method of your LightningModule. “interval” is an epoch unless you say so.\n" +
        "def configure_optimizers(self):\n" +
        `    ${optimizerFor(peak, peak, "self")}\n` +
        '    scheduler = {"scheduler": LambdaLR(optimizer, factor), "interval": "step"}\n' +
        '    return {"optimizer": optimizer, "lr_scheduler": scheduler}\n',
    );
  }

  function fastai({ peak, found, run }) {
    return withFactor(
      "from fastai.callback.schedule import ParamScheduler",
      found,
      "# fastai counts in shares of the run: this one is for a run of so many steps.\n" +
        `steps = ${run}  # epochs * len(dls.train)\n` +
        `rate = ParamScheduler({"lr": lambda position: ${peak} * factor(round(position * steps))})\n` +
        "# learn.fit(epochs, cbs=rate)\n",
    );
  }

  // Keras

  function kerasClass(found, run) {
    const warm = found[0].kind === "warmup" ? found[0] : null;
    const [main, ...more] = warm ? found.slice(1) : found;
    if (!main || more.length) return null;
    if (main.kind === "cosine") {
      const own = warm
        ? [started(warm), main.steps, `alpha=${main.floor}`, "warmup_target=peak", `warmup_steps=${warm.steps}`]
        : ["peak", main.steps, `alpha=${main.floor}`];
      return ["CosineDecay", own];
    }
    if (warm) return null;
    if (main.kind === "linear") {
      const [start, end] = [main.start, main.end].map((share) => times(share, "peak"));
      return ["PolynomialDecay", [start, main.steps, `end_learning_rate=${end}`]];
    }
    if (main.kind === "exponential" && main.steps >= run) {
      return ["ExponentialDecay", ["peak", main.steps, `decay_rate=${main.floor}`]];
    }
    if (main.kind === "step") {
      return ["ExponentialDecay", ["peak", main.every, `decay_rate=${main.factor}`, "staircase=True"]];
    }
    return null;
  }

  function keras({ peak, found, run }) {
    const name = isForAdam(peak) ? "AdamW(learning_rate=rate)" : "SGD(learning_rate=rate, momentum=0.9)";
    const use = `optimizer = keras.optimizers.${name}\n`;
    const known = kerasClass(found, run);
    if (known) {
      return `import keras\n\npeak = ${peak}\nrate = keras.optimizers.schedules.${known[0]}(${known[1].join(", ")})\n${use}`;
    }
    const parts = simple(found);
    const inside = { ...KERAS, min: "" };
    const formulas = parts.map((p, k) =>
      FORMULAS[p.kind](p, since(p.begin, "t"), k === parts.length - 1 ? KERAS : inside),
    );
    const lines = parts
      .slice(1)
      .map(({ begin }, k) => `        value = ops.where(t < ${begin}, value, ${formulas[k + 1]})\n`);
    const cls =
      "class Schedule(keras.optimizers.schedules.LearningRateSchedule):\n    def __call__(self, step):\n" +
      "        t = ops.cast(step, keras.config.floatx())\n" +
      `        value = ${formulas[0]}\n${lines.join("")}        return ${peak} * value\n\n` +
      "    def get_config(self):\n        return {}\n\n\n";
    const imports = `${cls.includes("math.") ? "import math\n\n" : ""}import keras\n${cls.includes("ops.") ? "from keras import ops\n" : ""}\n\n`;
    return `${imports}${cls}rate = Schedule()\n${use}`;
  }

  const FRAMEWORKS = {
    torch: ["PyTorch", torch],
    "torch-classes": ["PyTorch, its own classes", torchClasses],
    lrlib: ["lrlib", lrlib],
    huggingface: ["Hugging Face Trainer", huggingface],
    timm: ["timm", timm],
    optax: ["optax", optax],
    lightning: ["Lightning", lightning],
    fastai: ["fastai", fastai],
    keras: ["Keras", keras],
  };

  // The text for a framework and one of the state's curves.
  function code(state, framework, number = 0) {
    const run = runSteps(state.run);
    const curve = state.curves[number];
    // With a whole number as its rate Keras would compute in whole numbers.
    const peak = Number.isInteger(curve.peak) ? `${curve.peak}.0` : String(curve.peak);
    return FRAMEWORKS[framework][1]({ run, peak, found: pieces(curve, run) });
  }

  const names = Object.fromEntries(Object.entries(FRAMEWORKS).map(([key, [name]]) => [key, name]));
  Object.assign(window.lrlibLab, { code, FRAMEWORKS: names });
})();
