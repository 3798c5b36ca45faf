import type { Fault } from "../declaration/health";
import { type CopySituation, findCopyFaults } from "../schedule/copy-health";
import type { SetSituation } from "../schedule/health";
import type { ScheduleDeclaration } from "../schedule/schema";
import { groupSets } from "../snapshot/sets";
import type { StoreDeclaration } from "../snapshot/stores/schema";
import type { RecoveryPoint } from "../snapshot/stores/store";
import type { JournalRecord, SetsCopied } from "./journal";
import { markOf } from "./places";
import { findLostSets } from "./uncopied-sets";

/** What is known of a schedule whose copies are looked at. */
export interface CopiedSchedule {
  readonly id: string;
  readonly declaration: ScheduleDeclaration;
  readonly now: Date;
  readonly records: readonly JournalRecord[];
  /** When each copy was declared, by its name. */
  readonly declaredAt: (copy: string) => Date;
  readonly staleAt: Date | null;
}

/** What was found in a store; `unreachable` says why nothing could be. */
export interface Listed {
  readonly points: readonly RecoveryPoint[];
  readonly unreachable: string | null;
}

/** What is wrong with the copies of a schedule, and whether all of them were seen to hold nothing. */
export async function observeCopies(
  schedule: CopiedSchedule,
  list: (store: StoreDeclaration) => Promise<Listed>,
): Promise<{ readonly faults: readonly Fault[]; readonly empty: boolean }> {
  const faults: Fault[] = [];
  let empty = true;
  for (const [name, { store }] of Object.entries(schedule.declaration.copies ?? {})) {
    const listed = await list(store);
    faults.push(...findCopyFaults(describeSituation(schedule, name, store, listed)));
    if (listed.unreachable !== null || listed.points.length > 0) empty = false;
  }
  return { faults, empty };
}

function describeSituation(
  { id, declaration, now, records, declaredAt, staleAt }: CopiedSchedule,
  name: string,
  store: StoreDeclaration,
  { points, unreachable }: Listed,
): CopySituation {
  const mark = markOf(store);
  const lost = findLostSets(points, records, name, mark);
  const newest = lost.at(-1);
  return {
    id,
    declaration,
    now,
    name,
    declaredAt: declaredAt(name),
    unreachable,
    sets: describeSets(points),
    missing: newest === undefined ? null : { count: lost.length, newest: newest.startedAt },
    failing: findFailing(records, name, mark),
    staleAt,
  };
}

/** The sets whose every point is there, as health looks at them. */
export function describeSets(points: readonly RecoveryPoint[]): readonly SetSituation[] {
  return groupSets(points)
    .filter((set) => set.missing.length === 0)
    .map((set) => ({
      startedAt: set.startedAt,
      damaged: set.points.filter((point) => point.damage !== null).length,
    }));
}

function findFailing(records: readonly JournalRecord[], copy: string, mark: string): CopySituation["failing"] {
  const attempts = records.filter(
    (record): record is SetsCopied => record.event === "copied" && record.copy === copy && record.store === mark,
  );
  const last = attempts.at(-1);
  if (last === undefined || last.outcome === "succeeded") return null;
  const first = attempts[attempts.findLastIndex(({ outcome }) => outcome === "succeeded") + 1] ?? last;
  return { since: new Date(first.at), message: last.message };
}
