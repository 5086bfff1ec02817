// Divides what does not fit on a slide, once all formulas are set, and lets Reveal turn the slides.
const WIDTH = 1240, HEIGHT = 690;
// No letter is smaller than this on a slide of 1280 by 720 pixels. In a drawn graph the smallest
// become as large as the values in it, for which its boxes have room.
const SMALLEST = 18, IN_A_GRAPH = 9;
// Where letters are large enough, a picture is enlarged up to this.
const LARGEST = 3;
// What a player needs above its picture, and the space between two parts of a picture.
const CONTROLS = 180, GAP = 20;

window.MathJax = {
  tex: { inlineMath: [["\\(", "\\)"]] },
  chtml: { matchFontHeight: false },
  options: { enableMenu: false },
  startup: {
    pageReady: async () => {
      await MathJax.startup.defaultPageReady();
      await document.fonts.ready;
      prepare();
    },
  },
};

function prepare() {
  const all = selector => [...document.querySelectorAll(selector)];
  all("section > section:not(.picture)").forEach(nameSection);
  all("section > section:not(.picture)").forEach(fill);
  all("figure").forEach(fitPicture);
  document.querySelector(".reveal").classList.remove("preparing");
  Reveal.initialize({
    width: 1280, height: 720, margin: 0, minScale: 0.1, maxScale: 4, center: false,
    // Space, arrows and a clicker all lead through every slide.
    navigationMode: "linear", controls: false, slideNumber: "c/t", hash: true, transition: "none",
    keyboardCondition: event => !isForButton(event),
    plugins: [RevealNotes],
  });
  Reveal.on("ready", follow);
  Reveal.on("slidechanged", follow);
}

// Space and Enter press the button that has the focus, and do not turn the slide.
function isForButton(event) {
  return [" ", "Enter"].includes(event.key) && event.target.closest("button, a");
}

// Text and code

// Says on each slide which section it belongs to, unless it has a heading.
function nameSection(section) {
  const heading = section.parentElement.querySelector("h1, h2");
  if (!heading || section.querySelector("h1, h2, h3")) return;
  const again = document.createElement("p");
  again.className = "again";
  again.innerHTML = heading.innerHTML;
  section.prepend(again);
}

// Moves what does not fit onto a slide of its own, which follows.
function fill(section) {
  const { top } = section.getBoundingClientRect();
  const bottom = top + section.clientHeight - parseFloat(getComputedStyle(section).paddingBottom);
  const blocks = [...section.children].filter(each => !each.matches("aside, .again"));
  const ends = each => each.getBoundingClientRect().bottom;
  let first = blocks.findIndex(each => ends(each) > bottom);
  if (first < 0) return;
  const next = emptySlideLike(section);
  if (first === 0) {
    const rest = divideBlock(blocks[0], piece => ends(piece) > bottom);
    if (!rest) return;
    next.prepend(rest, ...blocks.slice(1));
  } else {
    // What leads to something goes with it.
    for (const [what, leads] of [[".output", ".code"], [".code", "p"], ["*", "h3"]]) {
      if (first > 1 && blocks[first].matches(what) && blocks[first - 1].matches(leads)) first -= 1;
    }
    next.prepend(...blocks.slice(first));
  }
  section.after(next);
  nameSection(next);
  fill(next);
}

// Divides code at a line, if it can be at an empty one, a table at a row, and a list at an item:
// what is too much is in a copy, which is returned.
function divideBlock(block, isTooMuch) {
  const piecesOf = each => [...each.querySelectorAll(".line, tbody tr, li")];
  const pieces = piecesOf(block);
  const full = pieces.findIndex(isTooMuch);
  if (full < 1) return null;
  const empty = pieces.slice(0, full).findLastIndex(piece => !piece.textContent.trim());
  const from = empty > 0 ? empty + 1 : full;
  const rest = block.cloneNode(true);
  piecesOf(rest).slice(0, from).forEach(piece => piece.remove());
  pieces.slice(from).forEach(piece => piece.remove());
  return rest;
}

function emptySlideLike(section) {
  const empty = section.cloneNode(false);
  const notes = section.querySelector("aside");
  if (notes) empty.append(notes.cloneNode(true));
  return empty;
}

// Pictures

const SVG = "http://www.w3.org/2000/svg";
let used = 0;

// Gives a picture the size in which its letters can be read, in as many parts as that takes.
function fitPicture(figure) {
  const svg = figure.querySelector("svg");
  const player = svg.closest(".autodiff-steps");
  for (const text of svg.querySelectorAll("text[font-size]")) {
    if (parseFloat(text.getAttribute("font-size")) < IN_A_GRAPH) text.classList.add("small");
  }
  const letters = [...svg.querySelectorAll("text, tspan")].map(each => parseFloat(getComputedStyle(each).fontSize));
  const least = SMALLEST / Math.min(...letters);
  const height = player ? HEIGHT - CONTROLS : HEIGHT;
  const { width: wide, height: high } = svg.viewBox.baseVal;
  const scale = Math.min(WIDTH / wide, height / high);
  if (scale >= least) {
    setSize(svg, [0, 0, wide, high], Math.min(scale, LARGEST));
    return;
  }
  const parts = divide(svg, WIDTH / least, height / least);
  const enlarged = Math.min(
    (WIDTH - GAP * parts.length) / parts.reduce((sum, part) => sum + part[2], 0),
    height / Math.max(...parts.map(part => part[3])),
  );
  if (player && enlarged < least) {
    setSize(svg, [0, 0, wide, high], least);
    svg.parentElement.classList.add("following");
    return;
  }
  const shown = asParts(svg, parts, Math.max(enlarged, least));
  svg.replaceWith(...shown);
  if (!player) spread(figure, shown);
}

// A player whose picture is too large for a slide keeps what happens in view. While its slide is not
// shown, it cannot.
function follow({ currentSlide }) {
  const picture = currentSlide.querySelector(".following");
  const now = picture?.querySelector("ellipse.now, text.now");
  if (!now) return;
  const [at, all] = [now, picture].map(each => each.getBoundingClientRect());
  picture.scrollTop += (at.y - all.y - all.height / 2) / Reveal.getScale();
  picture.scrollLeft += (at.x - all.x - all.width / 2) / Reveal.getScale();
}

function setSize(svg, box, scale) {
  svg.setAttribute("viewBox", box.join(" "));
  svg.style.width = `${box[2] * scale}px`;
  svg.style.height = `${box[3] * scale}px`;
}

// The parts of a graph that is too large, row by row: each as large as there is room, or smaller.
function divide(svg, width, height) {
  const { width: wide, height: high } = svg.viewBox.baseVal;
  const drawn = [...svg.querySelectorAll("rect:not([width='100%']), ellipse, text, path")]
    .map(each => each.getBBox());
  const whole = drawn.filter(box => box.width && box.height);
  const rows = cuts(high, height, whole.map(box => [box.y - 2, box.y + box.height + 2]));
  const columns = cuts(wide, width, whole.map(box => [box.x - 2, box.x + box.width + 2]));
  return rows.flatMap(([top, bottom]) => {
    const inside = drawn.filter(box => box.y < bottom && box.y + box.height > top);
    const left = Math.min(...inside.map(box => box.x)) - 4;
    const right = Math.max(...inside.map(box => box.x + box.width)) + 4;
    // Its letters were made larger, so they may stand out of the picture.
    const outer = columns.map(([from, to]) => [from || -Infinity, to < wide ? to : Infinity]);
    return outer.map(([from, to]) => [Math.max(from, left), Math.min(to, right)])
      .filter(([from, to]) => to > from)
      .map(([from, to]) => [from, top, to - from, bottom - top]);
  });
}

// Where to cut a length into pieces for which there is room: through as little as can be.
function cuts(length, room, drawn) {
  const pieces = [];
  let from = 0;
  // With some room to spare, a cut can go where it meets no box.
  const count = length <= room ? 1 : Math.ceil(length / (0.95 * room));
  for (let left = count; left > 0; left--) {
    const first = Math.max(from + 1, length - (left - 1) * room), last = Math.min(length, from + room);
    const even = from + (length - from) / left;
    const through = at => drawn.filter(([start, end]) => start < at && at < end).length;
    let to = last;
    for (let at = last; at >= first; at--) {
      const better = through(at) - through(to) || Math.abs(at - even) - Math.abs(to - even);
      if (better < 0) to = at;
    }
    pieces.push([from, to]);
    from = to;
  }
  return pieces;
}

// The same picture several times, each with another part of it in view; so a player moves in all.
function asParts(svg, parts, scale) {
  const all = document.createElementNS(SVG, "g");
  all.id = `drawn-${used++}`;
  // A style sheet finds what is used elsewhere only by what lies within.
  all.setAttribute("class", "autodiff-picture autodiff-steps");
  all.append(...svg.childNodes);
  return parts.map((box, k) => {
    const part = svg.cloneNode(false);
    part.classList.add("part");
    if (k === 0) {
      part.append(all);
    } else {
      const use = document.createElementNS(SVG, "use");
      use.setAttribute("href", `#${all.id}`);
      part.append(use);
    }
    setSize(part, box, scale);
    return part;
  });
}

// Puts as many parts beside each other on a slide as there is room for.
function spread(figure, parts) {
  const section = figure.parentElement;
  let last = section, room = WIDTH;
  for (const part of parts) {
    const width = parseFloat(part.style.width) + GAP;
    if (room < width && room < WIDTH) {
      const next = emptySlideLike(section);
      next.prepend(document.createElement("figure"));
      last.after(next);
      last = next;
      room = WIDTH;
    }
    last.querySelector("figure").append(part);
    room -= width;
  }
}
