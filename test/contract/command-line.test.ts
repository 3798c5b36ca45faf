import { createHash } from "node:crypto";
import { chmod, chown, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { readJournal } from "../../provider/runner/journal";
import { openScheduler } from "../../provider/schedule/schedulers/index";
import { type Ground, makeGround } from "../fixtures/posture";
import { makeSigningKey } from "../fixtures/signing-key";

const binary = resolve(__dirname, "../../provider/bin/backup-posture.js");
const commands = [
  "status",
  "run",
  "copy",
  "notify",
  "agent",
  "list",
  "verify",
  "restore",
  "drill",
  "evidence",
  "prune",
  "purge",
  "doctor",
  "init",
];
const signal = new AbortController().signal;

/** What looks into /proc, or needs a tool that other platforms lack. */
const onLinux = process.platform === "linux" ? it : it.skip;

let ground: Ground;
beforeEach(async () => {
  ground = await makeGround();
  await ground.readyStore();
});
afterEach(() => ground.remove());

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A started command; a record, since execa's own object is awaited wherever it is returned. */
async function start(commandLine: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const { execa } = await import("execa");
  const env = { BACKUP_POSTURE_HOME: ground.home.root, ...environment };
  const child = execa(process.execPath, [binary, ...commandLine], { env, reject: false, stdin: "ignore" });
  const ended: Promise<Ended> = child.then(({ exitCode, stdout, stderr }) => ({
    code: exitCode ?? -1,
    stdout,
    stderr,
  }));
  return { pid: child.pid!, kill: (name: NodeJS.Signals) => child.kill(name), ended };
}

async function call(...commandLine: readonly string[]): Promise<Ended> {
  return (await start(commandLine)).ended;
}

/** Calls with --json: standard output must be one JSON document and nothing else. */
async function callForJson(
  ...commandLine: readonly string[]
): Promise<{ code: number; document: unknown; stderr: string }> {
  const { code, stdout, stderr } = await call("--json", ...commandLine);
  return { code, document: JSON.parse(stdout) as unknown, stderr };
}

describe("help", () => {
  it.each(commands)("of %s shows examples, global options and exit codes", async (command) => {
    const { code, stdout } = await call(command, "--help");
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: backup-posture ${command}`);
    expect(stdout).toMatch(/Examples:\n {2}# .*\n {2}backup-posture /);
    expect(stdout).toMatch(/--home <path>[\s\S]*--json[\s\S]*Exit codes:[\s\S]*4 {2}locked/);
  });

  it("of the whole names every command, and the version is the package's", async () => {
    const { code, stdout } = await call("--help");
    expect(code).toBe(0);
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^ {2}${command} `, "m"));
    const { version } = JSON.parse(await readFile(resolve(__dirname, "../../provider/package.json"), "utf8")) as {
      version: string;
    };
    expect(await call("--version")).toMatchObject({ code: 0, stdout: version });
  });
});

describe("wrong usage", () => {
  it.each([
    [[]],
    [["frob"]],
    [["run"]],
    [["run", "shares", "more"]],
    [["run", "Not An Id"]],
    [["run", "shares", "--frob"]],
    [["restore", "shares"]],
    [["purge", "shares", "--damaged", "--missing"]],
    [["list", "--home"]],
  ])("%j ends with exit code 2, and as JSON where that is asked for", async (commandLine) => {
    const { code, stdout, stderr } = await call(...commandLine);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).not.toBe("");
    expect(await callForJson(...commandLine)).toEqual({
      code: 2,
      document: { error: { kind: "usage", message: expect.stringMatching(/./) as string } },
      stderr: "",
    });
  });

  it("names neither stack nor internals", async () => {
    expect((await call("run", "../escape")).stderr).toBe(
      "backup-posture: run: id: must be 1 to 63 lower-case letters, digits and hyphens, and not begin with a hyphen; see backup-posture run --help",
    );
  });
});

describe("without a home", () => {
  it.each([
    ["status"],
    ["run", "shares"],
    ["list"],
    ["verify", "shares"],
    ["drill", "target"],
    ["prune", "shares"],
    ["agent", "--once"],
  ])("%s fails, says what to do, and makes none", async (...commandLine) => {
    await rm(ground.home.root, { recursive: true });
    expect(await callForJson(...commandLine)).toMatchObject({
      code: 1,
      document: {
        error: { kind: "unreachable", message: expect.stringContaining("backup-posture init --home") as string },
      },
    });
    expect(await readdir(ground.root)).not.toContain("home");
  });

  it("init makes one, and a store, and leaves what stands as it is", async () => {
    const home = join(ground.root, "new home");
    const store = join(ground.root, "new store");
    const ready = {
      ready: [
        { kind: "home", path: home },
        { kind: "store", path: store },
      ],
    };
    expect(await callForJson("init", "--home", home, "--store", store)).toMatchObject({ code: 0, document: ready });
    const names = await readdir(ground.root, { recursive: true });
    expect(await callForJson("init", "--home", home, "--store", store)).toMatchObject({ code: 0, document: ready });
    expect(await readdir(ground.root, { recursive: true })).toEqual(names);
    expect(await callForJson("init", "--store", store)).toMatchObject({ document: { ready: [{ kind: "store" }] } });
    expect(await callForJson("init", "--home", join(ground.share, "a file.txt"))).toMatchObject({
      code: 1,
      document: { error: { kind: "permanent" } },
    });
  });
});

describe("a run", () => {
  it("is reported for people and for scripts", async () => {
    await ground.addSchedule("shares");
    expect(await callForJson("run", "shares")).toEqual({
      code: 0,
      document: expect.objectContaining({
        id: "shares",
        outcome: "succeeded",
        points: [expect.any(String)],
        bytes: 6,
      }) as unknown,
      stderr: "",
    });
    const { code, stdout, stderr } = await call("run", "shares");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^shares: succeeded in .*: 1 recovery point, 6 B, /);
    expect(stderr).toMatch(/^capture files: 0\/2 files, 0 B\/6 B\n[\s\S]*^verify files\n[\s\S]*^prune$/m);
    expect(`${stdout}${stderr}`).not.toContain("\u001b");
  });

  it("that fails ends with exit code 1, its message without file names, its fault for the terminal", async () => {
    await ground.addSchedule("shares");
    await rm(ground.share, { recursive: true });
    expect(await callForJson("run", "shares")).toMatchObject({ code: 1, document: { outcome: "failed", points: [] } });
    expect(await call("run", "shares")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("fault: share") as string,
    });
  });

  it("beside another ends with exit code 4, and SIGTERM ends one in good order with exit code 1", async () => {
    await ground.addSchedule("shares", { hooks: { wait: { at: "before", command: blockingCommand("running") } } });
    const first = await start(["run", "shares", "--json"]);
    await appears("running");
    expect(await callForJson("run", "shares")).toMatchObject({ code: 4, document: { error: { kind: "locked" } } });
    expect(await callForJson("prune", "shares")).toMatchObject({ code: 4 });
    first.kill("SIGTERM");
    const { code, stdout } = await first.ended;
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ outcome: "failed", message: "stopped before it was complete" });
    expect(await readJournal(ground.home, "shares")).toMatchObject([
      { event: "started" },
      { event: "ended", outcome: "failed" },
    ]);
    expect(await readdir(ground.home.locks)).toEqual([]);
  });

  it("is refused while the schedule is paused, unless told otherwise", async () => {
    await ground.addSchedule("shares", { paused: { until: "2099-01-01T00:00:00Z", reason: "migration" } });
    expect(await callForJson("run", "shares")).toMatchObject({ code: 1, document: { error: { kind: "conflict" } } });
    expect(await callForJson("run", "shares", "--even-if-paused")).toMatchObject({ code: 0 });
  });

  it("takes the last files of a share away only when that is accepted", async () => {
    await ground.addSchedule("shares");
    await call("run", "shares");
    await rm(ground.share, { recursive: true });
    await mkdir(ground.share);
    expect(await callForJson("run", "shares")).toMatchObject({
      code: 1,
      document: { message: expect.stringContaining("--accept-empty") as string },
    });
    expect(await callForJson("run", "shares", "--accept-empty")).toMatchObject({ code: 0 });
  });
});

describe("a secret", () => {
  onLinux("reaches the hook that declares it, and no journal, message, output or process list", async () => {
    const marker = "MARKED-b7e2-SECRET";
    const tell = `const fs = require("fs"), secret = process.env.TOKEN;
      const digest = require("crypto").createHash("sha256").update(secret).digest("hex");
      fs.writeFileSync(${JSON.stringify(join(ground.root, "seen"))}, digest);
      console.log(secret); console.error(secret);
      setInterval(() => { if (fs.existsSync(${JSON.stringify(join(ground.root, "go on"))})) process.exit(5); }, 20);`;
    await ground.addSchedule("shares", {
      hooks: {
        tell: {
          at: "before",
          command: [process.execPath, "-e", tell],
          environment: { TOKEN: { env: "POSTURE_TEST_TOKEN" } },
        },
        alarm: {
          at: "failure",
          command: [process.execPath, "-e", "console.log(process.env)"],
          environment: { TOKEN: { env: "POSTURE_TEST_TOKEN" } },
        },
      },
    });
    const run = await start(["run", "shares"], { POSTURE_TEST_TOKEN: marker });
    await appears("seen");
    const commandLines = await readCommandLines();
    await writeFile(join(ground.root, "go on"), "");
    const { code, stdout, stderr } = await run.ended;
    expect(code).toBe(1);
    expect(await readFile(join(ground.root, "seen"), "utf8")).toBe(createHash("sha256").update(marker).digest("hex"));
    expect(stdout).toContain("hook tell ended with exit code 5");
    const journal = await readFile(join(ground.home.journal, "shares.jsonl"), "utf8");
    for (const place of [stdout, stderr, journal, ...commandLines]) expect(place).not.toContain(marker);
    expect(commandLines.length).toBeGreaterThan(1);
  });
});

describe("progress", () => {
  onLinux("is a bar on a terminal, and is gone at the end", async () => {
    const { execa } = await import("execa");
    await ground.addSchedule("shares");
    await call("run", "shares");
    const line = `'${process.execPath}' '${binary}' restore shares --to '${join(ground.root, "restored")}' --home '${ground.home.root}'`;
    const env = { TERM: "xterm", NO_COLOR: "1", COLUMNS: "100" };
    const { stdout, exitCode } = await execa("script", ["-qec", line, "/dev/null"], { env, stdin: "ignore" });
    expect(exitCode).toBe(0);
    expect(stdout).not.toContain("\u001b[32m");
    expect(stdout).toMatch(/restore files [=-]{24} \d+% /);
    expect(stdout.trimEnd().split("\u001b[2K").at(-1)).toContain(`restored 2 files, 6 B, to ${ground.root}`);
  });
});

describe("an account that may not read everything", () => {
  onLinux("leaves out what it cannot read and says so, and fails where it can read nothing", async () => {
    const asOther =
      process.getuid?.() === 0 ? ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"] : [];
    const { execa } = await import("execa");
    const runAsOther = async () => {
      const [file, ...rest] = [
        ...asOther,
        process.execPath,
        binary,
        "run",
        "shares",
        "--json",
        "--home",
        ground.home.root,
      ];
      const { stdout, exitCode } = await execa(file, rest, { reject: false });
      return { code: exitCode, document: JSON.parse(stdout) as unknown };
    };
    await ground.addSchedule("shares");
    if (asOther.length > 0) await giveAway(ground.root, 65534);
    await chmod(join(ground.share, "a file.txt"), 0o000);
    expect(await runAsOther()).toMatchObject({ code: 0, document: { outcome: "succeeded", skipped: 1, bytes: 3 } });
    await chmod(join(ground.share, "folder", "ünïcode.txt"), 0o000);
    expect(await runAsOther()).toMatchObject({
      code: 1,
      document: { message: "source files: none of its 2 files could be read; grant the runner's account read access" },
    });
    await chmod(ground.share, 0o000);
    expect(await runAsOther()).toMatchObject({
      code: 1,
      document: { message: expect.stringContaining("may not be read by this account (EACCES)") as string },
    });
    await chmod(ground.share, 0o700);
  });
});

describe("recovery points", () => {
  beforeEach(async () => {
    await ground.addSchedule("shares", { keep: { last: 2 } });
    await call("run", "shares");
    await call("run", "shares");
  });

  it("are listed, of one id, of all, and of one without a job", async () => {
    const { document } = await callForJson("list");
    const { points } = document as { points: { id: string; set: { id: string } }[] };
    expect(points).toHaveLength(2);
    expect(await callForJson("list", "shares")).toEqual({ code: 0, document, stderr: "" });
    expect((await call("list")).stdout).toContain(points[0]!.id);
    await rm(join(ground.home.jobs, "shares.json"));
    expect(await callForJson("list", "shares")).toMatchObject({
      code: 1,
      document: { error: { message: expect.stringContaining("--store") as string } },
    });
    expect(await callForJson("list", "shares", "--store", ground.store)).toEqual({ code: 0, document, stderr: "" });
  });

  it("are listed as far as stores can be looked at", async () => {
    await ground.addSchedule("lost", { store: { kind: "directory", path: join(ground.root, "absent") } });
    await writeFile(join(ground.home.jobs, "damaged.json"), "{}");
    const { code, document } = await callForJson("list");
    expect(code).toBe(1);
    expect(document).toMatchObject({ points: [{}, {}], faults: [{ id: "damaged" }, { id: "lost" }] });
  });

  it("are verified, and damage ends with exit code 3", async () => {
    expect(await callForJson("verify", "shares", "--content")).toMatchObject({
      code: 0,
      document: { points: [{ damagedFiles: 0 }, { damagedFiles: 0 }] },
    });
    expect(await call("verify", "shares", "--point", "absent")).toMatchObject({ code: 2 });
    for (const name of await readdir(join(ground.store, "packs"))) await rm(join(ground.store, "packs", name));
    const { code, document } = await callForJson("verify", "shares");
    expect(code).toBe(3);
    expect(document).toMatchObject({ points: [{ depth: "metadata" }, {}] });
    expect(await call("verify", "shares")).toMatchObject({
      code: 3,
      stdout: expect.stringContaining("damaged") as string,
    });
  });

  it("are restored, whole or in part, and nothing is replaced unasked", async () => {
    const to = join(ground.root, "restored");
    expect(await callForJson("restore", "shares", "--to", to)).toMatchObject({
      code: 0,
      document: { restored: [{ source: "files", to, files: 2, bytes: 6 }] },
    });
    expect(await readFile(join(to, "folder", "ünïcode.txt"), "utf8")).toBe("two");
    expect(await callForJson("restore", "shares", "--to", to)).toMatchObject({
      code: 1,
      document: { error: { kind: "conflict" } },
    });
    expect(await call("restore", "shares", "--to", to, "--overwrite")).toMatchObject({ code: 0 });
    const part = join(ground.root, "part");
    expect(await callForJson("restore", "shares", "--to", part, "--only", "folder/")).toMatchObject({
      code: 0,
      document: { restored: [{ files: 1 }] },
    });
    expect(await readdir(part)).toEqual(["folder"]);
    expect(await call("restore", "shares", "--to", join(ground.root, "x"), "--point", "absent")).toMatchObject({
      code: 1,
    });
    expect(await call("restore", "shares", "--to", join(ground.root, "y"), "--only", "../escape")).not.toMatchObject({
      code: 0,
    });
  });

  it("of several sources are restored into a folder each, and --only begins with the source", async () => {
    await ground.addSchedule("shares", {
      sources: {
        a: { kind: "file-share", path: ground.share },
        b: { kind: "file-share", path: join(ground.share, "folder") },
      },
    });
    await call("run", "shares");
    const to = join(ground.root, "restored");
    expect(await callForJson("restore", "shares", "--to", to, "--only", "a/folder", "b")).toMatchObject({ code: 0 });
    expect((await readdir(to, { recursive: true })).sort()).toEqual([
      "a",
      "a/folder",
      "a/folder/ünïcode.txt",
      "b",
      "b/ünïcode.txt",
    ]);
    expect(await call("restore", "shares", "--to", to, "--only", "folder")).toMatchObject({ code: 2 });
  });

  it("are pruned by the retention", async () => {
    await ground.addSchedule("shares", { keep: { last: 1 } });
    expect(await callForJson("prune", "shares", "--dry-run")).toMatchObject({
      code: 0,
      document: { dryRun: true, dropped: [{}], kept: [{}], suspended: null },
    });
    expect(await call("prune", "shares")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("deleted 1 recovery set, 1 stay") as string,
    });
    expect(await callForJson("list")).toMatchObject({ document: { points: [{}] } });
  });

  it("are purged only by those who agree", async () => {
    expect(await callForJson("purge", "shares")).toMatchObject({
      code: 2,
      document: { error: { message: expect.stringContaining("--yes") as string } },
    });
    expect(await callForJson("list")).toMatchObject({ document: { points: [{}, {}] } });
    expect(await callForJson("purge", "shares", "--yes", "--reason", "share retired")).toMatchObject({
      code: 0,
      document: { purged: true },
    });
    expect(await callForJson("list")).toMatchObject({ document: { points: [] } });
    expect((await readJournal(ground.home, "shares")).at(-1)).toMatchObject({ event: "forgot", why: "share retired" });
    expect(await call("purge", "shares")).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("nothing to give up") as string,
    });
  });
});

describe("evidence", () => {
  it("is listed, shown, verified, delivered, received and pruned", async () => {
    const sink = join(ground.root, "sink");
    const key = await makeSigningKey(ground.root, "drills");
    const signers = join(ground.root, "signers");
    await writeFile(signers, key.allowed);
    await ground.addSchedule("shares");
    await call("run", "shares");
    await mkdir(ground.place);
    await ground.addTarget({
      evidenceSink: { kind: "command", command: [process.execPath, binary, "evidence", "receive", "--into", sink] },
      evidenceSigning: { key: { file: key.path } },
    });
    expect(await call("drill", "target")).toMatchObject({
      code: 3,
      stdout: expect.stringMatching(/could not be written to its sink[\s\S]*target: passed/) as string,
    });
    expect(await callForJson("status")).toMatchObject({
      document: {
        jobs: [
          {},
          {
            faults: expect.arrayContaining([expect.objectContaining({ kind: "evidence not in its sink" })]) as unknown,
          },
        ],
      },
    });
    await mkdir(sink);
    expect(await callForJson("evidence", "deliver", "target")).toMatchObject({ code: 0, document: { delivered: 1 } });
    expect(await callForJson("evidence", "list")).toMatchObject({ document: { records: [{ sequence: 1 }] } });
    expect((await call("evidence", "show", "target")).stdout).toMatch(
      /target, record 1: passed[\s\S]*signed by SHA256:/,
    );
    const verify = ["evidence", "verify", "target", "--allowed-signers", signers, "--sink", sink];
    expect(await callForJson(...verify)).toMatchObject({
      code: 0,
      document: { evidence: [{ signed: 1, signers: ["drills"], inSink: 1, attestedBy: ["allowed signers", "sink"] }] },
    });
    expect((await call("evidence", "verify")).stdout).toContain("self-attested: as written");
    const report = ["report", "--format", "markdown", "--allowed-signers", signers];
    expect((await call("report", "--format", "markdown")).stdout).toMatch(/signed by SHA256:\S+, not verified here/);
    expect((await call(...report)).stdout).toContain("signed by drills, verified");
    expect(await call("evidence", "verify", "--folder", sink)).toMatchObject({ code: 0 });
    await writeFile(
      signers,
      "nobody ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPfKkq876fsCtpBcsw4hffIqbJijbbnLdRmztK7YnjNA\n",
    );
    expect(await call(...verify)).toMatchObject({
      code: 3,
      stdout: expect.stringContaining("record 1: its signer is not allowed") as string,
    });
    expect(await call(...report, "--fail-on-unhealthy")).toMatchObject({
      code: 3,
      stdout: expect.stringContaining("evidence broken: record 1: its signer is not allowed") as string,
    });
    expect(await call("report", "--allowed-signers", join(ground.root, "none"))).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("none: cannot be read: ENOENT") as string,
    });
    expect(await call(...report, "--from", "host1.json")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--allowed-signers belongs to the look at each host") as string,
    });
    expect(await callForJson("evidence", "prune", "target")).toMatchObject({ code: 0, document: { deleted: [] } });
    expect(await call("evidence", "show", "target", "--record", "2")).toMatchObject({ code: 2 });
  });
});

describe("a drill", () => {
  it("that passes, is too slow, fails, or cannot be done ends with 0, 3 or 1", async () => {
    await ground.addSchedule("shares");
    await call("run", "shares");
    const place = join(ground.root, "place");
    await ground.addTarget({ to: place });
    expect(await callForJson("drill", "target")).toMatchObject({
      code: 1,
      document: { outcome: "failed", evidence: { verdict: "failed" } },
    });
    await mkdir(place);
    expect(await callForJson("drill", "target")).toMatchObject({
      code: 0,
      document: { outcome: "succeeded", tooSlow: null, evidence: { verdict: "passed", files: 2 } },
    });
    expect((await call("drill", "target")).stdout).toContain("target: passed");
    expect(await call("drill", "shares")).toMatchObject({ code: 2 });
    await rm(join(ground.home.evidence, "target", "head.json"));
    expect(await callForJson("drill", "target")).toMatchObject({
      code: 1,
      document: { evidence: null, message: expect.stringContaining("--restart-evidence") as string },
    });
    expect(await callForJson("drill", "target", "--restart-evidence")).toMatchObject({
      code: 0,
      document: { evidence: { sequence: 1 } },
    });
  });
});

describe("status and doctor", () => {
  it("find what is wrong, say what to do, and end with exit code 3", async () => {
    await ground.addSchedule("shares");
    await ground.addTarget({ to: join(ground.root, "absent") });
    const { code, document } = await callForJson("status");
    expect(code).toBe(3);
    expect(document).toMatchObject({
      agent: null,
      jobs: [
        { id: "shares", kind: "schedule", last: null },
        { id: "target", kind: "drill" },
      ],
    });
    const { stdout } = await call("status");
    expect(stdout).toContain("what to do:");
    expect(stdout).not.toContain("\u001b");
    await rm(ground.share, { recursive: true });
    const doctor = await callForJson("doctor");
    expect(doctor.code).toBe(3);
    const { findings } = doctor.document as { findings: { subject: string; state: string; advice: string }[] };
    expect(findings.filter(({ state }) => state === "bad").map(({ subject }) => subject)).toEqual([
      "agent",
      "scheduler",
      "scheduler",
      "source",
      "place",
    ]);
    expect(findings.every(({ state, advice }) => (state === "good") === (advice === ""))).toBe(true);
    expect((await call("doctor")).stdout).toContain("what to do:");
  });

  it("find nothing wrong in an empty home", async () => {
    expect(await callForJson("status")).toMatchObject({ code: 0, document: { jobs: [] } });
    expect(await call("doctor")).toMatchObject({ code: 0, stdout: expect.stringContaining("all is well") as string });
  });

  it("go on where one journal cannot be read", async () => {
    await ground.addSchedule("good");
    await ground.addSchedule("shares");
    await mkdir(join(ground.home.journal, "shares.jsonl"));
    const { code, document } = await callForJson("status");
    expect(code).toBe(3);
    const { jobs } = document as { jobs: { id: string; health: string }[] };
    expect(jobs.map(({ id }) => id)).toEqual(["good", "shares"]);
    expect(jobs[1]!.health).toBe("unreachable: shares: its journal cannot be read (EISDIR)");
  });

  it("show an entry that has no job any more", async () => {
    await openScheduler({ kind: "embedded" }, ground.home).install(
      { id: "orphan", verb: "run", when: { every: "1h" }, owner: null, incarnation: "first", pausedUntil: null },
      signal,
    );
    expect(await callForJson("status")).toMatchObject({
      code: 3,
      document: { jobs: [{ id: "orphan", health: "not installed: the job file is missing" }] },
    });
  });
});

describe("an agent", () => {
  it("fires what is due once, and says so on standard error", async () => {
    expect(await callForJson("agent", "--once")).toMatchObject({ code: 0, document: { once: true } });
  });
});

describe("what is shown", () => {
  it("never moves the cursor: names are escaped", async () => {
    const hostile = "evil\u001b[2J\nname";
    await writeFile(join(ground.share, hostile), "");
    await ground.addSchedule("shares");
    await call("run", "shares");
    const to = join(ground.root, "restored");
    await call("restore", "shares", "--to", to);
    await rm(join(ground.store, "packs"), { recursive: true });
    for (const { stdout, stderr } of [
      await call("verify", "shares", "--content"),
      await call("restore", "shares", "--to", join(ground.root, "again")),
    ]) {
      expect(`${stdout}${stderr}`).not.toContain("\u001b");
    }
  });
});

/** A command that tells by a file that it runs, and then never ends. */
function blockingCommand(name: string): string[] {
  return [
    process.execPath,
    "-e",
    `require("fs").writeFileSync(${JSON.stringify(join(ground.root, name))}, ""); setInterval(() => {}, 1000)`,
  ];
}

async function appears(name: string): Promise<void> {
  while (!(await readdir(ground.root)).includes(name)) await new Promise((resume) => setTimeout(resume, 10));
}

/** The command lines of all processes, as anybody on the host may see them. */
async function readCommandLines(): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name)))
    lines.push(await readFile(`/proc/${pid}/cmdline`, "latin1").catch(() => "")); // it ended meanwhile
  return lines.filter((line) => line !== "");
}

async function giveAway(path: string, to: number): Promise<void> {
  await chown(path, to, to);
  for (const name of await readdir(path, { recursive: true })) await chown(join(path, name), to, to);
}
