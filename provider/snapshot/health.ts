import { type Fault, notInstalledFault, unreachableFault } from "../declaration/health";
import { formatInstant } from "../platform/clock";
import { toMilliseconds } from "../platform/durations";
import type { SnapshotDeclaration } from "./schema";

/** What is known about a snapshot at one moment, on its host's clock. */
export interface SnapshotSituation {
  readonly declaration: SnapshotDeclaration;
  readonly now: Date;
  /** Why its job is not as installed, each as a sentence. */
  readonly installation: readonly string[];
  readonly storeUnreachable: string | null;
  /** Its recovery point, or null when the store has none. */
  readonly point: { readonly startedAt: Date; readonly damagedFiles: number } | null;
}

/** Everything that is wrong with a snapshot. Pure: the moment is part of the situation. */
export function findSnapshotFaults(situation: SnapshotSituation): readonly Fault[] {
  const faults: Fault[] = situation.installation.map(notInstalledFault);
  if (situation.storeUnreachable !== null) return [...faults, unreachableFault(situation.storeUnreachable)];
  return [...faults, ...findPointFaults(situation)];
}

function findPointFaults({ declaration, now, point }: SnapshotSituation): readonly Fault[] {
  const remedy = "pulumi up --refresh takes a new point";
  if (point === null) return [{ kind: "missing", sentence: "missing", remedy, mendedByRun: false }];
  const faults: Fault[] = [];
  if (point.damagedFiles > 0)
    faults.push({
      kind: "damaged",
      sentence: `damaged: ${point.damagedFiles} file${point.damagedFiles === 1 ? "" : "s"}`,
      remedy,
      mendedByRun: false,
    });
  if (
    declaration.maxAge !== undefined &&
    now.getTime() > point.startedAt.getTime() + toMilliseconds(declaration.maxAge)
  )
    faults.push({
      kind: "older than maxAge",
      sentence: `older than maxAge: taken ${formatInstant(point.startedAt)}, maxAge ${declaration.maxAge}`,
      remedy,
      mendedByRun: false,
    });
  return faults;
}
