// `npm start`: sets up what is missing, then declares the quickstart's posture on this machine by a real `pulumi up`.
import { spawnSync } from "node:child_process";
import { relative } from "node:path";
import { engineEnvironment } from "./engine/environment.cjs";
import { run } from "./set-up/processes.mjs";
import { root, runMain, setUpWithEngine } from "./set-up/set-up.mjs";

const stack = "quickstart";

runMain(async () => {
  const engine = await setUpWithEngine();
  const options = { cwd: root, env: engineEnvironment(root, engine) };
  const selected = await run(["pulumi", "stack", "select", "--create", "--stack", stack], options);
  if (selected !== 0) return selected;
  process.stdout.write(`\npulumi up --stack ${stack}   (state in .posture/, your own Pulumi login is not touched)\n\n`);
  const code = await run(["pulumi", "up", "--yes", "--skip-preview", "--stack", stack], options);
  if (code !== 0) return code;
  describe(
    spawnSync("pulumi", ["stack", "output", "--json", "--stack", stack], { ...options, encoding: "utf8" }).stdout,
  );
  return 0;
});

/** The closing page. @param {string} outputs The stack's outputs as JSON. */
function describe(outputs) {
  const stands = JSON.parse(outputs);
  const command = `npx backup-posture --home ${relative(process.cwd(), stands.postureHome)}`;
  const tried = [
    { typed: "npm run drift", does: "tamper with it in five ways; see the preview name each, and `up` repair it" },
    { typed: "npm run pulumi -- preview --diff", does: "what a reviewer sees; any pulumi command works here" },
    { typed: `${command} status`, does: "the health of every job; list, verify, restore, doctor: --help" },
    { typed: `${command} agent`, does: "fires what is due, until you stop it: without it nothing runs at 01:00" },
    { typed: "npm run pulumi -- destroy", does: "take the jobs away again; recovery points and evidence stay" },
  ];
  const width = Math.max(...tried.map(({ typed }) => typed.length));
  process.stdout.write(`
What stands now:
  a schedule            ${stands.scheduleId}: nightly at 01:00; its first recovery set is taken (${stands.scheduleHealth})
  a snapshot            recovery point ${stands.snapshotPoint}, ${stands.snapshotFiles} files, kept out of every prune
  a restore target      drilled: restored, compared file by file, timed (${stands.restoreHealth})
  the posture home      ${stands.postureHome}: jobs, journal, evidence

What to try next:
${tried.map(({ typed, does }) => `  ${typed.padEnd(width)}   ${does}`).join("\n")}
`);
}
