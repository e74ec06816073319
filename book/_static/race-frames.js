// When the race computes and draws, so that the page it stands on stays at hand: a frame makes some
// steps, then one picture.
(function () {
  "use strict";
  const PACE = 120; // steps a second: a race takes 12 seconds
  const MOST = 4; // steps in one frame; where they take longer than BUDGET, there are fewer
  const BUDGET = 6; // milliseconds of a frame, of 16 on a laptop
  const FIGURES = 200; // milliseconds between two drawings of the figures and the table, or more:
  const REST = 20; // so many times what they take

  // The frames of a race. `page` tells which `race` there is, and whether it is `running`; it paints
  // the surface of a run, draws the `figures`, each by a function of its own, and is told of each frame
  // and of the end.
  function frames(page) {
    let number = 0; // of the next frame that was asked for, 0 if none was
    let next = 0; // the surface whose turn it is
    let due = []; // the figures whose turn comes first
    let before = 0; // when the last frame was
    let drawn = 0; // when the figures were drawn
    let took = 0; // how long that took
    let owed = 0; // steps that the clock asks for and no frame has made yet
    let busy = false; // whether the last frame had no time for a picture

    function makeSteps(race, begin) {
      while (owed >= 1 && !race.done() && performance.now() - begin < BUDGET) {
        race.advance();
        owed -= 1;
      }
    }

    function drawOne(race, now) {
      if (!due.length && now - drawn > Math.max(FIGURES, REST * took)) {
        due = [...page.figures];
        [drawn, took] = [now, 0];
      }
      const draw = due.shift();
      if (!draw) {
        page.paint(next % race.lanes.length);
        next += 1;
        return;
      }
      const from = performance.now();
      draw();
      took += performance.now() - from;
    }

    function onFrame(now) {
      number = 0;
      if (!page.running()) return;
      const race = page.race();
      const begin = performance.now();
      owed = Math.min(MOST, owed + ((now - before) * PACE) / 1000);
      before = now;
      makeSteps(race, begin);
      if (race.done()) {
        page.ended();
        return;
      }
      // Where the steps alone are too much, every second frame has a picture.
      busy = performance.now() - begin > BUDGET && !busy;
      if (!busy) drawOne(race, now);
      page.passed(now);
      ask();
    }

    function ask() {
      if (!number && page.running()) number = requestAnimationFrame(onFrame);
    }

    // Go on, or stop, as the page says.
    function settle() {
      if (page.running()) {
        before = performance.now();
        owed = 0;
        ask();
      } else if (number) {
        cancelAnimationFrame(number);
        number = 0;
      }
    }

    return { settle };
  }

  window.lrlibRaceFrames = { frames };
})();
