import type { Fault } from "../declaration/health";
import { formatInstant, isAheadOfClock } from "../platform/clock";
import { formatMilliseconds } from "../platform/durations";
import { entryOf } from "../platform/records";
import { effectiveRpo, findLastSuccess, findStaleAfter, type SetSituation } from "./health";
import type { ScheduleDeclaration } from "./schema";

/** What is known about one copy of a schedule at one moment, on its host's clock. */
export interface CopySituation {
  /** Of the schedule. */
  readonly id: string;
  /** The schedule's. */
  readonly declaration: ScheduleDeclaration;
  readonly now: Date;
  /** The copy's name. */
  readonly name: string;
  /** When the copy was declared: before anything was due since, it is not stale. */
  readonly declaredAt: Date;
  /** Why its store could not be looked at, or null. */
  readonly unreachable: string | null;
  /** Complete recovery sets, oldest first. */
  readonly sets: readonly SetSituation[];
  /** Recovery sets that were copied and nobody gave up, but that it no longer holds whole: how many, and when the newest of them began. */
  readonly missing: { readonly count: number; readonly newest: Date } | null;
  /** Attempts that failed since the last success: since when, and what the last one said; or null. */
  readonly failing: { readonly since: Date; readonly message: string } | null;
  /** The last good backup in a store that is stale itself, which explains why nothing newer can be here; null where that one is not stale. */
  readonly staleAt: Date | null;
}

/** Everything that is wrong with a copy. Pure: the moment is part of the situation. */
export function findCopyFaults(situation: CopySituation): readonly Fault[] {
  const { id, name, unreachable } = situation;
  if (unreachable !== null)
    return [
      {
        kind: "copy unreachable",
        of: name,
        sentence: `copy ${name} unreachable: ${unreachable}`,
        remedy: "make its store reachable for this account; the next run copies what it lacks",
        mendedByRun: false,
      },
    ];
  const again = `backup-posture copy ${id} --copy ${name}`;
  return [
    ...findDamage(situation, again),
    ...findMissing(situation, again),
    ...findFailing(situation, again),
    ...findStaleness(situation, again),
    ...findFuture(situation),
  ];
}

function findDamage({ id, name, sets }: CopySituation, again: string): readonly Fault[] {
  const damaged = sets.reduce((sum, set) => sum + set.damaged, 0);
  if (damaged === 0) return [];
  return [
    {
      kind: "copy damaged",
      of: name,
      sentence: `copy ${name} damaged: ${damaged} recovery point${damaged === 1 ? "" : "s"}`,
      remedy: `backup-posture verify ${id} --copy ${name} --content names what is affected; backup-posture purge ${id} --copy ${name} --damaged gives it up, then ${again} copies it anew`,
      mendedByRun: false,
    },
  ];
}

function findMissing({ id, name, missing }: CopySituation, again: string): readonly Fault[] {
  if (missing === null) return [];
  return [
    {
      kind: "copy missing",
      of: name,
      sentence: `copy ${name} missing: ${missing.count} recovery set${missing.count === 1 ? "" : "s"}, newest ${formatInstant(missing.newest)}`,
      remedy: `somebody deleted from it; ${again} copies what the schedule's own store still has, and backup-posture purge ${id} --copy ${name} --missing gives up the rest`,
      mendedByRun: true,
    },
  ];
}

function findFailing({ name, failing }: CopySituation, again: string): readonly Fault[] {
  if (failing === null) return [];
  return [
    {
      kind: "copy failing",
      of: name,
      sentence: `copy ${name} failing: ${failing.message}, since ${formatInstant(failing.since)}`,
      remedy: `mend what the message says, then: ${again}`,
      mendedByRun: true,
    },
  ];
}

/** A copy that has all there is, of a schedule that is stale itself, adds nothing to what is said of that. */
function findStaleness(situation: CopySituation, again: string): readonly Fault[] {
  const { id, name, sets, now, declaredAt, staleAt } = situation;
  const rpo = entryOf(situation.declaration.copies, name)?.rpo ?? situation.declaration.rpo;
  const declaration = { ...situation.declaration, rpo };
  if (now.getTime() <= findStaleAfter({ id, declaration, now, sets, createdAt: declaredAt })) return [];
  const last = findLastSuccess({ sets, now });
  if (staleAt !== null && last !== null && last >= staleAt) return [];
  return [
    {
      kind: "copy stale",
      of: name,
      sentence: `copy ${name} stale: last success ${last === null ? "never" : formatInstant(last)}, rpo ${rpo ?? formatMilliseconds(effectiveRpo(declaration))}`,
      remedy: `see that runs succeed and copying ends in time (backup-posture list ${id} --copy ${name}), then: ${again}`,
      mendedByRun: true,
    },
  ];
}

function findFuture({ id, name, sets, now }: CopySituation): readonly Fault[] {
  const ahead = sets.filter((set) => isAheadOfClock(set.startedAt, now)).at(-1);
  if (ahead === undefined) return [];
  return [
    {
      kind: "copy clock",
      of: name,
      sentence: `copy ${name} clock: a recovery point is dated ${formatInstant(ahead.startedAt)}, in the future; pruning of it is suspended`,
      remedy: `correct the clock; the point counts from its date on, or give it up with backup-posture purge ${id} --copy ${name}`,
      mendedByRun: false,
    },
  ];
}
