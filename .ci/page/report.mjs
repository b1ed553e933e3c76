// Tests pages of `report --format html` in a headless Chromium.
//
//   node report.mjs --browser PROGRAM --screenshots FOLDER [--hostile PAGE] PAGE...
//
// Prints each failed check and exits with 1 if there is one. Writes screenshots of the pages to FOLDER. Times are printed, not
// checked.
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { Browser } from "./browser.mjs";
import { check, end } from "./checks.mjs";

const { values, positionals: pages } = parseArgs({
  options: { browser: { type: "string" }, screenshots: { type: "string" }, hostile: { type: "string", multiple: true } },
  allowPositionals: true,
});

// Functions that run inside the page. --------------------------------------------------------------------------------

// Changes a filter.
const set = (id, value) => {
  const field = document.getElementById(id);
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
};

// Returns what the data says: the number of holders for each user and WABA, by the names that the page shows.
const held = () => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const [users, wabas] = [data.users.map(() => 0), data.wabas.map(() => 0)];
  const unmanaged = { count: 0 };
  data.rows.forEach((row, waba) => {
    for (let at = 0; at < row.length; at += 2) {
      users[row[at]] += 1;
      wabas[waba] += 1;
      if (!(data.kinds[row[at + 1]][1] & 1)) unmanaged.count += 1;
    }
  });
  const total = wabas.reduce((sum, one) => sum + one, 0);
  return { users: data.users.map((user, at) => [user[0] || user[2], users[at]]), wabas: data.wabas.map((waba) => waba[0] || waba[2]), total, unmanaged: unmanaged.count };
};

// Returns what is drawn of the matrix.
const drawn = () => {
  const table = document.getElementById("matrix");
  const rows = [...table.tBodies[0].rows].filter((row) => row.className !== "space");
  return {
    status: document.getElementById("count").textContent,
    wabas: rows.map((row) => row.cells[0].firstElementChild.textContent),
    users: [...table.tHead.rows[0].cells].slice(1).map((cell) => cell.firstElementChild.textContent),
    cells: rows.map((row) => [...row.cells].slice(1).map((cell) => cell.textContent)),
    rowCount: Number(table.getAttribute("aria-rowcount")) - 1,
  };
};

const holdersIn = (status) => Number(status.split(" ")[0]);

const focused = () => {
  const cell = document.activeElement;
  return {
    tag: cell.tagName, at: [Number(cell.parentNode.getAttribute("aria-rowindex")), cell.cellIndex], label: cell.getAttribute("aria-label"),
    detail: document.getElementById("detail").textContent, stops: document.querySelectorAll('#matrix [tabindex="0"]').length,
  };
};

// Returns the names of elements that the page never has: a name was interpreted as markup.
function unexpectedMarkup() {
  const tags = new Set(("HTML HEAD META TITLE STYLE BODY A HEADER H1 P DL DIV DT DD MAIN SECTION H2 H3 UL LI CODE SPAN TABLE THEAD TBODY " +
    "TR TH TD LABEL INPUT SELECT OPTION BUTTON B FOOTER SCRIPT DETAILS SUMMARY TIME NOSCRIPT").split(" "));
  return [...document.querySelectorAll("*")].map((element) => element.tagName).filter((tag) => !tags.has(tag));
}

// Checks. --------------------------------------------------------------------------------------------------------------

async function checkIsolation(name, page) {
  check(name, "the console is empty", page.messages.length === 0, page.messages);
  check(name, "the page loads nothing else", page.requests.length === 1, page.requests);
  const violations = await page.call(() => window.violations);
  check(name, "the content security policy is not violated", violations.length === 0, violations);
}

async function checkFilters(name, page, all) {
  let now = await page.call(drawn);
  check(name, "the status counts every holder", holdersIn(now.status) === all.total, now.status);
  check(name, "the matrix has every WABA", now.rowCount === all.wabas.length, now.rowCount);
  check(name, "only the rows in view are drawn", now.wabas.length <= 120, now.wabas.length);
  const waba = all.wabas.at(-1);
  await page.call(set, "waba", waba.toUpperCase());
  now = await page.call(drawn);
  check(name, "the WABA filter finds a WABA by its name", now.wabas.length > 0 && now.wabas.every((one) => one.includes(waba)), now.wabas);
  await page.call(set, "waba", "");
  const [user, number] = all.users.find(([, count]) => count > 0);
  await page.call(set, "user", user);
  now = await page.call(drawn);
  check(name, "the user filter finds a user by its name", now.users.length > 0 && now.users.every((one) => one.includes(user)), now.users);
  check(name, "the user filter keeps each WABA of the user", holdersIn(now.status) >= number, now.status);
  await page.call(set, "user", "");
  await page.call(set, "show", "unmanaged");
  now = await page.call(drawn);
  check(name, "what is not managed can be shown", holdersIn(now.status) === all.unmanaged, now.status);
  for (const view of ["users", "wabas"]) {
    await page.call(set, "view", view);
    const tree = await page.call(async () => {
      const first = document.querySelector("#tree details");
      first.open = true;
      for (let frames = 0; frames < 60 && !first.querySelector("li"); frames += 1) await new Promise(requestAnimationFrame);
      first.querySelector("button").click();
      return { items: first.querySelectorAll("li").length, detail: document.getElementById("detail").textContent, matrix: document.getElementById("scroller").hidden };
    });
    check(name, `access by ${view} opens`, tree.items > 0 && tree.matrix && tree.detail.includes(" on "), tree);
  }
  await page.call(set, "view", "matrix");
  await page.call(() => document.getElementById("reset").click());
  now = await page.call(drawn);
  check(name, "reset shows everything again", holdersIn(now.status) === all.total, now.status);
}

async function checkKeyboard(name, page) {
  await page.call(() => document.querySelector('#matrix [tabindex="0"]').focus());
  for (const key of ["ArrowDown", "ArrowDown", "ArrowRight", "ArrowLeft"]) await page.press(key);
  let now = await page.call(focused);
  check(name, "arrow keys move to a cell", now.tag === "TD" && now.at[0] === 4 && now.at[1] === 1 && now.stops === 1, now);
  check(name, "a cell shows its reason", now.detail.includes(" on ") && now.label !== null, now);
  await page.press("End");
  now = await page.call(focused);
  check(name, "the End key moves to the last user", now.at[1] > 1 && now.stops === 1, now);
}

async function checkAppearance(name, browser, url) {
  for (const scheme of ["light", "dark"]) {
    for (const width of [1280, 480]) {
      const page = await browser.open(url, { scheme, width });
      const overflow = await page.call(() => document.documentElement.scrollWidth - innerWidth);
      check(name, `the page is no wider than ${width} px`, overflow <= 0, overflow);
      writeFileSync(join(values.screenshots, `${basename(name, ".html")}-${scheme}-${width}.png`), await page.screenshot());
      await checkIsolation(name, page);
      await page.close();
    }
  }
}

mkdirSync(values.screenshots, { recursive: true });
const browser = new Browser(values.browser);
const hostile = new Set(values.hostile ?? []);
for (const name of [...pages, ...hostile]) {
  const url = pathToFileURL(resolve(name)).href;
  const start = performance.now();
  const page = await browser.open(url);
  const rows = (await page.call(drawn)).wabas.length;
  const opened = performance.now() - start;
  check(name, "the matrix is drawn", rows > 0, rows);
  await checkFilters(name, page, await page.call(held));
  await checkKeyboard(name, page);
  if (hostile.has(name)) {
    const unexpected = await page.call(unexpectedMarkup);
    check(name, "hostile names are not markup", unexpected.length === 0, unexpected);
    check(name, "hostile names run no script", await page.call(() => window.hacked === undefined));
    check(name, "hostile names are shown as text", await page.call(() => document.getElementById("matrix").textContent.includes("<script>window.hacked=1")));
  }
  await checkIsolation(name, page);
  await page.close();
  await checkAppearance(name, browser, url);
  console.log(`${name}: ${Math.ceil(statSync(name).size / 1024)} KiB, opened in ${Math.round(opened)} ms`);
}
await browser.close();
end("page checks");
