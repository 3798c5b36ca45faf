import { controls } from "./controls";
import { frameworks } from "./frameworks";
import { controlIds, frameworkIds } from "./ids";

/** `docs/controls.md`: the tables of controls and frameworks, as they are. */
export function describeControlsPage(): string {
  return [
    "# Controls",
    "",
    "What a stack's declarations can be held against. Controls have names of their own; those of frameworks are mappings, so that people find",
    "theirs. This page is written from the tables in `provider/guard/controls` (`npm run docs:controls`).",
    "",
    usage,
    "",
    "## Controls",
    "",
    "| control | what it asks | level | figures |",
    "|---|---|---|---|",
    ...controlIds.map((id) => {
      const { asks, level, defaults } = controls[id];
      const figures = Object.entries(defaults).map(([key, value]) => `\`${key}: ${JSON.stringify(value)}\``);
      return `| \`${id}\` | ${asks} | ${level} | ${figures.join(", ")} |`;
    }),
    "",
    "## Frameworks",
    "",
    "`framework` switches on what a framework asks for, as mandatory, with its figures, and everything else off. `controls` goes on top of it.",
    "",
    ...frameworkIds.flatMap((id) => [
      `### \`${id}\`: ${frameworks[id].title}`,
      "",
      "| its name | control | figures |",
      "|---|---|---|",
      ...frameworks[id].mappings.map(({ name, control, settings = {} }) => {
        const figures = Object.entries(settings).map(([key, value]) => `\`${key}: ${JSON.stringify(value)}\``);
        return `| ${name} | \`${control}\` | ${figures.join(", ")} |`;
      }),
      "",
    ]),
    whatIsRead,
    "",
  ].join("\n");
}

const usage = `\`\`\`ts
// policies/index.ts, beside a PulumiPolicy.yaml; run by pulumi preview --policy-pack policies
import { BackupPosturePack } from "pulumi-backup-posture/policy-pack";

new BackupPosturePack("backups", {
  framework: "cis-v8",
  controls: { "retention-floor": { level: "mandatory", atLeast: "90d" }, "off-site": "advisory" },
  places: { "/backup": { encrypted: true, isolated: true, deletionGuarded: true } },
  process: { document: "https://wiki.example.com/backup", reviewedOn: "2026-09-01" },
  waivers: [
    { control: "restore-tested", resource: "scratch", reason: "is built anew", owner: "storage team", expires: "2027-03-31" },
  ],
});
\`\`\`

It needs \`@pulumi/policy\` (1.21 or newer) beside it; \`examples/policy-pack\` is a whole one. \`backupPosturePolicies(settings)\` gives the policies
for a pack of your own. Levels and figures can be set by \`--policy-pack-config\` as well.

* **Levels.** \`mandatory\` fails, \`advisory\` warns, \`disabled\` is not looked at.
* **Places.** A declaration does not show whether a disk is encrypted or in another building: \`places\` says so in code, by path of a store or
  name of a vault; the longest path that holds a store counts. What is not said is taken for not so. A [copy](copies.md) says of itself at which
  \`site\` and on which \`medium\` it lies, and whether it is \`immutable\`, \`isolated\`, \`encrypted\` or \`deletionGuarded\`; \`places\` goes before that.
* **Waivers** name the control, the resource (left out: all), the reason, who answers for it, and the last day on which they hold. A
  finding whose waiver has expired fails, whatever the control's level.
* **What is not known before \`up\`** is passed over: nothing is concluded from it.
* **Declarations, not observations.** A policy pack sees what is declared. Whether backups are fresh and restores fast enough is observed, by
  [the gate](gate.md) and by every preview with refresh.`;

const whatIsRead = `## What is read

| resource | properties |
|---|---|
| \`BackupSchedule\` | \`when\`, \`keep\`, \`rpo\`, \`grace\`, \`expectedDuration\`, \`paused\`, \`sources\`, \`store\`, \`copies\` |
| \`RestoreTarget\` | \`from\`, \`drill\`, \`maxRestoreTime\` |
| \`FileShareSnapshot\` | \`share\`, \`verify\` |
| \`LyncBackupPosture\` | \`coverage\` |
| \`azure-native:recoveryservices:Vault\` | \`vaultName\`, \`securitySettings.softDeleteSettings.softDeleteState\`, \`securitySettings.immutabilitySettings.state\`, \`redundancySettings.standardTierStorageRedundancy\` |
| \`azure-native:recoveryservices:ProtectionPolicy\` | \`policyName\`, \`schedulePolicy\`, \`retentionPolicy\`, \`vaultRetentionPolicy\` |
| \`azure-native:recoveryservices:ProtectedItem\` | \`vaultName\`, \`protectedItemName\`, \`policyId\`, \`sourceResourceId\`, \`friendlyName\` |
| \`azure-native:recoveryservices:ResourceGuardProxy\` | that it is there |
| \`azure-native:storage:FileShare\` | \`shareName\` |

Versions in type tokens (\`azure-native:recoveryservices/v20240401:Vault\`) make no difference. Recovery points of a policy without a vault tier lie
beside the share: they are neither off-site nor immutable nor isolated.`;
