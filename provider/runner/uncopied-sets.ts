import { isAheadOfClock } from "../platform/clock";
import type { Keep } from "../schedule/schema";
import { type RetentionOptions, selectRetained } from "../snapshot/retention";
import { groupRetainable, groupSets, type RecoverySet, selectWhole } from "../snapshot/sets";
import type { RecoveryPoint } from "../snapshot/stores/store";
import type { JournalRecord, SetsCopied } from "./journal";

/** The newest recovery set that is whole, undamaged and not dated in the future. */
export function findNewest(points: readonly RecoveryPoint[], moment: Date): RecoverySet | undefined {
  return listGood(points, moment).at(-1);
}

/**
 * The recovery sets that a copy is owed, the newest first: whole, undamaged and not dated in the future where they come from, not whole in the
 * copy yet, and not such as its retention would let go at once.
 */
export function findOwed(
  own: readonly RecoveryPoint[],
  copied: readonly RecoveryPoint[],
  { keep, ...options }: RetentionOptions & { readonly keep: Keep | undefined },
): readonly RecoverySet[] {
  const present = new Set(listWhole(copied).map(({ id }) => id));
  const lacking = listGood(own, options.now).filter(({ id }) => !present.has(id));
  const lackingIds = new Set(lacking.map(({ id }) => id));
  const standing = groupRetainable(copied).filter(({ id }) => !lackingIds.has(id));
  const candidates = lacking.map((set) => ({ ...set, complete: true, pinned: isPinned(set) }));
  const { kept } = selectRetained([...standing, ...candidates], keep, options);
  return kept.map(({ set }) => set).filter(({ id }) => lackingIds.has(id));
}

/** The sets that stand whole in a copy and that its journal does not tell of yet. */
export function findUntold(
  copied: readonly RecoveryPoint[],
  records: readonly JournalRecord[],
  copy: string,
  store: string,
): readonly RecoverySet[] {
  const told = new Set(findStanding(records, copy, store).map(({ id }) => id));
  return listWhole(copied).filter(({ id }) => !told.has(id));
}

/** The sets that were in a copy, that nobody gave up, and that it does not hold whole any more, oldest first. */
export function findLostSets(
  copied: readonly RecoveryPoint[],
  records: readonly JournalRecord[],
  copy: string,
  store: string,
): readonly { readonly id: string; readonly startedAt: Date }[] {
  const present = new Set(listWhole(copied).map(({ id }) => id));
  return findStanding(records, copy, store)
    .filter(({ id }) => !present.has(id))
    .sort((one, other) => one.startedAt.getTime() - other.startedAt.getTime());
}

/**
 * Parts of sets that runs of this journal took, that were never whole in the copy, and that can no longer become so. Pinned points, sets
 * that were whole once, and those of other journals stay.
 */
export function findAbandoned(
  copied: readonly RecoveryPoint[],
  own: readonly RecoveryPoint[],
  records: readonly JournalRecord[],
  copy: string,
  store: string,
): readonly RecoveryPoint[] {
  const runs = new Set(records.flatMap((record) => (record.event === "ended" ? [record.run] : [])));
  const once = new Set(ofCopy(records, copy, store).flatMap(({ sets }) => sets.map(({ id }) => id)));
  const available = new Set(listWhole(own).map(({ id }) => id));
  return groupSets(copied)
    .filter(({ id, missing }) => missing.length > 0 && runs.has(id) && !once.has(id) && !available.has(id))
    .flatMap(({ points }) => points)
    .filter(({ pinnedBy }) => pinnedBy === null);
}

/** What the journal says to stand in a copy: copied, or copied again, since it was last given up. */
function findStanding(records: readonly JournalRecord[], copy: string, store: string) {
  const standing = new Map<string, Date>();
  for (const record of records) {
    if (record.event === "forgot" && record.copy === copy) for (const id of record.sets ?? []) standing.delete(id);
    if (record.event === "copied" && record.copy === copy && record.store === store)
      for (const { id, startedAt } of record.sets) standing.set(id, new Date(startedAt));
  }
  return [...standing].map(([id, startedAt]) => ({ id, startedAt }));
}

function ofCopy(records: readonly JournalRecord[], copy: string, store: string): readonly SetsCopied[] {
  return records.filter(
    (record): record is SetsCopied => record.event === "copied" && record.copy === copy && record.store === store,
  );
}

function listGood(points: readonly RecoveryPoint[], moment: Date): readonly RecoverySet[] {
  return selectWhole(groupSets(points)).filter(({ startedAt }) => !isAheadOfClock(startedAt, moment));
}

function listWhole(points: readonly RecoveryPoint[]): readonly RecoverySet[] {
  return groupSets(points).filter(({ missing }) => missing.length === 0);
}

function isPinned({ points }: RecoverySet): boolean {
  return points.some(({ pinnedBy }) => pinnedBy !== null);
}
