import { setTimeout as delay } from "node:timers/promises";
import { type NotifyOptions, notifyOfHealth, pingOfRun } from "../notify/notify";
import { now } from "../platform/clock";
import { PostureError } from "../platform/errors";
import { startDetached } from "../platform/processes";
import { withinTime } from "../platform/time-limit";
import { findJob, type ScheduleJob } from "../runner/job";
import { type RunEnded, readJournal, type SetsCopied } from "../runner/journal";
import { nextDue } from "../schedule/calendar";
import { commandLineModule } from "../schedule/schedulers/embedded";
import type { CommandContext } from "./command";
import { exitCodes } from "./exit-codes";
import { noteFault } from "./faults";

/** Tells checks that a run or a drill starts, beside it: it does not wait, and nothing of it is thrown. */
export async function announceStart(context: CommandContext, id: string): Promise<void> {
  await tellInVain(context, () => pingOfRun(context.home, id, "start", optionsOf(context)));
}

/** Tells notifiers what a run or a drill has changed, after its end is written down; nothing of it is thrown, and it takes no longer than their time limits. */
export async function tellAfterRun(
  context: CommandContext,
  id: string,
  { outcome }: Pick<RunEnded, "outcome">,
): Promise<void> {
  const { home } = context;
  const occasion = outcome === "succeeded" ? "success" : "failure";
  await tellInVain(context, () => pingOfRun(home, id, occasion, optionsOf(context)));
  await tellOfHealth(context, id);
}

/** Tells notifiers what has changed; nothing of it is thrown. */
export async function tellOfHealth(context: CommandContext, id: string): Promise<void> {
  await tellInVain(context, () => notifyOfHealth(context.home, optionsOf(context), [id]));
}

/** Looking at a store whose server is gone may take for ever. */
const longestTelling = 90_000;

async function tellInVain(context: CommandContext, tell: () => Promise<unknown>): Promise<void> {
  try {
    const late = () => new PostureError("transient", "notifiers could not be told in time");
    await withinTime(tell(), longestTelling, late, context.signal);
  } catch (error) {
    noteFault(context)(error);
  }
}

function optionsOf(context: CommandContext): NotifyOptions {
  return { signal: context.signal, onFault: noteFault(context) };
}

/** What became of a schedule's copies after a run, as far as it is known by now. */
export interface CopiesAfterRun {
  readonly records: readonly SetsCopied[];
  /** Whether copying goes on although the run's process ends. */
  readonly goesOn: boolean;
}

/**
 * Starts to copy what a run has taken, as a process of its own that outlives this one, and waits for it: at most until the next run is due, so that
 * a slow copy keeps no scheduler from starting that.
 */
export async function copyAfterRun({ home, signal, progress }: CommandContext, id: string): Promise<CopiesAfterRun> {
  const found = await findJob(home, id);
  if (found.state !== "present" || found.job.kind !== "schedule" || found.job.declaration.copies === undefined)
    return { records: [], goesOn: false };
  const before = (await readJournal(home, id)).length;
  progress.report({ step: "copy", subject: Object.keys(found.job.declaration.copies).join(", "), files: 0, bytes: 0 });
  const copying = await startDetached([process.execPath, commandLineModule, "copy", id, "--home", home.root]);
  const enough = new AbortController();
  const exitCode = await Promise.race([
    copying.ended,
    delayUntilDue(found.job, AbortSignal.any([signal, enough.signal])),
  ]);
  enough.abort();
  const records = (await readJournal(home, id)).slice(before).filter((record) => record.event === "copied");
  return { records, goesOn: exitCode === "due" || exitCode === exitCodes.locked };
}

/** Longer than timers can count. */
const longestWait = 2 ** 31 - 1;

async function delayUntilDue(job: ScheduleJob, signal: AbortSignal): Promise<"due"> {
  const moment = now();
  const due = nextDue(job.declaration.when, moment, job.id).getTime() - moment.getTime();
  await delay(Math.min(due, longestWait), undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  return "due";
}
