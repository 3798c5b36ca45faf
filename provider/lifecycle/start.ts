import { setTimeout as delay } from "node:timers/promises";
import { PostureError } from "../platform/errors";
import type { HomeView } from "../runner/home-view";
import { findJob } from "../runner/job";
import { findLiveRun, isJobLocked } from "../runner/job-lock";
import { readJournal } from "../runner/journal";
import type { Scheduler } from "../schedule/schedulers/scheduler";

/** How long an entry may take from being started to its first sign of life, and other work on its job to let it start. */
const startLimitMilliseconds = 60_000;

const lookEveryMilliseconds = 100;

/**
 * Starts the installed entry under its own account, unless a run of it goes on already, sees that it started, and waits
 * for its end, and for that of the copying after it, as long as it may. What came of it is for the caller to observe.
 *
 * @throws PostureError `locked` when a prune or purge holds its job for longer than a minute, `transient` when nothing was seen to start.
 */
export async function startAndWait(
  view: HomeView,
  scheduler: Scheduler,
  id: string,
  waitMilliseconds: number,
): Promise<void> {
  const isRunning = async () => (await findLiveRun(view.home, id)) !== null;
  const deadline = performance.now() + waitMilliseconds;
  const before = (await readJournal(view.home, id)).length;
  if (!(await isRunning())) await start(view, scheduler, id);
  await waitUntil(waitMilliseconds, async () => !(await isRunning()));
  await waitUntil(deadline - performance.now(), () => isCopied(view, id, before));
}

/** Whether every copy has told what became of it since; a run that failed has nothing to be copied. */
async function isCopied(view: HomeView, id: string, before: number): Promise<boolean> {
  const job = await findJob(view.home, id);
  const copies =
    job.state === "present" && job.job.kind === "schedule" ? Object.keys(job.job.declaration.copies ?? {}) : [];
  const records = (await readJournal(view.home, id)).slice(before);
  const last = records.findLast((record) => record.event === "ended");
  if (last?.outcome !== "succeeded") return true;
  return copies.every((name) => records.some((record) => record.event === "copied" && record.copy === name));
}

async function start(view: HomeView, scheduler: Scheduler, id: string): Promise<void> {
  if (!(await waitUntil(startLimitMilliseconds, async () => !(await isJobLocked(view.home, id)))))
    throw new PostureError("locked", `${id}: it was not started, since it is being pruned or purged; try again later`);
  const before = await countStarts(view, id);
  await scheduler.start(id, view.signal);
  const started = await waitUntil(startLimitMilliseconds, async () => (await countStarts(view, id)) > before);
  if (started) return;
  throw new PostureError(
    "transient",
    `${id}: its scheduler was told to start it, and nothing started within ${startLimitMilliseconds / 1_000} s; backup-posture doctor shows why`,
  );
}

/** Other records may be written at any time: copying goes on beside runs. */
async function countStarts(view: HomeView, id: string): Promise<number> {
  return (await readJournal(view.home, id)).filter((record) => record.event === "started").length;
}

/** Whether something came to hold within a time. */
async function waitUntil(limitMilliseconds: number, holds: () => Promise<boolean>): Promise<boolean> {
  const deadline = performance.now() + limitMilliseconds;
  while (!(await holds())) {
    if (performance.now() >= deadline) return false;
    await delay(lookEveryMilliseconds);
  }
  return true;
}
