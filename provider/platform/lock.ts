import { randomUUID } from "node:crypto";
import { type FileHandle, link, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { giveToOwnerOf } from "./atomic-file";
import { now } from "./clock";
import { isAbsent, PostureError, systemCodeOf } from "./errors";

const holderSchema = z.object({
  token: z.string(),
  host: z.string(),
  /** Identifies the boot of the machine, where the platform tells; a lock from an earlier boot is dead. */
  boot: z.string().nullable(),
  pid: z.number(),
  /** When the process started, in the platform's own count, so that a reused pid is not taken for the holder. */
  processStart: z.string().nullable(),
  acquiredAt: z.string(),
  what: z.string(),
});

const writingTakesAtMost = 60_000;
const beginningOfLock = '{"token":"';

/** Who holds a lock, since when and for what. */
export type LockHolder = z.infer<typeof holderSchema>;

/** A lock that this process holds. */
export interface Lock {
  /** Idempotent. */
  release(): Promise<void>;
}

/**
 * Takes an exclusive lock: a file that names its holder. The lock of a process that is dead (same host, and the pid is gone, was
 * reused, or belongs to an earlier boot) is taken over; one of another host never is.
 *
 * @param path the lock's file, in an existing directory.
 * @param options.what what it is held for, in words, shown to those who wait.
 * @param options.waitMilliseconds how long to wait for a live holder; default 0.
 * @throws PostureError `locked`, naming the holder, when it is still held then.
 */
export async function acquireLock(
  path: string,
  options: { readonly what: string; readonly waitMilliseconds?: number; readonly signal?: AbortSignal },
): Promise<Lock> {
  const mine = await describeMyself(options.what);
  const deadline = performance.now() + (options.waitMilliseconds ?? 0);
  for (;;) {
    options.signal?.throwIfAborted();
    if (await tryCreate(path, mine)) return await toCleanLock(path, mine);
    const holder = await readHolder(path);
    if (holder === null) continue;
    if (holder === "unreadable" && (await removeUnfinished(path, mine))) continue;
    if (holder !== "unreadable" && (await isDead(holder))) {
      if (await takeOver(path, holder, mine)) return await toCleanLock(path, mine);
      continue;
    }
    if (performance.now() >= deadline && (holder !== "unreadable" || !(await isBeingWritten(path))))
      throw new PostureError("locked", `${path}: ${describeHolder(holder)}`);
    await delay(50, undefined, options.signal === undefined ? {} : { signal: options.signal });
  }
}

/** The live holder of a lock, or null when it is free or its holder is dead. */
export async function findHolder(path: string): Promise<LockHolder | null> {
  const holder = await readHolder(path);
  if (holder === "unreadable") return (await isBeingWritten(path)) ? somebody : null;
  return holder === null || (await isDead(holder)) ? null : holder;
}

/** Who has made a lock and not written yet who it is. */
const somebody: LockHolder = {
  token: "",
  host: "this or another host",
  boot: null,
  pid: 0,
  processStart: null,
  acquiredAt: "a moment ago",
  what: "somebody who has just begun",
};

/** Where files cannot have a second name, a lock is made before it is written: so one of ours may end anywhere. */
async function isUnfinished(path: string): Promise<{ readonly age: number } | null> {
  try {
    const [text, { mtimeMs }] = [await readFile(path, "utf8"), await stat(path)];
    const begins = beginningOfLock.startsWith(text.slice(0, beginningOfLock.length));
    return begins && parseHolder(text) === "unreadable" ? { age: Date.now() - mtimeMs } : null;
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

async function isBeingWritten(path: string): Promise<boolean> {
  const unfinished = await isUnfinished(path);
  return unfinished !== null && unfinished.age <= writingTakesAtMost;
}

/** Removes a lock whose maker has died before it was written; only the holder of a second lock may, after another look. */
async function removeUnfinished(path: string, mine: LockHolder): Promise<boolean> {
  const isOld = async () => ((await isUnfinished(path))?.age ?? 0) > writingTakesAtMost;
  if (!(await isOld())) return false;
  const guard = await acquireLock(`${path}.unfinished`, { what: mine.what, waitMilliseconds: 10_000 });
  try {
    if (await isOld()) await rm(path, { force: true });
    return true;
  } finally {
    await guard.release();
  }
}

/** Replaces a dead holder. Only the holder of a second lock, named after the dead one, may: so two takers never both succeed. */
async function takeOver(path: string, dead: LockHolder, mine: LockHolder): Promise<boolean> {
  const guard = await acquireLock(`${path}.${dead.token}`, { what: mine.what, waitMilliseconds: 10_000 });
  try {
    const current = await readHolder(path);
    if (current === null || current === "unreadable" || current.token !== dead.token) return false;
    const temporary = await writeTemporary(path, mine);
    await rename(temporary, path);
    return true;
  } finally {
    await guard.release();
  }
}

/** The lock, after what dead takers of it have left beside it was removed. Its holder may: none of that can let anybody else in. */
async function toCleanLock(path: string, mine: LockHolder): Promise<Lock> {
  const lock = toLock(path, mine);
  try {
    await removeLeftovers(path);
    return lock;
  } catch (error) {
    await lock.release();
    throw error;
  }
}

async function removeLeftovers(path: string): Promise<void> {
  const folder = dirname(path);
  const beside = (await readdir(folder)).filter((name) => name.startsWith(`${basename(path)}.`));
  for (const name of beside) if (await isLeftover(join(folder, name))) await rm(join(folder, name), { force: true });
}

/** What names no holder was cut off while it was written, or is just being written. */
async function isLeftover(path: string): Promise<boolean> {
  const holder = await readHolder(path);
  if (holder === null) return false;
  if (holder !== "unreadable") return isDead(holder);
  try {
    return Date.now() - (await stat(path)).mtimeMs > writingTakesAtMost;
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}

async function tryCreate(path: string, mine: LockHolder): Promise<boolean> {
  const temporary = await writeTemporary(path, mine);
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === "EEXIST") return false;
    if (!withoutHardLinks.has(code)) throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  return createInPlace(path, mine);
}

/** What file systems say that give a file one name only: FAT, and many mounts. */
const withoutHardLinks: ReadonlySet<string | undefined> = new Set([
  "EPERM",
  "ENOTSUP",
  "EOPNOTSUPP",
  "ENOSYS",
  "EMLINK",
]);

async function createInPlace(path: string, mine: LockHolder): Promise<boolean> {
  let file: FileHandle;
  try {
    file = await open(path, "wx", 0o600);
  } catch (error) {
    if (systemCodeOf(error) === "EEXIST") return false;
    throw error;
  }
  try {
    await file.writeFile(JSON.stringify(mine));
    await file.sync();
    return true;
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

async function writeTemporary(path: string, mine: LockHolder): Promise<string> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  const file = await open(temporary, "wx", 0o600);
  try {
    await file.writeFile(JSON.stringify(mine));
    await giveToOwnerOf(dirname(path), file);
  } finally {
    await file.close();
  }
  return temporary;
}

async function readHolder(path: string): Promise<LockHolder | "unreadable" | null> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
  return parseHolder(text);
}

function parseHolder(text: string): LockHolder | "unreadable" {
  try {
    return holderSchema.parse(JSON.parse(text));
  } catch {
    return "unreadable";
  }
}

async function describeMyself(what: string): Promise<LockHolder> {
  return {
    token: randomUUID(),
    host: hostname(),
    boot: await readBoot(),
    pid: process.pid,
    processStart: (await readProcessStart(process.pid)) ?? null,
    acquiredAt: now().toISOString(),
    what,
  };
}

async function isDead(holder: LockHolder): Promise<boolean> {
  if (holder.host !== hostname()) return false;
  const boot = await readBoot();
  if (boot !== null && holder.boot !== null && boot !== holder.boot) return true;
  if (!isRunning(holder.pid)) return true;
  const start = await readProcessStart(holder.pid);
  return start !== undefined && holder.processStart !== null && start !== holder.processStart;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCodeOf(error) === "EPERM";
  }
}

async function readBoot(): Promise<string | null> {
  const text = await readProc("/proc/sys/kernel/random/boot_id");
  return text === undefined ? null : text.trim();
}

/** Field 22 of `/proc/<pid>/stat`: the start in clock ticks since boot. The second field may hold spaces and parentheses. */
async function readProcessStart(pid: number): Promise<string | undefined> {
  const text = await readProc(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(")") + 2).split(" ")[19];
}

async function readProc(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return undefined;
  }
}

function toLock(path: string, mine: LockHolder): Lock {
  return {
    release: async () => {
      const holder = await readHolder(path);
      if (holder !== null && holder !== "unreadable" && holder.token === mine.token) await rm(path, { force: true });
    },
  };
}

function describeHolder(holder: LockHolder | "unreadable"): string {
  if (holder === "unreadable")
    return "the lock file is not one of ours; look at it, and remove it if nothing is running";
  return `held by ${holder.what}, process ${holder.pid} on ${holder.host}, since ${holder.acquiredAt}`;
}
