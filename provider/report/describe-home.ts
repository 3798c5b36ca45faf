import { hostname } from "node:os";
import { describeHealth, type Fault, sortFaults, unreachableFault } from "../declaration/health";
import { formatInstant, now } from "../platform/clock";
import { toMilliseconds } from "../platform/durations";
import { PostureError } from "../platform/errors";
import type { Home } from "../runner/home";
import { HomeView } from "../runner/home-view";
import { findJob, type SnapshotJob } from "../runner/job";
import { type JobHealth, observeHome } from "../runner/observe-home";
import { findAgent } from "../schedule/agent";
import { describeSource } from "../sources/schema";
import { declaredForControls, nameOf, placeOf } from "./declared";
import { describeSchedule } from "./describe-schedule";
import { describeTarget } from "./describe-target";
import { listPoints } from "./listed-points";
import type { HomeReport, ItemReport, SnapshotReport } from "./model";

/** What a look at a home is to do beside looking. */
export interface LookOptions {
  /** Path of the file with those who may sign evidence, as `ssh-keygen(1)` describes it. Default: signatures are not verified. */
  readonly allowedSigners?: string;
}

/**
 * Looks at everything in a posture home, once. Journals are read one record at a time and summed up, so that years of runs need no room.
 *
 * @throws PostureError `unreachable` where the home cannot be looked at: nothing is reported of what was not seen.
 */
export async function describeHomeReport(
  home: Home,
  signal: AbortSignal,
  options: LookOptions = {},
): Promise<HomeReport> {
  const view = new HomeView(home, signal);
  const observedAt = now();
  const healths = await observeHome(home, signal, view);
  const agent = await findAgent(home);
  const items: ItemReport[] = [];
  for (const health of healths) items.push(await describeItem(view, health, observedAt, options));
  return {
    format: 1,
    host: hostname(),
    home: home.root,
    observedAt: formatInstant(observedAt),
    fired: agent !== null || healths.every(({ nextDue }) => nextDue === null),
    items,
  };
}

async function describeItem(
  view: HomeView,
  health: JobHealth,
  moment: Date,
  { allowedSigners }: LookOptions,
): Promise<ItemReport> {
  view.signal.throwIfAborted();
  const found = await findJob(view.home, health.id);
  const job = found.state === "present" ? found.job : null;
  const base = {
    id: health.id,
    name: nameOf(job?.owner ?? null, health.id),
    owner: job?.owner ?? null,
    health: health.health,
    faults: health.faults.map(toPlain),
    declared: job === null ? {} : declaredForControls(job),
  };
  try {
    switch (job?.kind) {
      case undefined:
        return { ...base, kind: "unknown" };
      case "schedule":
        return { ...base, ...(await describeSchedule(view, job, health, moment)) };
      case "drill": {
        const { own, faults } = await describeTarget(view, job, health, allowedSigners ?? null);
        return { ...base, ...toHealth([...faults, ...health.faults]), ...own };
      }
      case "snapshot":
        return { ...base, ...(await describeSnapshot(view, job)) };
    }
  } catch (error) {
    view.signal.throwIfAborted();
    if (!(error instanceof PostureError)) throw error;
    return { ...base, kind: "unknown", ...toHealth([unreachableFault(error.message), ...health.faults]) };
  }
}

function toHealth(faults: readonly Fault[]): Pick<ItemReport, "health" | "faults"> {
  return { health: describeHealth(faults), faults: sortFaults(faults).map(toPlain) };
}

function toPlain({ kind, sentence, remedy }: Fault): ItemReport["faults"][number] {
  return { kind, sentence, remedy };
}

async function describeSnapshot(
  view: HomeView,
  { id, point, declaration }: SnapshotJob,
): Promise<Pick<SnapshotReport, "kind" | "source" | "store" | "takenAt" | "files" | "bytes" | "maxAgeMilliseconds">> {
  const taken = (await listPoints(view, declaration.store, id)).points.find((candidate) => candidate.id === point);
  return {
    kind: "snapshot",
    source: describeSource({ kind: "file-share", ...declaration.share }),
    store: placeOf(declaration.store),
    takenAt: taken === undefined ? null : formatInstant(taken.startedAt),
    files: taken?.files ?? 0,
    bytes: taken?.bytes ?? 0,
    maxAgeMilliseconds: declaration.maxAge === undefined ? null : toMilliseconds(declaration.maxAge),
  };
}
