// Returns the path of the program in the package for this platform.
"use strict";

const name = `@wabacl/${process.platform}-${process.arch}`;
const program = process.platform === "win32" ? "wabacl.exe" : "wabacl";

module.exports = () => {
  try {
    return require.resolve(`${name}/bin/${program}`);
  } catch {
    throw new Error(
      `the package ${name} is not installed. Install wabacl with its optional dependencies (without --omit=optional), ` +
        "on the platform on which it runs. If there is no such package, build wabacl from source.",
    );
  }
};
