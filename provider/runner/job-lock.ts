import { join } from "node:path";
import { acquireLock, findHolder, type Lock } from "../platform/lock";
import type { Home } from "./home";
import { refuseRootInForeignHome } from "./ownership";

/** What moves the data of a job: only these are runs of it, whoever else holds its lock. */
const runningVerbs = ["run", "drill"] as const;

/** What somebody does who holds the lock of a job. */
type Work = (typeof runningVerbs)[number] | "prune" | "purge" | "remove" | "evidence";

/** A run or drill that goes on. */
export interface LiveRun {
  readonly since: Date;
  /** Which process on which host, in words for people. */
  readonly process: string;
}

/**
 * Takes the lock of one job, under which it is run, drilled, pruned, purged or removed.
 *
 * @throws PostureError `locked`, naming the holder; `usage` where root would move data in the home of another account.
 */
export async function lockJob(home: Home, id: string, work: Work): Promise<Lock> {
  if (work !== "remove") await refuseRootInForeignHome(home, `${work} ${id}`);
  return acquireLock(lockPath(home, id), { what: describeWork(work, id) });
}

/**
 * Takes the lock under which the recovery sets of one schedule are copied. Runs do not wait for it: a slow copy delays no backup.
 *
 * @throws PostureError `locked`, naming the holder.
 */
export function lockCopies(home: Home, id: string): Promise<Lock> {
  return acquireLock(copiesLockPath(home, id), { what: `backup-posture copy ${id}` });
}

/** How long telling others may keep who has something to tell as well. Each attempt has a time limit of its own. */
const notifyWaitMilliseconds = 15_000;

/**
 * Takes the lock under which notifiers of one schedule or restore target are told. Neither runs nor copying wait for it.
 *
 * @throws PostureError `locked` where others take long.
 */
export function lockNotify(home: Home, id: string): Promise<Lock> {
  const path = join(home.locks, `${id}.notify.lock`);
  return acquireLock(path, { what: `backup-posture notify ${id}`, waitMilliseconds: notifyWaitMilliseconds });
}

/** Whether anybody alive holds the lock of a job, for whatever work. */
export async function isJobLocked(home: Home, id: string): Promise<boolean> {
  return (await findHolder(lockPath(home, id))) !== null;
}

/** The run or drill of a job that goes on, or null: a prune, purge or removal is none. */
export async function findLiveRun(home: Home, id: string): Promise<LiveRun | null> {
  const holder = await findHolder(lockPath(home, id));
  if (holder === null || !runningVerbs.some((verb) => holder.what === describeWork(verb, id))) return null;
  return { since: new Date(holder.acquiredAt), process: `process ${holder.pid} on ${holder.host}` };
}

function describeWork(work: Work, id: string): string {
  return `backup-posture ${work} ${id}`;
}

function lockPath(home: Home, id: string): string {
  return join(home.locks, `${id}.lock`);
}

/** No id holds a dot. */
function copiesLockPath(home: Home, id: string): string {
  return join(home.locks, `${id}.copies.lock`);
}
