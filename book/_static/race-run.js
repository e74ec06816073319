// A race: runs that begin with the same weights and see the same points in the same order.
// The seed decides all of it, whoever takes part. Nothing here knows of the page or of time.
(function () {
  "use strict";
  const { random, spirals, firstWeights, network, sgd, adam } = window.lrlibNetwork;
  const { STEPS, STRATEGIES, TEST, testRate, suggest } = window.lrlibRaceSchedules;

  const SIZES = [2, 16, 16, 1];
  const BATCH = 8;
  const TEST_BATCH = 64; // a finder needs a loss that doesn't jump too much
  const EVERY = 10; // steps from one judgement to the next
  const SPIRALS = { turns: 1.25, scale: 4, blur: 0.04, wrong: 0.05 };
  // A run has blown up once its loss is ten times that of guessing, or no number.
  const TOO_HIGH = 10 * Math.log(2);

  function draw(count, batch, uniform) {
    for (let k = 0; k < batch.length; k += 1) batch[k] = Math.floor(uniform() * count);
    return batch;
  }

  // The finder: train a copy of the weights while the rate rises, and read the peak off the losses.
  function* rangeTest(points, first, uniform) {
    const net = network(SIZES);
    const parameters = first.slice();
    const gradient = new Float64Array(first.length);
    const update = sgd(first.length);
    const batch = new Int32Array(TEST_BATCH);
    const test = { rates: [], losses: [] };
    for (let step = 0; step < TEST.steps; step += 1) {
      const loss = net.gradientOf(parameters, points, draw(points.count, batch, uniform), gradient);
      if (!(loss < TOO_HIGH)) break;
      test.rates.push(testRate(step));
      test.losses.push(loss);
      update(parameters, gradient, testRate(step));
      yield;
    }
    return { ...test, found: suggest(test.rates, test.losses, STEPS) };
  }

  // What all runs of a seed share; kept, because another peak needs nothing new. A slow phone is busy
  // with it for a third of a second, so it can be made in pieces: each `yield` is a place to pause.
  let kept = null;
  function* preparing(seed) {
    if (kept?.seed === seed) return;
    const uniform = random(seed);
    const points = spirals(1000, uniform, SPIRALS);
    const fresh = spirals(500, uniform, SPIRALS);
    yield;
    const first = firstWeights(SIZES, uniform);
    const test = yield* rangeTest(points, first, uniform);
    const batches = Math.floor(uniform() * 2 ** 32); // the seed of what follows
    kept = { seed, points, fresh, first, test, batches };
  }

  function prepare(seed) {
    for (const _ of preparing(seed));
    return kept;
  }

  const everyKey = STRATEGIES.map(({ key }) => key);

  function race(seed, peak, keys = everyKey) {
    const { points, fresh, first, test, batches } = prepare(seed);
    const net = network(SIZES);
    const gradient = new Float64Array(first.length);
    const uniform = random(batches);
    const batch = new Int32Array(BATCH);
    const lanes = STRATEGIES.map((strategy, turn) => ({
      ...strategy,
      // Step decay is a fixed rate until its first drop: judged at the same steps, they show it.
      turn: strategy.key === "step" ? 0 : turn,
      parameters: first.slice(),
      update: (strategy.optimizer === "adam" ? adam : sgd)(first.length),
      blown: null, // the step at which the run blew up
      history: { steps: [], losses: [], rates: [] },
    })).filter(({ key }) => keys.includes(key));
    const made = { seed, peak, step: 0, lanes, points, fresh, net, test };

    // The rate of a run at a step, if nothing else is said the next; at the end, that of its last one.
    made.rate = (lane, step = made.step) => {
      const highest = lane.finds ? (test.found ?? made.peak) : made.peak * (lane.share ?? 1);
      return highest * lane.factor(Math.min(step, STEPS - 1));
    };

    function judge(lane) {
      Object.assign(lane, net.judge(lane.parameters, fresh));
      if (!(lane.loss < TOO_HIGH)) lane.blown = made.step;
      lane.history.steps.push(made.step);
      lane.history.losses.push(Number.isFinite(lane.loss) ? lane.loss : null);
      lane.history.rates.push(made.rate(lane));
    }

    // One step of all runs. They are judged in turn, so that no step takes much longer than others.
    made.advance = () => {
      if (made.done()) return;
      draw(points.count, batch, uniform);
      for (const lane of lanes) {
        if (lane.blown !== null) continue;
        net.gradientOf(lane.parameters, points, batch, gradient);
        lane.update(lane.parameters, gradient, made.rate(lane));
      }
      made.step += 1;
      lanes.forEach((lane) => {
        const due = (made.step + lane.turn) % EVERY === 0 || made.step === STEPS;
        if (due && lane.blown === null) judge(lane);
      });
    };
    // Where a race stands, all runs are compared at the same step, also those whose turn is later.
    made.judgeAll = () => {
      for (const lane of lanes) {
        if (lane.blown === null && lane.history.steps.at(-1) !== made.step) judge(lane);
      }
    };
    made.done = () => made.step >= STEPS || lanes.every(({ blown }) => blown !== null);

    lanes.forEach(judge);
    return made;
  }

  window.lrlibRace = { STEPS, BATCH, EVERY, SIZES, SPIRALS, TOO_HIGH, race, prepare, preparing };
})();
