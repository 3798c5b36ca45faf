import { type Fault, notInstalledFault, unreachableFault } from "../declaration/health";
import { formatInstant, isAheadOfClock } from "../platform/clock";
import { formatMilliseconds, toMilliseconds } from "../platform/durations";
import { defaultGrace } from "../schedule/defaults";
import type { RestoreTargetDeclaration } from "./schema";

/** The newest drill, as its evidence and the journal tell. */
export interface DrillSituation {
  /** When the newest drill that left evidence ended; null where none did. */
  readonly endedAt: Date | null;
  readonly passed: boolean;
  /** How many files differed from the recovery point, and how many declared checks failed. */
  readonly differences: number;
  readonly failedChecks: number;
  readonly restoreMilliseconds: number;
  /** One sentence, for a drill that ended before it could compare. */
  readonly message: string;
}

/** What is known about a restore target at one moment, on its host's clock. */
export interface RestoreSituation {
  readonly id: string;
  readonly declaration: RestoreTargetDeclaration;
  readonly now: Date;
  readonly createdAt: Date;
  /** Why its job or its entry is not as installed, each as a sentence. */
  readonly installation: readonly string[];
  readonly storeUnreachable: string | null;
  /** Whether the recovery point that it restores is there; until when its absence is no fault. */
  readonly point: { readonly present: boolean; readonly dueBy: Date };
  /** Why the place cannot take a restore, or null. */
  readonly placeUnusable: string | null;
  /** Why the evidence cannot be believed, or null. */
  readonly evidenceBroken: string | null;
  /** Why evidence is not where the sink is declared, or null. */
  readonly evidenceUndelivered: string | null;
  /** Null where there was none. */
  readonly lastDrill: DrillSituation | null;
  /** When the drill that goes on now began, or null. */
  readonly drillRunningSince: Date | null;
  readonly interruptedAt: Date | null;
}

/** Everything that is wrong with a restore target. Pure: the moment is part of the situation. */
export function findRestoreFaults(situation: RestoreSituation): readonly Fault[] {
  const faults: Fault[] = situation.installation.map(notInstalledFault);
  if (situation.placeUnusable !== null)
    faults.push({
      kind: "place unusable",
      sentence: `place unusable: ${situation.placeUnusable}`,
      remedy: "make the place usable for this account, or declare another with to",
      mendedByRun: false,
    });
  if (situation.storeUnreachable !== null) faults.push(unreachableFault(situation.storeUnreachable));
  else if (!situation.point.present && situation.now > situation.point.dueBy)
    faults.push({
      kind: "no recovery point",
      sentence: "no recovery point",
      remedy: "run the schedule that it restores from",
      mendedByRun: false,
    });
  return [...faults, ...findEvidenceFaults(situation)];
}

function findEvidenceFaults(situation: RestoreSituation): readonly Fault[] {
  if (situation.evidenceBroken !== null)
    return [
      {
        kind: "evidence broken",
        sentence: `evidence broken: ${situation.evidenceBroken}`,
        remedy: `the evidence was altered: keep it for whoever must know, then start afresh: backup-posture drill ${situation.id} --restart-evidence`,
        mendedByRun: false,
      },
    ];
  const faults = findDeliveryFaults(situation);
  if (situation.declaration.drill === undefined) return faults;
  if (situation.now.getTime() <= findDrillDoneBy(situation)) return [];
  return [...faults, ...findDrillFaults(situation), ...findExpiry(situation, situation.declaration.drill.every)];
}

function findDeliveryFaults({ id, evidenceUndelivered }: RestoreSituation): readonly Fault[] {
  if (evidenceUndelivered === null) return [];
  return [
    {
      kind: "evidence not in its sink",
      sentence: `evidence not in its sink: ${evidenceUndelivered}`,
      remedy: `make the sink reachable for the account of the drills, then: backup-posture evidence deliver ${id}`,
      mendedByRun: true,
    },
  ];
}

function findDrillFaults({ id, declaration, lastDrill, interruptedAt }: RestoreSituation): readonly Fault[] {
  const faults: Fault[] = [];
  const again = `mend what it found, then: backup-posture drill ${id}`;
  if (lastDrill !== null && !lastDrill.passed)
    faults.push({
      kind: "drill failed",
      sentence: `drill failed: ${describeFailure(lastDrill)}`,
      remedy: again,
      mendedByRun: true,
    });
  if (interruptedAt !== null)
    faults.push({
      kind: "interrupted",
      sentence: `interrupted: drill started ${formatInstant(interruptedAt)}`,
      remedy: `backup-posture drill ${id}`,
      mendedByRun: true,
    });
  if (
    lastDrill !== null &&
    declaration.maxRestoreTime !== undefined &&
    lastDrill.restoreMilliseconds > toMilliseconds(declaration.maxRestoreTime)
  )
    faults.push({
      kind: "restore too slow",
      sentence: `restore took ${formatMilliseconds(lastDrill.restoreMilliseconds)}, limit ${declaration.maxRestoreTime}`,
      remedy: `make the restore faster or the limit longer, then: backup-posture drill ${id}`,
      mendedByRun: true,
    });
  return faults;
}

function findExpiry(situation: RestoreSituation, every: string): readonly Fault[] {
  const drilledAt = situation.lastDrill?.endedAt ?? null;
  const grace = toMilliseconds(situation.declaration.grace ?? defaultGrace);
  const expiresAt = (drilledAt ?? situation.createdAt).getTime() + toMilliseconds(every) + grace;
  if (situation.now.getTime() <= expiresAt) return [];
  return [
    {
      kind: "evidence expired",
      sentence: `evidence expired: drilled ${drilledAt === null ? "never" : formatInstant(drilledAt)}, every ${every}`,
      remedy: `see that its scheduler runs (backup-posture doctor), then: backup-posture drill ${situation.id}`,
      mendedByRun: true,
    },
  ];
}

/** Until when a drill that goes on is trusted to bring new evidence: one that hangs would look healthy for ever. */
function findDrillDoneBy({ drillRunningSince, declaration, now }: RestoreSituation): number {
  if (drillRunningSince === null || isAheadOfClock(drillRunningSince, now)) return 0;
  const { maxRestoreTime = "0s", grace = defaultGrace } = declaration;
  return drillRunningSince.getTime() + toMilliseconds(maxRestoreTime) + toMilliseconds(grace);
}

function describeFailure(drill: DrillSituation): string {
  const found = [
    ...(drill.differences === 0 ? [] : [`${drill.differences} file${drill.differences === 1 ? "" : "s"}`]),
    ...(drill.failedChecks === 0 ? [] : [`${drill.failedChecks} check${drill.failedChecks === 1 ? "" : "s"}`]),
  ];
  return found.length === 0 ? drill.message : found.join(", ");
}
