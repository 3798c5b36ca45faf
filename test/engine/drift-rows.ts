import { chmod, readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { appendEvidence, readEvidence } from "../../provider/restore/evidence";
import { describeHome } from "../../provider/runner/home";
import type { ResourceSpec, Stack } from "./stack";

/** Everything is declared, and first runs and drills take place, at this moment. */
export const declaredAt = "2026-11-19T12:00:00Z";
/** The preview that shows the drift, and the repair, take place at this one. */
export const noticedAt = "2026-11-19T15:00:00Z";

/** What a row knows of the stack that it tampers with. */
export interface Scene {
  readonly stack: Stack;
  readonly share: string;
  /** The id of the row's resource. */
  readonly id: string;
  /** A folder of the row's own. */
  readonly place: string;
}

/** One way in which reality drifts from what was declared. */
export interface Row {
  readonly name: string;
  readonly resource: (place: string, share: string, home: string) => ResourceSpec;
  /** Behind Pulumi's back. */
  readonly tamper: (scene: Scene) => Promise<void>;
  /** The property line of the preview. */
  readonly shows: RegExp;
  /** Where only a person can mend it: what `up` says to do, and the doing. */
  readonly person?: { readonly told: RegExp; readonly mends: (scene: Scene) => Promise<void> };
  /** Rows that need more than every machine has. */
  readonly needsRoot?: true;
}

const daily = { cron: "0 1 * * *" };
const repairing = { onStale: "run", waitFor: "3m" } as const;
const running = { ...repairing, runOnCreate: true } as const;

export const rows: readonly Row[] = [
  {
    name: "job-deleted",
    resource: schedule({}),
    tamper: ({ stack, id }) => rm(jobPath(stack, id)),
    shows: /~ health: "not installed: the job file is missing" +=> "healthy"/,
  },
  {
    name: "job-time-edited",
    resource: schedule({}),
    tamper: ({ stack, id }) => edit(jobPath(stack, id), "0 1 * * *", "0 5 * * *"),
    shows: /~ cron: "0 5 \* \* \*" +=> "0 1 \* \* \*"/,
  },
  {
    name: "job-retention-edited",
    resource: schedule({ keep: { daily: 7 } }),
    tamper: ({ stack, id }) => edit(jobPath(stack, id), '"daily": 7', '"daily": 1'),
    shows: /~ daily: 1 +=> 7/,
  },
  {
    name: "job-sources-edited",
    resource: schedule({}),
    tamper: ({ stack, share, id }) => edit(jobPath(stack, id), `"${share}"`, '"/elsewhere"'),
    shows: /~ path: "\/elsewhere" +=> "\//,
  },
  {
    name: "job-unreadable",
    resource: schedule({}),
    tamper: ({ stack, id }) => chmod(jobPath(stack, id), 0o000),
    shows: /~ health: "not installed: the job file is unreadable: EACCES: permission denied" +=> "healthy"/,
  },
  {
    name: "job-garbled",
    resource: schedule({}),
    tamper: ({ stack, id }) => writeFile(jobPath(stack, id), "{"),
    shows: /~ health: "not installed: the job file is damaged: it is not JSON" +=> "healthy"/,
  },
  {
    name: "entry-removed",
    resource: schedule({}),
    tamper: ({ stack, id }) => rm(entryPath(stack, id)),
    shows: /~ health: "not installed: the scheduler entry is missing" +=> "healthy"/,
  },
  {
    name: "entry-changed",
    resource: schedule({}),
    tamper: ({ stack, id }) => edit(entryPath(stack, id), "0 1 * * *", "0 6 * * *"),
    shows: /~ cron: "0 6 \* \* \*" +=> "0 1 \* \* \*"/,
  },
  {
    name: "entry-disabled",
    resource: schedule({}),
    tamper: ({ stack, id }) => edit(entryPath(stack, id), '"enabled": true', '"enabled": false'),
    shows: /~ health: "not installed: the scheduler entry is disabled" +=> "healthy"/,
  },
  {
    name: "stale",
    resource: schedule({ when: { every: "1h" }, rpo: "1h", grace: "0s", ...running }),
    tamper: () => Promise.resolve(),
    shows: /~ health: "stale: last success 2026-11-19T12:00:00Z, rpo 1h" +=> "healthy"/,
  },
  {
    name: "failing",
    resource: (place, share, home) =>
      schedule({
        ...running,
        hooks: { quiesce: { at: "before", command: ["test", "!", "-e", join(place, "broken")] } },
      })(place, share, home),
    tamper: async ({ stack, id, place }) => {
      await writeFile(join(place, "broken"), "");
      expect((await stack.cli(["run", id], noticedAt)).exitCode).toBe(1);
      await rm(join(place, "broken"));
    },
    shows: /~ health: "failing: .*quiesce.*, since 2026-11-19T15:00:00Z" +=> "healthy"/,
  },
  {
    name: "interrupted",
    resource: (place, share, home) =>
      schedule({
        ...running,
        hooks: { murder: { at: "before", command: ["sh", "-c", `test ! -e ${join(place, "kill")} || kill -9 $PPID`] } },
      })(place, share, home),
    tamper: async ({ stack, id, place }) => {
      await writeFile(join(place, "kill"), "");
      expect((await stack.cli(["run", id], noticedAt)).exitCode).not.toBe(0);
      await rm(join(place, "kill"));
    },
    shows: /~ health: "interrupted: started 2026-11-19T15:00:00Z" +=> "healthy"/,
  },
  {
    name: "schedule-point-deleted",
    resource: schedule({ ...running, rpo: "26h" }),
    tamper: ({ place }) => deletePoints(join(place, "store")),
    shows: /~ health: "missing: 1 recovery point, newest 2026-11-19T12:00:00Z( \(\+\d more\))?" +=> "healthy"/,
    person: {
      told: /backup-posture purge \S+ --missing gives up the lost/,
      mends: async ({ stack, id }) => {
        expect((await stack.cli(["purge", id, "--missing", "--yes"], noticedAt)).exitCode).toBe(0);
      },
    },
  },
  {
    name: "copy-point-deleted",
    resource: schedule(copied({}), running),
    tamper: ({ place }) => deletePoints(join(place, "offsite")),
    shows: /~ health: "copy offsite missing: 1 recovery set, newest 2026-11-19T12:00:00Z" +=> "healthy"/,
  },
  {
    name: "copy-store-away",
    resource: schedule(copied({}), running),
    tamper: ({ place }) => rename(join(place, "offsite"), join(place, "away")),
    shows: /~ health: "copy offsite unreachable: \S+: no store is there; .*" +=> "healthy"/,
    person: {
      told: /make its store reachable for this account; the next run copies what it lacks/,
      mends: ({ place }) => rename(join(place, "away"), join(place, "offsite")),
    },
  },
  {
    name: "copy-retention-edited",
    resource: schedule(copied({ keep: { daily: 30 } })),
    tamper: ({ stack, id }) => edit(jobPath(stack, id), '"daily": 30', '"daily": 1'),
    shows: /~ daily: 1 +=> 30/,
  },
  {
    name: "snapshot-point-deleted",
    resource: snapshot({}),
    tamper: ({ place }) => deletePoints(join(place, "store")),
    shows: /~ health: "missing" +=> "healthy"/,
  },
  {
    name: "object-bit-flipped",
    resource: snapshot({ verify: "content" }),
    tamper: async ({ place }) => flipBit(await findObject(join(place, "store"))),
    shows: /~ health: "damaged: \d+ files?" +=> "healthy"/,
  },
  {
    name: "object-truncated",
    resource: snapshot({ verify: "content" }),
    tamper: async ({ place }) => truncate(await findObject(join(place, "store")), 10),
    shows: /~ health: "damaged: \d+ files?" +=> "healthy"/,
  },
  {
    name: "object-removed",
    resource: snapshot({}),
    tamper: async ({ place }) => rm(await findObject(join(place, "store"))),
    shows: /~ health: "damaged: \d+ files?" +=> "healthy"/,
  },
  {
    name: "manifest-edited",
    resource: snapshot({}),
    tamper: async ({ place }) => flipBit(await findManifest(join(place, "store"))),
    shows: /~ health: "damaged: \d+ files?" +=> "healthy"/,
  },
  {
    name: "snapshot-too-old",
    resource: snapshot({ maxAge: "2h" }),
    tamper: () => Promise.resolve(),
    shows: /~ health: "older than maxAge: taken 2026-11-19T12:00:00Z, maxAge 2h" +=> "healthy"/,
  },
  {
    name: "place-removed",
    resource: target({}),
    tamper: ({ place }) => rm(join(place, "restore"), { recursive: true }),
    shows: /~ health: "place unusable: .*" +=> "healthy"/,
  },
  {
    name: "place-read-only",
    resource: target({}),
    tamper: ({ place }) => chmod(join(place, "restore"), 0o555),
    shows: /~ health: "place unusable: .*" +=> "healthy"/,
    person: {
      told: /make the place usable for this account/,
      mends: ({ place }) => chmod(join(place, "restore"), 0o755),
    },
  },
  {
    name: "place-too-small",
    resource: target({}),
    tamper: ({ place }) => mountTiny(join(place, "restore")),
    shows: /~ health: "place unusable: .*free.*" +=> "healthy"/,
    person: { told: /make the place usable for this account/, mends: ({ place }) => unmount(join(place, "restore")) },
    needsRoot: true,
  },
  {
    name: "evidence-expired",
    resource: target({ drill: { every: "1h" }, grace: "0s", ...running }),
    tamper: () => Promise.resolve(),
    shows: /~ health: "evidence expired: drilled 2026-11-19T12:00:00Z, every 1h" +=> "healthy"/,
  },
  {
    name: "evidence-edited",
    resource: target({ drill: { every: "90d" }, ...running }),
    tamper: async ({ stack, id }) => {
      const folder = join(stack.home, "evidence", id);
      const [record] = (await readdir(folder)).filter((name) => name !== "head.json");
      await edit(
        join(folder, record ?? ""),
        '"verdict": "passed"',
        '"verdict": "failed"',
        '"verdict":"passed"',
        '"verdict":"failed"',
      );
    },
    shows: /~ health: "evidence broken: .*" +=> "healthy"/,
    person: {
      told: /backup-posture drill \S+ --restart-evidence/,
      mends: async ({ stack, id }) => {
        expect((await stack.cli(["drill", id, "--restart-evidence"], noticedAt)).exitCode).toBe(0);
      },
    },
  },
  {
    name: "restore-too-slow",
    resource: target({ drill: { every: "90d" }, maxRestoreTime: "1h", ...running }),
    tamper: async ({ stack, id }) => {
      const home = describeHome(stack.home);
      const last = (await readEvidence(home, id)).records.at(-1);
      if (last === undefined) throw new Error("no drill took place");
      await appendEvidence(home, id, {
        ...without(last, ["format", "sequence", "previous", "digest"]),
        run: `${last.run.slice(0, 40)}-slow`,
        restoreMilliseconds: 7_200_000,
      });
    },
    shows: /~ health: "restore took 2h, limit 1h" +=> "healthy"/,
  },
];

/** The arguments of a copy beside the row's store. */
function copied(more: Record<string, unknown>): (place: string) => Record<string, unknown> {
  return (place) => ({ copies: { offsite: { store: { kind: "directory", path: join(place, "offsite") }, ...more } } });
}

type Arguments = Record<string, unknown> | ((place: string) => Record<string, unknown>);

function schedule(...all: readonly Arguments[]): Row["resource"] {
  return (place, share) => ({
    kind: "BackupSchedule",
    args: {
      when: daily,
      sources: { files: { kind: "file-share", path: share } },
      store: { kind: "directory", path: join(place, "store") },
      ...repairing,
      ...Object.fromEntries(all.flatMap((args) => Object.entries(typeof args === "function" ? args(place) : args))),
    },
  });
}

function snapshot(args: Record<string, unknown>): Row["resource"] {
  return (place, share) => ({
    kind: "FileShareSnapshot",
    args: { share: { path: share }, store: { kind: "directory", path: join(place, "store") }, ...args },
  });
}

/** Restores what the schedule named `restored` takes. */
function target(args: Record<string, unknown>): Row["resource"] {
  return (place) => ({
    kind: "RestoreTarget",
    args: {
      from: { store: { $ref: "restored.store" }, schedule: { $ref: "restored.id" } },
      to: join(place, "restore"),
      ...repairing,
      ...args,
    },
  });
}

function jobPath(stack: Stack, id: string): string {
  return join(stack.home, "jobs", `${id}.json`);
}

function entryPath(stack: Stack, id: string): string {
  return join(stack.home, "scheduler", "entries", `${id}.json`);
}

function without<T extends object, K extends keyof T>(value: T, keys: readonly K[]): Omit<T, K> {
  const copy = { ...value };
  for (const key of keys) Reflect.deleteProperty(copy, key);
  return copy;
}

/** Replaces the first of several spellings that is found. */
async function edit(path: string, ...pairs: readonly string[]): Promise<void> {
  const text = await readFile(path, "utf8");
  for (let index = 0; index < pairs.length; index += 2) {
    const [from = "", to = ""] = pairs.slice(index);
    if (text.includes(from)) return writeFile(path, text.replace(from, to));
  }
  throw new Error(`${path} does not hold ${pairs[0] ?? ""}`);
}

async function flipBit(path: string): Promise<void> {
  const bytes = await readFile(path);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  await chmod(path, 0o600);
  await writeFile(path, bytes);
}

async function deletePoints(store: string): Promise<void> {
  for (const name of await readdir(join(store, "points"))) await rm(join(store, "points", name), { recursive: true });
}

/** The largest file among the stored contents. */
async function findObject(store: string): Promise<string> {
  return findLargest(store, (path) => path.endsWith(".pack"));
}

async function findManifest(store: string): Promise<string> {
  return findLargest(store, (path) => path.endsWith(".manifest"));
}

async function findLargest(store: string, wanted: (path: string) => boolean): Promise<string> {
  const entries = await readdir(store, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const sized = await Promise.all(
    paths.filter(wanted).map(async (path) => ({ path, size: (await readFile(path)).length })),
  );
  const [largest] = sized.sort((left, right) => right.size - left.size);
  if (largest === undefined) throw new Error(`nothing of that kind in ${store}`);
  return largest.path;
}

async function mountTiny(path: string): Promise<void> {
  const { execa } = await import("execa");
  await execa("mount", ["-t", "tmpfs", "-o", "size=16k", "tmpfs", path]);
}

async function unmount(path: string): Promise<void> {
  const { execa } = await import("execa");
  await execa("umount", [path]);
}
