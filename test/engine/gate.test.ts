import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { exitCodes } from "../../provider/cli/exit-codes";
import type { GateReport } from "../../provider/guard/gate/report";
import { checkout, expectSuccess, makeStack, type ResourceSpec, type Stack } from "./stack";

const declaredAt = "2026-11-19T12:00:00Z";
const noticedAt = "2026-11-19T15:00:00Z";
const secretName = "Payroll of the board.xlsx";

/** The gate against one stack, in the order of a team's day. */
describe("the gate, on the engine", () => {
  let stack: Stack;
  let share: string;

  beforeAll(async () => {
    stack = await makeStack();
    share = join(stack.root, "share");
    await mkdir(share);
    await writeFile(join(share, secretName), "content");
    await stack.declare(program());
    expectSuccess(await stack.up(declaredAt));
  }, 300_000);

  afterAll(() => stack.remove());

  it("passes a stack that is as it was declared, whose controls are satisfied", async () => {
    const { exitCode, report } = await gate(["--on", "schedule"], declaredAt);
    expect(report.findings.filter(({ fails }) => fails)).toEqual([]);
    expect(report).toMatchObject({ verdict: "passed", changes: [], stack: "test" });
    expect(exitCode).toBe(exitCodes.fine);
  }, 120_000);

  it("fails a schedule for drift, staleness and a control, and a pull request for nothing that was there before", async () => {
    await edit(await jobOf("files"), "0 1 * * *", "0 5 * * *");
    await rm(await jobOf("restore"));
    const schedule = await gate(["--on", "schedule"], noticedAt);
    expect(schedule.exitCode).toBe(exitCodes.unhealthy);
    const drift = schedule.report.findings.filter(({ kind }) => kind === "drift");
    expect(drift.map(({ resource, rule, fails }) => `${resource} ${rule} ${fails}`)).toEqual([
      "busy fresh true",
      "files changed-on-host true",
      "restore not installed true",
    ]);
    expect(drift[0]?.message).toMatch(/^stale: last success 2026-11-19T12:00:0\dZ, rpo 1h$/);
    expect(schedule.report.findings.filter(({ kind }) => kind === "orphan")).toMatchObject([{ fails: false }]);
    expect(schedule.text).toMatch(/scheduler entry restore-\w+ has no job/);

    const files = ["markdown", "json", "junit", "sarif"].map((format) => `${format}=${join(stack.root, format)}`);
    const pr = await gate(["--on", "pr", "--write", ...files], noticedAt);
    expect(pr.report).toMatchObject({ verdict: "passed", changes: [] });
    expect(pr.exitCode).toBe(exitCodes.fine);
    expect(pr.report.findings.filter(({ kind }) => kind === "drift")).toHaveLength(3);
    for (const format of ["markdown", "json", "junit", "sarif"]) {
      const written = await readFile(join(stack.root, format), "utf8");
      expect(written).toContain("stale: last success");
      for (const hidden of [secretName, stack.root]) expect(written).not.toContain(hidden);
    }
  }, 240_000);

  it("fails a pull request for what the change brings in, and only for that", async () => {
    const { files, ...others } = program();
    const rest = Object.fromEntries(Object.entries(others).filter(([name]) => name !== "restore"));
    await stack.declare({
      ...rest,
      files: { ...files!, args: { ...files!.args, keep: { daily: 7 } } },
      mail: schedule("mail", { when: { cron: "0 3 * * *" }, keep: { last: 1 } }),
    });
    const { exitCode, report } = await gate(["--on", "pr"], noticedAt);
    expect(exitCode).toBe(exitCodes.unhealthy);
    const failing = report.findings.filter(({ fails }) => fails);
    expect(failing.map(({ kind, rule, resource }) => `${kind} ${rule} ${resource}`)).toEqual(
      [
        "removed removed restore",
        "control retention-floor files",
        "control restore-tested files",
        "control restore-tested mail",
        "control retention-floor mail",
      ].sort((left, right) =>
        left.startsWith("removed") ? -1 : right.startsWith("removed") ? 1 : byResource(left, right),
      ),
    );
    expect(report.changes.map(({ resource, operation }) => `${operation} ${resource}`)).toEqual([
      "update files",
      "create mail",
      "remove restore",
    ]);
    expect(report.changes[0]?.properties).toEqual([
      { path: "keep.daily", from: "14", to: "7" },
      { path: "keep.monthly", from: "6", to: null },
    ]);
    expect(report.changes[0]?.forecast).toContain("after a year keep holds 7 recovery sets");
    expect(report.findings).toContainEqual(
      expect.objectContaining({
        kind: "warning",
        rule: "few-recovery-sets",
        resource: "mail",
        fails: false,
        isNew: true,
      }),
    );
    await stack.setConfig("posture:acceptRemoval", "restore");
    const accepted = await gate(["--on", "pr"], noticedAt);
    expect(accepted.report.findings.filter(({ kind }) => kind === "removed")).toMatchObject([{ fails: false }]);
  }, 240_000);

  it("fails for a declaration that is refused, and breaks where the program does", async () => {
    await stack.declare({ ...program(), mail: schedule("mail", { rpo: "1h" }) });
    const { exitCode, report } = await gate(["--on", "pr"], noticedAt);
    expect(exitCode).toBe(exitCodes.unhealthy);
    expect(report.findings[0]).toMatchObject({ kind: "refused", resource: "mail", fails: true });
    expect(report.findings[0]?.message).toMatch(/^rpo: worst case 24h/);
    await stack.declare({ ...program(), broken: { kind: "BackupSchedule", args: { when: { $ref: "nobody.when" } } } });
    const broken = await stack.run(command(["--on", "pr"]), noticedAt);
    expect(broken.exitCode).toBe(exitCodes.failed);
    expect(broken.text).toContain("broken: the preview did not come to its end");
  }, 240_000);

  it("applies a policy pack in place of its own controls", async () => {
    await stack.declare({ ...program(), mail: schedule("mail", {}) });
    const { exitCode, report } = await gate(
      ["--on", "pr", "--policy-pack", join(checkout, "examples/policy-pack")],
      noticedAt,
    );
    expect(exitCode).toBe(exitCodes.unhealthy);
    const failing = report.findings.filter(({ fails }) => fails);
    expect(failing).toContainEqual(
      expect.objectContaining({ kind: "policy", rule: "backups/restore-tested", resource: "mail" }),
    );
    expect(failing.every(({ resource }) => resource === "mail")).toBe(true);
  }, 240_000);

  it("ends unobserved where it was not to look, and never green", async () => {
    await stack.declare(program());
    await stack.setConfig("posture:observe", "state");
    const { exitCode, report } = await gate(["--on", "pr"], noticedAt);
    expect(report.verdict).toBe("unobserved");
    expect(exitCode).toBe(exitCodes.unobserved);
  }, 120_000);

  function command(more: readonly string[]): readonly string[] {
    return [process.execPath, join(checkout, "provider/dist/cli/main.js"), "gate", "--stack", "test", ...more];
  }

  async function gate(
    more: readonly string[],
    now: string,
  ): Promise<{ exitCode: number; text: string; report: GateReport }> {
    const file = join(stack.root, "report.json");
    await rm(file, { force: true });
    const written = more.includes("--write") ? [`json=${file}`] : ["--write", `json=${file}`];
    const told = await stack.run(command([...more, ...written]), now);
    const text = await readFile(file, "utf8").catch(() => {
      throw new Error(told.text);
    });
    return { ...told, report: z.custom<GateReport>().parse(JSON.parse(text)) };
  }

  function schedule(store: string, more: Record<string, unknown>): ResourceSpec {
    return {
      kind: "BackupSchedule",
      args: {
        when: { cron: "0 1 * * *" },
        sources: { files: { kind: "file-share", path: share } },
        store: { kind: "directory", path: join(stack.root, store) },
        keep: { daily: 14, monthly: 6 },
        ...more,
      },
    };
  }

  function program(): Record<string, ResourceSpec> {
    const restore = (of: string): ResourceSpec => ({
      kind: "RestoreTarget",
      args: {
        from: { store: { $ref: `${of}.store` }, schedule: { $ref: `${of}.id` } },
        to: join(stack.root, `restore-${of}`),
        drill: { every: "90d" },
      },
    });
    return {
      files: schedule("store", {}),
      busy: schedule("busy", { when: { every: "1h" }, rpo: "1h", grace: "0s", runOnCreate: true, waitFor: "3m" }),
      restore: restore("files"),
      "restore-busy": restore("busy"),
    };
  }

  async function jobOf(name: string): Promise<string> {
    const jobs = join(stack.home, "jobs");
    const file = (await readdir(jobs)).find((each) => new RegExp(`^${name}-[0-9a-f]{12}\\.json$`).test(each));
    return join(jobs, file ?? "");
  }
});

function byResource(left: string, right: string): number {
  const key = (text: string) => text.split(" ").reverse().join(" ");
  return key(left) < key(right) ? -1 : 1;
}

async function edit(path: string, from: string, to: string): Promise<void> {
  await writeFile(path, (await readFile(path, "utf8")).replace(from, to));
}
