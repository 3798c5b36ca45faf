import type { PointId, RecoveryPoint } from "../snapshot/stores/store";
import type { JournalRecord } from "./journal";

/** A recovery point that a run took, that nobody gave up, and that the store no longer has. */
export interface LostPoint {
  readonly id: PointId;
  /** When the run that took it ended, ISO 8601. */
  readonly takenBy: string;
}

/** The recovery points that are missing from a store, as the journal tells, oldest first. */
export function findLostPoints(
  records: readonly JournalRecord[],
  points: readonly RecoveryPoint[],
): readonly LostPoint[] {
  const accountedFor = new Set([
    ...points.map((point) => point.id),
    ...records.flatMap((record) => (record.event === "forgot" && record.copy === undefined ? record.points : [])),
  ]);
  return records.flatMap((record) =>
    record.event === "ended"
      ? record.points.filter((id) => !accountedFor.has(id)).map((id) => ({ id, takenBy: record.at }))
      : [],
  );
}
