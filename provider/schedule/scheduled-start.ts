import { toMilliseconds } from "../platform/durations";
import { latestDue, nextDue } from "./calendar";
import type { When } from "./schema";

/** What there is to do at a tick of a scheduler that knows the calendar only roughly. */
export type ScheduledStart =
  | { readonly kind: "start"; readonly due: Date }
  /** The start is due soon: jitter holds it back. */
  | { readonly kind: "wait"; readonly until: Date }
  | { readonly kind: "nothing"; readonly why: string };

/** A start that is later than this was missed, in milliseconds. */
export const lateAfter = 120_000;

/**
 * Decides what a tick is good for. Whatever ticks, and however often, each due time leads to one start: what was due before
 * `handledUntil` has been started, or is nobody's miss. Of several missed ones the last counts, as long as `catchUp` is not false.
 *
 * @param seed what tells apart schedules that are due together, their id.
 * @param handledUntil the last start, or when the entry was installed, or the end of a pause, whichever is last.
 */
export function decideStart(when: When, seed: string, handledUntil: Date, moment: Date): ScheduledStart {
  const latest = latestDue(when, handledUntil, moment, seed);
  if (latest !== undefined && (when.catchUp !== false || moment.getTime() - latest.getTime() <= lateAfter))
    return { kind: "start", due: latest };
  const jitter = toMilliseconds(when.jitter ?? "0s");
  const next = nextDue(when, moment, seed);
  if (next.getTime() - moment.getTime() <= jitter) return { kind: "wait", until: next };
  return {
    kind: "nothing",
    why: latest === undefined ? "nothing is due" : "what was due was missed, and is not made up for",
  };
}
