import { describeHealth, type Fault, notInstalledFault, unreachableFault } from "../declaration/health";
import { formatInstant, now } from "../platform/clock";
import { PostureError } from "../platform/errors";
import { nextDue } from "../schedule/calendar";
import { isSamePlace } from "../schedule/entry";
import type { SchedulerDeclaration } from "../schedule/schema";
import { type FoundEntry, findEntries, isFired, schedulerOfJob } from "./entries";
import { type Home, requireHome } from "./home";
import { HomeView } from "./home-view";
import { type FoundJob, findJob, type Job, listJobIds } from "./job";
import { type RunEnded, readJournal } from "./journal";
import { type Observation, observeRestoreTarget, observeSchedule, observeSnapshot } from "./observe";

/** One job of a home, and how it is. */
export interface JobHealth {
  readonly id: string;
  /** Null where no job file tells. */
  readonly kind: Job["kind"] | null;
  /** `healthy`, or the worst that is wrong, as `pulumi preview --refresh` shows it. */
  readonly health: string;
  /** Everything that is wrong, the worst first. */
  readonly faults: readonly Fault[];
  /** How the last run or drill ended, or when a snapshot's point was taken; null where nothing ever was. */
  readonly last: Pick<RunEnded, "at" | "outcome" | "message"> | null;
  /** When it is due next, ISO 8601; null where nothing fires it. */
  readonly nextDue: string | null;
  /** The scheduler that fires it; null where none does. */
  readonly firedBy: SchedulerDeclaration["kind"] | null;
}

/**
 * Looks at every job of a home, and at entries of schedulers that have no job. Sorted by id.
 *
 * @param view the look to share; default: one of its own.
 * @throws PostureError `unreachable` where the home or its embedded scheduler cannot be looked at.
 */
export async function observeHome(
  home: Home,
  signal: AbortSignal,
  view: HomeView = new HomeView(home, signal),
): Promise<readonly JobHealth[]> {
  await requireHome(home);
  const jobs = new Map<string, FoundJob>();
  for (const id of await listJobIds(home)) jobs.set(id, await findJob(home, id));
  const present = [...jobs.values()].flatMap((found) => (found.state === "present" ? [found.job] : []));
  // What cannot be looked at is told of the jobs that name it.
  const { entries } = await findEntries(home, present, signal);
  const ids = new Set([...jobs.keys(), ...entries.map(({ entry }) => entry.id)]);
  const healths: JobHealth[] = [];
  for (const id of [...ids].sort()) {
    const job = jobs.get(id) ?? { state: "absent" };
    const fired = entries.find(({ entry, scheduler }) => entry.id === id && isNamedBy(job, scheduler));
    healths.push(await observeJob(view, id, job, fired ?? null));
  }
  return healths;
}

/** One that cannot be looked at is unhealthy, and does not keep the others from being seen. */
async function observeJob(view: HomeView, id: string, job: FoundJob, fired: FoundEntry | null): Promise<JobHealth> {
  const kind = job.state === "present" ? job.job.kind : null;
  try {
    return { id, kind, ...(await look(view, id, job, fired)) };
  } catch (error) {
    view.signal.throwIfAborted();
    if (!(error instanceof PostureError)) throw error;
    const faults = [unreachableFault(error.message)];
    return { id, kind, health: describeHealth(faults), faults, last: null, nextDue: null, firedBy: null };
  }
}

/** Of a job, what fires it is the scheduler that it names; an entry without one may stand anywhere. */
function isNamedBy(found: FoundJob, scheduler: SchedulerDeclaration): boolean {
  if (found.state !== "present" || !isFired(found.job)) return true;
  return isSamePlace({ scheduler }, { scheduler: schedulerOfJob(found.job) });
}

async function look(
  view: HomeView,
  id: string,
  job: FoundJob,
  fired: FoundEntry | null,
): Promise<Omit<JobHealth, "id" | "kind">> {
  const { observation, last } = await observe(view, id, job);
  const faults = job.state === "absent" ? [notInstalledFault("the job file is missing")] : observation.faults;
  const entry = fired?.entry ?? null;
  const due = entry === null || !entry.enabled || entry.damage !== null ? null : nextDue(entry.when, now(), id);
  return {
    health: describeHealth(faults),
    faults,
    last,
    nextDue: due === null ? null : due.toISOString(),
    firedBy: due === null ? null : (fired?.scheduler.kind ?? null),
  };
}

async function observe(
  view: HomeView,
  id: string,
  job: FoundJob,
): Promise<{ observation: Observation; last: JobHealth["last"] }> {
  const kind = job.state === "present" ? job.job.kind : "schedule";
  if (kind === "snapshot") {
    const observation = await observeSnapshot(view, id, null);
    const { point } = observation;
    const last = { outcome: "succeeded", message: "" } as const;
    return { observation, last: point === null ? null : { at: formatInstant(point.startedAt), ...last } };
  }
  const observation = await (kind === "drill" ? observeRestoreTarget : observeSchedule)(view, id, null);
  return { observation, last: await findLast(view.home, id) };
}

async function findLast(home: Home, id: string): Promise<JobHealth["last"]> {
  const last = (await readJournal(home, id)).findLast((record) => record.event === "ended");
  return last === undefined ? null : { at: last.at, outcome: last.outcome, message: last.message };
}
