// `npm run bench:engine`: what the product's resources cost the engine, against bare dynamic resources with the same property bag
// and a provider that does nothing, command by command in turns in one run.
//   --resources N   how many of each (300)      --rounds N   how often (5)      --json FILE   the figures as JSON
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { runMain, setUpWithEngine } from "../../scripts/set-up/set-up.mjs";
import { median, medianRatio, openProject } from "./project.mjs";

const { values } = parseArgs({
  options: {
    resources: { type: "string", default: "300" },
    rounds: { type: "string", default: "5" },
    json: { type: "string" },
  },
});
const resources = Number(values.resources);
const rounds = Number(values.rounds);

/** The commands that are timed, in order. */
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
  /** @type {Record<"up" | "preview" | "refresh", {ours: number[], bare: number[]}>} */
  const seconds = { up: { ours: [], bare: [] }, preview: { ours: [], bare: [] }, refresh: { ours: [], bare: [] } };
  for (let round = 0; round < rounds; round++) timeRound(engine, round, seconds);
  const figures = Object.fromEntries(
    Object.entries(seconds).map(([command, { ours, bare }]) => [
      command,
      { ours: median(ours), bare: median(bare), ratio: medianRatio(ours, bare) },
    ]),
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

/**
 * Both sides on fresh stacks, each command of one right after that of the other.
 *
 * @param {string} engine
 * @param {number} round
 * @param {Record<"up" | "preview" | "refresh", {ours: number[], bare: number[]}>} seconds
 */
function timeRound(engine, round, seconds) {
  const projects = {
    ours: openProject(engine, { "index.js": programs.ours }),
    bare: openProject(engine, { "index.js": programs.bare, "nothing.js": nothing }),
  };
  const order = /** @type {("ours" | "bare")[]} */ (round % 2 === 0 ? ["ours", "bare"] : ["bare", "ours"]);
  try {
    for (const command of /** @type {("up" | "preview" | "refresh")[]} */ (Object.keys(commands))) {
      for (const side of order) seconds[command][side].push(projects[side].pulumi(commands[command]));
      const [ours = 0, bare = 0] = [seconds[command].ours.at(-1), seconds[command].bare.at(-1)];
      process.stderr.write(
        `round ${round + 1} of ${rounds}, ${command}: ours ${ours.toFixed(1)} s, bare ${bare.toFixed(1)} s\n`,
      );
    }
  } finally {
    projects.ours.remove();
    projects.bare.remove();
  }
}
