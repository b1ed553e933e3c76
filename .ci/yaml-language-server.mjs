// Asks yaml-language-server, as an editor does, what it thinks of YAML files.
//
//   node yaml-language-server.mjs --modules DIR --schema FILE FILE…
//
// Prints one line for each file: its path, a tab, the number of diagnostics, a tab, the first of them.
// A modeline in a file (`# yaml-language-server: $schema=…`) wins over --schema, as in an editor.
// Ends with 0 where every file was answered for, whatever the answers.
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
// A server that says nothing fails the check; it does not hang it.
const deadline = setTimeout(() => fail("no answer within two minutes"), 120_000);
let stopping = false;
server.on("exit", (code) => stopping || fail(`the server ended with ${code}`));

const answers = new Map(); // from the id of a request, or the URI of a file, to what waits for it
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
  return new Promise((resolve) => answers.set(id, resolve));
}

function settle(key, value) {
  answers.get(key)?.(value);
  answers.delete(key);
}

// No schema store: it is on the network, and what it would say is not about this project.
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
    answers.set(uri, resolve);
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
