// Tests pages of `--format html` in a headless Chromium.
//
//   node check.mjs --browser PROGRAM --screenshots FOLDER [--hostile PAGE] [--huge PAGE] PAGE...
//
// Of a huge page only what depends on its size is tested: how much of it is drawn. Times are printed, not checked.
// Prints each failed check and exits with 1 if there is one. Writes screenshots of the pages to FOLDER.
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { Browser } from "./browser.mjs";
import { check, end } from "./checks.mjs";

const { values, positionals: pages } = parseArgs({
  options: { browser: { type: "string" }, screenshots: { type: "string" }, hostile: { type: "string", multiple: true },
    huge: { type: "string", multiple: true } },
  allowPositionals: true,
});
const hostile = new Set(values.hostile ?? []);

// Functions that run inside the page. ------------------------------------------------------------------------------------------

// Returns the lowest contrast ratio of any text, as WCAG 2 defines it. Skips rows of the matrix after the first 59,
// which have the same styles.
function lowestContrast() {
  const numbers = (color) => color.match(/[\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const background = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const color = numbers(getComputedStyle(one).backgroundColor);
      if (color[3] === undefined || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  let lowest = { ratio: 21, text: "" };
  for (const element of document.querySelectorAll("body *:not(script):not(tbody tr:nth-child(n+60) *)")) {
    const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== "");
    if (!hasText || element.getClientRects().length === 0) continue;
    const [a, b] = [luminance(numbers(getComputedStyle(element).color)), luminance(background(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < lowest.ratio) lowest = { ratio, text: element.textContent.slice(0, 40), tag: element.tagName };
  }
  return lowest;
}

// Returns elements and attributes that the program never writes: a name was interpreted as markup.
function unexpectedMarkup() {
  const tags = new Set(("HTML HEAD META TITLE STYLE BODY A HEADER H1 P DL DIV DT DD NAV MAIN SECTION H2 H3 UL LI CODE STRONG SPAN " +
    "TABLE THEAD TBODY TR TH TD INS DEL LABEL INPUT SELECT OPTION BUTTON B FOOTER SCRIPT DETAILS SUMMARY TIME").split(" "));
  const attributes = new Set(("lang charset http-equiv content name class href id scope title role tabindex type autocomplete " +
    "value hidden aria-label aria-labelledby aria-hidden aria-readonly aria-rowcount aria-rowindex colspan style open").split(" "));
  const found = [];
  for (const element of document.querySelectorAll("*")) {
    if (!tags.has(element.tagName)) found.push(element.tagName);
    for (const { name } of element.attributes) if (!attributes.has(name)) found.push(`${element.tagName} ${name}`);
  }
  if (document.scripts.length !== 1) found.push(`${document.scripts.length} scripts`);
  for (const { href } of document.links) if (!/#(changes|access)$/.test(href)) found.push(href);
  return found;
}

// Changes a filter.
const set = (id, value) => {
  const field = document.getElementById(id);
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
};

// Returns what is drawn: of the matrix the names of WABAs and of users and the cells, and the changes.
const drawn = () => {
  const isVisible = (element) => element.getClientRects().length > 0;
  const table = document.getElementById("matrix");
  const rows = [...table.tBodies[0].rows].filter((row) => row.className !== "space" && isVisible(row));
  const change = (row) => {
    const items = [...row.querySelectorAll(".on li")].filter((item) => !item.hidden);
    const on = row.querySelector(".on");
    return {
      sign: row.querySelector(".sign").title, user: row.querySelector(".who").textContent,
      tasks: row.querySelector(".tasks").innerHTML, wabas: (items.length > 0 ? items : [on]).map((one) => one.textContent),
    };
  };
  return {
    status: document.querySelector("[role=status]").textContent,
    wabas: rows.map((row) => row.cells[0].textContent),
    users: [...table.tHead.rows[0].cells].slice(1).filter(isVisible).map((cell) => cell.firstElementChild.textContent),
    cells: rows.map((row) => [...row.cells].slice(1).filter(isVisible).map((cell) => cell.innerHTML)),
    unmanaged: document.querySelectorAll("#unmanaged-list > li").length,
    changes: [...(document.getElementById("change-list")?.tBodies[0].rows ?? [])].map(change),
  };
};

// Returns whether drawn rows fill the scrolled part of the matrix, at the latest after some frames.
const isFull = async () => {
  const bounds = (element) => element.getBoundingClientRect();
  const full = () => {
    const view = bounds(document.querySelector(".scroll"));
    const [first, last] = [...document.querySelectorAll("#matrix .space")].map(bounds);
    const head = bounds(document.querySelector("#matrix thead")).height;
    return first.bottom <= view.top + head + 2 && last.top >= view.bottom - 20;
  };
  for (let frames = 0; frames < 60 && !full(); frames += 1) await new Promise(requestAnimationFrame);
  return full();
};

// Scrolls the matrix and the lists to their ends, until no more rows are drawn.
const scrollToEnd = async () => {
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  const scroller = document.querySelector(".scroll");
  scroller.scrollTop = scroller.scrollHeight;
  for (const [list, end] of [["change-list", "more-changes"], ["unmanaged-list", "more-unmanaged"]]) {
    const count = () => document.querySelectorAll(`#${list} tr, #${list} > li`).length;
    for (let before = -1; document.getElementById(end) && count() > before; ) {
      before = count();
      document.getElementById(end).scrollIntoView();
      for (let frames = 0; frames < 5; frames += 1) await frame();
    }
  }
};

// Returns the position and the properties of the focused cell.
const focused = () => {
  const cell = document.activeElement;
  const style = getComputedStyle(cell);
  const { top, left, bottom } = cell.getBoundingClientRect();
  const head = document.querySelector("#matrix thead th").getBoundingClientRect();
  return {
    at: [Number(cell.parentNode.getAttribute("aria-rowindex")), cell.cellIndex], tag: cell.tagName, label: cell.getAttribute("aria-label"),
    outline: `${style.outlineStyle} ${style.outlineWidth}`, announced: document.getElementById("cell").textContent,
    stops: document.querySelectorAll('#matrix [tabindex="0"]').length,
    inView: top >= head.bottom - 1 && left >= head.right - 1 && bottom <= innerHeight,
  };
};

// Checks. -------------------------------------------------------------------------------------------------------

async function checkIsolation(name, page) {
  check(name, "the console is empty", page.messages.length === 0, page.messages);
  check(name, "the page loads nothing else", page.requests.length === 1, page.requests);
  const violations = await page.call(() => window.violations);
  check(name, "the content security policy is not violated", violations.length === 0, violations);
}

async function checkAppearance(name, browser, url) {
  for (const scheme of ["light", "dark"]) {
    for (const width of [1280, 480]) {
      const page = await browser.open(url, { scheme, width });
      const lowest = await page.call(lowestContrast);
      check(name, `${scheme}: the contrast of text is at least 4.5 : 1`, lowest.ratio >= 4.5, lowest);
      const overflow = await page.call(() => document.documentElement.scrollWidth - innerWidth);
      check(name, `the page is no wider than ${width} px`, overflow <= 0, overflow);
      const screenshot = (part) => join(values.screenshots, `${basename(name, ".html")}-${scheme}-${width}${part}.png`);
      writeFileSync(screenshot(""), await page.screenshot());
      await page.call(() => document.getElementById("access").scrollIntoView());
      writeFileSync(screenshot("-matrix"), await page.screenshot());
      await checkIsolation(name, page);
      await page.close();
    }
  }
}

// Returns the status for what the filters leave of the whole page.
function status(all, changes, wabas, users) {
  const total = all.changes.reduce((sum, change) => sum + change.wabas.length, 0);
  return `${changes} of ${total} changes; ${wabas} of ${all.wabas.length} WABAs, ${users} of ${all.users.length} users in the matrix`;
}

// Checks the filters against the whole page, as it is without the script.
async function checkFilters(name, page, all) {
  const isStart = (part, whole) => part.length > 0 && part.every((one, at) => one === whole[at]);
  const waba = all.wabas.at(-1);
  const user = all.users.find((one) => all.changes.some((change) => change.user.includes(one)));
  await page.call(set, "waba", waba.toUpperCase());
  let now = await page.call(drawn);
  check(name, "the WABA filter finds a WABA by its name", now.wabas.length > 0 && now.wabas.every((one) => one.includes(waba)), now.wabas);
  const changesOn = all.changes.flatMap((change) => change.wabas).filter((one) => one.includes(waba));
  check(name, "the WABA filter acts on changes", JSON.stringify(now.changes.flatMap((change) => change.wabas)) === JSON.stringify(changesOn), now.changes);
  await page.call(set, "waba", "");
  await page.call(set, "user", user);
  now = await page.call(drawn);
  check(name, "the user filter finds a user by its name", now.users.length > 0 && now.users.every((one) => one.includes(user)), now.users);
  check(name, "the user filter acts on changes", now.changes.every((change) => change.user.includes(user)), now.changes);
  const ofUser = all.changes.filter((change) => change.user.includes(user)).reduce((sum, change) => sum + change.wabas.length, 0);
  check(name, "the status counts what is left", now.status === status(all, ofUser, all.wabas.length, now.users.length), now.status);
  await page.call(set, "user", "");
  for (const [show, mark] of [["changes", /<(ins|del)>/], ["gained", /<ins>/], ["lost", /<del>/]]) {
    await page.call(set, "show", show);
    now = await page.call(drawn);
    const expected = all.wabas.filter((_, at) => all.cells[at].some((cell) => mark.test(cell)));
    check(name, `"${show}" shows exactly the rows with such a change`, isStart(now.wabas, expected) && now.status.includes(`; ${expected.length} of `), now.status);
    check(name, `"${show}" shows exactly such changes`, isStart(now.changes.map((one) => one.tasks), all.changes.map((one) => one.tasks).filter((tasks) => mark.test(tasks))), now.status);
    const empty = now.users.filter((_, at) => !all.cells.some((row) => mark.test(row[all.users.indexOf(now.users[at])])));
    check(name, `"${show}" hides columns without such a change`, empty.length === 0, empty);
  }
  await page.call(set, "show", "lost");
  await page.call(set, "task", "MS");
  now = await page.call(drawn);
  const lost = (row) => row.some((cell) => cell.includes("<del>\u2212MS</del>"));
  check(name, "the task filter finds a lost task", now.status.includes(`; ${all.cells.filter(lost).length} of `) && now.cells.every(lost), now.status);
  check(name, "the task filter acts on changes", now.changes.every((change) => change.tasks.includes("<del>\u2212MESSAGING</del>")), now.changes);
  await page.call(() => document.getElementById("reset").click());
  now = await page.call(drawn);
  const total = all.changes.reduce((sum, change) => sum + change.wabas.length, 0);
  check(name, "reset shows everything again", now.status === status(all, total, all.wabas.length, all.users.length), now.status);
}

// Only what is in view is drawn, and the end of everything can be reached.
async function checkDrawn(name, page) {
  // The rows of three screens of a matrix, and the first ones of a list.
  const [matrix, list] = [120, 200];
  let now = await page.call(drawn);
  const rows = [now.wabas.length, now.changes.length, now.unmanaged];
  check(name, "only the rows in view are drawn", rows[0] <= matrix && rows[1] <= list && rows[2] <= list, rows);
  check(name, "the view of the matrix is full", await page.call(isFull));
  const total = await page.call(() => Number(document.getElementById("matrix").getAttribute("aria-rowcount")) - 1);
  await page.call(scrollToEnd);
  now = await page.call(drawn);
  const last = await page.call(() => Number(document.getElementById("matrix").tBodies[0].rows[document.getElementById("matrix").tBodies[0].rows.length - 2].getAttribute("aria-rowindex")) - 1);
  check(name, "the last WABA can be reached", last === total, [last, total]);
  check(name, "the view of the matrix is full at its end", await page.call(isFull));
  check(name, "rows that leave the view are not kept", now.wabas.length <= matrix, now.wabas.length);
  const [, shown] = now.status.match(/^(\d+) of/) ?? [];
  const reached = now.changes.reduce((sum, change) => sum + change.wabas.length, 0);
  check(name, "the last change can be reached", reached === Number(shown), [reached, shown]);
  const unmanaged = await page.call(() => Number(document.querySelector("#unmanaged + .meta")?.textContent.match(/\d+/)[0] ?? 0));
  check(name, "the last unmanaged assignment can be reached", now.unmanaged === unmanaged, [now.unmanaged, unmanaged]);
  await page.call(() => document.getElementById("reset").click());
}

async function checkKeyboard(name, page) {
  await page.call(() => document.activeElement.blur());
  await page.press("Tab");
  check(name, "the first tab stop skips the changes", await page.call(() => document.activeElement.className) === "skip");
  await page.press("Enter");
  let stops = 0;
  for (; stops < 12 && (await page.call(focused).catch(() => ({})))?.tag !== "TD"; stops += 1) await page.press("Tab");
  const first = await page.call(focused);
  check(name, "Tab moves into the matrix", first.tag === "TD", first);
  if (first.tag !== "TD") return;
  const moves = [["Home", 0, 1], ["ArrowRight", 0, 2], ["ArrowDown", 1, 2], ["End", 1, null], ["ArrowUp", 0, null], ["ArrowLeft", 0, null],
    ["Home", 0, 1], ["ArrowLeft", 0, 1]];
  for (const [key, row, column] of moves) {
    await page.press(key);
    const now = await page.call(focused);
    check(name, `${key} moves the focus`, now.tag === "TD" && now.at[0] === first.at[0] + row && (column === null ? now.at[1] > 2 : now.at[1] === column), now);
    check(name, "the focused cell is in view and outlined", now.inView && now.outline === "solid 2px", now);
    check(name, "the label and the announcement of a cell agree", now.label.length > 0 && now.announced.endsWith(now.label), now);
    check(name, "exactly one cell is a tab stop", now.stops === 1, now.stops);
  }
  await page.press("Tab");
  check(name, "Tab moves out of the matrix", await page.call(() => document.activeElement.tagName) !== "TD");
}

async function checkUse(name, browser, url) {
  const start = performance.now();
  const page = await browser.open(url);
  const opened = performance.now() - start;
  check(name, "the page shows users", (await page.call(drawn)).users.length > 0);
  const all = await checkWithoutScript(name, browser, url);
  await checkDrawn(name, page);
  await checkFilters(name, page, all);
  await checkKeyboard(name, page);
  const pdf = await page.pdf();
  check(name, "the page prints to PDF", pdf.subarray(0, 5).toString() === "%PDF-" && pdf.length > 10_000, pdf.length);
  if (hostile.has(name)) {
    check(name, "hostile names are not markup", (await page.call(unexpectedMarkup)).length === 0, await page.call(unexpectedMarkup));
    check(name, "hostile names run no script", await page.call(() => window.hacked === undefined));
    check(name, "hostile names are shown as text", await page.call(() => document.body.textContent.includes("<script>window.hacked=1")));
  }
  await checkIsolation(name, page);
  await page.close();
  console.log(`${name}: ${Math.ceil(statSync(name).size / 1024)} KiB, opened in ${Math.round(opened)} ms`);
}

// Without JavaScript the page shows all changes and the whole matrix, and hides the controls. Returns what it shows.
async function checkWithoutScript(name, browser, url) {
  const page = await browser.open(url, { script: false });
  const all = await page.call(drawn);
  const display = await page.call(() => getComputedStyle(document.querySelector(".controls")).display);
  const cells = all.cells.flat().length;
  check(name, "the page is whole without JavaScript", cells > 0 && cells === all.wabas.length * all.users.length && all.changes.length > 0, cells);
  check(name, "the filters are hidden without JavaScript", display === "none", display);
  const signs = all.changes.map((change) => change.sign);
  check(name, "revocations come first", signs.lastIndexOf("revoke") < (signs.indexOf("assign") + 1 || Infinity), signs);
  await page.close();
  return all;
}

async function checkHuge(name, browser, url) {
  const start = performance.now();
  const page = await browser.open(url);
  const opened = performance.now() - start;
  await checkDrawn(name, page);
  await checkIsolation(name, page);
  writeFileSync(join(values.screenshots, `${basename(name, ".html")}.png`), await page.screenshot());
  await page.close();
  console.log(`${name}: ${Math.ceil(statSync(name).size / 1024)} KiB, opened in ${Math.round(opened)} ms`);
}

mkdirSync(values.screenshots, { recursive: true });
const browser = new Browser(values.browser);
for (const name of [...pages, ...hostile]) {
  const url = pathToFileURL(resolve(name)).href;
  await checkUse(name, browser, url);
  await checkAppearance(name, browser, url);
}
for (const name of values.huge ?? []) await checkHuge(name, browser, pathToFileURL(resolve(name)).href);
await browser.close();
end("page checks");
