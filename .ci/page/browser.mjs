// Speaks with a Chromium of its own, over a pipe: no package, no port, no download.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// Told to every page before it loads, so that a breach of the policy is not only a line in a log.
const WATCH = `window.breaches = [];
  document.addEventListener("securitypolicyviolation", (event) => window.breaches.push(event.violatedDirective));`;

export class Browser {
  // Starts the browser; one that root runs in a container has no sandbox to start.
  constructor(program) {
    this.profile = mkdtempSync(join(tmpdir(), "page-"));
    const options = ["--headless=new", "--remote-debugging-pipe", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
      "--disable-background-networking", "--disable-dev-shm-usage", `--user-data-dir=${this.profile}`];
    if (process.getuid?.() === 0) options.push("--no-sandbox");
    this.process = spawn(program, options, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    this.waiting = new Map();
    this.listeners = new Set();
    this.last = 0;
    let rest = "";
    this.process.stdio[4].setEncoding("utf8").on("data", (data) => {
      const messages = (rest + data).split("\0");
      rest = messages.pop();
      messages.forEach((message) => this.#take(JSON.parse(message)));
    });
    const gone = (why) => this.waiting.forEach(({ reject }) => reject(new Error(`the browser is gone: ${why}`)));
    this.process.on("error", gone).on("exit", gone);
    this.process.stdio[3].on("error", gone);
  }

  #take(message) {
    if (message.id === undefined) return this.listeners.forEach((listener) => listener(message));
    const { resolve, reject } = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    return message.error ? reject(new Error(message.error.message)) : resolve(message.result);
  }

  send(method, params = {}, sessionId = undefined) {
    const id = (this.last += 1);
    this.process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  // Opens an address; what it complains of and asks for is kept in `complaints` and `requests`.
  async open(url, { width = 1280, height = 900, scheme = "light", script = true } = {}) {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, targetId, sessionId);
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await page.send(`${domain}.enable`);
    await page.send("Page.addScriptToEvaluateOnNewDocument", { source: WATCH });
    if (!script) await page.send("Emulation.setScriptExecutionDisabled", { value: true });
    await page.size(width, height);
    await page.scheme(scheme);
    const loaded = page.once("Page.loadEventFired");
    await page.send("Page.navigate", { url });
    await loaded;
    return page;
  }

  async end() {
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.send("Browser.close").catch(() => {});
    await ended;
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

class Page {
  constructor(browser, targetId, sessionId) {
    Object.assign(this, { browser, targetId, sessionId, complaints: [], requests: [] });
    this.listener = ({ method, params, sessionId: from }) => {
      if (from !== sessionId) return;
      if (method === "Log.entryAdded") this.complaints.push(params.entry.text);
      if (method === "Runtime.exceptionThrown") this.complaints.push(params.exceptionDetails.exception?.description);
      if (method === "Runtime.consoleAPICalled") this.complaints.push(JSON.stringify(params.args));
      if (method === "Network.requestWillBeSent") this.requests.push(params.request.url);
    };
    browser.listeners.add(this.listener);
  }

  send(method, params) {
    return this.browser.send(method, params, this.sessionId);
  }

  once(wanted) {
    return new Promise((resolve) => {
      const listener = ({ method, sessionId }) => {
        if (method !== wanted || sessionId !== this.sessionId) return;
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

  // Calls a function in the page, and gives what it gives.
  async call(what, ...args) {
    const expression = `(${what})(...${JSON.stringify(args)})`;
    const answer = await this.send("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
    if (answer.exceptionDetails) throw new Error(answer.exceptionDetails.exception.description);
    return answer.result.value;
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
    const paper = { landscape: true, printBackground: false, transferMode: "ReturnAsBase64" };
    return Buffer.from((await this.send("Page.printToPDF", paper)).data, "base64");
  }

  async close() {
    this.browser.listeners.delete(this.listener);
    await this.browser.send("Target.closeTarget", { targetId: this.targetId });
  }
}
