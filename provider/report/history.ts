import { formatInstant } from "../platform/clock";
import type { JournalRecord, RunEnded } from "../runner/journal";
import type { When } from "../schedule/schema";
import { findMisses, type RunSpan } from "./misses";
import type { History, Measure, Trend } from "./model";

export const millisecondsPerDay = 86_400_000;
const daysShown = 365;
const mostTroubles = 10;
const mostMeasures = 52;
const trendDays = 30;

/** What the runs of a schedule are judged by. */
export interface JudgedBy {
  readonly id: string;
  /** Null where nothing is due by a calendar. */
  readonly when: When | null;
  /** Since when that calendar holds: what was due by an earlier one is not known. */
  readonly calendarSince: Date;
  /** How old the last backup may get before it is late; infinity: it never is. */
  readonly allowedMilliseconds: number;
  /** Whether its last run goes on now. */
  readonly running: boolean;
}

interface Run extends RunSpan {
  readonly outcome: RunEnded["outcome"] | "running";
  readonly message: string;
  readonly milliseconds: number;
  readonly bytes: number;
  readonly addedBytes: number;
}

type Trouble = History["troubles"][number];

/** The year of whole days, in UTC, that ends with the day of `now`. */
export function yearUntil(now: Date): { readonly from: Date; readonly to: Date } {
  const today = Math.floor(now.getTime() / millisecondsPerDay);
  return { from: new Date((today - daysShown + 1) * millisecondsPerDay), to: now };
}

/** Sums up a year of runs. Pure but for the records, which come one at a time. */
export async function sumUpRuns(
  records: AsyncIterable<JournalRecord>,
  by: JudgedBy,
  { from, to }: { readonly from: Date; readonly to: Date },
): Promise<History> {
  const runs = await collectRuns(records, by.running, from);
  const knownFrom = new Date(Math.max(from.getTime(), by.calendarSince.getTime()));
  const missed = by.when === null ? [] : [...findMisses(by.when, by.id, runs, knownFrom, to)];
  const succeeded = runs.filter(({ outcome }) => outcome === "succeeded");
  const troubled = runs.filter(({ outcome }) => outcome === "failed" || outcome === "interrupted");
  const late = findLate(succeeded, by.allowedMilliseconds, from.getTime(), to.getTime());
  const last = runs.findLast(({ outcome }) => outcome !== "running");
  return {
    from: formatInstant(from),
    to: formatInstant(to),
    succeeded: succeeded.length,
    failed: troubled.filter(({ outcome }) => outcome === "failed").length,
    interrupted: troubled.filter(({ outcome }) => outcome === "interrupted").length,
    missed: missed.length,
    missedFrom: by.when === null ? null : formatInstant(knownFrom),
    days: drawDays(succeeded, troubled, missed, late, from.getTime()),
    troubles: listTroubles(troubled, missed),
    last:
      last === undefined
        ? null
        : {
            at: show(last.start),
            outcome: last.outcome,
            message: last.message,
            milliseconds: last.milliseconds,
            bytes: last.bytes,
            addedBytes: last.addedBytes,
          },
    measures: measure(succeeded),
    trend: {
      milliseconds: findTrend(succeeded, to.getTime(), ({ milliseconds }) => milliseconds),
      bytes: findTrend(succeeded, to.getTime(), ({ bytes }) => bytes),
    },
  };
}

/** Runs that began within the year, by their start. */
async function collectRuns(
  records: AsyncIterable<JournalRecord>,
  running: boolean,
  from: Date,
): Promise<readonly Run[]> {
  const begun = new Map<string, number>();
  const runs: Run[] = [];
  for await (const record of records) {
    if (record.event === "started") begun.set(record.run, Date.parse(record.at));
    if (record.event !== "ended") continue;
    const end = Date.parse(record.at);
    runs.push(toRun(record, begun.get(record.run) ?? end - record.durationMilliseconds, end));
    begun.delete(record.run);
  }
  const unended = [...begun.values()];
  for (const [index, start] of unended.entries()) {
    const goesOn = running && index === unended.length - 1;
    const outcome = goesOn ? "running" : "interrupted";
    const end = goesOn ? Number.POSITIVE_INFINITY : start;
    runs.push({ start, end, outcome, message: "", milliseconds: 0, bytes: 0, addedBytes: 0 });
  }
  return runs.filter(({ start }) => start >= from.getTime()).sort((one, other) => one.start - other.start);
}

function toRun(record: RunEnded, start: number, end: number): Run {
  const { outcome, message, durationMilliseconds: milliseconds, bytes, addedBytes } = record;
  return { start, end, outcome, message, milliseconds, bytes, addedBytes };
}

/** When the last backup was older than allowed: from then until the end of the run that mended it. */
function findLate(succeeded: readonly Run[], allowed: number, from: number, to: number): readonly RunSpan[] {
  return succeeded.flatMap((run, index) => {
    const start = run.start + allowed;
    const end = Math.min(succeeded[index + 1]?.end ?? to, to);
    return start < end ? [{ start: Math.max(start, from), end }] : [];
  });
}

function drawDays(
  succeeded: readonly Run[],
  troubled: readonly Run[],
  missed: readonly number[],
  late: readonly RunSpan[],
  from: number,
): string {
  const days = Array.from({ length: daysShown }, () => ({ succeeded: false, failed: false, late: false }));
  const at = (moment: number) => days[Math.floor((moment - from) / millisecondsPerDay)];
  for (const { start } of succeeded) mark(at(start), "succeeded");
  for (const { start } of troubled) mark(at(start), "failed");
  for (const moment of missed) mark(at(moment), "late");
  for (const { start, end } of late)
    for (let moment = start; moment < end; moment = dayAfter(moment)) mark(at(moment), "late");
  return days.map((day) => letterOf(day)).join("");
}

type Day = Record<"succeeded" | "failed" | "late", boolean>;

function mark(day: Day | undefined, what: keyof Day): void {
  if (day !== undefined) day[what] = true;
}

function letterOf({ succeeded, failed, late }: Day): string {
  if (failed) return late ? "b" : "f";
  if (late) return "l";
  return succeeded ? "s" : ".";
}

function dayAfter(moment: number): number {
  return (Math.floor(moment / millisecondsPerDay) + 1) * millisecondsPerDay;
}

function listTroubles(troubled: readonly Run[], missed: readonly number[]): Trouble[] {
  const failures = troubled.slice(-mostTroubles).map(({ start, outcome, message }): Trouble => {
    return { at: show(start), what: outcome === "failed" ? "failed" : "interrupted", message };
  });
  const misses = missed
    .slice(-mostTroubles)
    .map((moment): Trouble => ({ at: show(moment), what: "missed", message: "" }));
  return [...failures, ...misses].sort((one, other) => (one.at < other.at ? 1 : -1)).slice(0, mostTroubles);
}

/** Each run by itself while there are few, else the means of equal stretches of time. */
function measure(succeeded: readonly Run[]): Measure[] {
  const [first] = succeeded;
  const last = succeeded.at(-1);
  if (first === undefined || last === undefined) return [];
  if (succeeded.length <= mostMeasures) return succeeded.map((run) => sumUp([run]));
  const width = (last.start - first.start) / mostMeasures;
  const groups = new Map<number, Run[]>();
  for (const run of succeeded) {
    const index = Math.min(Math.floor((run.start - first.start) / width), mostMeasures - 1);
    const group = groups.get(index);
    if (group === undefined) groups.set(index, [run]);
    else group.push(run);
  }
  return [...groups.values()].map(sumUp);
}

function sumUp(runs: readonly Run[]): Measure {
  const mean = (of: (run: Run) => number) => Math.round(runs.reduce((sum, run) => sum + of(run), 0) / runs.length);
  return {
    at: show(runs.at(-1)?.start ?? 0),
    runs: runs.length,
    milliseconds: mean(({ milliseconds }) => milliseconds),
    bytes: mean(({ bytes }) => bytes),
    addedBytes: mean(({ addedBytes }) => addedBytes),
  };
}

/** Null while either of the two stretches has fewer than three runs. */
function findTrend(succeeded: readonly Run[], to: number, of: (run: Run) => number): Trend | null {
  const middle = to - trendDays * millisecondsPerDay;
  const start = middle - trendDays * millisecondsPerDay;
  const now = succeeded.filter((run) => run.start >= middle).map(of);
  const before = succeeded.filter((run) => run.start >= start && run.start < middle).map(of);
  return now.length < 3 || before.length < 3 ? null : { before: median(before), now: median(now) };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

function show(moment: number): string {
  return formatInstant(new Date(moment));
}
