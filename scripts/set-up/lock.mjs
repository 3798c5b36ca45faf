// One set-up at a time, between processes: a lock file that names its holder, who keeps touching it, so that a dead one's is
// taken over: at once, or after a while where another process has its number by now.
import { readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

const touchedEvery = 2_000;
const abandonedAfter = 20_000;

/**
 * Does the work while no other process does work under the same lock. In the rare case that two take over a dead one's
 * lock in the same instant, their work must be harmless to one another.
 *
 * @param {string} path The lock file; its folder exists.
 * @param {() => void} waiting Told once if somebody else holds the lock.
 * @param {() => Promise<void>} work
 */
export async function holdingLock(path, waiting, work) {
  for (let attempt = 0; !create(path); attempt++) {
    if (attempt === 0) waiting();
    if (isAbandoned(path)) rmSync(path, { force: true });
    else await delay(500);
  }
  const touching = setInterval(() => touch(path), touchedEvery);
  try {
    await work();
  } finally {
    clearInterval(touching);
    rmSync(path, { force: true });
  }
}

/** @param {string} path */
function create(path) {
  return ignoring("EEXIST", () => {
    writeFileSync(path, `${process.pid}\n`, { flag: "wx" });
    return true;
  });
}

/** @param {string} path */
function touch(path) {
  ignoring("ENOENT", () => utimesSync(path, new Date(), new Date()));
}

/** @param {string} path */
function isAbandoned(path) {
  const holder = ignoring("ENOENT", () => ({ pid: readFileSync(path, "utf8"), touched: statSync(path).mtimeMs }));
  if (holder === undefined) return false;
  if (Date.now() - holder.touched > abandonedAfter) return true;
  return holder.pid !== "" && ignoring("ESRCH", () => process.kill(Number(holder.pid), 0)) === undefined;
}

/**
 * @template T
 * @param {string} code The one system error that is a result here: undefined.
 * @param {() => T} action
 */
function ignoring(code, action) {
  try {
    return action();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === code) return undefined;
    throw error;
  }
}
