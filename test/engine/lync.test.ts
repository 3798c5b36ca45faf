import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { SourceDeclaration } from "../../provider/sources/schema";
import { copyTree, type Deployment, deploy, exampleTopology } from "../fixtures/windows/deployment";
import type { FailureMode } from "../fixtures/windows/server";
import { checkout, expectSuccess, makeStack, type ResourceSpec, type Stack, type Told } from "./stack";

const declaredAt = "2026-11-19T12:00:00Z";
const changedAt = "2026-11-19T12:30:00Z";
const failedAt = "2026-11-19T14:00:00Z";
const expiredAt = "2027-02-01T00:00:00Z";

const pool = "pool01.contoso.com";
const backEnd = "sql01.contoso.com\\RTC";
const archive = { kind: "sql-server", server: "sql02.contoso.com", instance: "ARCHIVE", edition: "standard" } as const;

/** One way in which a program on Windows fails, and the source that meets it. */
interface FailureRow {
  readonly name: string;
  readonly source: (folder: string) => SourceDeclaration;
  readonly command: string;
  readonly mode: FailureMode;
}

const exported = (wanted: Extract<SourceDeclaration, { kind: "lync-export" }>["export"]) => () =>
  ({ kind: "lync-export", product: "sfb2015", export: wanted }) as const;

const configuration = exported({ kind: "configuration" });
const userData = exported({ kind: "user-data", pool });
const responseGroups = exported({ kind: "response-groups", pool });

const exportRows = (
  [
    ["configuration", "Export-CsConfiguration", configuration],
    ["location", "Export-CsLisConfiguration", exported({ kind: "location-information" })],
    ["user-data", "Export-CsUserData", userData],
    ["response-groups", "Export-CsRgsConfiguration", responseGroups],
  ] as const
).flatMap(([name, command, source]) =>
  (["error", "non-terminating", "silent", "empty-file", "truncated", "damaged"] as const).map((mode) => ({
    name: `${name}-${mode}`,
    command,
    source,
    mode,
  })),
);

const database = (folder: string) => ({ ...archive, database: "LcsLog", folder }) as const;
const fileStore = () => ({ kind: "lync-file-store", path: "\\\\fs01.contoso.com\\LyncShare" }) as const;

const failureRows: readonly FailureRow[] = [
  ...exportRows,
  {
    name: "configuration-other-file",
    command: "Export-CsConfiguration",
    source: configuration,
    mode: "wrong-content",
  },
  {
    name: "user-data-other-file",
    command: "Export-CsUserData",
    source: userData,
    mode: "wrong-content",
  },
  {
    name: "response-groups-services",
    command: "Get-CsService",
    source: responseGroups,
    mode: "error",
  },
  ...(["error", "silent", "empty-file", "truncated"] as const).map((mode) => ({
    name: `database-${mode}`,
    command: "BACKUP",
    source: database,
    mode,
  })),
  { name: "database-not-verified", command: "VERIFYONLY", source: database, mode: "silent" },
  ...(["some-files", "fatal", "silent"] as const).map((mode) => ({
    name: `file-store-${mode}`,
    command: "robocopy",
    source: fileStore,
    mode,
  })),
];

describe("a Lync deployment", () => {
  const { PATH } = process.env;
  let deployment: Deployment;
  let stack: Stack;
  let handover: string;

  beforeAll(async () => {
    deployment = await deploy(await exampleTopology("enterprise-pool"));
    const bin = join(deployment.folder, "bin");
    await mkdir(bin);
    await writeFile(
      join(bin, "backup-posture"),
      `#!/bin/sh\nexec "${process.execPath}" "${join(checkout, "provider/dist/cli/main.js")}" "$@"\n`,
      { mode: 0o755 },
    );
    Object.assign(process.env, deployment.environment, { PATH: `${bin}:${deployment.environment.PATH}` });
    stack = await makeStack();
    handover = join(stack.root, "handover");
    await mkdir(handover);
    await declare({});
  }, 300_000);

  afterAll(async () => {
    process.env.PATH = PATH;
    delete process.env.WINDOWS_STAND_IN;
    await stack.remove();
    await deployment.remove();
  });

  const declare = (more: Readonly<Record<string, unknown>>) =>
    stack.declare({
      lync: { kind: "LyncBackupPosture", args: { ...postureArgs(deployment, stack, handover), ...more } },
      ...Object.fromEntries(failureRows.map((row) => [`fails-${row.name}`, failingSchedule(stack, row, handover)])),
    });

  it("is refused under strict while something is uncovered, and each is named", async () => {
    await declare({ strict: true });
    const told = await stack.preview(declaredAt);
    expect(told.exitCode).not.toBe(0);
    expect(told.text).toMatch(
      /1 items? (is|are) uncovered: PSTN gateway configuration: uncovered: nobody has given evidence/,
    );
    await declare({});
  }, 300_000);

  it("is backed up by up, tier by tier, with a warning for what is uncovered, and nothing to do afterwards", async () => {
    const up = await stack.up(declaredAt);
    expectSuccess(up);
    expect(up.text).toContain("PSTN gateway configuration: uncovered: nobody has given evidence of its backup");
    const preview = await stack.preview(declaredAt);
    expectSuccess(preview);
    for (const tier of ["settings", "user-data", "response-groups", "archiving", "monitoring"]) {
      const id = await idOf(`lync-${tier}`);
      expectSuccess(await stack.cli(["verify", id, "--content"], declaredAt));
      expect(await listStaged()).toEqual([]);
    }
  }, 600_000);

  it("tells what has changed since, and backs it up when asked", async () => {
    deployment.change((state) => {
      const { xds, RgsConfig } = state.instances[backEnd]!;
      state.instances[backEnd]!.xds = { ...xds, version: 2, policies: { voice: ["changed"] } };
      const items = RgsConfig!.items as readonly unknown[];
      state.instances[backEnd]!.RgsConfig = { items: [...items, { type: "Queue", name: "New", owner: pool }] };
    });
    const told = await stack.preview(changedAt);
    expect(told.exitCode).not.toBe(0);
    expect(blockOf(told, "lync-settings")).toMatch(/~ health: "changed since the last backup: settings" +=> "healthy"/);
    expect(blockOf(told, "lync-response-groups")).toMatch(
      /~ health: "changed since the last backup: response-groups-pool01.contoso.com" +=> "healthy"/,
    );
    expectSuccess(await stack.up(changedAt));
    expectSuccess(await stack.preview(changedAt));
  }, 600_000);

  it("comes back as it was after everything is lost, by a plan that is stopped at every step", async () => {
    const before = await deployment.look();
    await deployment.loseEverything();
    expect(await deployment.look()).not.toEqual(before);
    const folder = join(stack.root, "restored");
    const plan = join(stack.root, "plan.json");
    const ids = await Promise.all(
      ["settings", "user-data", "response-groups", "archiving", "monitoring"].map((tier) => idOf(`lync-${tier}`)),
    );
    const topology = join(checkout, "examples/lync-enterprise-pool/topologies/enterprise-pool.json");
    expectSuccess(
      await stack.cli(
        [
          "restore",
          "plan",
          "--topology",
          topology,
          "--lost",
          "everything",
          "--folder",
          folder,
          "--out",
          plan,
          "--from",
          ...ids,
        ],
        changedAt,
      ),
    );
    const walked = await walk(plan, async (step) => {
      if (step === "file-store-main") await copyTree(join(folder, "file-store-main"), deployment.shareFolder("main"));
    });
    expect(walked).toContain("create-central-management-store");
    expect(walked).toContain("restore-database-LcsLog");
    expect(await deployment.look()).toEqual(before);
    expect(deployment.read().topologyEnabled).toBe(true);
    const services = Object.values(deployment.read().computers).map((computer) => computer.services);
    expect(new Set(services)).toEqual(new Set(["running"]));
    expect((await readdir(folder, { recursive: true })).filter((path) => path.endsWith("Meeting.Active"))).toEqual([]);
  }, 600_000);

  it("reports no failure of what runs on Windows as a success, and shows each as drift", async () => {
    const resources = await stack.state();
    for (const batch of batches(failureRows)) {
      await deployment.failWith(Object.fromEntries(batch.map((row) => [row.command, row.mode])));
      const runs = batch.map(async (row) => {
        const id = resources.find(({ urn }) => urn.endsWith(`::fails-${row.name}`))?.id ?? "";
        return [row.name, (await stack.cli(["run", id], failedAt)).exitCode];
      });
      expect(await Promise.all(runs)).toEqual(batch.map((row) => [row.name, 1]));
    }
    await deployment.failWith({});
    const told = await stack.preview(failedAt);
    expect(told.exitCode).not.toBe(0);
    for (const row of failureRows)
      expect(blockOf(told, `fails-${row.name}`)).toMatch(
        /~ health: "failing: .+, since 2026-11-19T14:00:00Z" +=> "healthy"/,
      );
    expect(told.text).not.toMatch(/it failed|Msg \d+/);
    expect(await listStaged()).toEqual([]);
    process.stdout.write(`${failureRows.length} failures of the stand-ins: each a failed run and a drift\n`);
  }, 600_000);

  it("shows evidence that has expired as drift", async () => {
    const told = await stack.preview(expiredAt);
    expect(told.exitCode).not.toBe(0);
    expect(blockOf(told, "lync-settings")).toMatch(/~ health: ".*\(\+\d+ more\)" +=> "healthy"/);
    const status = await stack.cli(["status", "--json"], expiredAt);
    expect(status.text).toContain(
      "evidence expired: certificates: of 2026-11-01T00:00:00Z, until 2027-01-01T00:00:00Z",
    );
    expect(status.text).toContain("evidence expired: waiver-exchange: waived until 2027-01-01T00:00:00Z");
  }, 300_000);

  async function idOf(name: string): Promise<string> {
    const id = (await stack.state()).find(({ urn }) => urn.endsWith(`::${name}`))?.id;
    if (id === undefined) throw new Error(`${name} is not in the state`);
    return id;
  }

  /** What runs have staged and left behind. */
  async function listStaged(): Promise<readonly string[]> {
    const staged = await readdir(join(stack.home, "staging"), { recursive: true }).catch(() => []);
    return [...staged, ...(await readdir(handover))];
  }

  /** Walks through a plan as a person who is asked at every turn would, one start of the command after the other. */
  async function walk(plan: string, doByHand: (step: string) => Promise<void>): Promise<readonly string[]> {
    const agreed: string[] = [];
    for (let turn = 0; turn < 100; turn += 1) {
      const answers = agreed.length === 0 ? [] : ["--done", ...agreed, "--destroy", ...agreed];
      const told = await stack.cli(
        ["restore", "run", plan, "--execute", "--here", "fe01.contoso.com", "--json", ...answers],
        changedAt,
      );
      const end = endSchema.parse(JSON.parse(told.text));
      if (end.state === "finished") return agreed;
      if (end.state === "failed") throw new Error(told.text);
      await doByHand(end.step);
      agreed.push(end.step);
    }
    throw new Error("the plan does not end");
  }
});

/** Failures that have nothing to do with one another happen at the same time: each batch has one of each source. */
function batches(rows: readonly FailureRow[]): readonly (readonly FailureRow[])[] {
  const made: FailureRow[][] = [];
  for (const row of rows) {
    const batch = made.find((candidate) => !candidate.some((other) => other.source === row.source));
    if (batch === undefined) made.push([row]);
    else batch.push(row);
  }
  return made;
}

const endSchema = z.discriminatedUnion("state", [
  z.object({ state: z.literal("finished") }),
  z.object({ state: z.enum(["waiting", "failed"]), step: z.string(), why: z.string() }),
]);

function postureArgs({ topology }: Deployment, { root }: Stack, handover: string): Readonly<Record<string, unknown>> {
  const evidence = {
    what: "seen in the report of the month",
    at: "2026-11-01T00:00:00Z",
    until: "2027-01-01T00:00:00Z",
  };
  return {
    topology,
    store: { kind: "directory", path: join(root, "store") },
    databases: { folder: handover },
    defaults: { runOnCreate: true, onStale: "run", waitFor: "3m", rpo: "365d", keep: { daily: 14 } },
    tiers: { archiving: { when: { cron: "0 4 * * *" } }, monitoring: { when: { cron: "30 4 * * *" } } },
    maxSkew: "1h",
    restore: { to: join(root, "restore-drills"), every: "90d", runOnCreate: true, waitFor: "3m", grace: "365d" },
    evidence: {
      "active-directory": {
        what: "the nightly system state",
        command: ["echo", "2026-11-19T11:55:00Z"],
        maxAge: "365d",
      },
      certificates: evidence,
      infrastructure: evidence,
      "operations-manager": evidence,
      "application-audio": evidence,
    },
    waivers: {
      exchange: {
        by: "the head of messaging",
        reason: "it is a service of another team",
        until: "2027-01-01T00:00:00Z",
      },
    },
  };
}

function failingSchedule({ root }: Stack, row: FailureRow, handover: string): ResourceSpec {
  return {
    kind: "BackupSchedule",
    args: {
      when: { cron: `${failureRows.indexOf(row)} 5 1 1 *` },
      sources: { only: row.source(handover) },
      store: { kind: "directory", path: join(root, "failing") },
      rpo: "3660d",
    },
  };
}

/** What the preview prints of one resource's update: what stands => what is declared. */
function blockOf(told: Told, name: string): string {
  const blocks = told.text.split(/\n(?= {4,}[~+-] backup-posture| {4}[~+-]|Resources:|Diagnostics:)/);
  const block = blocks.find((candidate) => candidate.includes(`::${name}]`) && candidate.includes("(update)"));
  if (block === undefined) throw new Error(`no update of ${name} in:\n${told.text}`);
  return block;
}
