// Counts checks.
let failed = 0;
let passed = 0;

// Counts a check; prints it, with the actual value, if it failed.
export function check(page, expectation, holds, actual = "") {
  if (holds) return void (passed += 1);
  failed += 1;
  console.log(`${page}: failed: ${expectation}${actual === "" ? "" : `: ${JSON.stringify(actual)}`}`);
}

// Prints the numbers. The exit status is 1 if a check failed, or there was none.
export function end(what) {
  console.log(`${what}: ${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}
