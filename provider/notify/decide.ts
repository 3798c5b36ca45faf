import type { Fault, FaultKind } from "../declaration/health";
import { sortFaults } from "../declaration/health";
import type { Occasion } from "./schema";

/** What a notifier remembers of one schedule or restore target. */
export interface Told {
  /** What was told and still is so, by what tells faults apart; none: nothing, or all of it is over. */
  readonly faults: readonly string[];
  /** When it was last told of anything of that, ISO 8601; null where nothing stands. */
  readonly at: string | null;
}

/** Nothing was told, or all that was is over. */
export const nothingTold: Told = { faults: [], at: null };

/** What there is to tell, and of what; what is to be remembered once it is told. */
export interface Decision {
  readonly message: { readonly what: Occasion | "reminder"; readonly faults: readonly Fault[] } | null;
  /** What holds whether or not the message arrives: what is over is over. */
  readonly unless: Told;
  /** What holds once it has arrived. */
  readonly then: Told;
}

/** Faults that lie in age alone; all others are failures. */
const staleKinds: ReadonlySet<FaultKind> = new Set<FaultKind>([
  "stale",
  "copy stale",
  "changed since the last backup",
  "change not known",
  "evidence expired",
  "evidence not known",
  "evidence too far",
]);

/**
 * Decides what a notifier is told. Pure. Each fault is told once while it lasts, whatever its sentence becomes; a fault that comes beside others is told, one
 * that goes while others stay is not; when all that was told is gone, that is told once. What did not arrive is told again.
 *
 * @param faults what is wrong now.
 * @param remindEvery in milliseconds; null: never.
 */
export function decide(
  told: Told,
  faults: readonly Fault[],
  on: readonly Occasion[],
  remindEvery: number | null,
  moment: Date,
): Decision {
  const wanted = sortFaults(faults).filter(({ kind }) => on.includes(occasionOf(kind)));
  const keys = [...new Set(wanted.map(keyOf))];
  const standing = told.faults.filter((key) => keys.includes(key));
  const unless: Told = { faults: standing, at: told.at };
  const then: Told = { faults: keys, at: moment.toISOString() };
  const fresh = wanted.filter((fault) => !standing.includes(keyOf(fault)));
  const [worst] = fresh;
  if (worst !== undefined) return { message: { what: occasionOf(worst.kind), faults: wanted }, unless, then };
  if (keys.length > 0) {
    const due = remindEvery !== null && told.at !== null && moment.getTime() - Date.parse(told.at) >= remindEvery;
    return due
      ? { message: { what: "reminder", faults: wanted }, unless, then }
      : { message: null, unless, then: unless };
  }
  if (told.at === null) return { message: null, unless: nothingTold, then: nothingTold };
  if (!on.includes("recovery")) return { message: null, unless: nothingTold, then: nothingTold };
  // What is over is remembered as told until somebody has heard of it.
  return { message: { what: "recovery", faults: [] }, unless: { faults: [], at: told.at }, then: nothingTold };
}

/** A fault of one kind, and of one copy where it is a copy's. */
function keyOf({ kind, of }: Fault): string {
  return of === undefined ? kind : `${kind}: ${of}`;
}

function occasionOf(kind: FaultKind): "failure" | "staleness" {
  return staleKinds.has(kind) ? "staleness" : "failure";
}
