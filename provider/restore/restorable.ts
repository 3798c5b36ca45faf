import { PostureError } from "../platform/errors";
import { groupSets, selectWhole } from "../snapshot/sets";
import type { RecoveryPoint } from "../snapshot/stores/store";
import type { RestoreTargetDeclaration } from "./schema";

/** How far ahead of the clock a recovery point may be dated and still be believed. */
const clockToleranceMilliseconds = 5 * 60_000;

/**
 * The recovery points that a restore takes: the named one, or those of the newest set that is whole, undamaged and not dated in the
 * future.
 *
 * @param points those of `from.schedule`.
 * @throws PostureError `permanent` when there is none.
 */
export function selectRestorable(
  from: Pick<RestoreTargetDeclaration["from"], "schedule" | "point">,
  points: readonly RecoveryPoint[],
  moment: Date,
): readonly RecoveryPoint[] {
  const wanted = from.point ?? "latest";
  if (wanted !== "latest") return [requirePoint(from.schedule, points, wanted)];
  const newest = selectWhole(groupSets(points)).findLast(
    (set) => set.startedAt.getTime() <= moment.getTime() + clockToleranceMilliseconds,
  );
  if (newest === undefined)
    throw new PostureError(
      "permanent",
      `${from.schedule}: has no recovery set that is whole and undamaged; backup-posture run ${from.schedule} takes one`,
    );
  return newest.points;
}

function requirePoint(schedule: string, points: readonly RecoveryPoint[], wanted: string): RecoveryPoint {
  const found = points.find((point) => point.id === wanted);
  if (found === undefined)
    throw new PostureError(
      "permanent",
      `${schedule}: has no recovery point ${wanted}; backup-posture list ${schedule} shows what there is`,
    );
  return found;
}
