// What is wider than its column scrolls there: let the keyboard reach it.
window.addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  const formulas = [...document.querySelectorAll("mjx-container[display]")];
  const wide = formulas.filter((formula) => formula.scrollWidth > formula.clientWidth);
  if (matchMedia("(max-width: 40rem)").matches) {
    wide.push(...document.querySelectorAll(".lrlib-figure, .lrlib-frame"));
  }
  for (const element of wide) element.tabIndex = 0;
});
