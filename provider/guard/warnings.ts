import { formatMilliseconds, toMilliseconds } from "../platform/durations";
import type { Keep } from "../schedule/schema";
import { clockOf } from "../schedule/time-zone";
import {
  countSkippedStarts,
  type Simulated,
  simulateAge,
  simulateAgeOnEvenClocks,
  simulateRetention,
} from "./simulate";

/** Something that a preview says about a declaration before anything has happened. */
export interface PreviewFinding {
  readonly kind: "rpo-not-met" | "starts-skipped" | "few-recovery-sets" | "short-look-back";
  /** An error stops the preview: what is declared cannot come true. */
  readonly severity: "error" | "warning";
  /** The property that it is about, as a path. */
  readonly property: string;
  /** What was found, and what to do about it. */
  readonly sentence: string;
}

const millisecondsPerDay = 86_400_000;
/** Runs that are expected to take longer are not simulated: dense schedules would skip millions of starts meanwhile. */
const longestSimulated = 60 * millisecondsPerDay;

/**
 * What can be foretold of a schedule, errors first. The same for the same declaration whenever it is asked: it simulates a fixed span,
 * never the time from today.
 */
export function findPreviewFindings(declaration: Simulated): readonly PreviewFinding[] {
  return [...findUnmetRpo(declaration), ...findPreviewWarnings(declaration)];
}

/** The warnings among {@link findPreviewFindings}. */
export function findPreviewWarnings(declaration: Simulated): readonly PreviewFinding[] {
  return isSimulated(declaration) ? [...findSkippedStarts(declaration), ...findThinRetention(declaration)] : [];
}

/** The errors among {@link findPreviewFindings}: an rpo that cannot be met. */
export function findUnmetRpo(declaration: Simulated): readonly PreviewFinding[] {
  if (declaration.rpo === undefined || !isSimulated(declaration)) return [];
  const limit = toMilliseconds(declaration.rpo);
  const { worstCase } = simulateAge(declaration);
  if (worstCase.milliseconds <= limit) return [];
  const zone = declaration.when.timeZone ?? "UTC";
  const worst = formatSpan(worstCase.milliseconds);
  const cause = simulateAgeOnEvenClocks(declaration) <= limit ? ` (DST, ${zone})` : "";
  return [
    {
      kind: "rpo-not-met",
      severity: "error",
      property: "rpo",
      sentence: `worst case ${worst} on ${formatDay(worstCase.at, zone)}${cause}, rpo ${formatSpan(limit)}: declare an rpo of at least ${worst}, or run more often`,
    },
  ];
}

/**
 * What is foretold of a schedule in one line: the worst case of its age, and, where something is pruned, how many recovery sets the
 * retention holds after a year and how far they reach back.
 */
export function describeForecast(declaration: Simulated): string {
  if (!isSimulated(declaration)) return "nothing is foretold of runs that are expected to take longer than 60 days";
  const { worstCase } = simulateAge(declaration);
  const day = formatDay(worstCase.at, declaration.when.timeZone ?? "UTC");
  const age = `the last backup gets at most ${formatSpan(worstCase.milliseconds)} old (${day})`;
  if (declaration.keep === undefined) return `${age}; nothing is ever pruned`;
  const { sets, lookBackMilliseconds } = simulateRetention(declaration);
  const held = `${sets} recovery set${sets === 1 ? "" : "s"}`;
  return `${age}; after a year keep holds ${held}, the longest look-back is ${formatSpan(lookBackMilliseconds)}`;
}

/** Whether anything is foretold of its runs. */
export function isSimulated({ expectedDuration = "0s" }: Simulated): boolean {
  return toMilliseconds(expectedDuration) <= longestSimulated;
}

function findSkippedStarts(declaration: Simulated): readonly PreviewFinding[] {
  const { expectedDuration } = declaration;
  if (expectedDuration === undefined) return [];
  const skippedStarts = countSkippedStarts(declaration);
  if (skippedStarts === 0) return [];
  return [
    {
      kind: "starts-skipped",
      severity: "warning",
      property: "expectedDuration",
      sentence: `a run is expected to take ${formatSpan(toMilliseconds(expectedDuration))}, so ${describeStarts(skippedStarts)} due while the run before still goes on, and skipped: run less often`,
    },
  ];
}

function findThinRetention(declaration: Simulated): readonly PreviewFinding[] {
  const { keep } = declaration;
  if (keep === undefined || reachesBackDays(keep)) return [];
  const { sets, lookBackMilliseconds, stillGrowing } = simulateRetention(declaration);
  if (stillGrowing) return [];
  if (sets === 1)
    return [
      {
        kind: "few-recovery-sets",
        severity: "warning",
        property: "keep",
        sentence:
          "keep holds a single recovery set: if that one is damaged, or holds the damage, nothing else is left to restore",
      },
    ];
  if (lookBackMilliseconds + simulateAge(declaration).worstCase.milliseconds >= millisecondsPerDay) return [];
  return [
    {
      kind: "short-look-back",
      severity: "warning",
      property: "keep",
      sentence: `keep holds ${sets} recovery sets that reach back ${formatSpan(lookBackMilliseconds)}: damage that is noticed later cannot be undone`,
    },
  ];
}

/** Whether it can be told without simulation that the sets of several days are held. */
function reachesBackDays({ daily = 0, weekly = 0, monthly = 0 }: Keep): boolean {
  return daily >= 3 || weekly >= 2 || monthly >= 2;
}

function describeStarts(count: number): string {
  return count === 1 ? "one start a year is" : `${count} starts a year are`;
}

/** Hours and minutes up to four days, as people compare RPOs (`25h`, `24h 30m`); days beyond. */
function formatSpan(milliseconds: number): string {
  const minutes = Math.ceil(milliseconds / 60_000);
  if (minutes < 60 || minutes > 4 * 1_440) return formatMilliseconds(milliseconds);
  return minutes % 60 === 0 ? `${minutes / 60}h` : `${Math.floor(minutes / 60)}h ${minutes % 60}m`;
}

/** The day in the zone, `2027-10-31`. */
function formatDay(instant: Date, timeZone: string): string {
  return new Date(clockOf(timeZone)(instant.getTime())).toISOString().slice(0, "2027-10-31".length);
}
