// What the benchmarks on the engine share: a project with a stack of its own in a temporary folder, and the clock.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { engineEnvironment } from "../../scripts/engine/environment.cjs";
import { root as checkout } from "../../scripts/set-up/set-up.mjs";
import { SetUpError } from "../../scripts/set-up/set-up-error.mjs";

/** The package's command. */
export const cli = join(checkout, "provider", "dist", "cli", "main.js");

/**
 * A project whose stack is `bench`, empty as yet, with `posture:home` configured; `BENCH_ROOT` names its folder.
 *
 * @param {string} engine The folder that `setUpWithEngine` gives.
 * @param {Readonly<Record<string, string>>} files Path in the project and content, `index.js` among them.
 */
export function openProject(engine, files) {
  const folder = mkdtempSync(join(tmpdir(), "posture-bench-"));
  const project = join(folder, "project");
  const environment = { ...engineEnvironment(folder, engine), BENCH_ROOT: folder };
  mkdirSync(join(folder, ".posture", "state"), { recursive: true });
  mkdirSync(project);
  symlinkSync(join(checkout, "node_modules"), join(project, "node_modules"));
  const settings = "name: bench\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n";
  const all = { "Pulumi.yaml": settings, "package.json": '{"name":"bench","main":"index.js"}\n', ...files };
  for (const [path, content] of Object.entries(all)) writeFileSync(join(project, path), content);

  /**
   * Runs a command in the project and tells how many seconds that took.
   *
   * @param {readonly string[]} command
   * @param {readonly number[]} exitCodes Those that are no failure.
   */
  const time = ([file = "", ...rest], exitCodes = [0]) => {
    const started = process.hrtime.bigint();
    const answer = spawnSync(file, rest, { cwd: project, env: environment, encoding: "utf8", maxBuffer: 1 << 28 });
    const took = Number(process.hrtime.bigint() - started) / 1e9;
    if (answer.status === null || !exitCodes.includes(answer.status))
      throw new SetUpError(`${file} ${rest.join(" ")} failed:\n${answer.stdout}${answer.stderr}`, 1);
    return took;
  };
  /** @param {readonly string[]} command */
  const pulumi = (command) => time(["pulumi", ...command, "--stack", "bench", "--non-interactive"]);
  time(["pulumi", "stack", "init", "bench"]);
  pulumi(["config", "set", "posture:home", join(folder, "home")]);
  return { time, pulumi, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** @param {readonly number[]} numbers */
export function median(numbers) {
  const sorted = [...numbers].sort((left, right) => left - right);
  const middle = sorted.length / 2;
  const [low = Number.NaN, high = Number.NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}

/**
 * The ratio of two commands that were timed in turns, pair by pair, so that a machine whose speed drifts does not decide it.
 *
 * @param {readonly number[]} ours
 * @param {readonly number[]} others
 */
export function medianRatio(ours, others) {
  return median(ours.map((seconds, index) => seconds / (others[index] ?? Number.NaN)));
}
