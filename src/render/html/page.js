"use strict";
// Only helps: without it everything is there, and nothing is filtered.
document.documentElement.classList.add("js");
const byId = (id) => document.getElementById(id);
const table = byId("matrix");
const head = table.tHead.rows[0];
const rows = [...table.tBodies[0].rows];
const tasks = new Map([...document.querySelectorAll(".legend li")].map((li) => [li.firstElementChild.textContent, li.lastElementChild.textContent]));
const full = (text) => text.split(" ").map((word) => {
  const sign = /^[+\u2212]/.test(word) ? word[0] : "";
  const name = tasks.get(word.slice(sign.length));
  return name ? (sign === "+" ? "gains " : sign ? "loses " : "") + name : word;
}).join(", ");

const fits = {
  all: () => true,
  changes: (cell) => cell.querySelector("ins, del"),
  losses: (cell) => cell.querySelector("del"),
  gains: (cell) => cell.querySelector("ins"),
};

function filter() {
  const waba = byId("waba").value.trim().toLowerCase();
  const user = byId("user").value.trim().toLowerCase();
  const show = byId("show").value;
  const task = byId("task").value;
  const holds = (cell) => !task || cell.textContent.split(/[ +\u2212]+/).includes(task);
  const shown = [...head.cells].map((cell, at) => at === 0 || cell.textContent.toLowerCase().includes(user));
  const used = shown.map((_, at) => at === 0);
  let count = 0;
  for (const row of rows) {
    const cells = [...row.cells];
    const hits = cells.map((cell, at) => at > 0 && shown[at] && fits[show](cell) && holds(cell));
    const anyway = show === "all" && !task;
    row.hidden = !(cells[0].textContent.toLowerCase().includes(waba) && (anyway || hits.some(Boolean)));
    if (row.hidden) continue;
    count += 1;
    hits.forEach((hit, at) => { used[at] = used[at] || anyway || Boolean(hit); });
  }
  const columns = shown.map((is, at) => is && used[at]);
  for (const row of [head, ...rows]) {
    [...row.cells].forEach((cell, at) => { cell.hidden = !columns[at]; });
  }
  byId("told").textContent = `${count} of ${rows.length} WABAs, ${columns.filter(Boolean).length - 1} of ${columns.length - 1} users`;
}

let current = null;
function go(cell) {
  if (!cell) return;
  if (current) current.tabIndex = -1;
  current = cell;
  cell.tabIndex = 0;
  const user = head.cells[cell.cellIndex].textContent;
  const waba = cell.parentNode.cells[0].firstElementChild.textContent;
  const what = cell.textContent.trim() === "\u00b7" ? "nothing" : full(cell.textContent.trim());
  cell.setAttribute("aria-label", what);
  byId("told").textContent = `${user} on ${waba}: ${what}`;
}

const beside = {
  ArrowRight: (cell) => next(cell, "nextElementSibling"),
  ArrowLeft: (cell) => next(cell, "previousElementSibling"),
  ArrowDown: (cell) => below(cell, "nextElementSibling"),
  ArrowUp: (cell) => below(cell, "previousElementSibling"),
  Home: (cell) => [...cell.parentNode.cells].find((one) => one.tagName === "TD" && !one.hidden),
  End: (cell) => [...cell.parentNode.cells].reverse().find((one) => one.tagName === "TD" && !one.hidden),
};
function next(cell, way) {
  let one = cell[way];
  while (one && one.hidden) one = one[way];
  return one && one.tagName === "TD" ? one : null;
}
function below(cell, way) {
  let row = cell.parentNode[way];
  while (row && row.hidden) row = row[way];
  return row ? row.cells[cell.cellIndex] : null;
}

table.addEventListener("keydown", (event) => {
  const to = event.target.tagName === "TD" && beside[event.key] && beside[event.key](event.target);
  if (!to) return;
  event.preventDefault();
  to.focus();
  to.scrollIntoView({ block: "nearest", inline: "nearest" });
});
table.addEventListener("focusin", (event) => { if (event.target.tagName === "TD") go(event.target); });
table.addEventListener("click", (event) => { const cell = event.target.closest("td"); if (cell) { cell.tabIndex = 0; cell.focus(); } });
for (const id of ["waba", "user", "show", "task"]) byId(id).addEventListener("input", filter);
byId("reset").addEventListener("click", () => {
  byId("waba").value = byId("user").value = byId("task").value = "";
  byId("show").value = "all";
  filter();
});
filter();
const first = table.querySelector("tbody td");
if (first) { first.tabIndex = 0; current = first; }
