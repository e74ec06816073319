// The race's strategies: the rate of each at every step, and the range test that finds one.
// The schedules are those of formulas.js; the strategies are rows of the study.
// tests/site/check_race.py compares the rates and the suggestion with lrlib's.
(function () {
  "use strict";
  const { hold, exponential, cosine, linear, cyclical, join } = window.lrlibSchedules;

  const STEPS = 1500; // of a race
  const WARM = STEPS / 10;
  const warmup = (steps, then) => join([linear(steps, 1 / (steps + 1), 1), then], [steps]);
  const drops = join([hold(1), hold(0.1), hold(0.01)], [STEPS / 2, (STEPS * 3) / 4]);
  const warmCosine = warmup(WARM, cosine(STEPS - WARM));

  // `key` is the name in an address, `study` that of the row in lrlib.evidence.strategies. `share`:
  // Adam's step doesn't shrink with the gradient, so its rates are lower. The last strategy has a peak
  // of its own.
  const strategy = (key, name, study, chapter, colour, dash, factor, more = {}) =>
    ({ key, name, study, chapter, colour, dash, factor, ...more });
  const STRATEGIES = [
    strategy("fixed", "Fixed", "fixed", "01-fixed", "grey", "-", hold(1)),
    strategy("step", "Step decay", "step", "02-step-decay", "blue", "-.", drops),
    strategy("exponential", "Exponential", "exponential-tenth", "03-exponential-decay", "teal", "--", exponential(STEPS, 0.1)),
    strategy("cosine", "Cosine", "cosine", "04-cosine-annealing", "orange", "--", cosine(STEPS)),
    strategy("cyclical", "Cyclical", "triangular2", "05-cyclical", "purple", ":", cyclical(STEPS / 6, 0.1, 0.5, 1)),
    strategy("adam", "Adam", "adam", "06-adaptive", "pink", "-", hold(1), { optimizer: "adam", share: 0.1 }),
    strategy("warm-up", "Warm-up + cosine", "warmup-cosine", "07-warm-up", "red", "-", warmCosine),
    strategy("finder", "Finder", "warmup-cosine", "08-lr-finder", "brown", "-.", warmCosine, { finds: true }),
  ];

  // The range test

  const TEST = { steps: 300, low: 1e-3, high: 10 };

  function testRate(step) {
    return TEST.low * (TEST.high / TEST.low) ** (step / (TEST.steps - 1));
  }

  const median = (values) => {
    const sorted = Float64Array.from(values).sort();
    const middle = sorted.length >> 1;
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  };

  // A running median, then a weighted mean; both windows are centred.
  function smooth(losses) {
    const reach = Math.max(3, Math.floor(losses.length / 20));
    const width = 2 * reach + 1;
    const count = losses.length;
    const [first, last] = [median(losses.slice(0, width)), median(losses.slice(-width))];
    const padded = [...Array(reach).fill(first), ...losses, ...Array(reach).fill(last)];
    const medians = losses.map((_, k) => median(padded.slice(k, k + width)));
    const weights = [...Array(width).keys()].map((k) => 1 - Math.cos((2 * Math.PI * (k + 1)) / (width + 1)));
    const sum = weights.reduce((a, b) => a + b);
    const mirrored = (k) => medians[k < 0 ? -k : k >= count ? 2 * count - 2 - k : k];
    return medians.map((_, k) => weights.reduce((total, w, i) => total + w * mirrored(k + i - reach), 0) / sum);
  }

  // The rule of lrlib's finder, "floor", for the peak of a rate that decays in a run of so many
  // steps; `null` if the loss doesn't fall by more than 3 times its noise.
  function suggest(rates, losses, steps) {
    const loss = smooth(losses);
    const bottom = loss.indexOf(Math.min(...loss));
    const begin = rates[0] ** 0.9 * rates.at(-1) ** 0.1;
    const tenth = rates.filter((rate) => rate < begin).length;
    const start = median(losses.slice(0, Math.max(7, tenth)));
    const judged = losses.slice(0, Math.max(bottom + 1, losses.length >> 1));
    const changes = judged.slice(1).map((value, k) => Math.abs(value - judged[k]));
    const noise = (1.4826 * median(changes)) / Math.SQRT2;
    const fall = start - loss[bottom];
    if (!(fall > 3 * noise)) return null;
    const done = loss[bottom] + Math.max(fall / 20, noise / 2);
    const floor = rates[loss.findIndex((value) => value <= done)];
    return 2 * Math.sqrt(160 / steps) * floor;
  }

  window.lrlibRaceSchedules = { STEPS, STRATEGIES, TEST, testRate, smooth, suggest };
})();
