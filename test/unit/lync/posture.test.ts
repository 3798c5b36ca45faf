import { EventEmitter, once } from "node:events";
import * as pulumi from "@pulumi/pulumi";
import { LyncBackupPosture, type LyncBackupPostureArgs } from "../../../provider/index";
import type { Topology } from "../../../provider/lync/topology";
import { exampleTopology } from "../../fixtures/windows/deployment";

interface Made {
  readonly type: string;
  readonly name: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

const made: Made[] = [];
/** Tells of each resource, by its name, once it is registered. */
const appeared = new EventEmitter();
let topology: Topology;

beforeAll(async () => {
  await pulumi.runtime.setMocks({
    newResource: ({ type, name, inputs }) => {
      made.push({ type, name, inputs: inputs as Made["inputs"] });
      appeared.emit(name);
      return { id: `id-of-${name}`, state: inputs as Record<string, unknown> };
    },
    call: ({ inputs }) => inputs as Record<string, unknown>,
  });
  topology = await exampleTopology("two-pools-mirrored");
});

beforeEach(() => {
  made.length = 0;
  jest.spyOn(console, "warn").mockImplementation();
});
afterEach(() => {
  jest.restoreAllMocks();
});

const store = { kind: "directory", path: "/backup" } as const;
const evidence = { what: "a report", at: "2026-11-01T00:00:00Z", until: "2026-12-01T00:00:00Z" };

/** Everything that the component declares, once its outputs are known. */
async function declare(args: Partial<LyncBackupPostureArgs> = {}) {
  const posture = new LyncBackupPosture("lync", { topology, store, databases: { folder: "/handover" }, ...args });
  const outputs = pulumi.all([posture.coverage, posture.permissions, posture.runbook, posture.scheduleIds]);
  const known = await new Promise<pulumi.Unwrap<typeof outputs>>((resolve) => {
    outputs.apply(resolve);
  });
  return { coverage: known[0], permissions: known[1], runbook: known[2], scheduleIds: known[3] };
}

const find = (name: string) => made.find((resource) => resource.name === name)?.inputs;

describe("the posture of a Lync deployment", () => {
  it("has a schedule for each tier, and no more than is deployed and declared", async () => {
    const { scheduleIds } = await declare();
    expect(Object.keys(scheduleIds).sort()).toEqual([
      "lync-persistent-chat",
      "lync-response-groups",
      "lync-settings",
      "lync-user-data",
    ]);
    expect(scheduleIds["lync-settings"]).toBe("id-of-lync-settings");
    expect(find("lync-user-data")?.sources).toEqual({
      "user-data-pool01.contoso.com": userData("pool01.contoso.com"),
      "user-data-pool02.contoso.com": userData("pool02.contoso.com"),
      "user-data-se01.contoso.com": userData("se01.contoso.com"),
    });
  });

  it("asks regulation for Archiving and Monitoring, and leaves out what is declared to be left out", async () => {
    const tiers = { archiving: { when: { cron: "0 4 * * *" } }, persistentChat: "none" } as const;
    const { coverage, scheduleIds } = await declare({ tiers });
    expect(Object.keys(scheduleIds)).toContain("lync-archiving");
    const uncovered = coverage.filter(({ state }) => state.kind === "uncovered").map(({ item }) => item);
    expect(uncovered).toEqual(expect.arrayContaining(["monitoring-cdr", "monitoring-qoe", "persistent-chat"]));
    expect(uncovered).not.toContain("archiving");
    await expect(declare({ tiers: { monitoring: {} } })).rejects.toThrow("tiers.monitoring.when: is missing");
  });

  it("reads file stores by robocopy, or where they are mounted", async () => {
    await declare({ mounts: { west: "/mnt/west" } });
    expect(find("lync-settings")?.sources).toMatchObject({
      "file-store-east": { kind: "lync-file-store", path: "\\\\fs01.contoso.com\\LyncShare" },
      "file-store-west": { kind: "file-share", path: "/mnt/west", workload: "lync" },
    });
  });

  it("watches everything whose time runs out, and the changes that the pages name", async () => {
    await declare({
      evidence: {
        "active-directory": { what: "system state", command: ["last-backup"], maxAge: "26h" },
        certificates: evidence,
      },
      waivers: { "user-data:se01.contoso.com": { by: "me", reason: "x", until: "2026-12-24T00:00:00Z" } },
      maxSkew: "6h",
    });
    expect(find("lync-settings")?.outside).toEqual({
      "active-directory": { kind: "probe", command: ["last-backup"], maxAge: "26h", within: "6h" },
      certificates: { kind: "evidence", at: evidence.at, until: evidence.until },
      "waiver-user-data-se01.contoso.com": { kind: "waiver", until: "2026-12-24T00:00:00Z" },
    });
    expect(find("lync-settings")?.afterChange).toEqual({ settings: { kind: "lync-settings", product: "lync2013" } });
    expect(Object.keys(find("lync-response-groups")?.afterChange ?? {})).toEqual([
      "response-groups-pool01.contoso.com",
      "response-groups-pool02.contoso.com",
    ]);
    expect(find("lync-user-data")).not.toHaveProperty("afterChange");
  });

  it("rehearses the restore of each tier in a folder of its own", async () => {
    const both = Promise.all([once(appeared, "lync-archiving-restore"), once(appeared, "lync-user-data-restore")]);
    await declare({ restore: { to: "/restore" }, tiers: { archiving: { when: { cron: "0 4 * * *" } } } });
    await both;
    expect(find("lync-archiving-restore")).toMatchObject({
      from: { store, schedule: "id-of-lync-archiving" },
      to: "/restore/archiving",
      drill: { every: "90d", checks: { "database-LcsLog": { kind: "file-present", path: "LcsLog.bak" } } },
    });
    expect(find("lync-user-data-restore")?.drill).toMatchObject({
      checks: {
        "user-data-se01.contoso.com": { kind: "file-present", path: "user-data-se01.contoso.com/user-data.zip" },
      },
    });
  });

  it("tells what each account must be granted, and how to restore", async () => {
    const { permissions, runbook } = await declare();
    expect(permissions.map(({ schedule }) => schedule)).toEqual(expect.arrayContaining(["lync-persistent-chat"]));
    expect(runbook).toContain("# Backup and restore runbook");
    expect(runbook).toContain("lync-user-data");
  });

  it("is an error under strict while anything is uncovered, and names all of it", async () => {
    await expect(declare({ strict: true })).rejects.toThrow(/items are uncovered: .*Archiving.*Active Directory/s);
  });

  it.each([
    ["a topology that contradicts itself", { fileStores: {} }, /topology: .*fileStore.*must name one of fileStores/],
    ["a topology that is none", { product: "exchange" }, /topology: .*product: must be one of/],
  ])("%s is refused by its path", async (_, change, message) => {
    const wrong = { ...topology, ...change } as unknown as Topology;
    await expect(declare({ topology: wrong })).rejects.toThrow(message);
  });

  it("databases without a folder that SQL Server can write are refused", async () => {
    const attempt = async () =>
      new LyncBackupPosture("lync", { topology, store, tiers: { archiving: { when: { cron: "0 4 * * *" } } } });
    await expect(attempt()).rejects.toThrow("databases: is missing");
  });
});

function userData(pool: string) {
  return { kind: "lync-export", product: "lync2013", export: { kind: "user-data", pool } };
}
