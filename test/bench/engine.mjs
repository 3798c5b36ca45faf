// `npm run bench:engine`: what the product's resources cost the engine, against bare dynamic resources with the same property bag
// and a provider that does nothing, side by side in one run.
//   --resources N   how many of each (300)      --rounds N   how often (3)      --json FILE   the figures as JSON
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

/** The commands that are timed, in order; the last only tidies up. */
const commands = {
  up: ["up", "--yes", "--skip-preview"],
  preview: ["preview", "--refresh", "--expect-no-changes"],
  refresh: ["refresh", "--yes", "--skip-preview"],
};

const declaration = `{
  when: { cron: "0 1 * * *", timeZone: "Europe/Berlin" },
  sources: { files: { kind: "file-share", path: __dirname } },
  store: { kind: "directory", path: process.env.BENCH_ROOT + "/store" },
  keep: { daily: 14, weekly: 8, monthly: 12 },
  rpo: "26h",
}`;

const programs = {
  ours: `
    const { BackupSchedule } = require("pulumi-backup-posture");
    for (let n = 0; n < ${resources}; n++) new BackupSchedule("schedule-" + n, ${declaration});`,
  bare: `
    const pulumi = require("@pulumi/pulumi");
    class Bare extends pulumi.CustomResource {
      constructor(name, args) {
        const owner = pulumi.createUrn(name, "pulumi-nodejs:dynamic/bench:Bare");
        const named = { health: undefined, home: undefined, incarnation: undefined };
        const __provider = 'exports.handler=()=>require(process.env.BENCH_ROOT+"/project/nothing")';
        super("pulumi-nodejs:dynamic/bench:Bare", name, { ...named, ...args, owner, __provider });
      }
    }
    for (let n = 0; n < ${resources}; n++) new Bare("schedule-" + n, ${declaration});`,
};

/** The same bags as ours in and out, and no work. */
const nothing = `
  const extra = { incarnation: "0".repeat(36), createdAt: new Date(0).toISOString(), schemaVersion: 1 };
  module.exports = {
    check: async (olds, news) => ({ inputs: { ...news, id: olds.id ?? "id-" + Math.random(), home: process.env.BENCH_ROOT + "/home", health: "healthy" } }),
    diff: async () => ({ replaces: [], deleteBeforeReplace: true }),
    create: async (inputs) => ({ id: inputs.id, outs: { ...inputs, ...extra } }),
    read: async (id, props) => { const { incarnation, createdAt, schemaVersion, ...inputs } = props; return { id, props, inputs }; },
    update: async (id, olds, news) => ({ outs: { ...news, ...extra } }),
    delete: async () => {},
  };`;

runMain(async () => {
  const engine = await setUpWithEngine();
  const seconds = { ours: { up: [], preview: [], refresh: [] }, bare: { up: [], preview: [], refresh: [] } };
  for (let round = 0; round < rounds; round++)
    for (const side of round % 2 === 0 ? ["ours", "bare"] : ["bare", "ours"]) {
      const times = measure(engine, side);
      for (const [command, time] of Object.entries(times)) seconds[side][command].push(time);
      const line = Object.entries(times).map(([command, time]) => `${command} ${time.toFixed(1)} s`);
      process.stderr.write(`round ${round + 1} of ${rounds}, ${side}: ${line.join(", ")}\n`);
    }
  const figures = Object.fromEntries(
    Object.keys(commands).map((command) => {
      const ours = median(seconds.ours[command]);
      const bare = median(seconds.bare[command]);
      return [command, { ours, bare, ratio: ours / bare }];
    }),
  );
  process.stdout.write(
    `\n${resources} resources, median of ${rounds} rounds\n\n            ours    bare   ours / bare\n`,
  );
  for (const [command, { ours, bare, ratio }] of Object.entries(figures))
    process.stdout.write(
      `${command.padEnd(8)} ${ours.toFixed(1).padStart(5)} s ${bare.toFixed(1).padStart(5)} s ${ratio.toFixed(2).padStart(9)}\n`,
    );
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify({ resources, rounds, figures, seconds }, null, 2)}\n`);
  return 0;
});

/** One side on a fresh stack: seconds a command. */
function measure(engine, side) {
  const folder = mkdtempSync(join(tmpdir(), "posture-bench-"));
  const project = join(folder, "project");
  const environment = { ...engineEnvironment(folder, engine), BENCH_ROOT: folder };
  const pulumi = (command) => {
    const started = process.hrtime.bigint();
    const answer = spawnSync("pulumi", [...command, "--stack", "bench", "--non-interactive"], {
      cwd: project,
      env: environment,
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });
    if (answer.status !== 0)
      throw new SetUpError(`pulumi ${command.join(" ")} failed:\n${answer.stdout}${answer.stderr}`, 1);
    return Number(process.hrtime.bigint() - started) / 1e9;
  };
  try {
    mkdirSync(join(folder, ".posture", "state"), { recursive: true });
    mkdirSync(project);
    symlinkSync(join(checkout, "node_modules"), join(project, "node_modules"));
    writeFileSync(
      join(project, "Pulumi.yaml"),
      "name: bench\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n",
    );
    writeFileSync(join(project, "package.json"), '{"name":"bench","main":"index.js"}\n');
    writeFileSync(join(project, "index.js"), programs[side]);
    writeFileSync(join(project, "nothing.js"), nothing);
    pulumi(["stack", "select", "--create"]);
    pulumi(["config", "set", "posture:home", join(folder, "home")]);
    return Object.fromEntries(Object.entries(commands).map(([name, command]) => [name, pulumi(command)]));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function median(numbers) {
  const sorted = [...numbers].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)];
}
