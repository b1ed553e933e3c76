"use strict";
// The matrix of a page: only the rows in view are drawn, and the arrow keys move from cell to cell. The script of the page comes
// after this one. It calls `beginMatrix` once and `drawMatrix` after each change of `left`, and has these functions:
// `drawRows({ from, to })` fills the body with these rows, below and above an empty row in place of the others; `showCell` shows
// the cell that the keyboard is at; `columnAfter` and `columnBefore` return the next column, which may not exist.
document.documentElement.classList.add("js");
const byId = (id) => document.getElementById(id);
const AROUND = 20; // The rows that are drawn above and below the view. A guess: half a screen.
let table, body, scroller;
let left = []; // The WABAs that pass the filters, by number.
let drawn = { from: 0, to: 0 }; // The drawn part of `left`.
let rowHeight = 27; // Measured as soon as a row is drawn.
let current = null; // The cell that the keyboard is at: its place in `left` and its column, from 1.

// Returns a drawn cell.
const cellAt = ({ at, column }) => (at >= drawn.from && at < drawn.to ? body.rows[1 + at - drawn.from].cells[column] : null);
const placeOf = (cell) => ({ at: drawn.from + cell.parentNode.sectionRowIndex - 1, column: cell.cellIndex });

// Draws the rows in view, unless they are drawn.
function draw(anew = false, all = false) {
  if (scroller.hidden) return;
  const first = Math.floor(scroller.scrollTop / rowHeight);
  // The scrolled box is lower than the window, and is empty at first.
  const last = Math.ceil((scroller.scrollTop + innerHeight) / rowHeight);
  if (!anew && first >= drawn.from && Math.min(last, left.length) <= drawn.to) return;
  const hadFocus = body.contains(document.activeElement);
  const [from, to] = all ? [0, left.length] : [Math.max(0, Math.min(first, left.length) - AROUND), Math.min(left.length, last + AROUND)];
  drawn = { from, to };
  drawRows(drawn);
  stop();
  if (hadFocus) cellAt(current ?? {})?.focus({ preventScroll: true });
}

// Draws from the top, after `left` or the columns have changed.
function drawMatrix() {
  current = null;
  scroller.scrollTop = 0;
  table.setAttribute("aria-rowcount", left.length + 1);
  draw(true);
}

// The Tab key stops at one cell; the arrow keys move to the others.
function stop() {
  const first = { at: Math.min(Math.ceil(scroller.scrollTop / rowHeight), drawn.to - 1), column: columnAfter(0) };
  const cell = (current && cellAt(current)) || cellAt(first);
  for (const other of body.querySelectorAll('[tabindex="0"]')) other.tabIndex = -1;
  if (cell) cell.tabIndex = 0;
}

// Moves to a drawn cell, and returns it.
function go(place) {
  current = place;
  const cell = cellAt(place);
  cell.tabIndex = 0;
  cell.focus({ preventScroll: true });
  return cell;
}

// Moves to a cell that may not be drawn yet.
function move(place) {
  if (!cellAt(place)) {
    scroller.scrollTop = place.at * rowHeight - scroller.clientHeight / 2;
    draw();
  }
  go(place).scrollIntoView({ block: "nearest", inline: "nearest" });
}

const lastColumn = () => table.tHead.rows[0].cells.length - 1;
const beside = {
  ArrowRight: ({ at, column }) => ({ at, column: columnAfter(column) }),
  ArrowLeft: ({ at, column }) => ({ at, column: columnBefore(column) }),
  ArrowDown: ({ at, column }) => ({ at: at + 1, column }),
  ArrowUp: ({ at, column }) => ({ at: at - 1, column }),
  Home: ({ at }) => ({ at, column: columnAfter(0) }),
  End: ({ at }) => ({ at, column: columnBefore(lastColumn() + 1) }),
};

// Begins with the table of the page, whose body is empty.
function beginMatrix() {
  table = byId("matrix");
  [body, scroller] = [table.tBodies[0], table.parentNode];
  table.setAttribute("role", "grid");
  table.setAttribute("aria-readonly", "true");
  table.addEventListener("keydown", (event) => {
    const isCell = event.target.tagName === "TD" && !event.altKey && !event.ctrlKey && !event.metaKey;
    if (!isCell || !beside[event.key]) return;
    const place = beside[event.key](placeOf(event.target));
    if (place.column < 1 || place.column > lastColumn() || place.at < 0 || place.at >= left.length) return;
    event.preventDefault();
    move(place);
  });
  table.addEventListener("focusin", (event) => {
    if (event.target.tagName !== "TD") return;
    current = placeOf(event.target);
    stop();
    showCell(event.target);
  });
  scroller.addEventListener("scroll", () => draw(), { passive: true });
  window.addEventListener("resize", () => draw());
  window.addEventListener("afterprint", () => draw(true));
}
