// Figures that the reader moves: their controls, and the data that lrlib.explore wrote into the page.
(function () {
  "use strict";
  const { drawPanel, onWidth, html, short, NARROW } = window.lrlibFigures;

  function drawFigure(place, figure, label) {
    const whole = place.clientWidth;
    if (!whole) return; // it is not seen
    const columns = whole < 1.2 * NARROW ? 1 : figure.panels.length;
    const panels = html("div", "lrlib-panels");
    for (const panel of figure.panels) {
      const width = Math.floor((whole - 16 * (columns - 1)) / columns);
      panels.append(drawPanel(panel, width, figure.height, label));
    }
    const parts = [panels];
    if (figure.caption) parts.push(html("p", "lrlib-caption", figure.caption));
    place.replaceChildren(...parts);
  }

  // Controls

  // Where a slider stands, as a number of its parameter. A list has its own stops.
  function valueOf(input) {
    if (input.dataset.values) return JSON.parse(input.dataset.values)[input.value];
    const { low, high, first, whole, log } = input.dataset;
    if (input.value === input.defaultValue) return Number(first);
    const [a, b] = [Number(low), Number(high)];
    const share = input.value / input.max;
    const value = log ? a * (b / a) ** share : a + (b - a) * share;
    return whole ? Math.round(value) : Number(value.toPrecision(3));
  }

  function* explorer(root) {
    const { curves, frames } = JSON.parse(root.querySelector("script").textContent);
    const inputs = [...root.querySelectorAll("input")];
    const place = root.querySelector(".lrlib-frame");
    const { alt, formula } = root.dataset;
    const boxes = inputs[0].type === "checkbox";

    function full(frame) {
      for (const line of frame.panels.flatMap(({ lines, bands }) => [...lines, ...bands])) {
        for (const key of ["xs", "ys"]) {
          if (typeof line[key] === "number") line[key] = curves[line[key]];
        }
      }
      return frame;
    }

    // What the boxes that are ticked show, or what the sliders say.
    function current() {
      if (boxes) {
        const ticked = new Set(inputs.filter((box) => box.checked).map((box) => Number(box.value)));
        const seen = (parts) => parts.filter((part) => ticked.has(part.layer));
        const some = ({ lines, bands }) => ({ lines: seen(lines), bands: seen(bands) });
        const all = full(frames[0]);
        return { ...all, panels: all.panels.map((panel) => ({ ...panel, ...some(panel) })) };
      }
      if (formula) {
        const values = Object.fromEntries(inputs.map((each) => [each.name, valueOf(each)]));
        const first = full(frames[0]);
        return { ...first, panels: [window.lrlibFormulas[formula](values, first.panels[0])] };
      }
      let chosen = 0; // frames lie in the order of nested loops over the sliders
      for (const input of inputs) chosen = chosen * (Number(input.max) + 1) + Number(input.value);
      return full(frames[chosen]);
    }

    function said() {
      if (boxes) {
        const ticked = inputs.filter((box) => box.checked);
        return `Shown: ${ticked.map((box) => box.labels[0].textContent).join("; ") || "none"}`;
      }
      const words = inputs.map((input) => {
        const text = short(valueOf(input));
        input.setAttribute("aria-valuetext", text);
        input.nextElementSibling.value = text;
        return `${input.labels[0].textContent} ${text}`;
      });
      return words.join(", ");
    }

    function update() {
      drawFigure(place, current(), `${alt} ${said()}.`);
    }

    yield;
    onWidth(place, update); // before it is drawn: a cell that is not laid out has no width, and draws nothing
    update();
    root.querySelector("fieldset").disabled = false;
    for (const input of inputs) input.addEventListener("input", update);
  }

  // One after the other, from the top.
  function* starting() {
    for (const root of document.querySelectorAll(".lrlib-explore[data-alt]")) {
      yield* explorer(root);
      yield;
    }
  }
  const start = () => window.lrlibInPieces(starting());
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
