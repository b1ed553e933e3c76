// Without this script the page shows everything, as plain tables and lists inside of <noscript>. With it, their text is the
// data, and only the rows in view are drawn.

// Puts a table or list without rows in place of a <noscript>, and returns the rows, each as HTML; none without a <noscript>.
function load(id) {
  const source = byId(id);
  if (!source) return [];
  const rows = source.textContent.split("\n");
  const [start, end] = [rows.shift(), rows.pop()];
  const host = document.createElement("div");
  host.innerHTML = start + end;
  source.replaceWith(...host.childNodes);
  return rows;
}

const MORE = 200; // The rows of a list that are drawn before the reader scrolls on. A guess: a few screens.

// Draws more of a list whenever its end, an empty paragraph, comes into view; and all of it for print.
function drawOnScroll(end, drawMore) {
  if (!byId(end)) return;
  new IntersectionObserver((seen) => { if (seen.some((one) => one.isIntersecting)) drawMore(MORE); }).observe(byId(end));
  window.addEventListener("beforeprint", () => drawMore(Infinity));
}

// Returns the text of HTML.
const ENTITIES = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'", "#96": "`" };
const textOf = (html) => html.replace(/<[^>]*>/g, "").replace(/&(amp|lt|gt|quot|#39|#96);/g, (_, name) => ENTITIES[name]);
const lower = (html) => textOf(html).toLowerCase();
const between = (text, start, end) => text.slice(text.indexOf(start) + start.length, text.indexOf(end, text.indexOf(start)));

// Returns whether tasks, as HTML, are what the filters ask for. A user with access by its role has every task.
function fits(tasks, show, task) {
  const gained = tasks.includes(task ? `<ins>+${task}</ins>` : "<ins>");
  const lost = tasks.includes(task ? `<del>\u2212${task}</del>` : "<del>");
  if (show !== "all") return (gained && show !== "lost") || (lost && show !== "gained");
  if (!task || gained || lost || tasks === "by\u00a0role") return true;
  return ` ${tasks.replace(/<(ins|del)>.*?<\/\1>/g, "")} `.includes(` ${task} `);
}

function filters() {
  const [waba, user] = ["waba", "user"].map((id) => byId(id).value.trim().toLowerCase());
  const option = byId("task").selectedOptions[0];
  return { waba, user, show: byId("show").value, short: option.value, long: option.value && option.textContent };
}

// Changes. ------------------------------------------------------------------------------------------------------

const changeRows = load("change-rows");
const changeBody = byId("change-list")?.tBodies[0];
const changes = changeRows.map(readChange); // For each row: what filters look at.
let changesLeft = []; // The rows that pass the filters.
let changesDrawn = 0;

// Returns what filters look at in a row.
function readChange(row) {
  const on = between(row, "class=on>", "</td>");
  const names = on.includes("<li>") ? on.split("<li>").slice(1) : [on];
  return { user: lower(between(row, "class=who>", "</th>")), tasks: between(row, "class=tasks>", "</td>"), wabas: names.map(lower) };
}

// Draws more of the changes that are left. Of an entry for many WABAs, only those that pass the filter are listed.
function drawChanges(number) {
  const { waba } = filters();
  const rows = changesLeft.slice(changesDrawn, changesDrawn + number).map((index) => changeRows[index]);
  if (!rows.length) return;
  const first = changeBody.rows.length;
  changeBody.insertAdjacentHTML("beforeend", rows.join(""));
  changesDrawn += rows.length;
  for (const row of waba ? [...changeBody.rows].slice(first) : []) {
    for (const list of row.getElementsByTagName("details")) list.open = true;
    for (const item of row.getElementsByTagName("li")) item.hidden = !item.textContent.toLowerCase().includes(waba);
  }
}

// Returns the number of changes that pass the filters, and draws the first of them.
function filterChanges({ waba, user, show, long }) {
  if (!changeBody) return [0, 0];
  changesLeft = [];
  let [count, all] = [0, 0];
  changes.forEach((change, index) => {
    all += change.wabas.length;
    const on = change.wabas.filter((name) => name.includes(waba)).length;
    if (!on || !change.user.includes(user) || !fits(change.tasks, show, long)) return;
    count += on;
    changesLeft.push(index);
  });
  changeBody.textContent = "";
  changesDrawn = 0;
  drawChanges(MORE);
  return [count, all];
}

// The matrix. -----------------------------------------------------------------------------------------------------

const rows = load("matrix-rows");
beginMatrix();
const head = [...table.tHead.rows[0].cells];
const wabas = rows.map((row) => lower(between(row, "<th scope=row>", "</th>")));
const users = head.map((cell) => `${cell.textContent} ${cell.title}`.toLowerCase());
const tasks = new Map([...document.querySelectorAll(".legend li")].map((li) => [li.firstElementChild.textContent, li.lastElementChild.textContent]));
let columns = head.map(() => true); // Whether each column is shown.

const cellsOf = (row) => row.split("<td").slice(1).map((part) => part.slice(part.indexOf(">") + 1, part.indexOf("</td>")));

// Returns an empty row in place of those that are not drawn.
function space() {
  const row = document.createElement("tr");
  row.className = "space";
  row.setAttribute("aria-hidden", "true");
  row.appendChild(document.createElement("th")).colSpan = head.length;
  return row;
}

function drawRows({ from, to }) {
  body.innerHTML = left.slice(from, to).map((index) => rows[index]).join("");
  [...body.rows].forEach((row, index) => row.setAttribute("aria-rowindex", from + index + 2));
  body.prepend(space());
  body.append(space());
  if (to > from) rowHeight = body.rows[1].getBoundingClientRect().height || rowHeight;
  const heights = [from, left.length - to].map((number) => `${number * rowHeight}px`);
  [body.rows[0], body.rows[body.rows.length - 1]].forEach((row, at) => { row.cells[0].style.height = heights[at]; });
  // Other rows must not make columns narrower again.
  const widths = head.map((cell) => cell.offsetWidth);
  head.forEach((cell, at) => { if (at > 0 && columns[at]) cell.style.minWidth = `${widths[at]}px`; });
}

const columnAfter = (column) => columns.indexOf(true, column + 1);
const columnBefore = (column) => columns.lastIndexOf(true, column - 1);

// Returns the tasks of a cell in full words: gained, lost and kept ones.
function full(cell) {
  if (cell.textContent === "by\u00a0role") return "full access by its role";
  const name = (word) => tasks.get(word) || word;
  const said = [...cell.childNodes].flatMap((node) => {
    if (node.nodeName === "INS") return [`gains ${name(node.textContent.slice(1))}`];
    if (node.nodeName === "DEL") return [`loses ${name(node.textContent.slice(1))}`];
    return node.textContent.split(" ").filter(Boolean).map(name);
  });
  return said.join(", ") || "nothing";
}

function showCell(cell) {
  const what = full(cell);
  cell.setAttribute("aria-label", what);
  byId("cell").textContent = `${head[current.column].firstElementChild.textContent} on ${cell.parentNode.cells[0].textContent}: ${what}`;
}

// A column is hidden by one style rule instead of cell by cell.
const sheet = new CSSStyleSheet();
document.adoptedStyleSheets = [sheet];

function filterMatrix({ waba, user, show, short }) {
  const anyway = show === "all" && !short;
  const named = users.map((text, at) => at === 0 || text.includes(user));
  const used = head.map((_, at) => at === 0 || anyway);
  left = [];
  rows.forEach((row, index) => {
    if (!wabas[index].includes(waba)) return;
    let hit = anyway;
    if (!anyway) {
      cellsOf(row).forEach((cell, at) => {
        if (named[at + 1] && fits(cell, show, short) && cell !== "") hit = used[at + 1] = true;
      });
    }
    if (hit) left.push(index);
  });
  columns = head.map((_, at) => named[at] && used[at]);
  const hidden = columns.flatMap((shown, at) => (shown ? [] : `#matrix tr > :nth-child(${at + 1})`));
  sheet.replaceSync(hidden.length ? `${hidden.join(",")} { display: none; }` : "");
  drawMatrix();
}

// What is not managed. -------------------------------------------------------------------------------------------

const unmanaged = load("unmanaged-rows");
function drawUnmanaged(number) {
  byId("unmanaged-list")?.insertAdjacentHTML("beforeend", unmanaged.splice(0, number).join(""));
}
drawUnmanaged(MORE);

// Filters. -------------------------------------------------------------------------------------------------------------

function filter() {
  const wanted = filters();
  filterMatrix(wanted);
  const [count, all] = filterChanges(wanted);
  const shown = columns.filter(Boolean).length - 1;
  byId("count").textContent =
    `${count} of ${all} changes; ${left.length} of ${rows.length} WABAs, ${shown} of ${columns.length - 1} users in the matrix`;
}

table.addEventListener("click", (event) => {
  const cell = event.target.closest("td");
  if (cell) go(placeOf(cell));
});
table.addEventListener("mouseover", (event) => {
  const cell = event.target.closest("td");
  if (cell && !cell.title) cell.title = full(cell);
});
window.addEventListener("beforeprint", () => draw(true, true));
drawOnScroll("more-changes", drawChanges);
drawOnScroll("more-unmanaged", drawUnmanaged);
for (const id of ["waba", "user", "show", "task"]) byId(id).addEventListener("input", filter);
byId("reset").addEventListener("click", () => {
  byId("waba").value = byId("user").value = byId("task").value = "";
  byId("show").value = "all";
  filter();
});
filter();
