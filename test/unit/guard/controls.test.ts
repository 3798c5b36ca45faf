import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describeControlsPage } from "../../../provider/guard/controls/controls-page";
import { frameworks } from "../../../provider/guard/controls/frameworks";
import { controlIds } from "../../../provider/guard/controls/ids";
import { judge, listControls } from "../../../provider/guard/controls/judge";
import { type PlainResource, reveal } from "../../../provider/guard/controls/properties";
import { type ControlsSettings, parseSettings } from "../../../provider/guard/controls/settings";

const now = new Date("2026-11-19T12:00:00Z");
const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** Every name of the controls table that people look for. */
const names = {
  "aws-backup-audit-manager": [
    "BACKUP_RESOURCES_PROTECTED_BY_BACKUP_PLAN",
    "BACKUP_PLAN_MIN_FREQUENCY_AND_MIN_RETENTION_CHECK",
    "BACKUP_RECOVERY_POINT_MINIMUM_RETENTION_CHECK",
    "BACKUP_RECOVERY_POINT_MANUAL_DELETION_DISABLED",
    "BACKUP_RECOVERY_POINT_ENCRYPTED",
    "BACKUP_RESOURCES_PROTECTED_BY_CROSS_REGION",
    "BACKUP_RESOURCES_PROTECTED_BY_CROSS_ACCOUNT",
    "BACKUP_RESOURCES_PROTECTED_BY_BACKUP_VAULT_LOCK",
    "BACKUP_LAST_RECOVERY_POINT_CREATED",
    "RESTORE_TIME_FOR_RESOURCES_MEET_TARGET",
    "RESOURCES_IN_LOGICALLY_AIR_GAPPED_VAULT",
  ],
  "cis-v8": ["11.1", "11.2", "11.3", "11.4", "11.5"],
  "nist-800-53r5": ["CP-4", "CP-6", "CP-9", "CP-9(1)", "CP-9(2)", "CP-9(3)", "CP-9(8)", "CP-10", "CP-10(4)"],
  "iso-27001-2022": ["A.8.13", "A.8.14", "A.5.30"],
  dora: ["Art. 11", "Art. 12"],
  "3-2-1-1-0": ["3 copies", "2 media", "1 off-site", "1 offline or immutable", "0 errors"],
} as const;

describe("frameworks", () => {
  it.each(Object.entries(names))("%s: every name is mapped, and no other", (id, expected) => {
    const { mappings } = Object.entries(frameworks).find(([each]) => each === id)![1];
    expect([...new Set(mappings.map(({ name }) => name))].sort()).toEqual([...expected].sort());
  });

  it("switches on what it asks for, with its figures, and all else off; the controls' own settings go on top", () => {
    const settings = parseSettings({
      framework: "cis-v8",
      controls: { frequency: { atMost: "2d" }, copies: "advisory" },
    });
    const effective = new Map(listControls(settings).map(({ id, level, settings: own }) => [id, { level, ...own }]));
    expect(effective.get("restore-tested")).toMatchObject({ level: "mandatory", atMost: "90d" });
    expect(effective.get("process-reviewed")).toMatchObject({ level: "mandatory", atMost: "365d" });
    expect(effective.get("frequency")).toMatchObject({ level: "mandatory", atMost: "2d" });
    expect(effective.get("copies")).toMatchObject({ level: "advisory", count: 3 });
    expect(effective.get("off-site")).toMatchObject({ level: "disabled" });
  });
});

describe("settings", () => {
  it.each([
    [{ framework: "cis" }, "framework: "],
    [{ controls: { frequencies: "mandatory" } }, "controls"],
    [{ controls: { frequency: { atMost: "daily" } } }, "controls.frequency"],
    [{ waivers: [{ control: "fresh", reason: "", owner: "me", expires: "soon" }] }, "waivers.0.reason: "],
  ])("%j is refused, by its path", (settings, message) => {
    expect(() => parseSettings(settings)).toThrow(message);
  });
});

describe("what is not known before up", () => {
  it("is passed over by every control", () => {
    const nothing = { when: unknown, sources: unknown, store: unknown, keep: unknown, rpo: unknown, grace: unknown };
    const resources = [
      posture("BackupSchedule", "schedule", { id: "schedule", ...nothing }),
      posture("RestoreTarget", "target", { from: unknown, drill: unknown, maxRestoreTime: unknown }),
      posture("FileShareSnapshot", "snapshot", { share: unknown, verify: unknown }),
      resource("azure-native:storage:FileShare", "share", { shareName: unknown }),
      resource("azure-native:recoveryservices:ProtectedItem", "item", { vaultName: unknown, properties: unknown }),
      resource("azure-native:recoveryservices:Vault", "one", { properties: unknown }),
      resource("azure-native:recoveryservices:Vault", "other", { properties: unknown }),
    ];
    const controls = Object.fromEntries(controlIds.map((id) => [id, "mandatory"]));
    const process = { document: "x", reviewedOn: "2026-11-01" };
    expect(judge(resources, parseSettings({ controls, process }), now)).toEqual([]);
  });

  it("is unknown as well where looking at it throws", () => {
    const throwing = {
      known: [1, { inner: true }],
      get unknown(): string {
        throw new Error("not now");
      },
    };
    const revealed = reveal(throwing);
    expect(revealed.known).toEqual([1, { inner: true }]);
    expect(typeof revealed.unknown).toBe("symbol");
  });
});

describe("waivers", () => {
  const resources = [posture("BackupSchedule", "files", { when: { cron: "0 1 * * 0" }, rpo: "8d", grace: "1h" })];
  const waiver = { control: "frequency", reason: "small", owner: "me", expires: "2026-11-19" };
  const states = (waivers: unknown) => {
    const controls = { "restore-tested": "disabled", verified: "disabled", frequency: "advisory" };
    return judge(resources, parseSettings({ controls, waivers }), now).map(({ state, level }) => `${level} ${state}`);
  };

  it.each([
    ["none", [], "advisory open"],
    ["one on its last day", [waiver], "advisory waived"],
    ["one of yesterday", [{ ...waiver, expires: "2026-11-18" }], "mandatory expired"],
    ["an old and a new one", [{ ...waiver, expires: "2026-11-18" }, waiver], "advisory waived"],
    ["one of another resource", [{ ...waiver, resource: "mail" }], "advisory open"],
    ["one by name", [{ ...waiver, resource: "files" }], "advisory waived"],
    ["one by URN", [{ ...waiver, resource: "urn:files" }], "advisory waived"],
  ])("%s", (_what, waivers, state) => {
    expect(states(waivers)).toEqual([state]);
  });
});

describe("copies", () => {
  const declared = (copies: object) =>
    posture("BackupSchedule", "files", {
      id: "files",
      when: { cron: "0 1 * * *" },
      sources: { files: { kind: "file-share", path: "/srv/files" } },
      store: { kind: "directory", path: "/backup/files" },
      copies,
    });
  const at = (path: string, more: object = {}) => ({ store: { kind: "directory", path }, ...more });
  const findings = (copies: object, places: ControlsSettings["places"] = {}) => {
    const controls = Object.fromEntries(
      ["copies", "media", "off-site", "immutable", "isolated", "encrypted", "deletion-guarded"].map((id) => [
        id,
        "mandatory",
      ]),
    );
    const own = { encrypted: true, deletionGuarded: true };
    const settings = parseSettings({ controls, places: { "/backup": own, ...places } });
    return judge([declared(copies)], settings, now)
      .map(({ control }) => control)
      .filter((control) => control in controls);
  };
  const everything = {
    site: "Frankfurt",
    medium: "tape",
    immutable: true,
    isolated: true,
    encrypted: true,
    deletionGuarded: true,
  };

  it.each([
    ["none", {}, ["off-site", "immutable", "isolated", "copies", "media"]],
    ["one that is everything", { offsite: at("/mnt/tape", everything) }, []],
    [
      "one of which nothing is said",
      { second: at("/mnt/second") },
      ["encrypted", "off-site", "immutable", "isolated", "media", "deletion-guarded"],
    ],
    [
      "two, one for each",
      { tape: at("/a", { ...everything, site: undefined }), away: at("/b", { ...everything, medium: "disk" }) },
      [],
    ],
    ["one at the original's own site", { tape: at("/a", { ...everything, site: undefined }) }, ["off-site"]],
    ["one that can be changed", { tape: at("/a", { ...everything, immutable: false }) }, ["immutable"]],
    ["one within the same reach", { tape: at("/a", { ...everything, isolated: undefined }) }, ["isolated"]],
    ["one on disk", { away: at("/a", { ...everything, medium: undefined }) }, ["media"]],
    ["one that is not known yet", { away: unknown }, ["off-site", "immutable", "isolated", "copies", "media"]],
  ])("%s", (_what, copies, expected) => {
    expect(findings(copies)).toEqual(expected);
  });

  it("of which the settings say otherwise", () => {
    const { site, ...facts } = everything;
    expect(site).toBe("Frankfurt");
    const copies = { offsite: at("/mnt/tape", everything) };
    expect(findings(copies, { "/mnt/tape": { immutable: false, medium: "disk" } })).toEqual(["immutable", "media"]);
    expect(findings({ offsite: at("/mnt/tape") }, { "/mnt/tape": { ...facts, offSite: true } })).toEqual([]);
  });
});

describe("Azure", () => {
  const item = resource("azure-native:recoveryservices:ProtectedItem", "item", {
    vaultName: "vault",
    protectedItemName: "AzureFileShare;finance",
    properties: { policyId: "/x/backupPolicies/policy" },
  });
  const vault = (properties: object) =>
    resource("azure-native:recoveryservices:Vault", "vault", { vaultName: "vault", properties });
  const policy = (properties: object) =>
    resource("azure-native:recoveryservices/v20240401:ProtectionPolicy", "policy", {
      policyName: "policy",
      properties,
    });
  const days = (count: number) => ({ dailySchedule: { retentionDuration: { count, durationType: "Days" } } });
  const locked = { securitySettings: { immutabilitySettings: { state: "Locked" } } };
  const geo = { redundancySettings: { standardTierStorageRedundancy: "GeoRedundant" } };

  it.each([
    ["frequency", [policy({ schedulePolicy: { scheduleRunFrequency: "Weekly" } })], 1],
    ["frequency", [policy({ schedulePolicy: { scheduleRunFrequency: "Hourly", hourlySchedule: { interval: 4 } } })], 0],
    ["retention-floor", [policy({ retentionPolicy: days(30) })], 1],
    ["retention-floor", [policy({ retentionPolicy: days(35) })], 0],
    ["retention-floor", [policy({ vaultRetentionPolicy: { vaultRetention: days(20) }, retentionPolicy: days(90) })], 1],
    ["immutable", [policy({ retentionPolicy: days(30) }), vault(locked)], 1],
    ["immutable", [policy({ vaultRetentionPolicy: { vaultRetention: days(30) } }), vault(locked)], 0],
    ["off-site", [policy({ vaultRetentionPolicy: {} }), vault({})], 1],
    ["off-site", [policy({ vaultRetentionPolicy: {} }), vault(geo)], 0],
    ["deletion-guarded", [vault({ securitySettings: { softDeleteSettings: { softDeleteState: "Disabled" } } })], 1],
    ["deletion-guarded", [vault({ securitySettings: { softDeleteSettings: { softDeleteState: "Enabled" } } })], 0],
    ["covered", [resource("azure-native:storage:FileShare", "share", { shareName: "other" })], 1],
    ["covered", [resource("azure-native:storage:FileShare", "share", { shareName: "finance" })], 0],
  ] as const)("%s of %j", (control, resources, findings) => {
    const settings: ControlsSettings = { controls: { [control]: "mandatory" } };
    const found = judge([item, ...resources], settings, now).filter((finding) => finding.control === control);
    expect(found).toHaveLength(findings);
  });
});

it("is written down in docs/controls.md as it is (npm run docs:controls)", () => {
  expect(readFileSync(join(__dirname, "../../../docs/controls.md"), "utf8")).toBe(describeControlsPage());
});

function posture(kind: string, name: string, properties: object): PlainResource {
  return resource(`pulumi-nodejs:dynamic/backup-posture:${kind}`, name, properties);
}

function resource(type: string, name: string, properties: object): PlainResource {
  return { urn: `urn:${name}`, type, name, properties: reveal(properties) };
}
