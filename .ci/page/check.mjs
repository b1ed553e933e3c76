// Tests pages of `--format html` in a headless Chromium.
//
//   node check.mjs --browser PROGRAM --screenshots FOLDER [--hostile PAGE] PAGE...
//
// Prints each failed check and exits with 1 if there is one. Writes screenshots of the pages to FOLDER.
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { Browser } from "./browser.mjs";

const { values, positionals: pages } = parseArgs({
  options: { browser: { type: "string" }, screenshots: { type: "string" }, hostile: { type: "string", multiple: true } },
  allowPositionals: true,
});
const hostile = new Set(values.hostile ?? []);
let failed = 0;
let passed = 0;

// Counts a check; prints it, with the actual value, if it failed.
function check(page, expectation, holds, actual = "") {
  if (holds) return void (passed += 1);
  failed += 1;
  console.log(`${page}: failed: ${expectation}${actual === "" ? "" : `: ${JSON.stringify(actual)}`}`);
}

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
    "TABLE THEAD TBODY TR TH TD INS DEL LABEL INPUT SELECT OPTION BUTTON B FOOTER SCRIPT").split(" "));
  const attributes = new Set(("lang charset http-equiv content name class href id scope title role tabindex type autocomplete " +
    "value hidden aria-label aria-labelledby aria-hidden aria-readonly").split(" "));
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

// Returns the visible part of the matrix: names of WABAs and of users, and the cells.
const visible = () => {
  const isVisible = (element) => element.getClientRects().length > 0;
  const table = document.getElementById("matrix");
  const rows = [...table.tBodies[0].rows].filter(isVisible);
  return {
    status: document.querySelector("[role=status]").textContent,
    wabas: rows.map((row) => row.cells[0].textContent),
    users: [...table.tHead.rows[0].cells].slice(1).filter(isVisible).map((cell) => cell.textContent),
    cells: rows.map((row) => [...row.cells].slice(1).filter(isVisible).map((cell) => cell.innerHTML)),
  };
};

// Returns the position and the properties of the focused cell.
const focused = () => {
  const cell = document.activeElement;
  const style = getComputedStyle(cell);
  const { top, left, bottom } = cell.getBoundingClientRect();
  const head = document.querySelector("#matrix thead th").getBoundingClientRect();
  return {
    at: [cell.parentNode.rowIndex, cell.cellIndex], tag: cell.tagName, label: cell.getAttribute("aria-label"),
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

async function checkFilters(name, page) {
  const all = await page.call(visible);
  const [waba, user] = [all.wabas.at(-1), all.users[0]];
  await page.call(set, "waba", waba.toUpperCase());
  let now = await page.call(visible);
  check(name, "the WABA filter finds a WABA by its name", now.wabas.length > 0 && now.wabas.every((one) => one.includes(waba)), now.wabas);
  await page.call(set, "waba", "");
  await page.call(set, "user", user);
  now = await page.call(visible);
  check(name, "the user filter finds a user by its name", now.users.length > 0 && now.users.every((one) => one.includes(user)), now.users);
  check(name, "the status counts the visible WABAs and users", now.status === `${now.wabas.length} of ${all.wabas.length} WABAs, ${now.users.length} of ${all.users.length} users`, now.status);
  await page.call(set, "user", "");
  for (const [show, mark] of [["changes", /<(ins|del)>/], ["gained", /<ins>/], ["lost", /<del>/]]) {
    await page.call(set, "show", show);
    now = await page.call(visible);
    const expected = all.cells.filter((row) => row.some((cell) => mark.test(cell))).length;
    check(name, `"${show}" shows exactly the rows with such a change`, expected > 0 && now.wabas.length === expected, now.status);
    const empty = now.users.filter((_, at) => !now.cells.some((row) => mark.test(row[at])));
    check(name, `"${show}" hides columns without such a change`, empty.length === 0, empty);
  }
  await page.call(set, "show", "lost");
  await page.call(set, "task", "MS");
  now = await page.call(visible);
  const lost = (row) => row.some((cell) => cell.includes("<del>\u2212MS</del>"));
  check(name, "the task filter finds a lost task", now.wabas.length === all.cells.filter(lost).length && now.cells.every(lost), now.status);
  await page.call(() => document.getElementById("reset").click());
  now = await page.call(visible);
  check(name, "reset shows everything again", JSON.stringify(now) === JSON.stringify(all), now.status);
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
  check(name, "the page shows users", (await page.call(visible)).users.length > 0);
  await checkFilters(name, page);
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

// Without JavaScript the page shows the whole matrix and hides the controls.
async function checkWithoutScript(name, browser, url) {
  const page = await browser.open(url, { script: false });
  const [cells, display] = await page.call(() => [document.querySelectorAll("#matrix td").length, getComputedStyle(document.querySelector(".controls")).display]);
  check(name, "the page is readable without JavaScript", cells > 0 && display === "none", [cells, display]);
  await page.close();
}

mkdirSync(values.screenshots, { recursive: true });
const browser = new Browser(values.browser);
for (const name of [...pages, ...hostile]) {
  const url = pathToFileURL(resolve(name)).href;
  await checkUse(name, browser, url);
  await checkWithoutScript(name, browser, url);
  await checkAppearance(name, browser, url);
}
await browser.close();
console.log(`page checks: ${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
