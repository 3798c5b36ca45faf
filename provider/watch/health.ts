import { type Fault, notInstalledFault, sortFaults, unreachableFault } from "../declaration/health";
import { formatInstant, isAheadOfClock } from "../platform/clock";
import { toMilliseconds } from "../platform/durations";
import { defaultGrace } from "../schedule/defaults";
import type { WatchedDeclaration } from "./schema";
import type { Seen } from "./seen";

const whereItRuns = "this resource only watches: mend it where it is run, then pulumi up --refresh";

/**
 * Everything that is wrong with a backup that somebody else runs, the worst first. What is not known is never healthy. Pure.
 *
 * @param seen what the look told; text where it could not be looked at.
 */
export function findWatchFaults(declaration: WatchedDeclaration, seen: Seen | string, moment: Date): readonly Fault[] {
  if (typeof seen === "string") return [unreachableFault(seen)];
  return sortFaults([
    ...seen.installation.map((what) => ({ ...notInstalledFault(what), remedy: whereItRuns })),
    ...findFailure(seen),
    ...findAgeFaults(declaration, seen, moment),
  ]);
}

function findFailure({ failed, running }: Seen): readonly Fault[] {
  if (failed === null || running !== null) return [];
  const since = failed.since === null ? "" : `, since ${formatInstant(failed.since)}`;
  return [toFault("failing", `failing: ${failed.message}${since}`)];
}

function findAgeFaults(declaration: WatchedDeclaration, seen: Seen, moment: Date): readonly Fault[] {
  const { lastSuccess, running, unknown } = seen;
  if (declaration.paused !== undefined && moment < new Date(declaration.paused.until)) return [];
  const allowed = toMilliseconds(declaration.rpo) + toMilliseconds(declaration.grace ?? defaultGrace);
  const isYoung = (began: Date | null) => began !== null && moment.getTime() <= began.getTime() + allowed;
  if (lastSuccess !== null && isAheadOfClock(lastSuccess, moment))
    return [toFault("clock", `clock: the last success is dated ${formatInstant(lastSuccess)}, in the future`)];
  if (isYoung(lastSuccess) || (running !== null && !isAheadOfClock(running, moment) && isYoung(running))) return [];
  if (lastSuccess !== null)
    return [toFault("stale", `stale: last success ${formatInstant(lastSuccess)}, rpo ${declaration.rpo}`)];
  if (unknown !== null) return [toFault("evidence not known", `last success not known: ${unknown}`)];
  return seen.failed === null ? [toFault("stale", `stale: last success never, rpo ${declaration.rpo}`)] : [];
}

function toFault(kind: Fault["kind"], sentence: string): Fault {
  return { kind, sentence, remedy: whereItRuns, mendedByRun: false };
}
