const { mkdirSync, writeFileSync } = require("node:fs");
const { dirname, join, relative } = require("node:path");

/**
 * Keeps a file (`.posture/test-progress.json`) of what has been counted and which test files are under way, so that a run
 * that had to be ended from outside can still be counted and its hanging files named.
 */
module.exports = class RunningFiles {
  constructor({ rootDir }) {
    this.rootDir = rootDir;
    this.file = join(rootDir, ".posture", "test-progress.json");
    this.counts = { passed: 0, failed: 0, skipped: 0 };
    this.running = new Set();
  }

  onRunStart() {
    mkdirSync(dirname(this.file), { recursive: true });
    this.#keep();
  }

  onTestFileStart({ path }) {
    this.running.add(relative(this.rootDir, path));
    this.#keep();
  }

  onTestFileResult({ path }, result) {
    this.running.delete(relative(this.rootDir, path));
    this.counts.passed += result.numPassingTests;
    this.counts.failed += result.numFailingTests + (result.testExecError === undefined ? 0 : 1);
    this.counts.skipped += result.numPendingTests + result.numTodoTests;
    this.#keep();
  }

  #keep() {
    writeFileSync(this.file, JSON.stringify({ ...this.counts, running: [...this.running] }));
  }
};
