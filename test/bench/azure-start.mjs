// `npm run bench:azure`: what starting a program with pulumi-backup-posture/azure costs, beside azure-native's service modules alone.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const rounds = 9;
const most = 1.3;

const programs = {
  "azure-native's service modules alone":
    'require("@pulumi/pulumi"); require("@pulumi/azure-native/storage").StorageAccount; require("@pulumi/azure-native/recoveryservices").Vault;',
  "pulumi-backup-posture/azure": `require("@pulumi/pulumi"); require(${JSON.stringify(join(root, "provider/dist/azure/index.js"))}).AzureFileShareBackup;`,
};

if (!existsSync(join(root, "provider/dist/azure/index.js"))) throw new Error("build first: npm run build");

/** CPU time is what a program costs: what else the machine does is not in it. */
function measure(program) {
  const code = `${program} const { user, system } = process.resourceUsage ? { user: process.resourceUsage().userCPUTime, system: process.resourceUsage().systemCPUTime } : {}; console.log((user + system) / 1000);`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ["-e", code], { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return Number(stdout);
}

const times = Object.fromEntries(Object.keys(programs).map((name) => [name, []]));
for (const program of Object.values(programs)) measure(program);
for (let round = 0; round < rounds; round += 1)
  for (const [name, program] of Object.entries(programs)) times[name].push(measure(program));
const medians = Object.values(times).map((each) => each.sort((one, other) => one - other)[Math.floor(rounds / 2)]);
const [alone = 0, ours = 0] = medians;
for (const [at, name] of Object.keys(programs).entries())
  console.log(`${name}: ${medians[at]?.toFixed(0)} ms of CPU time, the median of ${rounds}`);
const ratio = ours / alone;
console.log(`ratio ${ratio.toFixed(2)}, at most ${most}: ${ratio <= most ? "kept" : "NOT kept"}`);
process.exitCode = ratio <= most ? 0 : 1;
