// The lines below a hit of the search are taken from prose: no ticks of figures, no folded code, no TeX.
if (typeof Search !== "undefined") {
  const withAll = Search.htmlToText;
  Search.htmlToText = (page, anchor) => {
    const kept = new DOMParser().parseFromString(page, "text/html");
    kept
      .querySelectorAll("svg, annotation, details, pre, .lrlib-explore, .lrlib-quiz, .tableofcontents-wrapper")
      .forEach((element) => element.remove());
    return withAll(kept.documentElement.outerHTML, anchor).replace(/\s+/g, " ");
  };

  // Where a word has a chapter and an entry of the glossary, the chapter comes first.
  Scorer.score = ([page, , , , score]) => (page === "book/glossary" ? score - 1 : score);
}

// The words of a search are marked where one arrives. Escape takes the marks away.
const markHits = (words) => {
  const text = document.createTreeWalker(document.querySelector("article"), NodeFilter.SHOW_TEXT);
  const hits = [];
  while (text.nextNode()) {
    if (text.currentNode.parentElement.closest("svg, script, style, template")) continue;
    const read = text.currentNode.data.toLowerCase();
    for (const word of words) {
      for (let at = read.indexOf(word); at >= 0; at = read.indexOf(word, at + word.length)) {
        const hit = new Range();
        hit.setStart(text.currentNode, at);
        hit.setEnd(text.currentNode, at + word.length);
        hits.push(hit);
      }
    }
  }
  CSS.highlights.set("lrlib-hit", new Highlight(...hits));
};
if (window.Highlight && !document.getElementById("search-results")) {
  const searched = localStorage.getItem("sphinx_highlight_terms") ?? "";
  localStorage.removeItem("sphinx_highlight_terms");
  const words = searched.split(/\s+/).filter((word) => word.length > 1);
  if (words.length) markHits(words);
  window.addEventListener("keydown", ({ key }) => key === "Escape" && CSS.highlights.clear());
}
