// What the schedule lab says about a curve: warnings, each with its mistake, and the study's results.
(function () {
  "use strict";
  const { KINDS, pieces, lengths, lengthIn, leastPeriod, runSteps, factor } = window.lrlibLab;
  const { grouped } = window.lrlibTools;
  const percent = (share) => `${Number((100 * share).toPrecision(2))}\u00a0%`;

  const MISTAKES = {
    climbs: "a-period-shorter-than-the-run",
    cut: "a-period-that-forgets-the-warm-up",
    zero: "a-warm-up-that-starts-at-zero",
    units: "the-interval-in-one-unit-the-calls-in-another",
    gamma: "a-multiplier-per-epoch-in-a-loop-per-step",
    decay: "decay-steps-taken-for-the-length-of-the-run",
    oneCycle: "stepping-one-cycle-past-its-end",
    overwrites: "setting-what-the-scheduler-overwrites",
    halfCycle: "a-half-cycle-copied-from-another-run",
    adam: "adam-at-0-1-for-a-fair-comparison-with-sgd",
  };

  // Each returns a sentence, or nothing.

  function ofTheWarmUp({ stages }, run, counts, warn) {
    let end = 0;
    stages.forEach((stage, k) => {
      end += counts[k];
      if (stage.kind !== "warmup") return;
      if (counts[k] < 1) warn("The warm-up has no step, so the run starts at the peak.", "zero");
      else if (end >= run) {
        const long = counts[k] >= run ? "is as long as the run or longer" : "ends no earlier than the run";
        warn(`The warm-up ${long}, so nothing comes after it.`, "units");
      }
      if (counts[k] > 0 && stage.values.start === 1) {
        warn("The warm-up starts at the peak, so nothing is warmed up: it is a hold.", "zero");
      }
      if (stage.values.start === 0) {
        warn("The warm-up starts at 0, so the first step changes nothing. Leave “from” empty to start one step later.", "zero");
      }
    });
  }

  function ofTheEnd(found, run, stages, warn, note) {
    const last = found.at(-1);
    const end = last.begin + last.steps;
    const early = end < run;
    const at = `at step ${grouped(end)} of ${grouped(run)}`;
    if (last.kind === "cosine" && early) {
      warn(`The cosine ends ${at}. The rate stays there in the lab, but torch’s CosineAnnealingLR would climb again.`, "climbs");
    }
    if (last.kind === "onecycle" && early) {
      warn(`The one-cycle ends ${at}. torch’s OneCycleLR raises an error one call later.`, "oneCycle");
    }
    if ((last.kind === "exponential" || (last.kind === "linear" && last.end < last.start)) && early) {
      warn(`The decay ends ${at}; the rest is trained at the final rate.`, "decay");
    }
    if (last.stays) note(`The last stage ends at step ${grouped(last.begin)} of ${grouped(run)}; the rate stays where it is then.`);
    const falls = ["cosine", "linear", "exponential", "onecycle"].includes(last.kind);
    if (falls && end > run && stages[last.of].kind !== "restarts") {
      warn(`The stages take ${grouped(end)} steps and the run has ${grouped(run)}, so it stops before the decay has ended.`, "cut");
    }
    if (stages[last.of].kind === "restarts" && end - run > last.steps / 4) {
      warn(`The run stops within a period, ${grouped(end - run)} steps before its end, where the rate is still high.`, "cut");
    }
  }

  const DECAYS = ["cosine", "linear", "exponential", "onecycle", "step", "restarts", "cycles", "invsqrt"];

  function ofWhatNeverRuns(stages, counts, run, warn) {
    let begin = 0;
    stages.forEach(({ kind }, k) => {
      const missed = k > 0 && kind !== "warmup"; // a run may begin without a hold or a warm-up
      if ((missed || DECAYS.includes(kind)) && (counts[k] === 0 || begin >= run)) {
        warn(`Stage ${k + 1} gets no step of the run, so the rate never follows it.`, "cut");
      }
      begin += counts[k];
    });
  }

  // What of a stage is given in steps.
  function inSteps({ kind, length, values }) {
    const spans = Object.entries(KINDS[kind].values).filter(([, { span }]) => span);
    const all = [["A stage", length], ...spans.map(([name, { label }]) => [`A ${label}`, values[name]])];
    const given = all.filter(([, text]) => /^\d+$/.test(text) && text > 0);
    return given.map(([what, text]) => ({ what, steps: Number(text) }));
  }

  function ofTheUnits(found, run, state, warn) {
    const epochs = state.run.epochs;
    if (!epochs && run <= 300) {
      const these = run === 1 ? "Is this a step, or an epoch" : `Are these ${grouped(run)} steps, or epochs`;
      warn(`${these}? The lab counts optimizer steps, of which an epoch has hundreds.`, "units");
    }
    for (const piece of found.filter(({ kind }) => kind === "step")) {
      const drops = Math.floor((Math.min(piece.begin + piece.steps, run) - piece.begin) / piece.every);
      if (piece.factor ** drops < 1e-6) {
        warn(`The rate drops ${grouped(drops)} times, to ${percent(piece.factor ** drops)} of the peak. Is the interval in epochs?`, "units");
      }
    }
    const told = new Set();
    for (const { what, steps } of state.curves.flatMap(({ stages }) => stages.flatMap(inSteps))) {
      const few = epochs ? epochs > 1 && steps <= epochs : steps < run / 1000;
      if (!few || told.has(steps)) continue;
      told.add(steps);
      const these = steps === 1 ? "1 step" : `${steps} steps`;
      const than = epochs ? "less than an epoch here" : "less than a thousandth of the run";
      warn(`${what} of ${these} is ${than}. Did you mean ${steps === 1 ? "1 epoch" : `${steps} epochs`}?`, "units");
    }
  }

  function ofTheCycles(found, run, warn) {
    for (const piece of found.filter(({ kind }) => kind === "cycles")) {
      if (2 * piece.half > run - piece.begin) {
        warn(`A cycle takes ${grouped(2 * piece.half)} steps, so the run ends before it is complete.`, "halfCycle");
      }
      warn("torch’s CyclicLR overwrites the optimizer’s rate, and its momentum too unless you say cycle_momentum=False.", "overwrites");
      if (piece.gamma < 1 && piece.gamma ** (run - piece.begin) < 1e-3) {
        warn("The height shrinks at each step, not each epoch: soon nothing is left of the cycles.", "gamma");
      }
    }
    if (found.some(({ kind }) => kind === "onecycle")) {
      warn("torch’s OneCycleLR overwrites the optimizer’s rate, and its momentum too unless you say cycle_momentum=False.", "overwrites");
    }
  }

  // What the lab draws otherwise than asked, because it couldn't be drawn.
  function ofWhatIsRaised({ stages }, run, counts, found, note) {
    stages.forEach(({ kind, values }, k) => {
      if (counts[k] < 1) return;
      const own = `Stage ${k + 1}, ${KINDS[kind].name}`;
      for (const [name, { label, span }] of Object.entries(KINDS[kind].values)) {
        if (span && lengthIn(values[name], run) < 1) note(`${own}: ${label} comes to less than a step, so the lab draws 1.`);
      }
      if (kind === "restarts" && lengthIn(values.first, run) < leastPeriod(counts[k])) {
        const [asked, least] = [lengthIn(values.first, run), leastPeriod(counts[k])].map(grouped);
        note(`${own}: a first period of ${asked} could make more than 100 of them. The lab draws and writes one of ${least} steps.`);
      }
      const drawn = found.find((piece) => piece.of === k);
      if (kind === "onecycle" && counts[k] === 1) note(`${own}: one step is no cycle, so the rate is held at the peak.`);
      else if (kind === "onecycle" && drawn && drawn.rise > values.rise) {
        note(`${own}: a rise of ${percent(values.rise)} is hardly a step, so the lab draws ${percent(drawn.rise)}.`);
      }
    });
  }

  // What a colleague would say: { key, text, href }. A key stays while the numbers in its text change;
  // what isn't a mistake leads nowhere.
  function warnings(state, index = 0) {
    const curve = state.curves[index];
    const run = runSteps(state.run);
    const found = pieces(curve, run);
    const told = [];
    const tell = (name, text, href) => {
      const again = told.filter(({ key }) => key.startsWith(`${name}-`)).length;
      told.push({ key: `${name}-${again}`, text, href });
    };
    const warn = (text, key) => tell(key, text, `mistakes.html#${MISTAKES[key]}`);
    ofWhatIsRaised(curve, run, lengths(curve.stages, run), found, (text) => tell("raised", text));
    ofTheWarmUp(curve, run, lengths(curve.stages, run), warn);
    ofTheEnd(found, run, curve.stages, warn, (text) => tell("stays", text));
    ofWhatNeverRuns(curve.stages, lengths(curve.stages, run), run, warn);
    ofTheUnits(found, run, { ...state, curves: [curve] }, warn);
    ofTheCycles(found, run, warn);
    if (curve.peak > 0.5) {
      warn("That is a high peak for SGD, and far too high for Adam, whose usual rate is 0.001.", "adam");
    }
    return told;
  }

  // The shape of the study that is nearest, and how far it is: the mean gap as a share of the peak.
  // A run of a few steps resembles none.
  function nearest(state, study, index = 0) {
    const run = runSteps(state.run);
    const factorOf = factor(state.curves[index], run);
    // A cycle that is shorter than the study's samples are apart would hide between them.
    const fast = pieces(state.curves[index], run).some(({ kind, steps, half = steps }) =>
      ["cycles", "cosine"].includes(kind) && half < run / 20);
    const own = (share) => factorOf(Math.round(share * (run - 1)));
    const gaps = Object.entries(study.shapes).map(([shape, heights]) => {
      const last = (fast ? 10 : 1) * (heights.length - 1);
      let gap = run < 20 ? last + 1 : 0;
      for (let k = 0; k <= last; k += 1) {
        gap += Math.abs(heights[Math.round((k / last) * (heights.length - 1))] - own(k / last));
      }
      return { shape, gap: gap / (last + 1) };
    });
    return gaps.sort((a, b) => a.gap - b.gap)[0];
  }

  Object.assign(window.lrlibLab, { warnings, nearest, MISTAKES });
})();
