import type { StoreConcern } from "../store";
import { mostSnapshots, type ShareSnapshot } from "./share-snapshots";

/** From so many on, the budget of a share is nearly used up. */
const manySnapshots = mostSnapshots - 20;

/** What the snapshots of a share, those of others included, mean for one schedule. */
export function findConcerns(snapshots: readonly ShareSnapshot[], schedule: string): readonly StoreConcern[] {
  const own = snapshots.filter(({ identity }) => identity?.schedule === schedule);
  const concerns: StoreConcern[] = [];
  if (snapshots.length > manySnapshots)
    concerns.push({
      kind: "store nearly full",
      sentence: `store nearly full: more than ${manySnapshots} of the ${mostSnapshots} snapshots that a share can have are used, all tools counted`,
      remedy: "shorten the retention of the schedules and policies that use the share, or delete snapshots of others",
    });
  const held = own.filter(({ leased }) => leased).length;
  if (held > 0)
    concerns.push({
      kind: "cannot be pruned",
      sentence: `cannot be pruned: ${held} recovery point${held === 1 ? " is" : "s are"} held by a lease of somebody else`,
      remedy: "see which backup service or person leased the snapshots",
    });
  return concerns;
}
