/** A length of time as users write it: a whole number and one unit, `90s`, `15m`, `26h`, `7d`, `2w`. */
export type Duration = string;

const millisecondsPerUnit: ReadonlyMap<string | undefined, number> = new Map([
  ["w", 604_800_000],
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
]);

/** What a duration looks like. Zero is allowed; at most seven digits, so that sums stay exact. */
export const durationPattern = /^(\d{1,7})([smhdw])$/;

/** The number of milliseconds in a duration. Throws a RangeError for anything that is not one. */
export function toMilliseconds(duration: Duration): number {
  const [, count, unit] = durationPattern.exec(duration) ?? [];
  const size = millisecondsPerUnit.get(unit);
  if (size === undefined) throw new RangeError("not a duration: expected a whole number and one of s, m, h, d, w");
  return Number(count) * size;
}

/** Milliseconds as people read them, rounded to seconds and in at most two units: `1d 2h`, `25h` is `1d 1h`, `45s`. */
export function formatMilliseconds(milliseconds: number): string {
  let rest = Math.round(Math.abs(milliseconds) / 1_000) * 1_000;
  const parts: string[] = [];
  for (const [unit, size] of millisecondsPerUnit) {
    if (unit === "w") continue;
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count}${unit}`);
  }
  return `${milliseconds < 0 ? "-" : ""}${parts.slice(0, 2).join(" ") || "0s"}`;
}
