import { watch } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ensureDirectory } from "../platform/atomic-file";
import { now } from "../platform/clock";
import { acquireLock, findHolder, type LockHolder } from "../platform/lock";
import { type Home, requireHome } from "../runner/home";
import { refuseRootInForeignHome } from "../runner/ownership";
import { Dispatcher } from "./dispatcher";
import { type Launch, launchRunner } from "./schedulers/embedded";
import { entriesFolder } from "./schedulers/embedded-entries";

/** The present, and how to let it pass. */
export interface AgentClock {
  now(): Date;
  /** Resolves after so long, or as soon as the signal is aborted; never rejects. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

export interface AgentOptions {
  /** Fire what is due now, wait for the runs, and return; otherwise go on until the signal is aborted. */
  readonly once: boolean;
  /** Stops firing. Runs that were started go on: they are processes of their own. */
  readonly signal: AbortSignal;
  /** Takes one line a call, for people. */
  readonly log: (line: string) => void;
  /** How many runs go on at once; others wait their turn. Default: 4. */
  readonly maximumConcurrent?: number;
  /** Default: this host's. */
  readonly clock?: AgentClock;
  /** How a run is started. Default: this package's command line, by this Node. */
  readonly launch?: Launch;
}

const longestSleep = 30_000;

/**
 * Fires the embedded scheduler's entries when they are due. One agent a home.
 *
 * - A start that is due while the entry's last run still goes on is skipped.
 * - Starts missed while no agent ran, or the clock jumped over, are made up for by one run, unless `catchUp` is false. What was due
 *   before the entry was installed, or while it was paused or disabled, is not missed.
 * - What is fired is remembered before its process is started, so no due time is fired twice. An agent that was killed in between looks
 *   in the journal, a minute later, whether the run began, and fires it then if it did not: so none is lost either.
 * - A clock that is set back by up to three hours fires nothing again; by more, the agent goes on from the new time, as cron does.
 * - New, changed and removed entries are noticed at once where the platform tells of changes to files, else within 30 seconds.
 *
 * @throws PostureError `locked`, naming it, where another agent serves this home; `unreachable` where the home is not there at the
 * beginning. Later on that is logged and tried again.
 */
export async function runAgent(home: Home, options: AgentOptions): Promise<void> {
  const { signal, log, maximumConcurrent = 4, clock = hostClock, launch = launchRunner } = options;
  await requireHome(home);
  await refuseRootInForeignHome(home, "agent");
  const lock = await acquireLock(lockPath(home), { what: "backup-posture agent", signal });
  const alarm = new Alarm(clock);
  const dispatcher = new Dispatcher(home, { log, maximumConcurrent, launch, onRunEnded: () => alarm.ring() });
  try {
    if (options.once) await fireOnce(dispatcher, clock.now(), signal);
    else await fireUntilStopped(home, dispatcher, { clock, alarm, signal });
  } finally {
    await lock.release();
  }
}

/** The agent that serves a home, or null where none does. */
export async function findAgent(home: Home): Promise<LockHolder | null> {
  return findHolder(lockPath(home));
}

async function fireOnce(dispatcher: Dispatcher, moment: Date, signal: AbortSignal): Promise<void> {
  let waiting = 0;
  do {
    ({ waiting } = await dispatcher.fireDue(moment, signal));
    await Promise.race([waiting > 0 ? dispatcher.anyEnded() : dispatcher.allEnded(), whenAborted(signal)]);
  } while (waiting > 0 && !signal.aborted);
}

async function fireUntilStopped(
  home: Home,
  dispatcher: Dispatcher,
  { clock, alarm, signal }: { readonly clock: AgentClock; readonly alarm: Alarm; readonly signal: AbortSignal },
): Promise<void> {
  await ensureDirectory(entriesFolder(home));
  const stopWatching = watchEntries(home, () => {
    dispatcher.lookAgain();
    alarm.ring();
  });
  const stop = () => alarm.ring();
  signal.addEventListener("abort", stop);
  try {
    while (!signal.aborted) {
      const { nextDue } = await dispatcher.fireDue(clock.now(), signal);
      const untilDue = nextDue === null ? longestSleep : nextDue.getTime() - clock.now().getTime();
      await alarm.sleep(Math.min(Math.max(untilDue, 0), longestSleep));
    }
  } finally {
    signal.removeEventListener("abort", stop);
    stopWatching();
  }
}

/** Tells of changes to the entries where the platform does; looking every 30 seconds does without. */
function watchEntries(home: Home, onChange: () => void): () => void {
  try {
    const watcher = watch(entriesFolder(home), onChange);
    watcher.on("error", () => watcher.close());
    return () => watcher.close();
  } catch {
    return () => undefined;
  }
}

/** A sleep that can be cut short; a ring while nobody sleeps cuts the next one short. */
class Alarm {
  readonly #clock: AgentClock;
  #sleeper = new AbortController();

  constructor(clock: AgentClock) {
    this.#clock = clock;
  }

  async sleep(milliseconds: number): Promise<void> {
    if (!this.#sleeper.signal.aborted) await this.#clock.sleep(milliseconds, this.#sleeper.signal);
    this.#sleeper = new AbortController();
  }

  ring(): void {
    this.#sleeper.abort();
  }
}

const hostClock: AgentClock = {
  now,
  sleep: async (milliseconds, signal) => {
    try {
      await delay(milliseconds, undefined, { signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  },
};

async function whenAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

function lockPath(home: Home): string {
  return join(home.scheduler, "agent.lock");
}
