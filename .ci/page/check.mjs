// Opens pages that `--format html` made in a headless Chromium, and uses them as people do.
//
//   node check.mjs --browser PROGRAM --pictures FOLDER [--hostile PAGE] PAGE…
//
// Ends with 0 where every page keeps what is promised of it; says each promise that is broken. Pictures of the pages go
// to FOLDER, for somebody to look at.
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { Browser } from "./browser.mjs";

const { values, positionals: pages } = parseArgs({
  options: { browser: { type: "string" }, pictures: { type: "string" }, hostile: { type: "string", multiple: true } },
  allowPositionals: true,
});
const hostile = new Set(values.hostile ?? []);
let broken = 0;
let kept = 0;

function promise(page, what, holds, seen = "") {
  if (holds) return void (kept += 1);
  broken += 1;
  console.log(`${page}: ${what}${seen === "" ? "" : `: ${JSON.stringify(seen)}`}`);
}

// What runs inside the page. ------------------------------------------------------------------------------------------

// The lowest contrast of any text, by WCAG 2; of a matrix the first rows, as the others look the same.
function lowestContrast() {
  const numbers = (color) => color.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const color = numbers(getComputedStyle(one).backgroundColor);
      if (color[3] === undefined || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  let lowest = { ratio: 21, text: "" };
  for (const element of document.querySelectorAll("body *:not(script):not(tbody tr:nth-child(n+60) *)")) {
    const says = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== "");
    if (!says || element.getClientRects().length === 0) continue;
    const [a, b] = [light(numbers(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < lowest.ratio) lowest = { ratio, text: element.textContent.slice(0, 40), tag: element.tagName };
  }
  return lowest;
}

// Elements and attributes that the program never writes, so that a foreign name wrote them.
function foreign() {
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

const set = (id, value) => {
  const field = document.getElementById(id);
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
};

// What of the matrix is seen: names of WABAs and of users, and the cells.
const seen = () => {
  const is = (element) => element.getClientRects().length > 0;
  const table = document.getElementById("matrix");
  const rows = [...table.tBodies[0].rows].filter(is);
  return {
    told: document.getElementById("told").textContent,
    wabas: rows.map((row) => row.cells[0].textContent),
    users: [...table.tHead.rows[0].cells].slice(1).filter(is).map((cell) => cell.textContent),
    cells: rows.map((row) => [...row.cells].slice(1).filter(is).map((cell) => cell.innerHTML)),
  };
};

const focused = () => {
  const cell = document.activeElement;
  const style = getComputedStyle(cell);
  const { top, left, bottom } = cell.getBoundingClientRect();
  const head = document.querySelector("#matrix thead th").getBoundingClientRect();
  return {
    at: [cell.parentNode.rowIndex, cell.cellIndex], tag: cell.tagName, label: cell.getAttribute("aria-label"),
    outline: `${style.outlineStyle} ${style.outlineWidth}`, said: document.getElementById("cell").textContent,
    stops: document.querySelectorAll('#matrix [tabindex="0"]').length,
    isSeen: top >= head.bottom - 1 && left >= head.right - 1 && bottom <= innerHeight,
  };
};

// The promises. -------------------------------------------------------------------------------------------------------

async function quiet(name, page) {
  promise(name, "nothing is complained of", page.complaints.length === 0, page.complaints);
  promise(name, "nothing is loaded but the page", page.requests.length === 1, page.requests);
  const breaches = await page.call(() => window.breaches);
  promise(name, "the policy is not broken", breaches.length === 0, breaches);
}

async function looks(name, browser, url) {
  for (const scheme of ["light", "dark"]) {
    for (const width of [1280, 480]) {
      const page = await browser.open(url, { scheme, width });
      const lowest = await page.call(lowestContrast);
      promise(name, `${scheme}: text is at least 4.5 : 1`, lowest.ratio >= 4.5, lowest);
      const wide = await page.call(() => document.documentElement.scrollWidth - innerWidth);
      promise(name, `the page is no wider than ${width} px`, wide <= 0, wide);
      const picture = (part) => join(values.pictures, `${basename(name, ".html")}-${scheme}-${width}${part}.png`);
      writeFileSync(picture(""), await page.screenshot());
      await page.call(() => document.getElementById("access").scrollIntoView());
      writeFileSync(picture("-matrix"), await page.screenshot());
      await quiet(name, page);
      await page.close();
    }
  }
}

async function filters(name, page) {
  const all = await page.call(seen);
  const [waba, user] = [all.wabas.at(-1), all.users[0]];
  await page.call(set, "waba", waba.toUpperCase());
  let now = await page.call(seen);
  promise(name, "a WABA is found by its name", now.wabas.length > 0 && now.wabas.every((one) => one.includes(waba)), now.wabas);
  await page.call(set, "waba", "");
  await page.call(set, "user", user);
  now = await page.call(seen);
  promise(name, "a user is found by its name", now.users.length > 0 && now.users.every((one) => one.includes(user)), now.users);
  promise(name, "what is shown is told", now.told === `${now.wabas.length} of ${all.wabas.length} WABAs, ${now.users.length} of ${all.users.length} users`, now.told);
  await page.call(set, "user", "");
  for (const [show, mark] of [["changes", /<(ins|del)>/], ["gained", /<ins>/], ["lost", /<del>/]]) {
    await page.call(set, "show", show);
    now = await page.call(seen);
    const wanted = all.cells.filter((row) => row.some((cell) => mark.test(cell))).length;
    promise(name, `"${show}" shows all that it means, and no other row`, wanted > 0 && now.wabas.length === wanted, now.told);
    const empty = now.users.filter((_, at) => !now.cells.some((row) => mark.test(row[at])));
    promise(name, `"${show}" shows no column without one`, empty.length === 0, empty);
  }
  await page.call(set, "show", "lost");
  await page.call(set, "task", "MS");
  now = await page.call(seen);
  const lost = (row) => row.some((cell) => cell.includes("<del>\u2212MS</del>"));
  promise(name, "a task that is lost is found", now.wabas.length === all.cells.filter(lost).length && now.cells.every(lost), now.told);
  await page.call(() => document.getElementById("reset").click());
  now = await page.call(seen);
  promise(name, "everything can be shown again", JSON.stringify(now) === JSON.stringify(all), now.told);
}

async function keys(name, page) {
  await page.call(() => document.activeElement.blur());
  await page.press("Tab");
  promise(name, "the first stop leads past the changes", await page.call(() => document.activeElement.className) === "skip");
  await page.press("Enter");
  let stops = 0;
  for (; stops < 12 && (await page.call(focused).catch(() => ({})))?.tag !== "TD"; stops += 1) await page.press("Tab");
  const first = await page.call(focused);
  promise(name, "the Tab key leads into the matrix", first.tag === "TD", first);
  if (first.tag !== "TD") return;
  const way = [["Home", 0, 1], ["ArrowRight", 0, 2], ["ArrowDown", 1, 2], ["End", 1, null], ["ArrowUp", 0, null], ["ArrowLeft", 0, null],
    ["Home", 0, 1], ["ArrowLeft", 0, 1]];
  for (const [key, row, column] of way) {
    await page.press(key);
    const now = await page.call(focused);
    promise(name, `${key} leads on`, now.tag === "TD" && now.at[0] === first.at[0] + row && (column === null ? now.at[1] > 2 : now.at[1] === column), now);
    promise(name, "the focus is seen", now.isSeen && now.outline === "solid 2px", now);
    promise(name, "a cell says what it holds", now.label.length > 0 && now.said.endsWith(now.label), now);
    promise(name, "one cell is a stop", now.stops === 1, now.stops);
  }
  await page.press("Tab");
  promise(name, "the Tab key leads out", await page.call(() => document.activeElement.tagName) !== "TD");
}

async function uses(name, browser, url) {
  const start = performance.now();
  const page = await browser.open(url);
  const opened = performance.now() - start;
  promise(name, "it says which users and WABAs there are", (await page.call(seen)).users.length > 0);
  await filters(name, page);
  await keys(name, page);
  const pdf = await page.pdf();
  promise(name, "it can be printed", pdf.subarray(0, 5).toString() === "%PDF-" && pdf.length > 10_000, pdf.length);
  if (hostile.has(name)) {
    promise(name, "foreign names are no markup", (await page.call(foreign)).length === 0, await page.call(foreign));
    promise(name, "foreign names run nothing", await page.call(() => window.hacked === undefined));
    promise(name, "foreign names are there to read", await page.call(() => document.body.textContent.includes("<script>window.hacked=1")));
  }
  await quiet(name, page);
  await page.close();
  console.log(`${name}: ${Math.ceil(statSync(name).size / 1024)} KiB, opened in ${Math.round(opened)} ms`);
}

// Without its script the page shows all of it, and no control that does nothing.
async function still(name, browser, url) {
  const page = await browser.open(url, { script: false });
  const there = await page.call(() => [document.querySelectorAll("#matrix td").length, getComputedStyle(document.querySelector(".controls")).display]);
  promise(name, "it can be read without its script", there[0] > 0 && there[1] === "none", there);
  await page.close();
}

mkdirSync(values.pictures, { recursive: true });
const browser = new Browser(values.browser);
for (const name of [...pages, ...hostile]) {
  const url = pathToFileURL(resolve(name)).href;
  await uses(name, browser, url);
  await still(name, browser, url);
  await looks(name, browser, url);
}
await browser.end();
console.log(`pages: ${kept} promises kept, ${broken} broken`);
process.exitCode = broken === 0 && kept > 0 ? 0 : 1;
