// The data stands in the page as JSON: texts, sets of tasks and reasons that recur stand once, and rows refer to them by number.
// Texts are escaped already, and are only ever set as text. Only what is in view is drawn.
const data = JSON.parse(byId("data").textContent);
const [MANAGED, PRIVILEGED, GRANTED, EXCEPTED, BY_ROLE, REVIEWED] = [1, 2, 4, 8, 16, 64];
const COLUMNS = 60; // The users that a matrix has side by side. A guess: more can neither be read nor drawn quickly.
const MORE = 100; // The entries that are drawn before the reader asks for more. A guess: a few screens.
const ROLE = "by\u00a0role";
const FULL = "full access by its role";

// Makes an element with texts and elements in it.
function make(name, properties, ...content) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...content);
  return element;
}

const shorts = data.sets.map((set) => set.map((task) => data.tasks[task][0]).join(" "));
const longs = data.sets.map((set) => set.map((task) => data.tasks[task][1]).join(", ") || "nothing");
const names = (object) => object[0] || object[2];
const full = (object) => `${names(object)}${object[1] ? ` = ${object[1]}` : ""}${object[0] ? ` (${object[2]})` : ""}`;
const wabaTexts = data.wabas.map((waba) => full(waba).toLowerCase());
const userTexts = data.users.map((user) => full(user).toLowerCase());
const kindText = ([set, flags]) => (flags & BY_ROLE ? ROLE : shorts[set]);
const kindLong = ([set, flags]) => (flags & BY_ROLE ? FULL : longs[set]);
const words = (text) => text.replaceAll("-", " ");

// What the filters leave. ----------------------------------------------------------------------------------------

let columns = []; // The users, by number; the most frequent first.
let kept = []; // Whether each kind of holder passes the filters.
let users = []; // Whether each user passes them.

function filters() {
  const [waba, user] = ["waba", "user"].map((id) => byId(id).value.trim().toLowerCase());
  const [task, kind, show, view] = ["task", "kind", "show", "view"].map((id) => byId(id).value);
  return { waba, user, task, kind, show, view };
}

const SHOWN = {
  managed: (flags) => flags & MANAGED, unmanaged: (flags) => !(flags & MANAGED), privileged: (flags) => flags & PRIVILEGED,
  ungranted: (flags) => !(flags & GRANTED), excepted: (flags) => flags & EXCEPTED, unreviewed: (flags) => !(flags & REVIEWED),
};

// Calls a function with each holder on a WABA that passes the filters.
function holders(waba, each) {
  const row = data.rows[waba];
  for (let at = 0; at < row.length; at += 2) if (users[row[at]] && kept[row[at + 1]]) each(row[at], row[at + 1]);
}

function filter() {
  const { waba, user, task, kind, show, view } = filters();
  const isOpen = !task && !show && !user && !kind;
  kept = data.kinds.map(([set, flags]) =>
    (task === "" || flags & BY_ROLE || data.sets[set].includes(Number(task))) && (!SHOWN[show] || Boolean(SHOWN[show](flags))));
  users = data.users.map((one, at) => userTexts[at].includes(user) && (kind === "" || one[3] === kind));
  const counts = new Array(data.users.length).fill(0);
  let total = 0;
  left = [];
  data.wabas.forEach((_, at) => {
    if (!wabaTexts[at].includes(waba)) return;
    let found = 0;
    holders(at, (holder) => { counts[holder] += 1; found += 1; });
    total += found;
    if (found > 0 || isOpen) left.push(at);
  });
  const present = [...counts.keys()].filter((at) => counts[at] > 0).sort((a, b) => counts[b] - counts[a] || a - b);
  columns = present.slice(0, COLUMNS);
  const more = present.length - columns.length;
  byId("count").textContent = `${total} holders; ${left.length} of ${data.wabas.length} WABAs, ${present.length} of ${data.users.length} users` +
    (more > 0 && view === "matrix" ? `; the matrix has the ${columns.length} with the most, filter to see others` : "");
  byId("scroller").hidden = view !== "matrix";
  byId("legend").hidden = view !== "matrix";
  byId("tree").hidden = view === "matrix";
  showDetail();
  if (view === "matrix") {
    drawHead();
    drawMatrix();
  } else drawTree(view === "users" ? ofUsers(present, counts) : ofWabas());
  drawTables();
}

// What is known of a cell. ------------------------------------------------------------------------------------------

// Returns the last writes of a user on a WABA, newest first.
function history(waba, user) {
  const all = data.history[waba], found = [];
  for (let at = 0; at < all.length; at += 3) if (all[at] === user) found.push([data.writes[all[at + 1]], all[at + 2]]);
  return found;
}

const time = (seconds) => make("time", {}, new Date(seconds * 1000).toISOString().replace(".000", ""));
const link = (text, href) => (href ? make("a", { href, rel: "noreferrer" }, text) : text);

// Describes the grants that give an assignment.
function reasons([set, flags, grants]) {
  if (grants.length === 0) {
    const why = flags & BY_ROLE ? "Its role is ADMIN; no grant gives it anything here." : flags & MANAGED ? "No grant in force gives it." : "Not managed by the manifests.";
    return [make("li", {}, why)];
  }
  const items = grants.map((at) => {
    const [name, place, href, reason, until] = data.grants[at];
    return make("li", {}, `${name} at `, link(place, href), until ? `, until ${until}` : "", reason ? `: ${reason}` : "");
  });
  if (!(flags & GRANTED)) items.push(make("li", {}, "It holds more than grants in force give."));
  return items;
}

// Describes a write.
function written([[run, before, after, proof, why], seconds]) {
  const [id, actor, approver, commit, request, requestHref, runHref] = data.runs[run];
  const item = make("li", {}, time(seconds), `: from ${longs[before]} to ${longs[after]} (${words(data.texts[proof])}), run `, link(id, runHref));
  if (request) item.append(", pull request ", link(request, requestHref));
  if (commit) item.append(`, commit ${commit.slice(0, 12)}`);
  if (actor) item.append(`, by ${actor}`);
  if (approver) item.append(`, approved by ${approver}`);
  if (data.texts[why]) item.append(`; ${data.texts[why]}`);
  return item;
}

const EFFECTIVE = new Set(["read-back", "later-read", "already-so", "accepted-not-listed"]);

// Shows the reason and the history of a cell; nothing without one.
function showDetail(waba, user) {
  const detail = byId("detail");
  detail.textContent = "";
  if (waba === undefined) return;
  const row = data.rows[waba];
  let kind = null;
  for (let at = 0; at < row.length; at += 2) if (row[at] === user) kind = data.kinds[row[at + 1]];
  const writes = history(waba, user);
  const last = writes.find(([write]) => EFFECTIVE.has(data.texts[write[3]]));
  const since = kind && last && last[0][2] === kind[0] ? [", since ", time(last[1])] : [];
  const [, , , kindWord, standing] = data.users[user];
  const of = (id, text, object) => {
    const button = make("button", { type: "button" }, text);
    button.addEventListener("click", () => {
      byId("waba").value = byId("user").value = "";
      byId(id).value = names(object);
      byId("view").value = id === "user" ? "users" : "wabas";
      filter();
    });
    return button;
  };
  detail.append(make("h3", {}, `${full(data.users[user])} on ${full(data.wabas[waba])}`));
  detail.append(make("p", {}, kind ? kindLong(kind) : "nothing", ...since, `. ${words(kindWord)}, ${words(standing)}.`));
  if (kind) detail.append(make("ul", {}, ...reasons(kind)));
  if (kind) detail.append(make("p", {}, `Review: ${data.texts[kind[3]]}.`));
  if (writes.length) detail.append(make("p", {}, "History:"), make("ul", {}, ...writes.map(written)));
  detail.append(make("p", {}, of("user", "All of this user", data.users[user]), of("waba", "All on this WABA", data.wabas[waba])));
}

// The matrix. -----------------------------------------------------------------------------------------------------

beginMatrix();
const head = table.tHead.rows[0];

// Returns an empty row in place of those that are not drawn.
function space(rows) {
  const cell = make("th", { colSpan: columns.length + 1 });
  cell.style.height = `${rows * rowHeight}px`;
  const row = make("tr", { className: "space" }, cell);
  row.setAttribute("aria-hidden", "true");
  return row;
}

function drawRow(at) {
  const waba = left[at], [name, live, id] = data.wabas[waba];
  const label = make("th", { scope: "row" }, make("span", {}, name || id));
  if (name) label.append(live ? ` = ${live}` : "", " ", make("span", { className: "id" }, id));
  const cells = columns.map(() => make("td", { tabIndex: -1 }));
  const places = new Map(columns.map((user, column) => [user, column]));
  holders(waba, (user, kind) => {
    const cell = cells[places.get(user)];
    if (!cell) return;
    const flags = data.kinds[kind][1];
    cell.textContent = kindText(data.kinds[kind]);
    cell.className = `${flags & MANAGED ? "" : "u "}${flags & PRIVILEGED ? "p " : ""}${flags & EXCEPTED ? "x " : ""}${flags & MANAGED && !(flags & (GRANTED | BY_ROLE)) ? "n" : ""}`;
  });
  const row = make("tr", {}, label, ...cells);
  row.setAttribute("aria-rowindex", at + 2);
  return row;
}

function drawRows({ from, to }) {
  const rows = [];
  for (let at = from; at < to; at += 1) rows.push(drawRow(at));
  body.replaceChildren(space(from), ...rows, space(left.length - to));
  if (rows.length) rowHeight = rows[0].getBoundingClientRect().height || rowHeight;
  // Other rows must not make columns narrower again.
  for (const cell of head.cells) cell.style.minWidth = `${cell.offsetWidth}px`;
}

const columnAfter = (column) => column + 1;
const columnBefore = (column) => column - 1;

function drawHead() {
  head.replaceChildren(make("th", { scope: "col" }, "WABA"), ...columns.map((user) => {
    const [, , id, kind, standing] = data.users[user];
    const cell = make("th", { scope: "col", title: id }, make("span", {}, names(data.users[user])));
    if (standing !== "declared") cell.append(make("span", { className: "mark" }, words(kind === "system-user" ? standing : kind)));
    return cell;
  }));
}

function showCell(cell) {
  const [waba, user] = [left[current.at], columns[current.column - 1]];
  let kind = null;
  holders(waba, (holder, of) => { if (holder === user) kind = data.kinds[of]; });
  cell.setAttribute("aria-label", kind ? kindLong(kind) : "nothing");
  showDetail(waba, user);
}

// By user and by WABA. ----------------------------------------------------------------------------------------------

// Each entry has a title, and a function that returns what is below it: a title, and the WABA and the user that it is about.
const ofUsers = (present, counts) => present.map((user) => {
  const [, , , kind, standing] = data.users[user];
  return {
    title: `${full(data.users[user])}: ${counts[user]} WABAs, ${words(kind)}, ${words(standing)}`,
    below: () => left.flatMap((waba) => {
      const found = [];
      holders(waba, (holder, of) => { if (holder === user) found.push([`${full(data.wabas[waba])}: ${kindLong(data.kinds[of])}`, waba, user]); });
      return found;
    }),
  };
});
const ofWabas = () => left.map((waba) => {
  let number = 0;
  holders(waba, () => { number += 1; });
  return {
    title: `${full(data.wabas[waba])}: ${number} holders`,
    below: () => {
      const found = [];
      holders(waba, (user, of) => found.push([`${full(data.users[user])}: ${kindLong(data.kinds[of])}`, waba, user]));
      return found;
    },
  };
});

// Draws the items of a list, and a button for more.
function drawItems(list, items, from) {
  for (const [text, waba, user] of items.slice(from, from + MORE)) {
    const why = make("button", { type: "button" }, "why");
    why.addEventListener("click", () => showDetail(waba, user));
    list.append(make("li", {}, `${text} `, why));
  }
  if (from + MORE >= items.length) return;
  const more = make("button", { type: "button" }, `${items.length - from - MORE} more`);
  const item = make("li", {}, more);
  more.addEventListener("click", () => { item.remove(); drawItems(list, items, from + MORE); });
  list.append(item);
}

let treeLeft = [];
function drawTree(entries) {
  treeLeft = entries;
  byId("tree").textContent = "";
  drawMoreOfTree();
}

function drawMoreOfTree() {
  if (byId("tree").hidden) return;
  for (const { title, below } of treeLeft.splice(0, MORE)) {
    const list = make("ul", {});
    const details = make("details", {}, make("summary", {}, title), list);
    details.addEventListener("toggle", () => { if (details.open && !list.hasChildNodes()) drawItems(list, below(), 0); });
    byId("tree").append(details);
  }
}

// Changes and differences. ---------------------------------------------------------------------------------------------

// Draws the rows whose WABA and user pass the filters: the first ones, and more on demand.
function drawTables() {
  const { waba, user } = filters();
  for (const { id, columns: titles, texts, rows } of data.tables) {
    const lower = texts.map((text) => text.toLowerCase());
    const [wabaAt, userAt] = [titles.indexOf("waba"), titles.indexOf("user")];
    const found = rows.filter((row) => lower[row[wabaAt]].includes(waba) && lower[row[userAt]].includes(user));
    const list = byId(`${id}-list`);
    const tableBody = document.createElement("tbody");
    list.replaceChildren(make("thead", {}, make("tr", {}, ...titles.map((title) => make("th", { scope: "col" }, title.replaceAll("_", " "))))), tableBody);
    const drawMore = (from) => {
      for (const row of found.slice(from, from + MORE)) tableBody.append(make("tr", {}, ...row.map((text) => make("td", {}, texts[text]))));
      const rest = found.length - from - MORE;
      const count = byId(`${id}-count`);
      count.textContent = `${Math.min(found.length, from + MORE)} of ${found.length} shown, ${rows.length} in all. `;
      if (rest <= 0) return;
      const more = make("button", { type: "button" }, "Show more");
      more.addEventListener("click", () => drawMore(from + MORE));
      count.append(more);
    };
    drawMore(0);
  }
}

// The page. ----------------------------------------------------------------------------------------------------------

data.tasks.forEach(([short, name], at) => {
  byId("legend").append(make("li", {}, make("b", {}, short), " ", make("span", {}, name)));
  byId("task").append(make("option", { value: at }, name));
});
for (const kind of [...new Set(data.users.map((user) => user[3]))].sort()) byId("kind").append(make("option", { value: kind }, words(kind)));
window.addEventListener("beforeprint", () => draw(true, left.length <= 1000));
new IntersectionObserver((seen) => { if (seen.some((one) => one.isIntersecting)) drawMoreOfTree(); }).observe(byId("more"));
for (const id of ["waba", "user", "task", "kind", "show", "view"]) byId(id).addEventListener("input", filter);
byId("reset").addEventListener("click", () => {
  for (const id of ["waba", "user", "task", "kind", "show"]) byId(id).value = "";
  filter();
});
filter();
