// Prints the diagnostics that yaml-language-server shows for YAML files in an editor.
//
//   node yaml-language-server.mjs --modules DIR --schema FILE FILE...
//
// Prints one line for each file: its path, the number of diagnostics and the first of them, separated by tabs.
// A modeline in a file (`# yaml-language-server: $schema=...`) takes precedence over --schema, as in an editor.
// Exits with 0 if the server responded for every file, with or without diagnostics.
import { spawn } from "node:child_process";
import { readFileSync, realpathSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const { values, positionals: files } = parseArgs({
  options: { modules: { type: "string" }, schema: { type: "string" } },
  allowPositionals: true,
});
const schema = pathToFileURL(realpathSync(values.schema)).href;
const server = spawn(
  process.execPath,
  [`${values.modules}/yaml-language-server/bin/yaml-language-server`, "--stdio"],
  { stdio: ["pipe", "pipe", "inherit"] },
);
// Two minutes is a guess; all files take a few seconds.
const deadline = setTimeout(() => fail("no response within two minutes"), 120_000);
let stopping = false;
server.on("exit", (code) => stopping || fail(`the server exited with ${code}`));

const pending = new Map(); // request id or file URI -> the function that resolves its promise
let requests = 0;

function fail(why) {
  console.error(`yaml-language-server: ${why}`);
  server.kill();
  process.exit(1);
}

function send(message) {
  const body = Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message }));
  server.stdin.write(`Content-Length: ${body.length}\r\n\r\n`);
  server.stdin.write(body);
}

function request(method, params) {
  const id = ++requests;
  send({ id, method, params });
  return new Promise((resolve) => pending.set(id, resolve));
}

function settle(key, value) {
  pending.get(key)?.(value);
  pending.delete(key);
}

// The schema store is disabled because it needs the network.
const yaml = { validate: true, schemaStore: { enable: false }, schemas: { [schema]: ["**/*"] } };
const settings = { yaml, http: {}, "[yaml]": {}, editor: {}, files: {} };

function receive(message) {
  if (message.method === undefined) {
    if (message.error) fail(message.error.message);
    settle(message.id, message.result);
  } else if (message.method === "textDocument/publishDiagnostics") {
    settle(message.params.uri, message.params.diagnostics);
  } else if (message.method === "workspace/configuration") {
    send({ id: message.id, result: message.params.items.map(({ section }) => settings[section] ?? null) });
  } else if (message.id !== undefined) {
    send({ id: message.id, result: null });
  }
}

let buffer = Buffer.alloc(0);
server.stdout.on("data", (chunk) => {
  buffer = Buffer.concat([buffer, chunk]);
  for (;;) {
    const end = buffer.indexOf("\r\n\r\n");
    if (end < 0) return;
    const length = Number(/Content-Length: (\d+)/i.exec(buffer.subarray(0, end).toString())?.[1]);
    const start = end + 4;
    if (buffer.length < start + length) return;
    const message = JSON.parse(buffer.subarray(start, start + length).toString());
    buffer = buffer.subarray(start + length);
    receive(message);
  }
});

await request("initialize", {
  processId: process.pid,
  rootUri: pathToFileURL(process.cwd()).href,
  capabilities: { workspace: { configuration: true }, textDocument: { publishDiagnostics: {} } },
});
send({ method: "initialized", params: {} });
send({ method: "workspace/didChangeConfiguration", params: { settings } });

for (const file of files) {
  const uri = pathToFileURL(realpathSync(file)).href;
  const diagnostics = await new Promise((resolve) => {
    pending.set(uri, resolve);
    const text = readFileSync(file, "utf8");
    send({
      method: "textDocument/didOpen",
      params: { textDocument: { uri, languageId: "yaml", version: 1, text } },
    });
  });
  const first = diagnostics[0];
  const shown = first ? `${first.range.start.line + 1}: ${first.message.replaceAll("\n", " ")}` : "";
  console.log(`${file}\t${diagnostics.length}\t${shown}`);
}

clearTimeout(deadline);
stopping = true;
server.kill();
