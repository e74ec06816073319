// The schedule lab's handles: rings on the curve that are pulled by mouse, finger and keyboard.
//
// `lrlibLab.handles(view)` puts one on each grip, which lab-grips.js describes.
(function () {
  "use strict";
  const lab = window.lrlibLab;
  const { grips, within, COLOURS } = lab;
  const { make, grouped } = window.lrlibTools;
  const { colour, short } = window.lrlibFigures;

  // Where a key brings a grip: { step } or { rate }, or nothing.
  function keyed({ key, shiftKey }, grip, { run, peak, log, low }) {
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1], PageDown: [0, -5], PageUp: [0, 5] };
    const { moveX, moveY, steps, rates, step, rate } = grip;
    if (key === "Home" || key === "End") {
      const end = key === "Home" ? 0 : 1;
      return moveX ? { step: steps[end] } : { rate: rates[end] };
    }
    let [side, up] = arrows[key] ?? [0, 0];
    if (!moveX) [side, up] = [0, up || side]; // with one way to go, all arrows go it
    if (!moveY) [side, up] = [side || up, 0];
    if (side) return { step: step + side * (shiftKey ? 1 : Math.max(1, Math.round(run / 100))) };
    if (!up) return null;
    if (!log && !grip.isPeak) return { rate: Math.max(0, rate + 0.02 * up * peak) };
    // On a logarithmic axis 0 lies one step below the lowest rate that is seen.
    if (rate < low * (1 - 1e-9)) return { rate: up > 0 ? low : 0 };
    const to = rate * 1.1 ** up;
    return { rate: log && to < low ? (rate > low * (1 + 1e-9) ? low : 0) : to };
  }

  function handles(view) {
    const { current, run, update } = view;
    const gripAt = (id) => grips(current(), run()).find((grip) => grip.id === id);

    function put() {
      const layer = view.place("handles");
      const old = new Map([...layer.children].map((handle) => [handle.dataset.grip, handle]));
      const { x, y, picture } = view.scales;
      const shift = picture.getBoundingClientRect().top - layer.getBoundingClientRect().top;
      let next = layer.firstChild; // they are reached by Tab in the order of the curve
      for (const grip of grips(current(), run())) {
        const handle = old.get(grip.id) ?? newHandle(grip.id);
        const held = pulled.has(handle) || handle === document.activeElement;
        if (grip.step > run() && grip.isExtra && !held) continue; // the others wait at the end, to be pulled back
        old.delete(grip.id);
        handle.style.left = `${x(Math.min(grip.step, run()))}px`;
        handle.style.top = `${shift + y(Math.max(grip.rate, view.lowest()))}px`;
        handle.style.setProperty("--lab-colour", colour(COLOURS[view.state.chosen]));
        describe(handle, grip);
        if (handle === next) next = next.nextSibling;
        else layer.insertBefore(handle, next);
      }
      for (const gone of old.values()) {
        release(gone);
        gone.remove();
      }
    }

    // The axis stands still until the last of several fingers lets go.
    const pulled = new Map(); // the rings, and the pointer that pulls each
    let before = null; // the curve as it was when the first was taken
    function pull(handle, pointer) {
      if (!pulled.size) {
        view.freeze(true);
        before = lab.copied(current());
      }
      pulled.set(handle, pointer);
      handle.setPointerCapture(pointer);
    }
    function release(handle) {
      if (!pulled.has(handle)) return;
      const pointer = pulled.get(handle);
      pulled.delete(handle);
      if (handle.hasPointerCapture(pointer)) handle.releasePointerCapture(pointer);
      if (!pulled.size) view.freeze(false);
    }
    // When a curve gets other stages, or another one is chosen: the ring would be another's.
    function letGo() {
      for (const handle of [...pulled.keys()]) release(handle);
    }
    function takeBack() {
      view.state.curves[view.state.chosen] = before;
      view.rebuild();
    }

    function describe(handle, { label, step, rate, moveX, moveY, steps, rates }) {
      const [now, [low, high]] = moveX ? [Math.round(step), steps] : [rate, rates];
      const below = view.state.log && moveY && rate < view.lowest();
      const told = [
        moveX && `step ${grouped(Math.round(step))}`,
        moveY && `rate ${short(rate)}${below ? ", below the logarithmic axis" : ""}`,
      ];
      const said = {
        "aria-label": label,
        "aria-valuenow": now,
        "aria-valuemin": Math.min(low, now),
        "aria-valuemax": Math.max(high, now),
        "aria-valuetext": told.filter(Boolean).join(", "),
        "aria-orientation": moveX ? "horizontal" : "vertical",
      };
      for (const [name, value] of Object.entries(said)) handle.setAttribute(name, value);
    }

    function newHandle(id) {
      const handle = make("div", { class: "lab-handle", role: "slider", tabindex: 0, "data-grip": id });
      handle.addEventListener("keydown", (event) => byKey(event, id));
      const off = { x: 0, y: 0 }; // from the middle of the ring to where it was taken
      handle.addEventListener("pointerdown", (event) => {
        if (event.button) return;
        event.preventDefault();
        const box = handle.getBoundingClientRect();
        off.x = event.clientX - (box.left + box.width / 2);
        off.y = event.clientY - (box.top + box.height / 2);
        handle.focus();
        pull(handle, event.pointerId);
      });
      handle.addEventListener("pointermove", (event) => {
        if (handle.hasPointerCapture(event.pointerId)) {
          byPointer(event.clientX - off.x, event.clientY - off.y, id);
        }
      });
      for (const end of ["pointerup", "pointercancel"]) {
        handle.addEventListener(end, () => {
          release(handle);
          update();
        });
      }
      return handle;
    }

    function move(grip, { step, rate }) {
      if (step !== undefined) grip.moveX?.(within(Math.round(step), 0, run()));
      if (rate !== undefined) grip.moveY?.(Math.max(rate, 0));
      update();
    }

    function byPointer(x, y, id) {
      const grip = gripAt(id);
      const to = view.at(x, y);
      // The bottom of a logarithmic axis stands for 0, where a rate may be 0.
      if (view.state.log && to.rate <= view.lowest() && grip.rates?.[0] === 0) to.rate = 0;
      // The axis follows the peak: from the bottom of a linear one, no pull would bring it back.
      if (grip.isPeak && !view.state.log) to.rate = Math.max(to.rate, view.top() / 100);
      move(grip, to);
    }

    function byKey(event, id) {
      if (event.altKey || event.ctrlKey || event.metaKey) return; // the browser's own, such as Back
      if (event.key === "Escape" && pulled.size) {
        takeBack();
        return;
      }
      const grip = gripAt(id);
      const to = keyed(event, grip, { run: run(), peak: current().peak, log: view.state.log, low: view.lowest() });
      if (!to) return;
      event.preventDefault();
      move(grip, to);
    }

    return { put, letGo };
  }

  Object.assign(lab, { handles });
})();
