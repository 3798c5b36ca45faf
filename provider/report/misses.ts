import { dueTimes } from "../schedule/calendar";
import { lateAfter } from "../schedule/scheduled-start";
import type { When } from "../schedule/schema";

/** A stretch of time in which a run went on, in milliseconds. */
export interface RunSpan {
  readonly start: number;
  /** Infinity for one that goes on. */
  readonly end: number;
}

/** A start counts for a due time from this much before it: schedulers round. */
const tooEarly = 1_000;

/**
 * The due times that no run answers: none began between it and the next one, and none was going on. One that is late but comes before
 * the next due time is no miss; of several that one run makes up for, all but the last are.
 *
 * @param runs by their start, ascending.
 * @param from since when the calendar is known.
 */
export function* findMisses(
  when: When,
  id: string,
  runs: readonly RunSpan[],
  from: Date,
  to: Date,
): Generator<number, void> {
  let next = 0;
  let busyUntil = Number.NEGATIVE_INFINITY;
  let due: number | null = null;
  for (const following of dueTimes(when, from, to, id)) {
    if (due !== null && isMissed(due, following.getTime())) yield due;
    due = following.getTime();
  }
  if (due !== null && due + lateAfter < to.getTime() && isMissed(due, Number.POSITIVE_INFINITY)) yield due;

  function isMissed(moment: number, before: number): boolean {
    for (let run = runs[next]; run !== undefined && run.start < moment - tooEarly; run = runs[++next])
      busyUntil = Math.max(busyUntil, run.end);
    const answer = runs[next];
    return busyUntil <= moment && !(answer !== undefined && answer.start < before - tooEarly);
  }
}
