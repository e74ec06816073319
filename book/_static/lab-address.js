// How an address holds the lab's state: steps=1000&axis=log&curve=0.1~warmup_10p_auto~cosine_rest_0
(function () {
  "use strict";
  const lab = window.lrlibLab;
  const { MOST, PEAK, WHOLE, STEPS, PERCENT, KINDS, PRESETS, preset, stage, refusedRun } = lab;
  const { readNumber } = window.lrlibTools;

  function encode({ run, log, code, chosen, curves }) {
    const words = ({ kind, length, values }) =>
      [kind, length, ...Object.keys(KINDS[kind].values).map((name) => values[name])].join("_");
    return [
      ...Object.entries(run).map(([key, value]) => `${key}=${value}`),
      ...(log ? ["axis=log"] : []),
      ...(code === "torch" ? [] : [`code=${code}`]),
      ...(chosen ? [`chosen=${chosen + 1}`] : []),
      ...curves.map(({ peak, stages }) => `curve=${[peak, ...stages.map(words)].join("~")}`),
    ].join("&");
  }

  // A length as it is typed, with its unit: { value } or { refused }, as readNumber has it.
  function readLength(text, low = 0) {
    const share = text.endsWith("p");
    const rule = share ? { ...PERCENT, open: low > 0 } : { ...STEPS, low };
    const { value, refused } = readNumber(share ? text.slice(0, -1) : text, rule);
    return refused ? { refused } : { value: share ? `${value}p` : String(value) };
  }

  function readValue(rule, text) {
    if (rule.span) return readLength(text, 1);
    if (rule.auto && text === "auto") return { value: text };
    return readNumber(text, rule);
  }

  // Each of these takes a list to which it adds what an address holds and the lab can't take.

  function decodeStage(word, told) {
    const [kind, length = "rest", ...values] = word.split("_");
    if (!Object.hasOwn(KINDS, kind)) {
      told.push(`“${kind}” is no kind of stage.`);
      return null;
    }
    const made = stage(kind);
    const take = (what, { value, refused }, set) => {
      if (refused) told.push(`${KINDS[kind].name}, ${what}: ${refused}`);
      else set(value);
    };
    take("length", length === "rest" ? { value: length } : readLength(length), (text) => { made.length = text; });
    Object.entries(KINDS[kind].values).forEach(([name, rule], k) => {
      if (k < values.length) take(rule.label, readValue(rule, values[k]), (value) => { made.values[name] = value; });
    });
    return made;
  }

  function decodeCurve(text, told) {
    const [typed, ...words] = text.split("~");
    const { value: peak = 0.1, refused } = readNumber(typed, PEAK);
    if (refused) told.push(`Peak rate: ${refused}`);
    if (words.length > MOST.stages) told.push(`A curve has ${MOST.stages} stages at most.`);
    const stages = words.slice(0, MOST.stages).map((word) => decodeStage(word, told)).filter(Boolean);
    return { peak, stages };
  }

  function decodeRun(found, told) {
    const keys = found.has("epochs") ? ["epochs", "images", "batch"] : ["steps"];
    const run = {};
    for (const key of keys) {
      if (!found.has(key)) return null;
      const { value, refused } = readNumber(found.get(key), key === "steps" ? { ...STEPS, low: 1 } : WHOLE);
      if (refused) {
        told.push(`${key}: ${refused}`);
        return null;
      }
      run[key] = value;
    }
    const refused = refusedRun(run);
    if (refused) told.push(refused);
    return refused ? null : run;
  }

  // One of the names, or the first of them.
  function decodeName(found, key, names, told) {
    const name = found.get(key);
    if (name === null || names.includes(name)) return name ?? names[0];
    told.push(`“${name}” is none that the lab knows for “${key}”.`);
    return names[0];
  }

  const NAMES = ["preset", "steps", "epochs", "images", "batch", "axis", "code", "chosen", "curve"];

  // A state for whatever stands in an address. What can't be taken is left out, and told.
  function decode(hash, told = []) {
    const found = new URLSearchParams(hash.replace(/^#/, ""));
    const state = preset(decodeName(found, "preset", Object.keys(PRESETS), told));
    state.run = decodeRun(found, told) ?? state.run;
    state.log = decodeName(found, "axis", ["linear", "log"], told) === "log";
    state.code = decodeName(found, "code", Object.keys(lab.FRAMEWORKS), told);
    const texts = found.getAll("curve");
    if (texts.length > MOST.curves) told.push(`The lab draws ${MOST.curves} curves at most.`);
    const curves = texts.slice(0, MOST.curves).map((text) => decodeCurve(text, told));
    const full = curves.filter(({ stages }) => stages.length);
    if (full.length) state.curves = full;
    const numbers = state.curves.map((_, k) => String(k + 1));
    state.chosen = Number(decodeName(found, "chosen", numbers, told)) - 1;
    return state;
  }

  Object.assign(lab, { NAMES, encode, decode });
})();
