// Opens pages of the documentation site in a headless Chromium, and searches it.
//
//   node book.mjs --browser PROGRAM --site FOLDER --screenshots FOLDER
//
// Prints each failed check and exits with 1 if there is one.
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { Browser } from "./browser.mjs";
import { check, end } from "./checks.mjs";

const { values } = parseArgs({
  options: { browser: { type: "string" }, site: { type: "string" }, screenshots: { type: "string" } },
});
// A page, and a text that its main part must show.
const PAGES = [
  ["index.html", "Access to WhatsApp Business Accounts"],
  ["docs/github.html", "Access planned"],
  ["reference/commands.html", "Usage: wabacl plan"],
  ["reference/manifest.html", "max_removals_percent"],
  ["reference/plan.html", "ChangeEntry"],
];

mkdirSync(values.screenshots, { recursive: true });
const browser = new Browser(values.browser);
try {
  for (const [path, text] of PAGES) {
    const url = pathToFileURL(resolve(values.site, path)).href;
    for (const [size, width, scheme] of [["wide", 1280, "light"], ["narrow", 400, "dark"]]) {
      const page = await browser.open(url, { width, height: 900, scheme });
      const name = `${path.replaceAll("/", "-")} (${size})`;
      const shown = await page.call(() => document.querySelector("main").innerText);
      check(name, `shows ${text}`, shown.includes(text));
      const overflow = await page.call(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      check(name, "needs no horizontal scrolling", overflow <= 0, overflow);
      const elsewhere = page.requests.filter((request) => !/^(file|data):/.test(request));
      check(name, "requests nothing from elsewhere", elsewhere.length === 0, elsewhere);
      writeFileSync(join(values.screenshots, `${path.replaceAll("/", "-")}-${size}.png`), await page.screenshot());
      await page.close();
    }
  }
  const page = await browser.open(`${pathToFileURL(resolve(values.site, "index.html")).href}?search=released`);
  const results = await page.call(() => new Promise((found) => {
    const links = () => [...document.querySelectorAll("#mdbook-searchresults a")].map((link) => link.href);
    const look = () => links().length > 0 && found(links());
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
    setTimeout(() => found(links()), 10000);
    look();
  }));
  check("search", "finds pages", results.some((link) => link.includes(".html")), results);
} finally {
  await browser.close();
}
end("checks of the site in the browser");
