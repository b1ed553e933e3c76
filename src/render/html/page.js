"use strict";
// The page shows everything without this script; the script adds filters and keyboard navigation.
document.documentElement.classList.add("js");
const byId = (id) => document.getElementById(id);
const table = byId("matrix");
const head = [...table.tHead.rows[0].cells];
const rows = [...table.tBodies[0].rows];
const tasks = new Map([...document.querySelectorAll(".legend li")].map((li) => [li.firstElementChild.textContent, li.lastElementChild.textContent]));

// Returns the tasks of a cell in full words: gained, lost and kept ones.
function full(cell) {
  const name = (word) => tasks.get(word) || word;
  const said = [...cell.childNodes].flatMap((node) => {
    if (node.nodeName === "INS") return [`gains ${name(node.textContent.slice(1))}`];
    if (node.nodeName === "DEL") return [`loses ${name(node.textContent.slice(1))}`];
    return node.textContent.split(" ").filter(Boolean).map(name);
  });
  return said.join(", ") || "nothing";
}

// The words of each cell, by their meaning; read when the first filter is set.
let read = null;
const words = (nodes) => ` ${nodes.map((node) => node.textContent.slice(1)).join(" ")} `;
function cellOf(cell) {
  const gained = words([...cell.getElementsByTagName("ins")]), lost = words([...cell.getElementsByTagName("del")]);
  const all = ` ${cell.textContent.replace(/(^| )[+\u2212]/g, " ")} `;
  return { all, gained, lost, changes: gained + lost };
}

// A column is hidden by one style rule instead of cell by cell.
const sheet = new CSSStyleSheet();
document.adoptedStyleSheets = [sheet];
let columns = head.map(() => true);

function filter() {
  const waba = byId("waba").value.trim().toLowerCase();
  const user = byId("user").value.trim().toLowerCase();
  const show = byId("show").value;
  const task = byId("task").value;
  const anyway = show === "all" && !task;
  if (!anyway && !read) read = rows.map((row) => [...row.cells].map(cellOf));
  const fits = (text) => (task ? text.includes(` ${task} `) : text.trim() !== "");
  const named = head.map((cell, at) => at === 0 || `${cell.textContent} ${cell.title}`.toLowerCase().includes(user));
  const used = head.map((_, at) => at === 0 || anyway);
  let count = 0;
  rows.forEach((row, index) => {
    let hit = anyway;
    const wanted = row.cells[0].textContent.toLowerCase().includes(waba);
    if (wanted && !anyway) {
      read[index].forEach((cell, at) => {
        if (at > 0 && named[at] && fits(cell[show])) hit = used[at] = true;
      });
    }
    row.hidden = !(wanted && hit);
    count += row.hidden ? 0 : 1;
  });
  columns = head.map((_, at) => named[at] && used[at]);
  const hidden = columns.flatMap((shown, at) => (shown ? [] : `#matrix tr > :nth-child(${at + 1})`));
  sheet.replaceSync(hidden.length ? `${hidden.join(",")} { display: none; }` : "");
  const users = columns.filter(Boolean).length - 1;
  byId("count").textContent = `${count} of ${rows.length} WABAs, ${users} of ${columns.length - 1} users`;
  if (current && (current.parentNode.hidden || !columns[current.cellIndex])) stop(firstShown());
}

// The Tab key stops at one cell; the arrow keys move to the others.
let current = null;
function stop(cell) {
  // Without a tab index the cell would lose the focus.
  if (current) current.tabIndex = -1;
  current = cell;
  if (cell) cell.tabIndex = 0;
}
function firstShown() {
  const row = rows.find((one) => !one.hidden);
  return row ? inRow(row, columns.indexOf(true, 1)) : null;
}
const inRow = (row, at) => (at > 0 ? row.cells[at] : null);

function go(cell) {
  stop(cell);
  const what = full(cell);
  cell.setAttribute("aria-label", what);
  byId("cell").textContent = `${head[cell.cellIndex].textContent} on ${cell.parentNode.cells[0].textContent}: ${what}`;
}

const beside = {
  ArrowRight: ({ parentNode: row, cellIndex }) => inRow(row, columns.indexOf(true, cellIndex + 1)),
  ArrowLeft: ({ parentNode: row, cellIndex }) => inRow(row, columns.lastIndexOf(true, cellIndex - 1)),
  ArrowDown: (cell) => below(cell, "nextElementSibling"),
  ArrowUp: (cell) => below(cell, "previousElementSibling"),
  Home: ({ parentNode: row }) => inRow(row, columns.indexOf(true, 1)),
  End: ({ parentNode: row }) => inRow(row, columns.lastIndexOf(true)),
};
function below(cell, way) {
  let row = cell.parentNode[way];
  while (row && row.hidden) row = row[way];
  return row ? row.cells[cell.cellIndex] : null;
}

table.setAttribute("role", "grid");
table.setAttribute("aria-readonly", "true");
table.addEventListener("keydown", (event) => {
  const isCell = event.target.tagName === "TD" && !event.altKey && !event.ctrlKey && !event.metaKey;
  const to = isCell && beside[event.key] && beside[event.key](event.target);
  if (!to) return;
  event.preventDefault();
  stop(to);
  to.focus({ preventScroll: true });
  to.scrollIntoView({ block: "nearest", inline: "nearest" });
});
table.addEventListener("focusin", (event) => { if (event.target.tagName === "TD") go(event.target); });
table.addEventListener("click", (event) => {
  const cell = event.target.closest("td");
  if (!cell) return;
  stop(cell);
  cell.focus({ preventScroll: true });
});
table.addEventListener("mouseover", (event) => {
  const cell = event.target.closest("td");
  if (cell && !cell.title) cell.title = full(cell);
});
for (const id of ["waba", "user", "show", "task"]) byId(id).addEventListener("input", filter);
byId("reset").addEventListener("click", () => {
  byId("waba").value = byId("user").value = byId("task").value = "";
  byId("show").value = "all";
  filter();
});
filter();
stop(firstShown());
