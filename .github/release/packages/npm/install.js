// Puts the program in the place of the launcher, as a hard link or a copy. If that fails, the launcher stays.
"use strict";

const fs = require("node:fs");
const path = require("node:path");

const launcher = path.join(__dirname, "bin", "wabacl");
const temporary = `${launcher}.new`;
// On Windows, npm starts the launcher by name with Node.js. Yarn's Plug'n'Play starts every bin with Node.js.
const starts_with_node = process.platform === "win32" || /\byarn\//.test(process.env.npm_config_user_agent ?? "");

if (!starts_with_node) {
  try {
    const program = require("./find.js")();
    fs.rmSync(temporary, { force: true });
    try {
      fs.linkSync(program, temporary);
    } catch {
      fs.copyFileSync(program, temporary);
      fs.chmodSync(temporary, 0o755);
    }
    fs.renameSync(temporary, launcher);
  } catch (error) {
    console.warn(`wabacl: ${error.message}`);
  }
}
