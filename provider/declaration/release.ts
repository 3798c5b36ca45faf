/** What a release looks like. */
export const releasePattern = /^\d{1,5}\.\d{1,5}\.\d{1,5}(-[0-9A-Za-z.-]{1,64})?$/;

/** Whether a release is at least another one; of two with equal numbers, one without a hyphen is the later. */
export function isAtLeast(release: string, least: string): boolean {
  const [one, other] = [toNumbers(release), toNumbers(least)];
  for (const [index, number] of one.entries()) {
    const difference = number - (other[index] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return !release.includes("-") || least.includes("-");
}

function toNumbers(release: string): readonly number[] {
  return (release.split("-")[0] ?? "").split(".").map(Number);
}
