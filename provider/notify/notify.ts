import { hostname } from "node:os";
import type { Fault } from "../declaration/health";
import { formatInstant, now } from "../platform/clock";
import { toMilliseconds } from "../platform/durations";
import { PostureError } from "../platform/errors";
import { entryOf } from "../platform/records";
import { withinTime } from "../platform/time-limit";
import { describeFailure } from "../runner/failure";
import type { Home } from "../runner/home";
import { HomeView } from "../runner/home-view";
import { type DrillJob, findJob, listJobIds, type ScheduleJob } from "../runner/job";
import { lockNotify } from "../runner/job-lock";
import { appendRecord, type Notified } from "../runner/journal";
import { observeRestoreTarget, observeSchedule } from "../runner/observe";
import { type Decision, decide } from "./decide";
import { defaultNotifyTimeout } from "./defaults";
import { tellByEmail } from "./email";
import type { Message } from "./message";
import { type PingOccasion, tellCheck } from "./ping";
import type { Notifier, Occasion } from "./schema";
import { type NotifierState, readTold, writeTold } from "./told-state";
import { tellWebhook } from "./webhook";

export interface NotifyOptions {
  readonly signal: AbortSignal;
  /** Receives the original error of what could not be told. For a terminal, never for the journal. */
  readonly onFault?: (error: unknown) => void;
}

/** What one notifier was told of one schedule or restore target, or could not be. */
export interface Attempt {
  readonly id: string;
  readonly notifier: string;
  readonly kind: Notifier["kind"];
  readonly what: Notified["what"];
  /** Null: it arrived. */
  readonly fault: string | null;
}

const everyOccasion: readonly Occasion[] = ["failure", "recovery", "staleness"];

/**
 * Looks at the schedules and restore targets of a home that have notifiers, and tells those what has changed since they were told last. All are told at once, each within its
 * own time limit; what cannot be told now is told by the next look. While another process tells of one, it is left to that.
 *
 * @param ids what to look at. Default: all.
 * @throws PostureError `unreachable` where the home cannot be looked at; nothing that a receiver does is thrown.
 */
export async function notifyOfHealth(
  home: Home,
  options: NotifyOptions,
  ids?: readonly string[],
): Promise<readonly Attempt[]> {
  const view = new HomeView(home, options.signal);
  await view.requireHome();
  const attempts: Attempt[] = [];
  for (const id of ids ?? (await listJobIds(home))) {
    const job = await findWithNotifiers(home, id);
    if (job !== null) attempts.push(...(await unlessTold(home, id, () => notifyOfJob(view, job, options))));
  }
  return attempts;
}

/** Tells the checks of a schedule or restore target how its run or drill goes. Never throws for what a receiver does. */
export async function pingOfRun(
  home: Home,
  id: string,
  occasion: PingOccasion,
  options: NotifyOptions,
): Promise<readonly Attempt[]> {
  const job = await findWithNotifiers(home, id);
  if (job === null) return [];
  const told = Object.entries(job.declaration.notify ?? {}).flatMap(([name, notifier]) => {
    if (notifier.kind !== "ping" || !(notifier.on ?? ["success", "failure"]).includes(occasion)) return [];
    const telling = tellInTime(notifier, options, (signal) => tellCheck(name, notifier, occasion, signal));
    return [telling.then((fault): Attempt => ({ id, notifier: name, kind: "ping", what: occasion, fault }))];
  });
  const attempts = await Promise.all(told);
  if (attempts.length > 0) await unlessTold(home, id, () => rememberPings(home, id, attempts));
  return attempts;
}

/** What may have notifiers: a snapshot is taken once, by `up`, which says what becomes of it. */
type WatchedJob = ScheduleJob | DrillJob;

async function findWithNotifiers(home: Home, id: string): Promise<WatchedJob | null> {
  const found = await findJob(home, id);
  if (found.state !== "present" || found.job.kind === "snapshot") return null;
  return Object.keys(found.job.declaration.notify ?? {}).length === 0 ? null : found.job;
}

async function unlessTold(
  home: Home,
  id: string,
  tell: () => Promise<readonly Attempt[]>,
): Promise<readonly Attempt[]> {
  const lock = await lockNotify(home, id).catch((error: unknown) => {
    if (error instanceof PostureError && error.kind === "locked") return null;
    throw error;
  });
  if (lock === null) return [];
  try {
    return await tell();
  } finally {
    await lock.release();
  }
}

async function notifyOfJob(view: HomeView, job: WatchedJob, options: NotifyOptions): Promise<readonly Attempt[]> {
  const { home } = view;
  const known = await readTold(home, job.id);
  const faults = await findFaults(view, job);
  const moment = now();
  const told = Object.entries(job.declaration.notify ?? {}).map(async ([name, notifier]) => {
    const before = entryOf(known, name) ?? { faults: [], at: null, fault: null };
    if (notifier.kind === "ping") return { name, state: before, attempt: null };
    const { on = everyOccasion, remind } = notifier;
    const decision = decide(before, faults, on, remind === undefined ? null : toMilliseconds(remind), moment);
    return { name, ...(await carryOut(job, name, notifier, decision, before, moment, options)) };
  });
  const results = await Promise.all(told);
  await writeTold(home, job.id, Object.fromEntries(results.map(({ name, state }) => [name, state])));
  const attempts = results.flatMap(({ attempt }) => (attempt === null ? [] : [attempt]));
  await noteAttempts(home, job.id, known, attempts);
  return attempts;
}

/** What cannot be looked at is at fault as well. */
async function findFaults(view: HomeView, { kind, id }: WatchedJob): Promise<readonly Fault[]> {
  try {
    const observe = kind === "drill" ? observeRestoreTarget : observeSchedule;
    return (await observe(view, id, null)).faults;
  } catch (error) {
    view.signal.throwIfAborted();
    if (!(error instanceof PostureError)) throw error;
    const sentence = `unreachable: ${error.message}`;
    return [{ kind: "unreachable", sentence, remedy: "make it reachable for this account", mendedByRun: false }];
  }
}

async function carryOut(
  job: WatchedJob,
  name: string,
  notifier: Exclude<Notifier, { kind: "ping" }>,
  { message, unless, then }: Decision,
  before: NotifierState,
  moment: Date,
  options: NotifyOptions,
): Promise<{ readonly state: NotifierState; readonly attempt: Attempt | null }> {
  if (message === null) return { state: toState(then, before.fault), attempt: null };
  const { id, owner } = job;
  const of = job.kind === "drill" ? "restoreTarget" : "schedule";
  const letter: Message = { ...message, of, id, owner, host: hostname(), at: formatInstant(moment) };
  const fault = await tellInTime(notifier, options, (signal) =>
    notifier.kind === "email" ? tellByEmail(name, notifier, letter) : tellWebhook(name, notifier, letter, signal),
  );
  return {
    state: toState(fault === null ? then : unless, fault),
    attempt: { id, notifier: name, kind: notifier.kind, what: message.what, fault },
  };
}

function toState({ faults, at }: Decision["then"], fault: string | null): NotifierState {
  return { faults: [...faults], at, fault };
}

/** Null where it arrived; else why not, in one sentence. */
async function tellInTime(
  { timeout = defaultNotifyTimeout }: Notifier,
  { signal, onFault }: NotifyOptions,
  tell: (signal: AbortSignal) => Promise<void>,
): Promise<string | null> {
  const limit = toMilliseconds(timeout);
  const late = () => new PostureError("transient", "it did not answer in time");
  try {
    const stop = AbortSignal.any([signal, AbortSignal.timeout(limit)]);
    await withinTime(tell(stop), limit + 1_000, late, signal);
    return null;
  } catch (error) {
    onFault?.(error);
    return signal.aborted ? "stopped before it was told" : describeFailure(error);
  }
}

async function rememberPings(home: Home, id: string, attempts: readonly Attempt[]): Promise<readonly Attempt[]> {
  const known = await readTold(home, id);
  const told: Record<string, NotifierState> = { ...known };
  for (const { notifier, fault } of attempts) told[notifier] = { faults: [], at: null, fault };
  await writeTold(home, id, told);
  await noteAttempts(home, id, known, attempts);
  return attempts;
}

/** Messages are noted each; that checks are reached, or the same receiver is not, only when it changes. */
async function noteAttempts(
  home: Home,
  id: string,
  known: Readonly<Record<string, NotifierState>>,
  attempts: readonly Attempt[],
): Promise<void> {
  for (const { notifier, kind, what, fault } of attempts) {
    if (fault === (entryOf(known, notifier)?.fault ?? null) && (fault !== null || kind === "ping")) continue;
    await appendRecord(home, id, {
      event: "notified",
      at: formatInstant(now()),
      notifier,
      what,
      outcome: fault === null ? "succeeded" : "failed",
      message: fault ?? "",
    });
  }
}
