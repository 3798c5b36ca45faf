// `npm test`: sets up what is missing, then runs static checks and all tests; its last line counts them.
// `npm test -- test/unit -t "some name"`: arguments go to jest; with paths, static checks are left out.
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runWithin } from "./set-up/processes.mjs";
import { root, runMain, say, setUp, setUpWithEngine } from "./set-up/set-up.mjs";
import { ensureSystemPackages } from "./set-up/system-packages.mjs";
import { runStaticChecks } from "./static-checks.mjs";

const results = join(root, ".posture", "test-results.json");
const progress = join(root, ".posture", "test-progress.json");
const summary = join(root, ".posture", "test-summary.txt");

/** A test that never gives the processor back outlives jest's own time limits; a run that hangs is ended, and counted. */
const timeLimit = 50 * 60_000;

runMain(async () => {
  const jestArguments = process.argv.slice(2);
  const paths = jestArguments.filter((argument) => argument.startsWith("test"));
  const needsEngine = paths.length === 0 || paths.some((path) => !/^test[\\/](unit|contract)\b/.test(path));
  const engine = needsEngine ? await setUpWithEngine() : void (await setUp());
  const missing = await ensureSystemPackages(say);
  const counts = [
    process.env.CI === "true" ? { passed: 0, failed: missing.length, skipped: 0 } : undefined,
    paths.length === 0 ? { ...(await runStaticChecks()), skipped: 0 } : undefined,
    await runJest(jestArguments, engine),
  ].filter((count) => count !== undefined);
  const sum = (/** @type {"passed" | "failed" | "skipped"} */ key) =>
    counts.reduce((total, count) => total + count[key], 0);
  const line = `${sum("passed")} passed, ${sum("failed")} failed, ${sum("skipped")} skipped`;
  writeFileSync(summary, `${line}\n`);
  process.stdout.write(`\n${line}\n`);
  return sum("failed") === 0 ? 0 : 1;
});

/**
 * @param {readonly string[]} jestArguments
 * @param {string | undefined} engine
 */
async function runJest(jestArguments, engine) {
  rmSync(results, { force: true });
  const jest = join(root, "node_modules", "jest", "bin", "jest.js");
  const flags = ["--experimental-vm-modules", "--disable-warning=ExperimentalWarning"];
  const environment = { ...process.env, ...(engine === undefined ? {} : { BACKUP_POSTURE_ENGINE: engine }) };
  const code = await runWithin(
    [process.execPath, ...flags, jest, "--json", "--outputFile", results, ...jestArguments],
    { cwd: root, env: environment, stdio: ["inherit", "ignore", "inherit"] },
    timeLimit,
  );
  if (code === "too long") return countUnfinished();
  if (!existsSync(results)) return { passed: 0, failed: 1, skipped: 0 };
  const found = JSON.parse(readFileSync(results, "utf8"));
  const failed = found.numFailedTests + found.numRuntimeErrorTestSuites;
  return {
    passed: found.numPassedTests,
    failed: code === 0 ? failed : Math.max(1, failed),
    skipped: found.numPendingTests + found.numTodoTests,
  };
}

/** What had passed before a run was ended; each file that was under way is a failure, by name. */
function countUnfinished() {
  const { running, ...counts } = JSON.parse(readFileSync(progress, "utf8"));
  for (const file of running) process.stderr.write(`FAIL ${file}: still running after ${timeLimit / 60_000} minutes\n`);
  return { ...counts, failed: counts.failed + Math.max(1, running.length) };
}
