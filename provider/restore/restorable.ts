import { isAheadOfClock } from "../platform/clock";
import { PostureError } from "../platform/errors";
import { groupSets, selectWhole } from "../snapshot/sets";
import type { RecoveryPoint } from "../snapshot/stores/store";
import type { RestoreTargetDeclaration } from "./schema";

type RestoreFrom = Pick<RestoreTargetDeclaration["from"], "schedule" | "point">;

/**
 * The recovery points that a restore takes: the named one, or those of the newest set that is whole, undamaged and not dated in the
 * future. None where there is none.
 *
 * @param points those of `from.schedule`.
 */
export function findRestorable(
  from: RestoreFrom,
  points: readonly RecoveryPoint[],
  moment: Date,
): readonly RecoveryPoint[] {
  const wanted = from.point ?? "latest";
  if (wanted !== "latest") return points.filter((point) => point.id === wanted);
  return selectWhole(groupSets(points)).findLast((set) => !isAheadOfClock(set.startedAt, moment))?.points ?? [];
}

/** As {@link findRestorable}. @throws PostureError `permanent` where there is none. */
export function requireRestorable(
  from: RestoreFrom,
  points: readonly RecoveryPoint[],
  moment: Date,
): readonly RecoveryPoint[] {
  const found = findRestorable(from, points, moment);
  if (found.length > 0) return found;
  const what =
    from.point === undefined || from.point === "latest"
      ? "recovery set that is whole and undamaged"
      : `recovery point ${from.point}`;
  throw new PostureError(
    "permanent",
    `${from.schedule}: has no ${what}; backup-posture list ${from.schedule} shows what there is`,
  );
}
