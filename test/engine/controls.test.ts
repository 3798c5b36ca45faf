import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { controlIds } from "../../provider/guard/controls/ids";
import type { ControlsSettings } from "../../provider/guard/controls/settings";
import { checkout, expectSuccess, makeStack, type ResourceSpec, type Stack, type Told } from "./stack";

type Settings = Record<string, unknown>;

/** On the day on which waivers and reviews are judged. */
const today = "2026-11-19T12:00:00Z";

/** Every control as mandatory. */
const all = Object.fromEntries(controlIds.map((id) => [id, "mandatory"]));

/** For every control: a stack that satisfies it, one that does not, one whose findings are waived, and one whose waivers have expired. */
describe("the policy pack, on the engine", () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await makeStack();
  }, 120_000);

  afterAll(() => stack.remove());

  it("passes a stack that satisfies every control", async () => {
    await stack.declare(satisfying());
    const told = await judgeBy({
      controls: all,
      places: {
        "/backup": { encrypted: true, offSite: true, immutable: true, isolated: true, deletionGuarded: true },
        "/tape": { medium: "tape", encrypted: true, deletionGuarded: true },
      },
      process: { document: "https://wiki.example.com/backup", reviewedOn: "2026-01-01" },
    });
    expectSuccess(told);
    expect(violations(told)).toEqual([]);
  }, 300_000);

  it("fails a stack that does not, for each control with what was found and what would satisfy it", async () => {
    await stack.declare(lacking());
    const told = await judgeBy({ controls: all });
    expect(told.exitCode).not.toBe(0);
    for (const id of controlIds)
      expect(told.text).toMatch(new RegExp(`\\[${id}\\] [\\w ]+: .*\\. To satisfy it: .*\\.`));
    expect(told.text).toContain(
      "[frequency] lacking: up to 7d lie between two runs. To satisfy it: run at least every 1d.",
    );
    expect(told.text).toContain("[covered] vault-less: the Azure file share finance has no protected item.");
    expect(told.text).toContain("[covered] pool: Response Groups (pool01): no schedule exports them.");
    expect(told.text).toContain("CIS Controls v8 11.5");
  }, 300_000);

  it("passes it while its findings are waived", async () => {
    await stack.declare(lacking());
    expectSuccess(await judgeBy({ controls: all, waivers: waive("2026-11-19") }));
  }, 300_000);

  it("fails it once the waivers have expired, whatever the controls' levels", async () => {
    await stack.declare(lacking());
    const advisory = Object.fromEntries(controlIds.map((id) => [id, "advisory"]));
    const told = await judgeBy({ controls: advisory, waivers: waive("2026-11-18") });
    expect(told.exitCode).not.toBe(0);
    expect([...new Set(violations(told))].sort()).toEqual([...controlIds].sort());
    expect(told.text).toContain("The waiver of the storage team (it is a test) expired on 2026-11-18.");
  }, 300_000);

  it("runs from a folder that requires it, with a framework's set", async () => {
    await stack.declare(lacking());
    const told = await stack.pulumi(["preview", "--policy-pack", join(checkout, "examples/policy-pack")], today);
    expect(told.exitCode).not.toBe(0);
    expect(told.text).toContain("[restore-tested] lacking: no drill restores what it takes.");
    expect(told.text).not.toContain("[off-site]");
  }, 300_000);

  async function judgeBy(settings: Settings): Promise<Told> {
    const pack = join(stack.root, "pack");
    await mkdir(pack, { recursive: true });
    await symlink(join(checkout, "node_modules"), join(pack, "node_modules")).catch(() => undefined);
    await writeFile(join(pack, "PulumiPolicy.yaml"), "runtime: nodejs\n");
    await writeFile(join(pack, "package.json"), '{ "main": "index.js", "version": "1.0.0" }');
    await writeFile(
      join(pack, "index.js"),
      `const { BackupPosturePack } = require("pulumi-backup-posture/policy-pack");
      new BackupPosturePack("posture", ${JSON.stringify(settings)});`,
    );
    return stack.pulumi(["preview", "--policy-pack", pack], today);
  }
});

/** The controls of all violations, one for each. */
function violations({ text }: Told): readonly string[] {
  return [...text.matchAll(/^\s+\[([a-z-]+)\] /gm)].map(([, id = ""]) => id);
}

function waive(expires: string): NonNullable<ControlsSettings["waivers"]> {
  return controlIds.map((control) => ({ control, reason: "it is a test", owner: "the storage team", expires }));
}

function satisfying(): Record<string, ResourceSpec> {
  const schedule = (path: string): ResourceSpec => ({
    kind: "BackupSchedule",
    args: {
      when: { cron: "0 1 * * *", timeZone: "Europe/Berlin" },
      sources: { files: { kind: "file-share", path: "/srv/files" } },
      store: { kind: "directory", path },
      keep: { daily: 14, monthly: 3 },
      rpo: "26h",
    },
  });
  const target = (of: string): ResourceSpec => ({
    kind: "RestoreTarget",
    args: {
      from: { store: { $ref: `${of}.store` }, schedule: { $ref: `${of}.id` } },
      to: `/srv/restore/${of}`,
      drill: { every: "30d" },
      maxRestoreTime: "4h",
    },
  });
  return {
    near: schedule("/backup/files"),
    far: schedule("/tape/files"),
    "near-restore": target("near"),
    "far-restore": target("far"),
    before: {
      kind: "FileShareSnapshot",
      args: {
        share: { path: "/srv/files/projects" },
        store: { kind: "directory", path: "/backup/before" },
        verify: "content",
      },
    },
    vault: stand("azure-native:recoveryservices:Vault", {
      vaultName: "vault",
      properties: {
        securitySettings: {
          immutabilitySettings: { state: "Locked" },
          softDeleteSettings: { softDeleteState: "AlwaysON" },
        },
        redundancySettings: { standardTierStorageRedundancy: "GeoRedundant" },
      },
    }),
    guard: stand("azure-native:recoveryservices:ResourceGuardProxy", { vaultName: "vault" }),
    policy: stand("azure-native:recoveryservices/v20240401:ProtectionPolicy", {
      policyName: "daily",
      properties: {
        schedulePolicy: { schedulePolicyType: "SimpleSchedulePolicy", scheduleRunFrequency: "Daily" },
        vaultRetentionPolicy: {
          vaultRetention: { dailySchedule: { retentionDuration: { count: 60, durationType: "Days" } } },
          snapshotRetentionInDays: 7,
        },
      },
    }),
    share: stand("azure-native:storage:FileShare", { shareName: "finance" }),
    item: stand("azure-native:recoveryservices:ProtectedItem", {
      vaultName: "vault",
      protectedItemName: "AzureFileShare;finance",
      properties: {
        protectedItemType: "AzureFileShareProtectedItem",
        policyId: "/subscriptions/x/backupPolicies/daily",
        sourceResourceId: "/subscriptions/x/storageAccounts/acme",
      },
    }),
    pool: stand("pulumi-backup-posture:lync:LyncBackupPosture", {
      coverage: [{ title: "Response Groups", subject: "pool01", state: { kind: "covered", by: ["near"] } }],
    }),
  };
}

function lacking(): Record<string, ResourceSpec> {
  return {
    lacking: {
      kind: "BackupSchedule",
      args: {
        when: { cron: "0 1 * * 0" },
        sources: { files: { kind: "file-share", path: "/srv/files" } },
        store: { kind: "directory", path: "/backup/files" },
        keep: { last: 3 },
        grace: "40d",
      },
    },
    untimed: {
      kind: "RestoreTarget",
      args: {
        from: { store: { kind: "directory", path: "/another" }, schedule: "another" },
        to: "/srv/restore",
        drill: { every: "200d" },
      },
    },
    alone: {
      kind: "FileShareSnapshot",
      args: { share: { path: "/srv/alone" }, store: { kind: "directory", path: "/backup/alone" } },
    },
    "vault-less": stand("azure-native:storage:FileShare", { shareName: "finance" }),
    pool: stand("pulumi-backup-posture:lync:LyncBackupPosture", {
      coverage: [
        { title: "Response Groups", subject: "pool01", state: { kind: "uncovered", why: "no schedule exports them" } },
      ],
    }),
  };
}

/** Resources of providers that are not installed here: what policies see of them. */
function stand(type: string, properties: Record<string, unknown>): ResourceSpec {
  return { kind: "Stand", args: { type, properties } };
}
