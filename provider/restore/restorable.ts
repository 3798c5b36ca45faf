import { isAheadOfClock } from "../platform/clock";
import { type Duration, toMilliseconds } from "../platform/durations";
import { PostureError } from "../platform/errors";
import { groupSets, selectWhole } from "../snapshot/sets";
import type { RecoveryPoint } from "../snapshot/stores/store";
import { seedDraw } from "./sample";
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

/** The recovery points of a set that was drawn, and among how many. */
export interface Drawn {
  readonly points: readonly RecoveryPoint[];
  readonly from: number;
}

/**
 * Draws one of the sets taken within so long that are whole, undamaged and not dated in the future, each as likely as any other. The same
 * seed draws the same of the same.
 *
 * @param points those of `schedule`.
 * @throws PostureError `permanent` where there is none.
 */
export function drawRestorable(
  schedule: string,
  within: Duration,
  seed: string,
  points: readonly RecoveryPoint[],
  moment: Date,
): Drawn {
  const earliest = moment.getTime() - toMilliseconds(within);
  const sets = selectWhole(groupSets(points)).filter(
    ({ startedAt }) => startedAt.getTime() >= earliest && !isAheadOfClock(startedAt, moment),
  );
  const drawn = sets.length === 0 ? undefined : sets[seedDraw(`${seed}:set`)(sets.length)];
  if (drawn === undefined)
    throw new PostureError(
      "permanent",
      `${schedule}: has no recovery set of the last ${within} that is whole and undamaged; backup-posture list ${schedule} shows what there is`,
    );
  return { points: drawn.points, from: sets.length };
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
