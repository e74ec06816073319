// The race in words: where it stands, and what an address says.
(function () {
  "use strict";
  const { STRATEGIES } = window.lrlibRaceSchedules;
  const { grouped, readNumber } = window.lrlibTools;

  const FIRST = { peak: 0.2, seed: 1 };
  const PEAK = { low: 0.001, high: 10 }; // that can be typed
  const SEED = { low: 1, high: 9999, whole: true };

  const percent = (share) => `${(100 * share).toFixed(1)}\u00a0%`; // where no line breaks
  // A rate in two digits; what is next to nothing is called so.
  const rounded = (rate) => (rate < 1e-5 ? "near 0" : String(Number(rate.toPrecision(2))));

  // “A”, “A and B”, “A, B and C”
  const listed = (names) => [names.slice(0, -1).join(", "), names.at(-1)].filter(Boolean).join(" and ");

  // Where the race stands, in a few sentences.
  function standing(race, marked) {
    const left = race.lanes.filter(({ blown }) => blown === null).sort((a, b) => a.loss - b.loss);
    const gone = race.lanes.filter(({ blown }) => blown !== null);
    // A run with those that are its very equals: step decay is a fixed rate until its first drop.
    const described = ({ loss, accuracy }) => {
      const names = left.filter((lane) => lane.loss === loss).map(({ name }) => name);
      return `${listed(names)} (loss ${loss.toFixed(2)}, ${percent(accuracy)} right)`;
    };
    const told = [`Peak rate ${race.peak}, seed ${race.seed}.`];
    // While it runs, the runs are judged in turn, each at a step of its own.
    const together = left.every(({ history }) => history.steps.at(-1) === race.step);
    const at = `${together ? "At" : "Around"} step ${grouped(race.step)}`;
    const [first, last] = [left[0], left.at(-1)];
    if (race.step === 0) told.push(`${at} all networks have the same weights.`);
    else if (left.length > 1 && first.loss.toFixed(2) === last.loss.toFixed(2)) {
      told.push(`${at} all have about the same loss on new points, ${first.loss.toFixed(2)}.`);
    } else if (left.length > 1) {
      told.push(`${at}, the lowest loss on new points: ${described(first)}; the highest: ${described(last)}.`);
    } else if (left.length) told.push(`${at} only one is left: ${described(first)}.`);
    const own = left.find(({ chapter }) => chapter === marked);
    if (own) told.push(`Marked: ${described(own)}.`);
    if (gone.length) {
      told.push(`Blew up: ${gone.map(({ name, blown }) => `${name} at step ${grouped(blown)}`).join(", ")}.`);
    }
    if (race.changed) told.push("The peak was moved on the way.");
    return told.join(" ");
  }

  // The address: #peak=0.2&seed=1&chapter=04-cosine-annealing&show=fixed,cosine

  function encode({ peak, seed, chapter, keys }) {
    const some = keys.length < STRATEGIES.length;
    return `#peak=${peak}&seed=${seed}${chapter ? `&chapter=${chapter}` : ""}${some ? `&show=${keys}` : ""}`;
  }

  const NAMES = ["peak", "seed", "chapter", "show"];

  // What an address says: { peak, seed, chapter, keys }. What can't be taken is left out, and told.
  function decode(hash, told) {
    const found = new URLSearchParams(hash.replace(/^#/, ""));
    const number = (name, rule) => {
      if (!found.has(name)) return FIRST[name];
      const { value, refused } = readNumber(found.get(name), rule);
      if (refused) told.push(`${name}: ${refused}`);
      return value ?? FIRST[name];
    };
    const known = (names, asked) => {
      for (const each of asked) if (!names.includes(each)) told.push(`“${each}” is none of ${names.join(", ")}.`);
      return names.filter((name) => asked.includes(name));
    };
    const all = STRATEGIES.map(({ key }) => key);
    const shown = known(all, found.get("show")?.split(",") ?? []);
    const [chapter = null] = known(STRATEGIES.map((each) => each.chapter), found.getAll("chapter"));
    return { peak: number("peak", PEAK), seed: number("seed", SEED), chapter, keys: shown.length ? shown : all };
  }

  window.lrlibRaceWords = { FIRST, PEAK, SEED, percent, rounded, standing, NAMES, encode, decode };
})();
