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

/** An instant as the product writes it everywhere: UTC, whole seconds, `2026-11-19T01:00:00Z`. */
export function formatInstant(instant: Date): string {
  return instant.toISOString().replace(/\.\d{3}Z$/, "Z");
}
