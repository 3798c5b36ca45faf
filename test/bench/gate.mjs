// `npm run bench:gate`: what the gate takes, against a bare `pulumi preview --refresh` of the same stack, in turns in one run.
//   --resources N   how many schedules (300)      --rounds N   how often (3)      --json FILE   the figures as JSON
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { engineEnvironment } from "../../scripts/engine/environment.cjs";
import { root as checkout, runMain, setUpWithEngine } from "../../scripts/set-up/set-up.mjs";
import { SetUpError } from "../../scripts/set-up/set-up-error.mjs";

const { values } = parseArgs({
  options: {
    resources: { type: "string", default: "300" },
    rounds: { type: "string", default: "3" },
    json: { type: "string" },
  },
});
const resources = Number(values.resources);
const rounds = Number(values.rounds);

const program = `
  const { BackupSchedule } = require("pulumi-backup-posture");
  for (let n = 0; n < ${resources}; n++)
    new BackupSchedule("schedule-" + n, {
      when: { cron: "0 1 * * *", timeZone: "Europe/Berlin", jitter: "10m" },
      sources: { files: { kind: "file-share", path: __dirname } },
      store: { kind: "directory", path: process.env.BENCH_ROOT + "/store" },
      keep: { daily: 14, weekly: 8, monthly: 12 },
      rpo: "26h",
    });`;

const cli = join(checkout, "provider", "dist", "cli", "main.js");
const sides = {
  preview: ["pulumi", "preview", "--refresh", "--stack", "bench", "--non-interactive"],
  gate: [process.execPath, cli, "gate", "--on", "pr", "--stack", "bench"],
};

runMain(async () => {
  const engine = await setUpWithEngine();
  const folder = mkdtempSync(join(tmpdir(), "posture-bench-gate-"));
  try {
    const run = openProject(folder, engine);
    /** @type {Record<"preview" | "gate", number[]>} */
    const seconds = { preview: [], gate: [] };
    for (let round = 0; round < rounds; round++)
      for (const side of /** @type {("preview" | "gate")[]} */ (
        round % 2 === 0 ? ["preview", "gate"] : ["gate", "preview"]
      )) {
        const time = run(sides[side]);
        seconds[side].push(time);
        process.stderr.write(`round ${round + 1} of ${rounds}, ${side}: ${time.toFixed(1)} s\n`);
      }
    const [preview, gate] = [median(seconds.preview), median(seconds.gate)];
    const ratio = gate / preview;
    process.stdout.write(
      `\n${resources} resources, median of ${rounds} rounds: gate ${gate.toFixed(1)} s, preview --refresh ${preview.toFixed(1)} s, ratio ${ratio.toFixed(2)}\n`,
    );
    if (values.json !== undefined)
      writeFileSync(values.json, `${JSON.stringify({ resources, rounds, preview, gate, ratio, seconds }, null, 2)}\n`);
    return 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/**
 * A project whose stack stands. Gives what runs a command in it and tells how many seconds that took.
 *
 * @param {string} folder
 * @param {string} engine
 * @returns {(command: readonly string[]) => number}
 */
function openProject(folder, engine) {
  const project = join(folder, "project");
  const environment = { ...engineEnvironment(folder, engine), BENCH_ROOT: folder };
  /** @param {readonly string[]} command */
  const run = ([file = "", ...rest]) => {
    const started = process.hrtime.bigint();
    const answer = spawnSync(file, rest, { cwd: project, env: environment, encoding: "utf8", maxBuffer: 1 << 28 });
    const took = Number(process.hrtime.bigint() - started) / 1e9;
    // 3: the schedules have no drill, which the gate says of every one.
    if (answer.status !== 0 && answer.status !== 3)
      throw new SetUpError(`${file} ${rest.join(" ")} failed:\n${answer.stdout}${answer.stderr}`, 1);
    return took;
  };
  mkdirSync(join(folder, ".posture", "state"), { recursive: true });
  mkdirSync(project);
  symlinkSync(join(checkout, "node_modules"), join(project, "node_modules"));
  const settings = "name: bench\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n";
  writeFileSync(join(project, "Pulumi.yaml"), settings);
  writeFileSync(join(project, "package.json"), '{"name":"bench","main":"index.js"}\n');
  writeFileSync(join(project, "index.js"), program);
  run(["pulumi", "stack", "init", "bench"]);
  run(["pulumi", "config", "set", "posture:home", join(folder, "home"), "--stack", "bench"]);
  run(["pulumi", "up", "--yes", "--skip-preview", "--stack", "bench", "--non-interactive"]);
  return run;
}

/** @param {readonly number[]} numbers */
function median(numbers) {
  return [...numbers].sort((left, right) => left - right)[Math.floor(numbers.length / 2)] ?? Number.NaN;
}
