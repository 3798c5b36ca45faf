// `npm run drift`: tampers with the quickstart's posture in five ways behind Pulumi's back, then shows what a preview says of
// each, how `up` repairs them, and that the preview is clean afterwards.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { engineEnvironment } from "./engine/environment.cjs";
import { run } from "./set-up/processes.mjs";
import { root, runMain, setUpWithEngine } from "./set-up/set-up.mjs";
import { SetUpError } from "./set-up/set-up-error.mjs";

const stack = ["--stack", "quickstart"];

runMain(async () => {
  const engine = await setUpWithEngine();
  const options = { cwd: root, env: engineEnvironment(root, engine) };
  const posture = findPosture(options);
  title("Tampering, behind Pulumi's back");
  for (const { says, does } of tamperings) {
    does(posture);
    process.stdout.write(`  - ${says}\n`);
  }
  title("pulumi preview --diff   what the reviewer sees");
  const seen = await run(
    ["pulumi", "preview", "--diff", "--suppress-outputs", "--expect-no-changes", ...stack],
    options,
  );
  if (seen !== 0)
    process.stdout.write(
      "\nThat error is meant: with --expect-no-changes a pipeline stops here, and a person looks.\n",
    );
  title("pulumi up   repairs it");
  const repaired = await run(["pulumi", "up", "--yes", "--skip-preview", "--suppress-outputs", ...stack], options);
  title("pulumi preview --expect-no-changes   is it clean?");
  const clean = await run(["pulumi", "preview", "--suppress-outputs", "--expect-no-changes", ...stack], options);
  const held = seen !== 0 && repaired === 0 && clean === 0;
  title(held ? "Seen, repaired, clean." : "That did not go as it should: see above.");
  return held ? 0 : 1;
});

/**
 * Where the quickstart's parts are, as its state tells.
 *
 * @typedef {{job: string, entry: string, snapshots: string, restore: string}} Posture
 * @param {import("node:child_process").SpawnSyncOptions} options
 * @returns {Posture}
 */
function findPosture(options) {
  const answer = spawnSync("pulumi", ["stack", "export", ...stack], { ...options, encoding: "utf8" });
  const resources = answer.status === 0 ? (JSON.parse(answer.stdout).deployment.resources ?? []) : [];
  const find = (/** @type {string} */ name) =>
    resources.find((/** @type {{urn: string}} */ { urn }) => urn.endsWith(`::${name}`));
  const schedule = find("file-store");
  const snapshot = find("before-migration");
  const target = find("file-store-restore");
  if (schedule === undefined || snapshot === undefined || target === undefined)
    throw new SetUpError("There is nothing to tamper with yet. Run `npm start` first.", 2);
  return {
    job: join(schedule.inputs.home, "jobs", `${schedule.id}.json`),
    entry: join(schedule.inputs.home, "scheduler", "entries", `${schedule.id}.json`),
    snapshots: snapshot.inputs.store.path,
    restore: target.inputs.to,
  };
}

/** @type {readonly {says: string, does: (posture: Posture) => void}[]} */
const tamperings = [
  { says: "the nightly backup is moved from 01:00 to 05:00", does: ({ job }) => edit(job, "0 1 * * *", "0 5 * * *") },
  { says: "its retention is cut from 14 days to 2", does: ({ job }) => edit(job, '"daily": 14', '"daily": 2') },
  {
    says: "its entry in the scheduler is disabled",
    does: ({ entry }) => edit(entry, '"enabled": true', '"enabled": false'),
  },
  { says: "one bit of the snapshot flips on the disk", does: ({ snapshots }) => flipBit(join(snapshots, "packs")) },
  {
    says: "the folder for restores is removed",
    does: ({ restore }) => rmSync(restore, { recursive: true, force: true }),
  },
];

/** @param {string} path @param {string} from @param {string} to */
function edit(path, from, to) {
  writeFileSync(path, readFileSync(path, "utf8").replace(from, to));
}

/** @param {string} folder The first file of it is changed. */
function flipBit(folder) {
  const [name = ""] = readdirSync(folder).sort();
  const bytes = readFileSync(join(folder, name));
  const middle = Math.floor(bytes.length / 2);
  bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle);
  writeFileSync(join(folder, name), bytes);
}

/** @param {string} text */
function title(text) {
  process.stdout.write(`\n=== ${text}\n\n`);
}
