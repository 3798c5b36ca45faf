import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../platform/errors";
import type { Home } from "../runner/home";
import { notifyOfHealth } from "./notify";

/** How often the agent looks whether something got too old. */
const lookEveryMilliseconds = 5 * 60_000;

export interface WatchOptions {
  /** Look once. */
  readonly once: boolean;
  readonly signal: AbortSignal;
  /** Takes one line a call, for people. */
  readonly log: (line: string) => void;
}

/** Looks again and again how the schedules and restore targets of a home are, and tells their notifiers what has changed. Never throws; what goes wrong is logged once while it lasts. */
export async function watchHealth(home: Home, { once, signal, log }: WatchOptions): Promise<void> {
  let complaint: string | null = null;
  for (;;) {
    const fault = await lookOnce(home, signal, log);
    if (fault !== null && fault !== complaint) log(`notifiers were not told: ${fault}`);
    complaint = fault;
    if (once || !(await pause(signal))) return;
  }
}

async function lookOnce(home: Home, signal: AbortSignal, log: WatchOptions["log"]): Promise<string | null> {
  try {
    for (const { id, notifier, what, fault } of await notifyOfHealth(home, { signal }))
      if (fault === null) log(`${id}: ${notifier} was told of ${what}`);
    return null;
  } catch (error) {
    return signal.aborted ? null : messageOf(error);
  }
}

/** False once the watch is over. */
async function pause(signal: AbortSignal): Promise<boolean> {
  try {
    await delay(lookEveryMilliseconds, undefined, { signal });
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}
