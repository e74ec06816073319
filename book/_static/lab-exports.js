// The code that the schedule lab offers for each framework: lrlibLab.code(state, "optax").
//
// tests/exports runs each text with the real package and compares its rates with the lab's curve.
(function () {
  "use strict";
  const { pieces, runSteps, python } = window.lrlibLab;
  const { JAX, KERAS, FORMULAS, times, simple, since, withFactor, isForAdam, optimizerFor } = python;
  const { torch, torchClasses, lrlib } = python;

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
      if (warm && floor !== 0) return null; // there min_lr_ratio raises the warm-up, too
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
