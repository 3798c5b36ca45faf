// `npm run bench:gate`: what the gate takes, against a bare `pulumi preview --refresh` of the same stack, in turns in one run.
//   --resources N   how many schedules (300)      --rounds N   how often (5)      --json FILE   the figures as JSON
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { runMain, setUpWithEngine } from "../../scripts/set-up/set-up.mjs";
import { cli, median, medianRatio, openProject } from "./project.mjs";

const { values } = parseArgs({
  options: {
    resources: { type: "string", default: "300" },
    rounds: { type: "string", default: "5" },
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

const sides = {
  preview: ["pulumi", "preview", "--refresh", "--stack", "bench", "--non-interactive"],
  gate: [process.execPath, cli, "gate", "--on", "pr", "--stack", "bench"],
};

runMain(async () => {
  const project = openProject(await setUpWithEngine(), { "index.js": program });
  try {
    project.pulumi(["up", "--yes", "--skip-preview"]);
    /** @type {Record<"preview" | "gate", number[]>} */
    const seconds = { preview: [], gate: [] };
    for (let round = 0; round < rounds; round++) {
      const order = /** @type {("preview" | "gate")[]} */ (round % 2 === 0 ? ["preview", "gate"] : ["gate", "preview"]);
      // 3: the schedules have no drill, which the gate says of every one.
      for (const side of order) seconds[side].push(project.time(sides[side], [0, 3]));
      const [preview = 0, gate = 0] = [seconds.preview.at(-1), seconds.gate.at(-1)];
      process.stderr.write(
        `round ${round + 1} of ${rounds}: preview ${preview.toFixed(1)} s, gate ${gate.toFixed(1)} s\n`,
      );
    }
    const [preview, gate] = [median(seconds.preview), median(seconds.gate)];
    const ratio = medianRatio(seconds.gate, seconds.preview);
    process.stdout.write(
      `\n${resources} resources, median of ${rounds} rounds: gate ${gate.toFixed(1)} s, preview --refresh ${preview.toFixed(1)} s, ratio ${ratio.toFixed(2)}\n`,
    );
    if (values.json !== undefined)
      writeFileSync(values.json, `${JSON.stringify({ resources, rounds, preview, gate, ratio, seconds }, null, 2)}\n`);
    return 0;
  } finally {
    project.remove();
  }
});
