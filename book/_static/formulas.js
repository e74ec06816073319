// The figures that follow a formula: what lrlib.schedules computes, for every place of a slider.
// tests/site/check_formulas.py compares each with the chapter's own.
(function () {
  "use strict";

  // Schedules: functions of the step that give a fraction of the peak, as in lrlib/schedules.py.
  const between = (from, to, share) => from + (to - from) * Math.min(share, 1);
  const halfCosine = (from, to, share) =>
    to + ((from - to) * (1 + Math.cos(Math.PI * Math.min(share, 1)))) / 2;
  const fixed = () => () => 1;
  const stepDecay = (every, factor) => (step) => factor ** Math.floor(step / every);
  const exponential = (steps, floor) => (step) => floor ** Math.min(step / steps, 1);
  const cosine = (steps, floor = 0) => (step) => halfCosine(1, floor, step / steps);
  const linear = (steps, start = 1, end = 0) => (step) => between(start, end, step / steps);
  const cyclical = (halfCycle, floor, shrink, gamma) => (step) => {
    const cycle = Math.floor(step / halfCycle / 2);
    const position = step / halfCycle - 2 * cycle;
    const height = shrink ** cycle * gamma ** step * (1 - Math.abs(position - 1));
    return floor + (1 - floor) * height;
  };
  const inverseSquareRoot = (timescale) => (step) => 1 / Math.sqrt(1 + step / timescale);
  const oneCycle = (steps, rise, start, floor) => (step) => {
    const top = rise * steps - 1;
    if (step <= top) return halfCosine(start, 1, step / top);
    return halfCosine(1, floor, (step - top) / (steps - 1 - top));
  };
  const warmup = (steps, then, start = 1 / (steps + 1)) => (step) =>
    step < steps ? between(start, 1, step / steps) : then(step - steps);
  const join = (parts, boundaries) => (step) => {
    const number = boundaries.filter((boundary) => step >= boundary).length;
    return parts[number](step - (number ? boundaries[number - 1] : 0));
  };

  // The schedule lab draws with the same ones.
  window.lrlibSchedules = {
    ...{ stepDecay, exponential, cosine, linear, cyclical, inverseSquareRoot, oneCycle, join },
    hold: (value) => () => value,
  };

  // Figures. Each takes the values of the sliders and the panel that was described for the first
  // ones, and returns the panel with other numbers.
  const STEPS = 351;
  const range = (count) => [...Array(count).keys()];
  const curve = (schedule, peak) => range(STEPS).map((step) => peak * schedule(step));
  const lines = (panel, ...heights) =>
    panel.lines.map((line, k) => (heights[k] ? { ...line, ys: heights[k] } : line));
  const digits = (value, count) => String(Number(value.toPrecision(count)));

  window.lrlibFormulas = {
    bowl: ({ learning_rate }, panel) => ({
      ...panel,
      lines: lines(panel, range(31).map((step) => (1 - learning_rate) ** step)),
    }),

    steps: ({ interval, factor }, panel) => {
      const rates = curve(stepDecay(interval, factor), 0.05);
      const drops = Math.floor((STEPS - 1) / interval);
      const title = `drops: ${drops}, last rate: ${digits(rates.at(-1), 2)}`;
      return { ...panel, title, lines: lines(panel, rates) };
    },

    decay: ({ steps, floor }, panel) => {
      const rates = curve(exponential(steps, floor), 0.05);
      const gamma = (floor ** (1 / steps)).toFixed(5);
      const title = `multiplied by ${gamma} at each step, last rate ${digits(rates.at(-1), 2)}`;
      return { ...panel, title, lines: lines(panel, rates) };
    },

    cosines: ({ first_period, growth, floor }, panel) => {
      const ends = [first_period];
      const parts = [cosine(first_period, floor)];
      for (let period = first_period; ends.at(-1) < STEPS; ) {
        period *= growth;
        parts.push(cosine(period, floor));
        ends.push(ends.at(-1) + period);
      }
      const restarting = curve(join(parts, ends.slice(0, -1)), 0.05);
      return { ...panel, lines: lines(panel, restarting, curve(linear(STEPS), 0.05)) };
    },

    cycles: ({ half_cycle, floor, shrink, gamma }, panel) => ({
      ...panel,
      lines: lines(panel, curve(cyclical(half_cycle, floor, shrink, gamma), 0.1)),
    }),

    oneCycle: ({ rise, start, floor }, panel) => {
      const rates = curve(oneCycle(STEPS, rise, start, floor), 0.2);
      const [first, last] = [rates[0], rates.at(-1)].map((rate) => digits(rate, 2));
      const title = `from ${first} to ${digits(Math.max(...rates), 2)}, last ${last}`;
      return { ...panel, title, lines: lines(panel, rates) };
    },

    // Every fifth step is drawn, of averages that see every step.
    effectiveRates: ({ gradient_size, memory_steps }, panel) => {
      const beta2 = 1 - 1 / memory_steps;
      const rates = [[], [], []];
      let [sum, average] = [0, 0];
      for (const step of range(STEPS)) {
        const square = (step < 100 ? gradient_size : gradient_size / 10) ** 2;
        sum += square;
        average = beta2 * average + (1 - beta2) * square;
        const corrected = average / (1 - beta2 ** (step + 1));
        const now = [0.01 / Math.sqrt(sum), 0.001 / Math.sqrt(average), 0.001 / Math.sqrt(corrected)];
        if (step % 5 === 0) now.forEach((rate, k) => rates[k].push(rate));
      }
      return { ...panel, title: `β₂ = ${digits(beta2, 4)}`, lines: lines(panel, ...rates) };
    },

    warmup: ({ warmup_steps, start }, panel) => {
      const rest = STEPS - warmup_steps;
      const stable = join([fixed(), linear(105)], [rest - 105]);
      const rates = [fixed(), cosine(rest), stable].map((then) =>
        curve(warmup(warmup_steps, then, start), 0.3),
      );
      return { ...panel, lines: lines(panel, ...rates) };
    },
  };
})();
