import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { AzureFilesService } from "../fixtures/azure-files/service";
import { startService } from "../fixtures/azure-files/store-under-test";
import { declaredAt, noticedAt } from "./drift-rows";
import { expectSuccess, makeStack, type Stack, type Told } from "./stack";

/** Schedule, snapshot and drill of one Azure file share, all in one stack, on the real engine and a service that speaks its REST interface. */
describe("points in an Azure file share", () => {
  let service: AzureFilesService;
  let stack: Stack;
  const ids = new Map<string, string>();

  beforeAll(async () => {
    service = await startService();
    stack = await makeStack("test"); // its commands find the way to the service in their environment
    const { files } = service.shares.require("files");
    files.makeDirectory("letters");
    files.writeFile("letters/one.txt", Buffer.from("Dear reader,"));
    await mkdir(join(stack.root, "restore"));
    await stack.declare(declared());
    expectSuccess(await stack.up(declaredAt));
    expectSuccess(await stack.preview(declaredAt));
    for (const { urn, id } of await stack.state()) ids.set(urn.split("::").at(-1) ?? "", id ?? "");
  }, 300_000);

  afterAll(async () => {
    await stack.remove();
    await service.stop();
    Reflect.deleteProperty(process.env, "AZURE_FILES_CONNECTION_STRING");
  });

  function declared() {
    const store = {
      kind: "azure-files",
      account: service.account,
      share: "files",
      endpoint: service.endpoint,
      credential: { kind: "connection-string", connectionString: { env: "AZURE_FILES_CONNECTION_STRING" } },
    };
    const path = `azure-files://${service.account}/files`;
    const waitFor = "3m";
    return {
      nightly: {
        kind: "BackupSchedule" as const,
        args: {
          when: { cron: "0 1 * * *" },
          sources: { files: { kind: "file-share", path } },
          store,
          keep: { daily: 7 },
          rpo: "26h",
          runOnCreate: true,
          onStale: "run",
          waitFor,
        },
      },
      "before-move": { kind: "FileShareSnapshot" as const, args: { share: { path }, store, verify: "content" } },
      restorable: {
        kind: "RestoreTarget" as const,
        args: {
          from: { store, schedule: { $ref: "nightly.id" } },
          to: join(stack.root, "restore"),
          drill: { every: "90d", checks: { letter: { kind: "file-present", path: "letters/one.txt" } } },
          runOnCreate: true,
          waitFor,
        },
      },
    };
  }

  const idOf = (name: string) => ids.get(name) ?? "";
  const snapshots = () => service.shares.require("files").snapshots;
  /** What the preview says of one resource. */
  function findBlock({ text }: Told, name: string): string {
    const blocks = text.split(/\n(?= {4}[~+-]|Resources:|Diagnostics:)/);
    return blocks.find((block) => block.includes(`::${name}]`) && block.includes("(update)")) ?? text;
  }
  const identityOf = ({ metadata }: { readonly metadata: Readonly<Record<string, string>> }) =>
    JSON.parse(Buffer.from(metadata.backup_posture ?? "", "base64url").toString()) as { readonly schedule: string };
  const snapshotOf = (name: string) => snapshots().find((each) => identityOf(each).schedule === idOf(name))!;

  it("are taken, kept for who declared them, and restored by the drill, and a second look changes nothing", async () => {
    expect(
      snapshots()
        .map((each) => identityOf(each).schedule)
        .toSorted(),
    ).toEqual([idOf("nightly"), idOf("before-move")].toSorted());
    const evidence = await stack.cli(["--json", "evidence", "list"]);
    expect(JSON.parse(evidence.text)).toMatchObject({
      records: [{ id: idOf("restorable"), verdict: "passed", files: 1 }],
    });
    expectSuccess(await stack.preview(declaredAt));
  }, 60_000);

  it("that somebody deletes, damages, or edits the retention of are seen, and mended as far as can be", async () => {
    const job = join(stack.home, "jobs", `${idOf("nightly")}.json`);
    await writeFile(job, (await readFile(job, "utf8")).replace('"daily": 7', '"daily": 1'));
    service.shares.removeSnapshot("files", snapshotOf("nightly").taken);
    snapshotOf("before-move").files.corrupt("letters/one.txt", () => Buffer.from("Dear nobody,"));
    const seen = await stack.preview(noticedAt);
    expect(seen.exitCode).not.toBe(0);
    expect(findBlock(seen, "nightly")).toMatch(/~ daily: 1 +=> 7/);
    expect(findBlock(seen, "nightly")).toMatch(/~ health: "missing: 1 recovery point, newest 2026-11-19T12:00:00Z/);
    expect(findBlock(seen, "before-move")).toMatch(/health: "damaged: 1 file/);

    snapshotOf("before-move").files.corrupt("letters/one.txt", () => Buffer.from("Dear reader,"));
    expectSuccess(await stack.cli(["purge", idOf("nightly"), "--missing", "--yes"], noticedAt));
    expectSuccess(await stack.up(noticedAt));
    expectSuccess(await stack.cli(["run", idOf("nightly")], noticedAt));
    expectSuccess(await stack.preview(noticedAt));
    expect(snapshots()).toHaveLength(2);
  }, 300_000);

  it("that cannot be looked at are unreachable, and none leaves the state", async () => {
    service.isAway = true;
    const away = await stack.preview(noticedAt);
    service.isAway = false;
    for (const name of ["nightly", "before-move", "restorable"])
      expect(findBlock(away, name)).toMatch(/~ health: "unreachable: .*the share is not there/);
    expect(away.text).not.toMatch(/\((create|delete|replace)\)/);
    expectSuccess(await stack.preview(noticedAt));
  }, 120_000);

  it("are counted with those of others against what Azure keeps of a share", async () => {
    while (snapshots().length < 185) service.shares.takeSnapshot("files", { initiator: "AzureBackup" });
    const seen = await stack.preview(noticedAt);
    expect(findBlock(seen, "nightly")).toMatch(/~ health: "store nearly full: more than 180 of the 200 snapshots/);
    for (const { taken, metadata } of snapshots())
      if (metadata.initiator !== undefined) service.shares.removeSnapshot("files", taken);
    expectSuccess(await stack.preview(noticedAt));
  }, 120_000);

  it("stay when the stack is destroyed, and the connection string is told to nobody", async () => {
    expectSuccess(await stack.pulumi(["destroy", "--yes", "--skip-preview"], noticedAt));
    expect(snapshots()).toHaveLength(2);
    expect(JSON.stringify(await stack.state())).not.toContain(service.key.toString("base64"));
  }, 120_000);
});
