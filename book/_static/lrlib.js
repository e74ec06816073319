// What is wider than its column scrolls there: let the keyboard reach it.
window.addEventListener("load", async () => {
  await window.MathJax?.startup?.promise;
  const scrolling = "mjx-container[display], .lrlib-table, .lrlib-figure";
  for (const element of document.querySelectorAll(scrolling)) {
    // A figure that is folded away has no width yet: on a narrow page it will scroll.
    const hidden = element.clientWidth === 0 && matchMedia("(max-width: 40rem)").matches;
    if (hidden || element.scrollWidth > element.clientWidth) element.tabIndex = 0;
  }
});
