// The theme chooses light or dark once the whole page is there. What is shown before would have no
// colours and no borders, and its lines would move.
if (document.documentElement.dataset.theme === "auto") {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
}

// The face of the text is in the style sheet, and must be at hand before the first letter is drawn.
for (const style of ["normal", "italic"]) document.fonts.load(`${style} 1em "Source Sans"`);

// A narrow page has pictures of its own, whose letters are as large as elsewhere.
const narrowPage = matchMedia("(max-width: 40rem)");
const pictures = new Map(); // of each figure: the wide one and the narrow one
const fitPictures = () => {
  for (const figure of document.querySelectorAll(".lrlib-figure:has(> template)")) {
    if (!pictures.has(figure)) {
      const narrow = figure.querySelector(":scope > template").content.firstElementChild;
      pictures.set(figure, [figure.querySelector(":scope > svg"), narrow]);
    }
    const shown = pictures.get(figure)[Number(narrowPage.matches)];
    figure.querySelector(":scope > svg").replaceWith(shown);
    figure.classList.toggle("lrlib-narrow", narrowPage.matches);
  }
};
window.addEventListener("DOMContentLoaded", fitPictures);
narrowPage.addEventListener("change", fitPictures);

// What is wider than its column scrolls there: let the keyboard reach it. The browser tells when it has
// laid something out, which for what is folded is later than the page; of its letters it tells nothing.
// What is folded isn't asked: the browser would have to lay it out for the answer.
const markScrolling = (elements) => {
  const open = elements.filter((each) => each.checkVisibility());
  const wide = new Set(open.filter((each) => each.scrollWidth > each.clientWidth)); // asked before one is changed
  for (const each of open) {
    if (wide.has(each)) each.tabIndex = 0;
    else each.removeAttribute("tabindex");
  }
};
const laidOut = new ResizeObserver((entries) => markScrolling(entries.map(({ target }) => target)));
window.addEventListener("DOMContentLoaded", () => {
  const kinds = ".lrlib-figure, .lrlib-formula, .lrlib-table, .pst-scrollable-table-container, pre";
  const scrolling = [...document.querySelectorAll(kinds)];
  scrolling.forEach((element) => laidOut.observe(element));
  // One after the other: what is far below has not been laid out, and is for the answer.
  function* asking() {
    for (const each of scrolling) {
      markScrolling([each]);
      yield;
    }
  }
  window.addEventListener("load", () => document.fonts.ready.then(() => window.lrlibInPieces(asking())));
});

// A link may lead into something that is folded, and paper cannot be unfolded.
const unfold = (element) => {
  for (let fold = element?.closest("details"); fold; fold = fold.parentElement.closest("details")) {
    fold.open = true;
  }
};
// The name that an address ends with; one that is no text, such as “#%E0%A4%A”, is the name of nothing.
const namedByAddress = () => {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
};
const unfoldTarget = () => {
  const target = document.getElementById(namedByAddress());
  unfold(target);
  if (target) target.scrollIntoView();
};
window.addEventListener("hashchange", unfoldTarget);
window.addEventListener("DOMContentLoaded", () => location.hash && unfoldTarget());
window.addEventListener("beforeprint", () => document.querySelectorAll(".lrlib-mistake").forEach((fold) => (fold.open = true)));

// The contents beside a page show where its reader is. The theme sees a heading that passes the top of the
// window, and none that a leap has left behind.
const followReader = () => {
  const entries = [...document.querySelectorAll("#pst-page-toc-nav a")]
    .map((link) => ({ link, place: document.getElementById(link.hash.slice(1)) }))
    .filter(({ place }) => place);
  let waits = false;
  const mark = () => {
    waits = false;
    const isAtEnd = innerHeight + scrollY > document.documentElement.scrollHeight - 2;
    const low = isAtEnd ? innerHeight : 0.3 * innerHeight;
    const read = entries.filter(({ place }) => place.getBoundingClientRect().top < low).at(-1);
    for (const { link } of entries) {
      link.classList.toggle("active", link === read?.link);
      if (link === read?.link) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    for (const entry of document.querySelectorAll("#pst-page-toc-nav .toc-entry")) {
      entry.classList.toggle("active", entry.contains(read?.link ?? null));
    }
  };
  window.addEventListener("scroll", () => {
    if (!waits) requestAnimationFrame(mark);
    waits = true;
  });
};
window.addEventListener("DOMContentLoaded", followReader);

// A button starts the race where it stands. Its files are fetched only then.
const raceFiles = ["tools", ...["network", "schedules", "run", "frames", "draw", "words", "elements"].map((part) => `race-${part}`), "race"];
const staticFolder = new URL(".", document.currentScript.src);
const startRace = (place) => {
  const race = document.createElement("div");
  Object.assign(race, { id: "race", textContent: "The race is on its way …" });
  race.dataset.state = place.dataset.state;
  place.querySelector("button").replaceWith(race);
  for (const name of ["tools", "race"]) {
    const sheet = Object.assign(document.createElement("link"), { rel: "stylesheet" });
    sheet.href = new URL(`${name}.css`, staticFolder);
    document.head.append(sheet);
  }
  for (const name of raceFiles) {
    const script = document.createElement("script");
    Object.assign(script, { src: new URL(`${name}.js`, staticFolder), async: false }); // in this order
    script.onerror = () => { race.textContent = "The race couldn’t be fetched. Reload the page to try again."; };
    document.head.append(script);
  }
};
window.addEventListener("DOMContentLoaded", () => {
  for (const place of document.querySelectorAll(".race-start")) {
    place.hidden = false;
    place.querySelector("button").addEventListener("click", () => startRace(place));
  }
});

// The functions once stood on the library's page: their old addresses lead on.
const moved = location.hash.match(/^#lrlib\.(\w+)\./);
if (moved && location.pathname.endsWith("/book/api.html")) {
  const pages = { finder: "finder", evidence: "evidence", schedules: "schedules", adaptive: "schedules" };
  location.replace(`api-${pages[moved[1]] ?? "training"}.html${location.hash}`);
}
