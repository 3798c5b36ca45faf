/**
 * The present moment on this host.
 *
 * `BACKUP_POSTURE_NOW` (an ISO 8601 instant) replaces it, for tests. Lengths of time are measured with
 * `performance.now()` and are not affected.
 */
export function now(): Date {
  const pinned = process.env.BACKUP_POSTURE_NOW;
  if (pinned === undefined || pinned === "") return new Date();
  const instant = new Date(pinned);
  if (Number.isNaN(instant.getTime())) throw new RangeError("BACKUP_POSTURE_NOW is not an ISO 8601 instant");
  return instant;
}

/** How far ahead of the host's clock an instant may lie and still be believed, in milliseconds: five minutes. */
export const clockTolerance = 5 * 60_000;

/** Whether something is dated so far in the future that one of the clocks is wrong, and nobody knows which. */
export function isAheadOfClock(instant: Date, moment: Date): boolean {
  return instant.getTime() > moment.getTime() + clockTolerance;
}

/** An instant as the product writes it everywhere: UTC, whole seconds, `2026-11-19T01:00:00Z`. */
export function formatInstant(instant: Date): string {
  return instant.toISOString().replace(/\.\d{3}Z$/, "Z");
}
