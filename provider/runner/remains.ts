import { PostureError } from "../platform/errors";
import type { Lock } from "../platform/lock";
import type { Home } from "./home";
import { lockJob } from "./job-lock";
import { clearStaging } from "./staging";

/** Takes away what dead runs of an id have left: their lock and what they staged. A live run cleans up after itself. */
export async function clearRemains(home: Home, id: string): Promise<void> {
  const lock = await tryToLock(home, id);
  if (lock === null) return;
  try {
    await clearStaging(home, id);
  } finally {
    await lock.release();
  }
}

/** Null where the lock is held by the living. */
async function tryToLock(home: Home, id: string): Promise<Lock | null> {
  try {
    return await lockJob(home, id, "remove");
  } catch (error) {
    if (error instanceof PostureError && error.kind === "locked") return null;
    throw error;
  }
}
