import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { type Completed, runCommand } from "../../../provider/platform/processes";
import type { RestorePlan } from "../../../provider/restore/plan";
import { openStore } from "../../../provider/snapshot/stores";

const executable = join(__dirname, "../../../provider/bin/backup-posture.js");
const topology = join(__dirname, "../../../examples/lync-enterprise-pool/topologies/enterprise-pool.json");
const signal = new AbortController().signal;
let folder: string;

/** PowerShell's place is taken by a script that writes down what it is told, and fails when told so. */
const powershell = `#!/usr/bin/env node
const script = Buffer.from(process.argv.at(-1), "base64").toString("utf16le");
require("node:fs").appendFileSync(process.env.LOG, script.split("\\r\\n").slice(2).join("\\n") + "\\n");
process.exit(script.includes(process.env.FAIL_AT || "\\0") ? 1 : 0);
`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "restore-plan-"));
  await mkdir(join(folder, "bin"));
  await script("powershell", powershell);
  await script("backup-posture", `#!/bin/sh\nexec node '${executable}' "$@"\n`);
  const store = openStore({ kind: "directory", path: join(folder, "store") });
  await store.initialise(signal);
  for (const source of ["configuration", "location-information", "user-data-pool01.contoso.com"]) {
    const tree = join(folder, "source", source);
    await mkdir(tree, { recursive: true });
    await writeFile(join(tree, `${source.replace(/-pool.*/, "")}.zip`), source);
    await store.capture(
      {
        schedule: "lync",
        source,
        set: { id: "set-1", sources: ["configuration", "location-information", "user-data-pool01.contoso.com"] },
        owner: null,
        startedAt: new Date(),
        tree: { root: tree, exclude: [] },
      },
      signal,
    );
  }
});
afterAll(() => rm(folder, { recursive: true }));

async function script(name: string, text: string): Promise<void> {
  await writeFile(join(folder, "bin", name), text);
  await chmod(join(folder, "bin", name), 0o755);
}

function posture(environment: Record<string, string>, ...options: readonly string[]): Promise<Completed> {
  return runCommand([process.execPath, executable, ...options], {
    timeoutMilliseconds: 60_000,
    signal,
    workingDirectory: folder,
    environment: {
      PATH: `${join(folder, "bin")}${delimiter}${process.env.PATH ?? ""}`,
      LOG: join(folder, "log"),
      ...environment,
    },
  });
}

const plan = (...options: readonly string[]) => posture({}, "restore", "plan", "--topology", topology, ...options);
const userData = ["--lost", "user-data:pool01.contoso.com", "--from", "lync"];
const walk = (environment: Record<string, string>, ...options: readonly string[]) =>
  posture(environment, "restore", "run", "plan.json", "--json", ...options);

describe("restore plan", () => {
  it("lists the failures that a topology can have", async () => {
    const { stdout, exitCode } = await plan();
    expect(exitCode).toBe(0);
    expect(stdout.split("\n")).toContain("back-end:pool01.contoso.com");
  });

  it("prints Markdown, or JSON", async () => {
    const where = ["--store", join(folder, "store"), "--folder", join(folder, "restored")];
    const page = await plan(...userData, ...where);
    expect(page.stdout).toContain("# Restore after the loss of user data of pool01.contoso.com");
    expect(page.stdout).toContain(join(folder, "restored", "user-data-pool01.contoso.com", "user-data.zip"));
    const document = JSON.parse((await plan(...userData, ...where, "--json")).stdout) as RestorePlan;
    expect(document.steps.map(({ id }) => id)[0]).toBe("bring-back-files");
  });

  it.each([
    [["--lost", "tape"], "not a failure of this topology"],
    [["--lost", "everything"], "--folder is required"],
    [["--lost", "everything", "--folder", "/r"], "--from must name at least one schedule"],
    [["--lost", "everything", "--folder", "relative"], "folder: must be an absolute path"],
  ])("refuses %j as wrong usage", async (options, message) => {
    const { exitCode, stderr } = await plan(...options);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
  });

  it("names the faults of a topology by their paths", async () => {
    await writeFile(join(folder, "bad.json"), '{"product": "lync2013"}');
    const { exitCode, stderr } = await posture({}, "restore", "plan", "--topology", "bad.json");
    expect(exitCode).toBe(2);
    expect(stderr).toContain("centralManagementStore: must be an object with pool");
  });

  it("reads what Windows PowerShell writes, marks of encodings included", async () => {
    const text = await readFile(topology, "utf8");
    await writeFile(join(folder, "utf16.json"), Buffer.from(`\ufeff${text}`, "utf16le"));
    await writeFile(join(folder, "utf8.json"), `\ufeff${text}`);
    for (const name of ["utf16.json", "utf8.json"])
      expect((await posture({}, "restore", "plan", "--topology", name)).exitCode).toBe(0);
  });
});

describe("restore run", () => {
  it("brings the files back, waits for consent, stops at a failure, goes on, and finishes", async () => {
    await plan(
      ...userData,
      "--store",
      join(folder, "store"),
      "--folder",
      join(folder, "restored"),
      "--out",
      "plan.json",
    );

    const unasked = await walk({}, "--execute");
    expect(unasked.exitCode).toBe(3);
    expect(JSON.parse(unasked.stdout)).toMatchObject({ state: "waiting", step: "import-user-data-pool01.contoso.com" });
    expect(await readFile(join(folder, "restored/user-data-pool01.contoso.com/user-data.zip"), "utf8")).toContain(
      "user-data",
    );

    const consent = ["--execute", "--destroy", "import-user-data-pool01.contoso.com"];
    const failed = await walk({ FAIL_AT: "Import-CsUserData" }, ...consent);
    expect(failed.exitCode).toBe(1);
    expect(JSON.parse(failed.stdout)).toMatchObject({ state: "failed", step: "import-user-data-pool01.contoso.com" });

    const finished = await walk({}, ...consent);
    expect(JSON.parse(finished.stdout)).toEqual({ state: "finished" });
    expect(finished.exitCode).toBe(0);
    const log = (await readFile(join(folder, "log"), "utf8")).split("\n").map((line) => line.split(" ")[0]);
    expect(log.filter((name) => name !== "")).toEqual([
      "Update-CsUserData",
      ...Array<string>(3).fill("Stop-CsWindowsService"),
      "Import-CsUserData",
      "Import-CsUserData",
      ...Array<string>(3).fill("Start-CsWindowsService"),
    ]);
  });

  it("without --execute waits at the first step, and runs nothing", async () => {
    const { exitCode, stdout } = await walk({}, "--journal", "by-hand.jsonl");
    expect(exitCode).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ step: "bring-back-files" });
  });

  it("refuses a file that is no plan", async () => {
    const { exitCode, stderr } = await posture({}, "restore", "run", topology);
    expect(exitCode).toBe(2);
    expect(stderr).toContain("format: ");
  });
});
