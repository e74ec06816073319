// Figures drawn from data, in the width that there is, so that nothing scrolls and no label is too
// small.
//
// A figure is described as lrlib/explore/_described.py says: panels with two axes, lines and texts.
(function () {
  "use strict";
  const NARROW = 560; // pixels: panels stand below each other, and names in a list above the lines
  const DASHES = { "-": "", "--": "7 4", "-.": "8 3 2 3", ":": "2 3" };
  const TEXT = 12; // pixels
  let clips = 0;

  function svg(name, attributes, text) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  }

  function html(name, className, text) {
    const made = document.createElement(name);
    made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  // A name of the palette, any other colour, or the page's own.
  function colour(name) {
    if (!name) return "currentColor";
    return name.startsWith("#") ? name : `var(--lrlib-${name})`;
  }

  // Numbers and axes

  function short(value) {
    return String(Number(value.toPrecision(4))).replace("-", "\u2212");
  }

  function power(exponent) {
    const digits = [...String(exponent)].map((sign) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(sign)]);
    return `10${digits.join("")}`;
  }

  function ticks(axis, room) {
    const inside = (value) => value >= axis.low * (1 - 1e-9) - 1e-12 && value <= axis.high + 1e-12;
    if (axis.log) {
      const [first, last] = [axis.low, axis.high].map((value) => Math.log10(value));
      const every = Math.max(1, Math.ceil((last - first) / room));
      const powers = [];
      for (let k = Math.ceil(first - 1e-9); k <= last + 1e-9; k += every) powers.push(k);
      const write = powers.every((k) => Math.abs(k) <= 3) ? (k) => short(10 ** k) : power;
      return powers.map((k) => ({ value: 10 ** k, text: write(k) }));
    }
    const word = (value) =>
      axis.whole ? `${short((100 * value) / axis.whole)}\u00a0%` : short(value);
    if (axis.ticks) return axis.ticks.filter(inside).map((value) => ({ value, text: word(value) }));
    const rough = (axis.high - axis.low) / room;
    const base = 10 ** Math.floor(Math.log10(rough));
    const step = base * [1, 2, 5, 10].find((factor) => factor * base >= rough);
    const values = [];
    for (let k = Math.ceil(axis.low / step - 1e-9); k * step <= axis.high + step * 1e-9; k += 1) {
      values.push({ value: k * step, text: word(k * step) });
    }
    return values;
  }

  // The place of a value between two pixels.
  function scale(axis, from, to) {
    const position = axis.log ? Math.log : (value) => value;
    const [low, high] = [position(axis.low), position(axis.high)];
    return (value) => from + ((position(value) - low) / (high - low)) * (to - from);
  }

  // Lines

  function path(line, x, y) {
    let text = "";
    let move = true;
    line.ys.forEach((value, k) => {
      if (value === null || line.xs[k] === null) {
        move = true;
        return;
      }
      // Far outside, a coordinate is cut to what every browser can draw.
      const [left, top] = [x(line.xs[k]), y(value)].map((p) => Math.max(-1e4, Math.min(1e4, p)));
      text += `${move ? "M" : "L"}${left.toFixed(1)} ${top.toFixed(1)}`;
      move = false;
    });
    return text;
  }

  const SHAPES = {
    s: (r) => `m${-r} ${-r}h${2 * r}v${2 * r}h${-2 * r}z`,
    D: (r) => `m0 ${-1.3 * r}l${1.3 * r} ${1.3 * r}l${-1.3 * r} ${1.3 * r}l${-1.3 * r} ${-1.3 * r}z`,
    "^": (r) => `m0 ${-1.1 * r}l${1.1 * r} ${2 * r}h${-2.2 * r}z`,
    "*": (r) =>
      "m" + [...Array(10).keys()]
        .map((k) => [k % 2 ? 0.45 * r : 1.2 * r, (k * Math.PI) / 5])
        .map(([far, angle]) => [far * Math.sin(angle), -far * Math.cos(angle)])
        .map(([a, b], k, all) => (k ? [a - all[k - 1][0], b - all[k - 1][1]] : [a, b]).join(" "))
        .join("l") + "z",
    o: (r) => `m${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`,
  };

  function markers(line, x, y) {
    const shape = (SHAPES[line.marker] || SHAPES.o)(line.marker === "." ? 1.5 : line.size * 0.62);
    let text = "";
    line.ys.forEach((value, k) => {
      if (value !== null) text += `M${x(line.xs[k]).toFixed(1)} ${y(value).toFixed(1)}${shape}`;
    });
    return text;
  }

  function drawLine(line, x, y, box) {
    const group = svg("g", { stroke: colour(line.colour), fill: "none" });
    group.style.strokeWidth = line.width;
    if (line.dash in DASHES) {
      let d = "";
      if ("across" in line) d = `M${box.left} ${y(line.across)}H${box.right}`;
      else if ("along" in line) d = `M${x(line.along)} ${box.bottom}V${box.top}`;
      else d = path(line, x, y);
      group.append(svg("path", { d, "stroke-dasharray": DASHES[line.dash] }));
    }
    if (line.marker && line.ys) {
      const fill = line.hollow ? "none" : colour(line.colour);
      const width = line.hollow ? 1.8 : 0;
      group.append(svg("path", { d: markers(line, x, y), fill, "stroke-width": width }));
    }
    return group;
  }

  // Names: at the right ends of the lines, or in a list above them.

  // Moves rising numbers until they are so far apart, close ones evenly around their middle.
  function spread(numbers, apart) {
    const groups = [];
    const mean = (group) => group.reduce((sum, each) => sum + each, 0) / group.length;
    numbers.forEach((number, place) => {
      groups.push([number - place * apart]);
      while (groups.length > 1 && mean(groups.at(-2)) > mean(groups.at(-1))) {
        const last = groups.pop();
        groups.at(-1).push(...last);
      }
    });
    const levels = groups.flatMap((group) => group.map(() => mean(group)));
    return levels.map((level, place) => level + place * apart);
  }

  function atTheEnds(lines, y, box) {
    const apart = TEXT + 3;
    const named = lines
      .filter((line) => line.label && line.ys)
      .map((line) => {
        const last = line.ys.filter((value) => value !== null).at(-1);
        return { line, top: Math.max(box.top + 4, Math.min(box.bottom, y(last))) };
      })
      .sort((a, b) => a.top - b.top);
    spread(named.map(({ top }) => top), apart).forEach((top, place) => { named[place].top = top; });
    // None stands below the axis, and none leaves the top.
    let above = box.bottom + apart;
    for (const name of named.toReversed()) name.top = above = Math.min(name.top, above - apart);
    let below = box.top + 4 - apart;
    for (const name of named) name.top = below = Math.max(name.top, below + apart);
    return named.map(({ line, top }) => {
      const place = { x: box.right + 8, y: top + 4, fill: colour(line.colour) };
      return svg("text", place, line.label);
    });
  }

  function legend(lines) {
    const list = html("ul", "lrlib-legend");
    for (const line of lines.filter((each) => each.label)) {
      const item = html("li", "");
      const swatch = svg("svg", { class: "lrlib-swatch", viewBox: "0 0 32 8", "aria-hidden": true });
      const stroke = { stroke: colour(line.colour), "stroke-dasharray": DASHES[line.dash] || "" };
      if (line.dash in DASHES) {
        swatch.append(svg("path", { d: "M0 4H32", ...stroke, "stroke-width": line.width }));
      }
      if (line.marker) {
        const shape = (SHAPES[line.marker] || SHAPES.o)(4);
        const fill = line.hollow ? "none" : colour(line.colour);
        swatch.append(svg("path", { d: `M16 4${shape}`, ...stroke, "stroke-dasharray": "", fill }));
      }
      item.append(swatch, line.label);
      list.append(item);
    }
    return list;
  }

  // A panel: its title and names are text of the page, which breaks where the page is narrow.

  function drawPanel(panel, width, height, label) {
    const place = html("div", "lrlib-panel");
    if (panel.title) place.append(html("p", "lrlib-title", panel.title));
    const narrow = width < NARROW;
    const ends = panel.named && !narrow && panel.lines.filter((line) => line.label).length > 1;
    if (!ends && (panel.named || panel.legend)) place.append(legend(panel.lines));

    const letters = (words) => Math.max(0, ...words.map((word) => word.length)) * TEXT * 0.56;
    const rows = ticks(panel.y, height / 45);
    const names = ends ? letters(panel.lines.map((line) => line.label)) + 14 : 14;
    const last = ticks(panel.x, width / 75).at(-1)?.text ?? ""; // half of it stands beyond the axis
    const box = {
      left: letters(rows.map((tick) => tick.text)) + 12,
      right: width - Math.max(names, letters([last]) / 2 + 2),
      top: panel.y.label ? 22 : 8,
      bottom: height - (panel.x.label ? 40 : 22),
    };
    const columns = ticks(panel.x, (box.right - box.left) / 75);
    const [x, y] = [scale(panel.x, box.left, box.right), scale(panel.y, box.bottom, box.top)];

    const picture = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img" });
    picture.setAttribute("aria-label", label);
    picture.style.fontSize = `${TEXT}px`;
    const frame = { fill: "none", stroke: "currentColor", "stroke-width": 1 };
    const marks = columns.map((tick) => `M${x(tick.value).toFixed(1)} ${box.bottom}v4`);
    marks.push(...rows.map((tick) => `M${box.left} ${y(tick.value).toFixed(1)}h-4`));
    const corner = `M${box.left} ${box.top}V${box.bottom}H${box.right}`;
    picture.append(svg("path", { d: corner + marks.join(""), ...frame }));
    const ink = { fill: "currentColor" };
    for (const tick of columns) {
      const at = { x: x(tick.value), y: box.bottom + 17, "text-anchor": "middle", ...ink };
      picture.append(svg("text", at, tick.text));
    }
    for (const tick of rows) {
      const at = { x: box.left - 7, y: y(tick.value) + 4, "text-anchor": "end", ...ink };
      picture.append(svg("text", at, tick.text));
    }
    picture.append(svg("text", { x: 0, y: 12, ...ink }, panel.y.label));
    const middle = { x: (box.left + box.right) / 2, y: height - 6, "text-anchor": "middle", ...ink };
    picture.append(svg("text", middle, panel.x.label));

    const clip = svg("clipPath", { id: `lrlib-clip-${(clips += 1)}` });
    // Half a marker may stand out, but no line shoots from the top of its axis into the label above it.
    const [wide, high] = [box.right - box.left + 6, box.bottom - box.top + 4];
    clip.append(svg("rect", { x: box.left - 3, y: box.top - 1, width: wide, height: high }));
    const lines = svg("g", { "clip-path": `url(#${clip.id})` });
    for (const band of panel.bands) {
      const fill = colour(band.colour);
      lines.append(svg("path", { d: `${path(band, x, y)}z`, fill, "fill-opacity": 0.2 }));
    }
    lines.append(...panel.lines.map((line) => drawLine(line, x, y, box)));
    picture.append(clip, lines);
    if (ends) picture.append(...atTheEnds(panel.lines, y, box));
    const anchors = { left: "start", center: "middle", right: "end" };
    for (const text of panel.texts) {
      const left = text.inside ? box.left + text.x * (box.right - box.left) : x(text.x);
      const top = text.inside ? box.bottom - text.y * (box.bottom - box.top) : y(text.y);
      const at = { x: left, y: top, "text-anchor": anchors[text.align], fill: colour(text.colour) };
      picture.append(svg("text", at, text.text));
    }
    place.append(picture);
    place.drawn = { x, y, box, picture }; // where the schedule lab puts its handles
    return place;
  }

  // Draw again whenever the width of a place has become another.
  function onWidth(place, draw) {
    let before = place.clientWidth;
    new ResizeObserver(() => {
      if (place.clientWidth === before) return;
      before = place.clientWidth;
      draw();
    }).observe(place);
  }

  window.lrlibFigures = { drawPanel, onWidth, html, colour, short, NARROW };
})();
