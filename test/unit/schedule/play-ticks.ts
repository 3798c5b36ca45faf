import { decideStart } from "../../../provider/schedule/scheduled-start";
import type { When } from "../../../provider/schedule/schema";

/** Starts of the schedule `shares` as the runner makes them at ticks; one that waits for its jitter is made when that is over. Instants are milliseconds. */
export function playTicks(schedule: When, ticks: readonly number[], from: number): readonly number[] {
  const starts: number[] = [];
  const waiting: number[] = [];
  const attempt = (moment: number): void => {
    const handled = new Date(starts.at(-1) ?? from - 1);
    const decision = decideStart(schedule, "shares", handled, new Date(moment));
    if (decision.kind === "start") starts.push(moment);
    else if (decision.kind === "wait") waiting.push(decision.until.getTime());
  };
  for (const tick of ascending(ticks)) {
    for (const moment of ascending(waiting.splice(0)))
      if (moment <= tick) attempt(moment);
      else waiting.push(moment);
    attempt(tick);
  }
  for (const moment of ascending(waiting)) attempt(moment);
  return starts;
}

function ascending(instants: readonly number[]): readonly number[] {
  return [...instants].sort((one, other) => one - other);
}
