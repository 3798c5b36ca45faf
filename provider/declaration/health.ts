/** What a resource promises when all is well: the desired value of `health`, always. */
export const healthy = "healthy";

/**
 * Everything that can be wrong, the worst first: what is not known, then what nobody does, then data that is lost, then
 * freshness, then the same of copies, then evidence.
 */
export const faultOrder = [
  "unreachable",
  "not installed",
  "damaged",
  "missing",
  "no recovery point",
  "place unusable",
  "evidence broken",
  "drill failed",
  "failing",
  "interrupted",
  "running too long",
  "stale",
  "copy unreachable",
  "copy damaged",
  "copy missing",
  "copy failing",
  "copy stale",
  "copy clock",
  "changed since the last backup",
  "change not known",
  "older than maxAge",
  "evidence expired",
  "evidence not in its sink",
  "evidence not known",
  "evidence too far",
  "restore too slow",
  "store nearly full",
  "cannot be pruned",
  "clock",
] as const;

export type FaultKind = (typeof faultOrder)[number];

/** One thing that is wrong. */
export interface Fault {
  readonly kind: FaultKind;
  /** Which of several of its kind, such as a copy's name; undefined where there is only one. */
  readonly of?: string;
  /** As the reviewer reads it: times, never ages; counts, never file names; no raw output of commands. */
  readonly sentence: string;
  /** What mends it, for the person who runs `up`. */
  readonly remedy: string;
  /** Whether starting the installed entry can mend it. */
  readonly mendedByRun: boolean;
}

/** The value of `health`: the worst fault, and how many more there are. */
export function describeHealth(faults: readonly Fault[]): string {
  const [worst, ...more] = sortFaults(faults);
  if (worst === undefined) return healthy;
  return more.length === 0 ? worst.sentence : `${worst.sentence} (+${more.length} more)`;
}

/** The worst first. */
export function sortFaults(faults: readonly Fault[]): readonly Fault[] {
  return [...faults].sort((left, right) => faultOrder.indexOf(left.kind) - faultOrder.indexOf(right.kind));
}

/** A host, home or store that could not be looked at. */
export function unreachableFault(why: string): Fault {
  return {
    kind: "unreachable",
    sentence: `unreachable: ${why}`,
    remedy: "make it reachable for this account, then run pulumi up --refresh again",
    mendedByRun: false,
  };
}

/** A job or scheduler entry that is not as it was installed. */
export function notInstalledFault(what: string): Fault {
  return {
    kind: "not installed",
    sentence: `not installed: ${what}`,
    remedy: "pulumi up --refresh installs it again",
    mendedByRun: false,
  };
}
