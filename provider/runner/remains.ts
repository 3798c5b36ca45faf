import { forgetTold } from "../notify/told-state";
import { PostureError } from "../platform/errors";
import type { Lock } from "../platform/lock";
import { clearCopyStaging } from "./copy-staging";
import type { Home } from "./home";
import { lockCopies, lockJob } from "./job-lock";
import { clearKept, clearStaging } from "./staging";

/** Takes away what dead runs of an id have left: their lock, what they staged and what its sources kept. A live run cleans up after itself. */
export async function clearRemains(home: Home, id: string): Promise<void> {
  await clearCopying(home, id);
  await forgetTold(home, id);
  const lock = await unlessLocked(lockJob(home, id, "remove"));
  if (lock === null) return;
  try {
    await clearStaging(home, id);
    await clearKept(home, id);
  } finally {
    await lock.release();
  }
}

async function clearCopying(home: Home, id: string): Promise<void> {
  const lock = await unlessLocked(lockCopies(home, id));
  if (lock === null) return;
  try {
    await clearCopyStaging(home, id);
  } finally {
    await lock.release();
  }
}

/** Null where the lock is held by the living. */
async function unlessLocked(lock: Promise<Lock>): Promise<Lock | null> {
  try {
    return await lock;
  } catch (error) {
    if (error instanceof PostureError && error.kind === "locked") return null;
    throw error;
  }
}
