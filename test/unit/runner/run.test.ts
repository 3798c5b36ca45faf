import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PostureError } from "../../../provider/platform/errors";
import { acquireLock } from "../../../provider/platform/lock";
import type { Drivers } from "../../../provider/runner/drivers";
import { appendRecord, readJournal } from "../../../provider/runner/journal";
import { type RunOptions, runSchedule } from "../../../provider/runner/run";
import { openSource } from "../../../provider/sources/index";
import { type MemoryStore, makeMemoryStore } from "../../fixtures/memory-store";
import { type Ground, makeGround } from "../../fixtures/posture";

let ground: Ground;
let store: MemoryStore;
let drivers: Drivers;

beforeEach(async () => {
  ground = await makeGround();
  store = makeMemoryStore();
  drivers = { openStore: () => store, openSource };
});
afterEach(async () => {
  delete process.env.BACKUP_POSTURE_NOW;
  await ground.remove();
});

const run = (id = "shares", options: Partial<RunOptions> = {}) =>
  runSchedule(ground.home, id, { signal: new AbortController().signal, ...options }, drivers);

const markFile = (name: string) => [
  "node",
  "-e",
  `require("fs").appendFileSync(${JSON.stringify(join(ground.root, name))}, "x")`,
];

describe("a run", () => {
  it("takes one recovery point of each source, as one whole set, and journals both ends", async () => {
    const other = join(ground.root, "other");
    await mkdir(other);
    await writeFile(join(other, "b"), "12345");
    await ground.addSchedule("shares", {
      sources: { one: { kind: "file-share", path: ground.share }, two: { kind: "file-share", path: other } },
    });
    const ended = await run();
    expect(ended).toMatchObject({ outcome: "succeeded", message: "", bytes: 11, skipped: 0 });
    expect(ended.points).toHaveLength(2);
    const points = await store.list({ schedule: "shares" }, new AbortController().signal);
    expect(points.map((point) => [point.source, point.set])).toEqual([
      ["one", { id: ended.run, sources: ["one", "two"] }],
      ["two", { id: ended.run, sources: ["one", "two"] }],
    ]);
    expect(
      (await readJournal(ground.home, "shares")).map((record) => [record.event, "run" in record && record.run]),
    ).toEqual([
      ["started", ended.run],
      ["ended", ended.run],
    ]);
    expect(await readdir(ground.home.locks)).toEqual([]);
  });

  it("forgets its own points, and only those, when a later source fails", async () => {
    await ground.addSchedule("shares");
    const good = await run();
    await ground.addSchedule("shares", {
      sources: {
        a: { kind: "file-share", path: ground.share },
        b: { kind: "file-share", path: join(ground.root, "absent") },
      },
    });
    const ended = await run();
    expect(ended).toMatchObject({ outcome: "failed", points: [] });
    expect(ended.message).toContain("is not there");
    expect([...store.held.keys()]).toEqual(good.points);
  });

  it("forgets a point that became durable although its capture then failed", async () => {
    await ground.addSchedule("shares");
    store.afterCapture = async () => {
      throw new PostureError("transient", "the store went away");
    };
    expect(await run()).toMatchObject({ outcome: "failed", message: "the store went away" });
    expect(store.held.size).toBe(0);
  });

  it("fails and forgets what does not verify", async () => {
    await ground.addSchedule("shares");
    store.damagedFiles = 3;
    expect((await run()).message).toContain("does not verify, 3 files are damaged");
    expect(store.held.size).toBe(0);
  });

  it("fails when the captures began further apart than maxSkew", async () => {
    process.env.BACKUP_POSTURE_NOW = "2026-11-19T01:00:00Z";
    await ground.addSchedule("shares", {
      maxSkew: "1m",
      sources: { a: { kind: "file-share", path: ground.share }, b: { kind: "file-share", path: ground.share } },
    });
    store.beforeCapture = async () => {
      process.env.BACKUP_POSTURE_NOW = "2026-11-19T01:01:30Z";
    };
    expect((await run()).message).toBe("the captures began 1m 30s apart, and maxSkew is 1m");
    expect(store.held.size).toBe(0);
  });

  it("says so when what it captured cannot be removed, and the next run removes it", async () => {
    await ground.addSchedule("shares", {
      sources: {
        a: { kind: "file-share", path: ground.share },
        b: { kind: "file-share", path: join(ground.root, "absent") },
      },
    });
    store.beforeForget = async () => {
      throw new Error("no");
    };
    const ended = await run();
    expect(ended.message).toContain("could not be removed, the next run will do so");
    expect(store.held.size).toBe(1);
    store.beforeForget = async () => undefined;
    await mkdir(join(ground.root, "absent"));
    expect(await run()).toMatchObject({ outcome: "succeeded" });
    expect(await store.list({}, new AbortController().signal)).toHaveLength(2);
  });

  it("closes a dead run's record and forgets what it left, but no set that was whole and none of another journal", async () => {
    await ground.addSchedule("shares");
    const capture = (set: string, sources: readonly string[]) =>
      store.capture(
        {
          schedule: "shares",
          source: "files",
          set: { id: set, sources },
          owner: null,
          startedAt: new Date("2026-01-01T00:00:00Z"),
          tree: { root: ground.share, exclude: [] },
        },
        new AbortController().signal,
      );
    const whole = await run();
    const foreign = await capture("foreign", ["files", "gone"]);
    await capture("dead", ["files", "never"]);
    await appendRecord(ground.home, "shares", {
      event: "started",
      run: "dead",
      at: "2026-01-01T00:00:00Z",
      verb: "run",
      pid: 1,
    });
    const ended = await run();
    expect([...store.held.keys()].sort()).toEqual([...whole.points, foreign.id, ...ended.points].sort());
    expect(
      (await readJournal(ground.home, "shares")).map((record) =>
        record.event === "ended" ? record.outcome : "started",
      ),
    ).toEqual(["started", "succeeded", "started", "interrupted", "started", "succeeded"]);
    await run();
    expect(
      (await readJournal(ground.home, "shares")).filter(
        (record) => record.event === "ended" && record.outcome === "interrupted",
      ),
    ).toHaveLength(1);
  });

  it("begins a new line after one that a crash has cut off", async () => {
    await ground.addSchedule("shares");
    await writeFile(join(ground.home.journal, "shares.jsonl"), '{"event":"star');
    await run();
    expect(await readJournal(ground.home, "shares")).toHaveLength(2);
  });

  it("is refused as locked while another goes on", async () => {
    await ground.addSchedule("shares");
    const lock = await acquireLock(join(ground.home.locks, "shares.lock"), { what: "another run" });
    await expect(run()).rejects.toMatchObject({
      kind: "locked",
      message: expect.stringContaining("another run") as string,
    });
    await lock.release();
    expect(await readJournal(ground.home, "shares")).toEqual([]);
  });

  it("is refused while the schedule is paused, unless it is told to run all the same", async () => {
    process.env.BACKUP_POSTURE_NOW = "2026-11-19T01:00:00Z";
    await ground.addSchedule("shares", { paused: { until: "2026-11-20T00:00:00Z", reason: "migration" } });
    await expect(run()).rejects.toMatchObject({
      kind: "conflict",
      message: expect.stringContaining("migration") as string,
    });
    expect(await run("shares", { evenIfPaused: true })).toMatchObject({ outcome: "succeeded" });
    process.env.BACKUP_POSTURE_NOW = "2026-11-20T00:00:00Z";
    expect(await run()).toMatchObject({ outcome: "succeeded" });
  });

  it("is refused where there is no home or no job, and makes neither", async () => {
    await expect(run("nothing")).rejects.toMatchObject({ kind: "permanent" });
    await rm(ground.home.root, { recursive: true });
    await expect(run()).rejects.toMatchObject({ kind: "unreachable" });
    await expect(readdir(ground.home.root)).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("that is stopped is journalled as failed and leaves nothing", async () => {
    await ground.addSchedule("shares");
    const stop = new AbortController();
    store.beforeCapture = async () => stop.abort();
    expect(await run("shares", { signal: stop.signal })).toMatchObject({
      outcome: "failed",
      message: "stopped before it was complete",
    });
    expect(store.held.size).toBe(0);
    expect(await readdir(ground.home.locks)).toEqual([]);
  });
});

describe("a share that looks wrong", () => {
  it("fails where it is empty and its last recovery point is not, until that is accepted", async () => {
    await ground.addSchedule("shares");
    await run();
    await rm(ground.share, { recursive: true });
    await mkdir(ground.share);
    expect((await run()).message).toContain("is empty, and its last recovery point holds 2 files");
    expect(await run("shares", { acceptEmpty: true })).toMatchObject({ outcome: "succeeded", bytes: 0 });
    expect(await run()).toMatchObject({ outcome: "succeeded" });
  });

  it("fails where nothing of it could be read, and succeeds where something could", async () => {
    await ground.addSchedule("shares");
    store.skipped = 2;
    expect(await run()).toMatchObject({ outcome: "succeeded", skipped: 2 });
    await rm(ground.share, { recursive: true });
    await mkdir(join(ground.share, "folder"), { recursive: true });
    expect((await run()).message).toContain("none of its 2 files could be read");
  });

  it("fails where the store or the home lies within it", async () => {
    await ground.addSchedule("shares", { sources: { all: { kind: "file-share", path: ground.root } } });
    expect((await run()).message).toContain("lies within it and would be copied into itself");
  });
});

describe("hooks", () => {
  it("run in order of their names, before, after, and on failure", async () => {
    await ground.addSchedule("shares", {
      hooks: {
        first: { at: "before", command: markFile("before") },
        last: { at: "after", command: markFile("after") },
        alarm: { at: "failure", command: markFile("failure") },
      },
    });
    await run();
    expect((await readdir(ground.root)).sort()).toEqual(["after", "before", "home", "share"]);
    await rm(ground.share, { recursive: true });
    await run();
    expect((await readdir(ground.root)).sort()).toEqual(["after", "before", "failure", "home"]);
    expect(await readFile(join(ground.root, "after"), "utf8")).toBe("x");
  });

  it("that fail before a run keep anything from being captured", async () => {
    await ground.addSchedule("shares", {
      hooks: { quiesce: { at: "before", command: ["node", "-e", "console.log('SECRET'); process.exit(7)"] } },
    });
    expect(await run()).toMatchObject({ outcome: "failed", message: "hook quiesce ended with exit code 7" });
    expect(store.held.size).toBe(0);
  });

  it("that fail after a run fail it, and the recovery set stays", async () => {
    await ground.addSchedule("shares", {
      hooks: { resume: { at: "after", command: ["node", "-e", "process.exit(7)"] } },
    });
    const ended = await run();
    expect(ended).toMatchObject({
      outcome: "failed",
      message: "hook resume ended with exit code 7; the recovery set was taken before that and is kept",
    });
    expect([...store.held.keys()]).toEqual(ended.points);
    await run();
    expect(store.held.size).toBe(2);
  });

  it("that are not there, or outlive their time, are named", async () => {
    await ground.addSchedule("shares", {
      hooks: { gone: { at: "before", command: ["/absent/executable", "argument"] } },
    });
    expect((await run()).message).toBe(
      "hook gone: /absent/executable: not found on this host; install it or correct the path",
    );
    await ground.addSchedule("shares", {
      hooks: { slow: { at: "before", timeout: "1s", command: ["node", "-e", "setInterval(() => {}, 1000)"] } },
    });
    expect((await run()).message).toContain("hook slow: node: stopped after 1 s, its time limit");
  });

  it("get their secrets by reference, and nothing of them is written down", async () => {
    const marker = "MARKED-9f1c";
    const secretFile = join(ground.root, "secret");
    const seen = join(ground.root, "seen");
    await writeFile(secretFile, `${marker}-file\n`);
    process.env.POSTURE_TEST_SECRET = `${marker}-environment`;
    const print = `const {ONE, TWO, BACKUP_POSTURE_ID} = process.env;
      require("fs").writeFileSync(${JSON.stringify(seen)}, JSON.stringify({ONE, TWO, BACKUP_POSTURE_ID, cmdline: require("fs").readFileSync("/proc/self/cmdline", "latin1")}));
      console.log(ONE, TWO); console.error(ONE, TWO); process.exit(3)`;
    await ground.addSchedule("shares", {
      hooks: {
        tell: {
          at: "before",
          command: ["node", "-e", print],
          environment: { ONE: { env: "POSTURE_TEST_SECRET" }, TWO: { file: secretFile } },
        },
      },
    });
    const ended = await run();
    delete process.env.POSTURE_TEST_SECRET;
    const told = JSON.parse(await readFile(seen, "utf8")) as Record<string, string>;
    expect(told).toMatchObject({ ONE: `${marker}-environment`, TWO: `${marker}-file`, BACKUP_POSTURE_ID: "shares" });
    expect(told.cmdline).not.toContain(marker);
    expect(JSON.stringify(ended)).not.toContain(marker);
    expect(await readFile(join(ground.home.journal, "shares.jsonl"), "utf8")).not.toContain(marker);
  });

  it("whose secret is missing fail the run by the reference's name", async () => {
    await ground.addSchedule("shares", {
      hooks: { tell: { at: "before", command: ["true"], environment: { ONE: { env: "POSTURE_TEST_ABSENT" } } } },
    });
    expect((await run()).message).toBe(
      "hook tell, variable ONE: the environment variable POSTURE_TEST_ABSENT is not set where the runner runs",
    );
  });
});

describe("a failure's message", () => {
  it("repeats nothing that was not worded for people", async () => {
    await ground.addSchedule("shares");
    store.beforeCapture = async () => {
      throw Object.assign(new Error("ENOSPC: no space left on device, write '/private/name'"), { code: "ENOSPC" });
    };
    const faults: unknown[] = [];
    expect(await run("shares", { onFault: (fault) => faults.push(fault) })).toMatchObject({
      message: "no space is left on the device (ENOSPC)",
    });
    expect(faults).toHaveLength(1);
    store.beforeCapture = async () => {
      throw new TypeError("cannot read 'private name'");
    };
    expect((await run()).message).toBe("an unexpected TypeError");
  });
});
