import { isDeepStrictEqual } from "node:util";
import { canonicalise } from "../declaration/canonical";
import { formatInstant, now } from "../platform/clock";
import { messageOf, PostureError } from "../platform/errors";
import { scheduleShape } from "../schedule/defaults";
import type { Copy, ScheduleDeclaration } from "../schedule/schema";
import { compareRetention } from "../snapshot/retention";
import { groupRetainable } from "../snapshot/sets";
import type { StoreDeclaration } from "../snapshot/stores/schema";
import type { RecoveryPoint } from "../snapshot/stores/store";
import { countPoints, type Loss, uncounted } from "./loss";

/** What of a change bears on copies. */
export interface CopiesChange {
  readonly declaration: ScheduleDeclaration;
  /** What stands: as it was last seen on the host. */
  readonly previous: ScheduleDeclaration;
  readonly declaredBefore: ScheduleDeclaration;
  /** @throws PostureError where a store cannot be looked at. */
  readonly list: (store: StoreDeclaration) => Promise<readonly RecoveryPoint[]>;
}

/** What a change of copies does away with: a shorter retention deletes, and a copy that is removed, or moved, is left behind. */
export async function findCopyLosses(change: CopiesChange): Promise<readonly Loss[]> {
  const losses: Loss[] = [];
  for (const [name, copy] of Object.entries(change.declaredBefore.copies ?? {}))
    losses.push(...(isStoreKept(change.declaration, copy) ? [] : await findLeft(change, name, copy)));
  for (const [name, copy] of Object.entries(change.declaration.copies ?? {}))
    losses.push(...(await findDeleted(change, name, copy)));
  return losses;
}

/** What consent to a change of copies is bound to; nothing where it does not concern them. */
export function describeCopiesChange({ declaration, previous, declaredBefore }: Omit<CopiesChange, "list">): unknown[] {
  const [stand, before, after] = [previous, declaredBefore, declaration].map(({ copies = {} }) =>
    toSortedCopies(copies),
  );
  return isDeepStrictEqual(stand, after) && isDeepStrictEqual(before, after) ? [] : [[stand, before, after]];
}

/** A copy that gets another name, or becomes the schedule's own store, stays where it is. */
function isStoreKept({ store, copies = {} }: ScheduleDeclaration, copy: Copy): boolean {
  return [store, ...Object.values(copies).map((each) => each.store)].some((each) =>
    isDeepStrictEqual(each, copy.store),
  );
}

async function findLeft({ list }: CopiesChange, name: string, { store }: Copy): Promise<readonly Loss[]> {
  let points: readonly RecoveryPoint[];
  try {
    points = await list(store);
  } catch (error) {
    if (!(error instanceof PostureError)) throw error;
    const sentence = `copies.${name}: what it holds cannot be counted (${messageOf(error)}); whatever it is, this change stops protecting it`;
    return [{ verb: "unprotect", ...uncounted, sentence }];
  }
  const newest = points.at(-1);
  if (newest === undefined) return [];
  const sentence = `copies.${name}: this change gives up the copy, with ${countPoints(points.length)}, the newest of ${formatInstant(newest.startedAt)}: they stay, and nothing adds to them, prunes or verifies them for this schedule any more`;
  return [{ verb: "unprotect", points: points.length, cutOff: newest.startedAt, sentence }];
}

async function findDeleted(
  { declaration, previous, list }: CopiesChange,
  name: string,
  copy: Copy,
): Promise<readonly Loss[]> {
  const standing = Object.values(previous.copies ?? {}).find(({ store }) => isDeepStrictEqual(store, copy.store));
  if (standing === undefined || copy.keep === undefined || isDeepStrictEqual(toKeep(standing), toKeep(copy))) return [];
  const lost = compareRetention(groupRetainable(await list(copy.store)), standing.keep, copy.keep, {
    timeZone: declaration.when.timeZone ?? "UTC",
    now: now(),
  });
  const [newest] = lost;
  const oldest = lost.at(-1);
  if (newest === undefined || oldest === undefined) return [];
  const count = lost.reduce((sum, set) => sum + set.points.length, 0);
  const sentence = `copies.${name}.keep: this retention deletes ${countPoints(count)} of ${lost.length} run${lost.length === 1 ? "" : "s"}, from ${formatInstant(oldest.startedAt)} to ${formatInstant(newest.startedAt)}, which the old one keeps`;
  return [{ verb: "delete", points: count, cutOff: newest.startedAt, sentence }];
}

const copyShape = scheduleShape.fields?.copies?.each ?? {};

/** What retention and place each copy has, in one order, so that equal settings are equal text. */
function toSortedCopies(copies: Readonly<Record<string, Copy>>): unknown {
  return Object.entries(copies)
    .map(([name, copy]) => [name, toSorted(copy.store), toKeep(copy)] as const)
    .sort(([one], [other]) => (one < other ? -1 : 1));
}

function toKeep({ keep = {} }: Copy): unknown {
  return toSorted(canonicalise(keep, copyShape.fields?.keep ?? {}));
}

function toSorted(bag: object): unknown {
  return Object.entries(bag).sort(([one], [other]) => (one < other ? -1 : 1));
}
