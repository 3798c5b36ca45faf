import { setTimeout as delay } from "node:timers/promises";
import { now } from "../platform/clock";
import { decideStart } from "../schedule/scheduled-start";
import type { EntryVerb } from "../schedule/schedulers/scheduler";
import type { When } from "../schedule/schema";
import { type Home, requireHome } from "./home";
import { requireJob } from "./job";
import { readJournal } from "./journal";

/** The least time to wait, so that a clock that ticks coarsely is not asked over and over. Milliseconds. */
const leastWait = 250;

/**
 * Waits until the start is due for which a scheduler has ticked, as long as its jitter lasts at most.
 *
 * @param since what was due before then is nobody's miss.
 * @returns why there is nothing to start, in words; null where there is.
 * @throws PostureError `unreachable` for the home or the journal, `permanent` or `usage` for the job.
 */
export async function awaitDueStart(
  home: Home,
  verb: EntryVerb,
  id: string,
  since: Date,
  signal: AbortSignal,
): Promise<string | null> {
  await requireHome(home);
  for (;;) {
    const when = await readWhen(home, verb, id);
    if (when === null) return "nothing is declared to be started";
    const moment = now();
    const started = await findLastStart(home, verb, id);
    const start = decideStart(when, id, started > since ? started : since, moment);
    if (start.kind === "start") return null;
    if (start.kind === "nothing") return start.why;
    await delay(Math.max(leastWait, start.until.getTime() - moment.getTime()), undefined, { signal });
  }
}

async function readWhen(home: Home, verb: EntryVerb, id: string): Promise<When | null> {
  if (verb === "run") return (await requireJob(home, id, "schedule")).declaration.when;
  const { drill } = (await requireJob(home, id, "drill")).declaration;
  return drill === undefined ? null : { every: drill.every };
}

async function findLastStart(home: Home, verb: EntryVerb, id: string): Promise<Date> {
  const last = (await readJournal(home, id)).findLast((record) => record.event === "started" && record.verb === verb);
  return new Date(last?.at ?? 0);
}
