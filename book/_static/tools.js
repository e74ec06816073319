// What the schedule lab and the race share: elements, and fields for numbers.
(function () {
  "use strict";

  function make(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
      else if (value === true) made.setAttribute(key, "");
      else if (value !== false && value !== undefined) made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  }

  let names = 0;
  // A label with its control.
  function labelled(text, control, ...more) {
    control.id = control.id || `tool-${(names += 1)}`;
    return make("div", { class: "tool-field" }, make("label", { for: control.id }, text), control, ...more);
  }

  // As in “1,500”. The browser's toLocaleString says the same, but keeps a slow phone busy at first.
  const grouped = (value) => String(value).replace(/(?<!\.\d*)\B(?=(\d{3})+(?!\d))/g, ",");

  // A rule says which numbers are taken: from `low` to `high`, or only above `low` where `open`;
  // `whole` ones; and what an `empty` field stands for, if it may be empty.
  function expected({ low, high, whole, open }) {
    const kind = whole ? "a whole number" : "a number";
    return open ? `${kind} above ${grouped(low)}, up to ${grouped(high)}` : `${kind} from ${grouped(low)} to ${grouped(high)}`;
  }

  const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

  // The number of a text, { value }, or why it isn't taken, { refused }. Nothing is guessed: “1,000”
  // is a thousand to some and one to others.
  function readNumber(text, rule) {
    const typed = text.trim();
    const refused = (why) => ({ refused: `“${typed}” ${why}: this takes ${expected(rule)}.` });
    if (typed === "") return "empty" in rule ? { value: rule.empty } : { refused: `Empty: this takes ${expected(rule)}.` };
    if (typed.includes(",")) return refused("has a comma; write a decimal point, and nothing between thousands");
    const value = Number(typed);
    if (!NUMBER.test(typed) || !Number.isFinite(value)) return refused("isn’t a number");
    if (value < rule.low || (rule.open && value === rule.low)) return refused("is too low");
    if (value > rule.high) return refused("is too high");
    if (rule.whole && !Number.isInteger(value)) return refused("isn’t whole");
    return { value };
  }

  // The next number for an arrow key: by one, or in the second digit.
  function nudged(value, up, { whole, low, high }) {
    const by = whole ? 1 : value ? 10 ** (Math.floor(Math.log10(Math.abs(value)) + 1e-9) - 1) : 0.01 * Math.min(high, 1);
    return Math.min(high, Math.max(low, Number((value + up * by).toPrecision(whole ? 12 : 3))));
  }

  // A field for a number. `get` gives the text to show, `set` takes a number and may return why it
  // can't be taken. What isn't taken stays in the field, with the reason below it, until something
  // else changes the value. It is a field of text, since a browser's own field for numbers changes
  // what is pasted: “0,001” becomes 1.
  function numberField(label, { get, set, rule, keeps = "It stays at", hint = "", on = "input", data = {} }) {
    const said = make("span", { class: "tool-refused", id: `tool-${(names += 1)}`, role: "status" });
    const input = make("input", {
      ...{ type: "text", inputmode: rule.whole ? "numeric" : "decimal", autocomplete: "off", spellcheck: "false" },
      ...{ "aria-describedby": said.id, placeholder: hint },
    });
    Object.assign(input.dataset, data);
    let last = (input.value = get());
    const say = (why) => {
      said.textContent = why ? `${why} ${keeps} ${last || hint}.` : "";
      if (why) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    };
    const take = () => {
      const read = readNumber(input.value, rule);
      const why = read.refused ?? set(read.value, input);
      if (!why) last = get();
      say(why);
    };
    input.addEventListener(on, take);
    input.addEventListener("keydown", (event) => {
      const up = { ArrowUp: 1, ArrowDown: -1 }[event.key];
      const { value } = readNumber(input.value, rule);
      if (!up || !Number.isFinite(value)) return;
      event.preventDefault();
      input.value = nudged(value, up, rule);
      take();
    });
    const field = labelled(label, input, said);
    // The one that is typed into keeps its text, and so does one whose text isn't taken.
    input.sync = (typing) => {
      const now = get();
      if (input === typing || (now === last && input.hasAttribute("aria-invalid"))) return;
      input.value = last = now;
      say("");
    };
    return field;
  }

  // Whether an address holds a state, by some of its names; one that doesn't leads to a place of the page.
  function isState(hash, names) {
    const found = new URLSearchParams(hash.replace(/^#/, ""));
    return hash.length < 2 || names.some((name) => found.has(name));
  }

  window.lrlibTools = { make, labelled, grouped, readNumber, numberField, isState };
})();
