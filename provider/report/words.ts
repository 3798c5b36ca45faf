import { formatMilliseconds } from "../platform/durations";
import { formatBytes } from "../platform/quantities";
import type { History, ScheduleReport, Trend } from "./model";

/** An instant for people, in UTC: `2026-11-25 01:00 UTC`. */
export function showMoment(instant: string): string {
  return `${instant.slice(0, 10)} ${instant.slice(11, 16)} UTC`;
}

/** `3,120`. */
export function showCount(count: number): string {
  return count.toLocaleString("en-US");
}

/** `99.2 %`, never rounded up to the whole; a dash where there is nothing to count. */
export function showShare(part: number, whole: number): string {
  if (whole === 0) return "–";
  return part === whole ? "100 %" : `${(Math.floor((part / whole) * 1_000) / 10).toFixed(1)} %`;
}

/** How much of the RPO the last backup's age takes; null where there is no backup. */
export function ageOf({ lastSuccess }: ScheduleReport, observedAt: string): number | null {
  return lastSuccess === null ? null : Math.max(0, Date.parse(observedAt) - Date.parse(lastSuccess));
}

/** `4m 10s, +9 %` against the 30 days before; empty where there are too few runs to tell. */
export function showTrend(trend: Trend | null, show: (value: number) => string): string {
  if (trend === null) return "";
  return `median ${show(trend.now)} in the last 30 days, ${show(trend.before)} in the 30 before (${showChange(trend)})`;
}

/** `+9 %`. */
export function showChange({ before, now }: Trend): string {
  if (before === 0) return now === 0 ? "±0 %" : "new";
  const percent = Math.round((now / before - 1) * 100);
  return percent === 0 ? "±0 %" : `${percent > 0 ? "+" : "−"}${Math.abs(percent)} %`;
}

/** What a year came to, in words: what a picture of it shows. */
export function describeYear({ succeeded, failed, interrupted, missed, missedFrom }: History): string {
  const made = `${showCount(succeeded)} runs succeeded, ${showCount(failed)} failed, ${showCount(interrupted)} were interrupted`;
  return missedFrom === null
    ? made
    : `${made}; ${showCount(missed)} starts were missed since ${showMoment(missedFrom)}`;
}

/** `5s`, or `120 ms` for what takes less than a second. */
export function showLength(milliseconds: number): string {
  return milliseconds > 0 && milliseconds < 1_000 ? `${Math.round(milliseconds)} ms` : formatMilliseconds(milliseconds);
}

/** `1.5 MiB`. */
export function showBytes(bytes: number): string {
  return formatBytes(Math.round(bytes));
}
