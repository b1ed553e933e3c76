// Controls a headless Chromium through its DevTools protocol over a pipe. Needs no package and no port.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// Runs in every page before it loads and records violations of the content security policy.
const RECORD_VIOLATIONS = `window.violations = [];
  document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));`;

export class Browser {
  // Starts the browser. Chromium's sandbox does not work for root, so root runs it without.
  constructor(program) {
    this.profile = mkdtempSync(join(tmpdir(), "page-"));
    const options = ["--headless=new", "--remote-debugging-pipe", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
      "--disable-background-networking", "--disable-dev-shm-usage", `--user-data-dir=${this.profile}`];
    if (process.getuid?.() === 0) options.push("--no-sandbox");
    this.process = spawn(program, options, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    this.pending = new Map(); // message id -> the functions that settle its promise
    this.listeners = new Set();
    this.lastId = 0;
    let rest = "";
    this.process.stdio[4].setEncoding("utf8").on("data", (data) => {
      const messages = (rest + data).split("\0");
      rest = messages.pop();
      messages.forEach((message) => this.#receive(JSON.parse(message)));
    });
    const fail = (reason) => this.pending.forEach(({ reject }) => reject(new Error(`the browser exited: ${reason}`)));
    this.process.on("error", fail).on("exit", fail);
    this.process.stdio[3].on("error", fail);
  }

  #receive(message) {
    if (message.id === undefined) return this.listeners.forEach((listener) => listener(message));
    const { resolve, reject } = this.pending.get(message.id);
    this.pending.delete(message.id);
    return message.error ? reject(new Error(message.error.message)) : resolve(message.result);
  }

  send(method, params = {}, sessionId = undefined) {
    const id = (this.lastId += 1);
    this.process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.pending.set(id, { resolve, reject }));
  }

  // Opens a URL. The page's `messages` (console, log, exceptions) and `requests` record what happens in it.
  async open(url, { width = 1280, height = 900, scheme = "light", script = true } = {}) {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, targetId, sessionId);
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await page.send(`${domain}.enable`);
    await page.send("Page.addScriptToEvaluateOnNewDocument", { source: RECORD_VIOLATIONS });
    if (!script) await page.send("Emulation.setScriptExecutionDisabled", { value: true });
    await page.size(width, height);
    await page.scheme(scheme);
    const loaded = page.once("Page.loadEventFired");
    await page.send("Page.navigate", { url });
    await loaded;
    return page;
  }

  async close() {
    const exited = new Promise((resolve) => this.process.once("exit", resolve));
    this.send("Browser.close").catch(() => {});
    await exited;
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

class Page {
  constructor(browser, targetId, sessionId) {
    Object.assign(this, { browser, targetId, sessionId, messages: [], requests: [] });
    this.listener = ({ method, params, sessionId: sender }) => {
      if (sender !== sessionId) return;
      if (method === "Log.entryAdded") this.messages.push(params.entry.text);
      if (method === "Runtime.exceptionThrown") this.messages.push(params.exceptionDetails.exception?.description);
      if (method === "Runtime.consoleAPICalled") this.messages.push(JSON.stringify(params.args));
      if (method === "Network.requestWillBeSent") this.requests.push(params.request.url);
    };
    browser.listeners.add(this.listener);
  }

  send(method, params) {
    return this.browser.send(method, params, this.sessionId);
  }

  once(event) {
    return new Promise((resolve) => {
      const listener = ({ method, sessionId }) => {
        if (method !== event || sessionId !== this.sessionId) return;
        this.browser.listeners.delete(listener);
        resolve();
      };
      this.browser.listeners.add(listener);
    });
  }

  size(width, height) {
    return this.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: false });
  }

  scheme(value) {
    return this.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value }] });
  }

  // Calls a function in the page and returns its result.
  async call(code, ...args) {
    const expression = `(${code})(...${JSON.stringify(args)})`;
    const response = await this.send("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
    if (response.exceptionDetails) throw new Error(response.exceptionDetails.exception.description);
    return response.result.value;
  }

  async press(key) {
    const code = { Tab: 9, Enter: 13, End: 35, Home: 36, ArrowLeft: 37, ArrowUp: 38, ArrowRight: 39, ArrowDown: 40 }[key];
    const event = { key, code: key, windowsVirtualKeyCode: code };
    await this.send("Input.dispatchKeyEvent", { type: "rawKeyDown", ...event });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...event });
  }

  async screenshot() {
    return Buffer.from((await this.send("Page.captureScreenshot", { format: "png" })).data, "base64");
  }

  async pdf() {
    const options = { landscape: true, printBackground: false, transferMode: "ReturnAsBase64" };
    return Buffer.from((await this.send("Page.printToPDF", options)).data, "base64");
  }

  async close() {
    this.browser.listeners.delete(this.listener);
    await this.browser.send("Target.closeTarget", { targetId: this.targetId });
  }
}
