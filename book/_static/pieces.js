// Long work in pieces, between which the browser does what else there is, such as scrolling.
//
// `work` is a generator that yields where it may rest.
(function () {
  "use strict";
  const BUDGET = 6; // milliseconds of a piece

  function piece(work) {
    const begin = performance.now();
    let done;
    do done = work.next().done;
    while (!done && performance.now() - begin < BUDGET);
    if (!done) inPieces(work);
  }

  // The first piece, too, waits until the browser has done what it is at.
  function inPieces(work) {
    setTimeout(piece, 0, work);
  }

  window.lrlibInPieces = inPieces;
})();
