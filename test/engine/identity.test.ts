import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describeHome, initialiseHome } from "../../provider/runner/home";
import { findJob, type Job, writeJob } from "../../provider/runner/job";
import { createEmbeddedScheduler } from "../../provider/schedule/schedulers/embedded";
import { expectSuccess, makeStack, type ResourceSpec, type Stack, type StateResource } from "./stack";

/** Whose an object is, what it is called, and that nothing of it is lost when the program calls it otherwise. */
let stack: Stack;
let share: string;

beforeEach(async () => {
  stack = await makeStack();
  share = join(stack.root, "share");
  await mkdir(share);
  await writeFile(join(share, "file"), "content");
});

afterEach(() => stack.remove());

function schedule(args: Record<string, unknown> = {}, options: Record<string, unknown> = {}): ResourceSpec {
  return {
    kind: "BackupSchedule",
    args: {
      when: { cron: "0 1 * * *" },
      sources: { files: { kind: "file-share", path: share } },
      store: { kind: "directory", path: join(stack.root, "store") },
      ...args,
    },
    options,
  };
}

it("takes over what has no owner only when told to, leaves what is another's, and tells equal names apart", async () => {
  for (const [id, owner] of [
    ["ownerless", null],
    ["unclaimed", null],
    ["foreign", "urn:pulumi:prod::files::pulumi-nodejs:dynamic/backup-posture:BackupSchedule::theirs"],
  ] as const)
    await makeByHand(id, owner);
  const others = [
    "jobs/unclaimed.json",
    "jobs/foreign.json",
    "scheduler/entries/unclaimed.json",
    "scheduler/entries/foreign.json",
  ];
  const before = await read(others);

  await stack.declare({
    ownerless: schedule({ id: "ownerless", adopt: true }),
    unclaimed: schedule({ id: "unclaimed" }),
    foreign: schedule({ id: "foreign", adopt: true }),
    one: schedule({}, { name: "files", component: "one", componentType: "One" }),
    two: schedule({}, { name: "files", component: "two", componentType: "Two" }),
  });
  const up = await stack.up(undefined, ["--continue-on-error"]);
  expect(up.exitCode).not.toBe(0);
  expect(up.text).toMatch(/foreign in \S+: it belongs to urn:pulumi:prod::files::\S+::theirs; choose another id/);
  expect(up.text).toMatch(/unclaimed in \S+: it exists and has no owner; set adopt: true/);
  expect(await read(others)).toEqual(before);

  const made = await ours();
  expect(made.map(({ id }) => id)).toEqual(expect.arrayContaining(["ownerless"]));
  const children = made.filter(({ urn }) => urn.endsWith("::files"));
  expect(new Set(children.map(({ id }) => id)).size).toBe(2);
  for (const { urn, id = "", outputs } of made)
    expect(await jobOf(id)).toMatchObject({ owner: urn, incarnation: outputs.incarnation });
}, 600_000);

it("keeps an object whose resource is renamed by an alias, and never deletes the new one where there is none", async () => {
  const target = {
    kind: "RestoreTarget",
    args: {
      from: { store: { kind: "directory", path: join(stack.root, "store") }, schedule: { $ref: "kept.id" } },
      to: join(stack.root, "restore"),
    },
  } as const;
  const snapshot = {
    kind: "FileShareSnapshot",
    args: { share: { path: share }, store: { kind: "directory", path: join(stack.root, "pinned") } },
  } as const;
  await stack.declare({
    kept: schedule({ runOnCreate: true, waitFor: "3m" }),
    moved: schedule(),
    fixed: schedule({ id: "fixed" }),
    target,
    snapshot,
  });
  expectSuccess(await stack.up());
  const before = await byName();
  const points = await readdir(join(stack.root, "store", "points"));

  const renamed = {
    renamed: schedule({ runOnCreate: true, waitFor: "3m" }, { aliases: [{ name: "kept" }] }),
    "moved-on": schedule(),
    target: { ...target, args: { ...target.args, from: { ...target.args.from, schedule: { $ref: "renamed.id" } } } },
    snapshot,
    "look-schedule": { kind: "BackupSchedule", get: before.get("fixed")?.id ?? "" },
    "look-snapshot": { kind: "FileShareSnapshot", get: before.get("snapshot")?.id ?? "" },
    "look-target": { kind: "RestoreTarget", get: before.get("target")?.id ?? "" },
  } as const;
  await stack.declare({ ...renamed, "fixed-on": schedule({ id: "fixed" }) });
  const refused = await stack.up();
  expect(refused.exitCode).not.toBe(0);
  expect(refused.text).toMatch(
    /fixed in \S+: it belongs to urn:pulumi:test::engine-test::\S+::fixed; choose another id/,
  );
  expect(await jobOf("fixed")).toMatchObject({ incarnation: before.get("fixed")?.outputs.incarnation });

  await stack.declare({ ...renamed, fixed: schedule({ id: "fixed" }) });
  expectSuccess(await stack.up());
  expectSuccess(await stack.preview());
  const after = await byName();
  expect(after.get("renamed")).toMatchObject({
    id: before.get("kept")?.id,
    outputs: { incarnation: before.get("kept")?.outputs.incarnation, owner: after.get("renamed")?.urn },
  });
  for (const name of ["renamed", "moved-on", "fixed"])
    expect(await jobOf(after.get(name)?.id ?? "")).toMatchObject({ owner: after.get(name)?.urn });
  expect(await findJob(describeHome(stack.home), before.get("moved")?.id ?? "")).toEqual({ state: "absent" });
  expect(await readdir(join(stack.root, "store", "points"))).toEqual(points);

  for (const [looked, name, keys] of [
    ["look-schedule", "fixed", ["when", "sources", "store", "incarnation"]],
    ["look-snapshot", "snapshot", ["share", "store", "pointId", "takenAt", "files", "bytes", "digest"]],
    ["look-target", "target", ["from", "to"]],
  ] as const)
    for (const key of ["health", "home", "owner", ...keys])
      expect([looked, key, after.get(looked)?.outputs[key]]).toEqual([looked, key, after.get(name)?.outputs[key]]);
  await stack.declare({});
  expectSuccess(await stack.up());
  expect(await readdir(join(stack.home, "jobs"))).toEqual([]);
}, 600_000);

/** A job and its entry as a person, or another stack, left them. */
async function makeByHand(id: string, owner: string | null): Promise<void> {
  const home = describeHome(stack.home);
  await initialiseHome(home);
  const when = { cron: "0 5 * * *" };
  await writeJob(home, {
    format: 1,
    kind: "schedule",
    id,
    owner,
    incarnation: "by hand",
    createdAt: "2026-01-01T00:00:00Z",
    declaration: {
      when,
      sources: { files: { kind: "file-share", path: share } },
      store: { kind: "directory", path: join(stack.root, "by-hand") },
    },
  });
  const entry = { id, verb: "run", when, owner, incarnation: "by hand", pausedUntil: null } as const;
  await createEmbeddedScheduler(home).install(entry, new AbortController().signal);
}

async function read(paths: readonly string[]): Promise<readonly string[]> {
  return Promise.all(paths.map((path) => readFile(join(stack.home, path), "utf8")));
}

async function jobOf(id: string): Promise<Job> {
  const found = await findJob(describeHome(stack.home), id);
  if (found.state !== "present") throw new Error(`${id} is ${found.state}`);
  return found.job;
}

async function ours(): Promise<readonly StateResource[]> {
  return (await stack.state()).filter(({ type }) => type.startsWith("pulumi-nodejs:dynamic/backup-posture:"));
}

async function byName(): Promise<ReadonlyMap<string, StateResource>> {
  return new Map((await ours()).map((resource) => [resource.urn.slice(resource.urn.lastIndexOf("::") + 2), resource]));
}
