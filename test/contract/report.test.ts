import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { appendEvidence } from "../../provider/restore/evidence";
import { openStore } from "../../provider/snapshot/stores/index";
import { type Ground, makeGround } from "../fixtures/posture";

const binary = resolve(__dirname, "../../provider/bin/backup-posture.js");

let ground: Ground;
beforeEach(async () => {
  ground = await makeGround();
  await ground.readyStore();
  await ground.addSchedule("shares", { scheduler: { kind: "cron", runAs: "backup" }, keep: { daily: 3 } });
  await mkdir(ground.place);
});
afterEach(() => ground.remove());

async function call(...commandLine: readonly string[]) {
  const { execa } = await import("execa");
  const env = { BACKUP_POSTURE_HOME: ground.home.root };
  const { exitCode, stdout, stderr } = await execa(process.execPath, [binary, ...commandLine], { env, reject: false });
  return { code: exitCode, stdout, stderr };
}

interface Document {
  readonly verdict: string;
  readonly attention: readonly { readonly name: string; readonly sentence: string }[];
  readonly homes: readonly { readonly items: readonly Record<string, unknown>[] }[];
}

async function callForDocument(...commandLine: readonly string[]): Promise<Document> {
  return JSON.parse((await call("--json", "report", ...commandLine)).stdout) as Document;
}

/** Writes a file into the test's folder. */
async function put(name: string, content: unknown): Promise<string> {
  const path = join(ground.root, name);
  await writeFile(path, JSON.stringify(content));
  return path;
}

describe("backup-posture report", () => {
  it("tells what a run left: points, sizes, a year, and its retention as it will be", async () => {
    expect((await call("run", "shares")).code).toBe(0);
    const { homes } = await callForDocument();
    expect(homes[0]?.items[0]).toMatchObject({
      id: "shares",
      kind: "schedule",
      when: "every 1h",
      sources: { files: `file-share ${ground.share}` },
      copies: [{ name: "primary", sets: 1, unreachable: null, sources: { files: { files: 2, bytes: 6, damaged: 0 } } }],
      history: { succeeded: 1, failed: 0, last: { outcome: "succeeded", bytes: 6 }, measures: [{ runs: 1, bytes: 6 }] },
      retention: { rule: "3 daily", afterYear: { sets: 3, stillGrowing: false } },
    });
  });

  it("tells what each copy holds, and of what kind it is", async () => {
    const store = { kind: "directory", path: join(ground.root, "copy") } as const;
    await openStore(store).initialise(new AbortController().signal);
    await ground.addSchedule("shares", { copies: { offsite: { store, site: "Basel", immutable: true, rpo: "2d" } } });
    expect((await call("run", "shares")).code).toBe(0);
    const { homes } = await callForDocument();
    const copies = homes[0]?.items[0]?.copies;
    expect(copies).toMatchObject([
      { name: "primary", sets: 1, traits: [] },
      {
        name: "offsite",
        sets: 1,
        place: store.path,
        traits: ["site Basel", "immutable"],
        rpoMilliseconds: 172_800_000,
      },
    ]);
  });

  it("names no file of the evidence, and says who vouches for it", async () => {
    await call("run", "shares");
    await ground.addTarget();
    const at = "2026-11-01T00:00:00Z";
    await appendEvidence(ground.home, "target", {
      id: "target",
      run: "drill-1",
      startedAt: at,
      endedAt: at,
      account: "backup",
      host: "host1",
      points: [],
      scope: "full",
      files: 2,
      bytes: 6,
      restoreMilliseconds: 5,
      compared: 3,
      differences: { count: 1, listed: [{ path: "secret plan.txt", what: "content" }] },
      checks: [],
      verdict: "failed",
      message: "",
    });
    const { stdout } = await call("--json", "report");
    const items = (JSON.parse(stdout) as Document).homes[0]?.items ?? [];
    expect(items.find(({ kind }) => kind === "target")).toMatchObject({
      of: "shares",
      failed: 1,
      broken: null,
      attestation: "self-attested",
      drills: [{ verdict: "failed", differences: 1, account: "backup" }],
    });
    expect(stdout).not.toContain("secret plan");
    expect((await call("report", "--format", "markdown")).stdout).not.toContain("secret plan");
  });

  it("writes one HTML file, readable by others, or Markdown", async () => {
    const file = join(ground.root, "page.html");
    const { code, stdout } = await call("report", "--output", file);
    expect(code).toBe(0);
    expect(stdout).toContain(file);
    const page = await readFile(file, "utf8");
    expect(page).toMatch(
      /^<!doctype html>\n<html lang="en"><head><meta charset="utf-8"\/?><meta http-equiv="Content-Security-Policy"/,
    );
    expect(page).not.toMatch(/(src|href)="(?!#)/);
    expect((await stat(file)).mode & 0o044).toBe(0o044);
    expect((await call("report", "--format", "markdown")).stdout).toMatch(
      /^# ❌ Backup posture: 1 of 1 promise is not kept\n/,
    );
  });

  it("ends with 0 once it is written, and with 3 where that is asked for", async () => {
    expect((await call("report")).code).toBe(0);
    expect((await call("report", "--fail-on-unhealthy")).code).toBe(3);
    await rm(join(ground.home.jobs, "shares.json"));
    expect((await call("report", "--fail-on-unhealthy")).code).toBe(3);
    expect((await callForDocument()).verdict).toBe("empty");
  });

  it("reports nothing of a home that it cannot look at", async () => {
    await rm(ground.home.marker);
    const { code, stdout, stderr } = await call("report");
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toContain("posture home");
  });

  it("tells a store that cannot be looked at from an empty one", async () => {
    await call("run", "shares");
    await rm(ground.store, { recursive: true });
    const { homes, attention } = await callForDocument();
    expect(homes[0]?.items[0]).toMatchObject({ lastSuccess: null, copies: [{ points: 0 }] });
    expect(homes[0]?.items[0]?.copies).toMatchObject([
      { unreachable: expect.stringContaining(ground.store) as string },
    ]);
    expect(attention.map(({ sentence }) => sentence).join()).toContain("unreachable");
  });

  it("puts the reports of several hosts together, and judges all of them at once", async () => {
    await call("run", "shares");
    const one = await callForDocument();
    const two = { ...one, homes: one.homes.map((home) => ({ ...home, host: "host2.example.com" })) };
    const both = await callForDocument("--from", await put("one.json", one), await put("two.json", two));
    expect(both.homes).toHaveLength(2);
    expect((await call("report", "--from", await put("bad.json", { homes: [{}] }))).code).toBe(2);
  });

  it("takes the settings of the controls and a stack", async () => {
    const controls = await put("controls.json", { places: { [ground.store]: { encrypted: true } } });
    const encrypted = async (...more: readonly string[]) => {
      const { stdout } = await call("report", "--format", "markdown", ...more);
      return /^\| encrypted +\| \w+ +\| (\w+)/m.exec(stdout)?.[1];
    };
    expect(await encrypted()).toBe("open");
    expect(await encrypted("--controls", controls)).toBe("satisfied");
    expect(await encrypted("--stack", await put("stack.json", { version: 3, deployment: { resources: [] } }))).toBe(
      "satisfied",
    );
    expect((await call("report", "--controls", await put("wrong.json", { places: 1 }))).code).toBe(2);
    expect((await call("report", "--format", "pdf")).code).toBe(2);
  });
});
