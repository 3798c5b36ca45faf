/**
 * Whether one version is older than another; both are numbers joined by dots.
 *
 * @param {string} version
 * @param {string} than
 */
export function isOlder(version, than) {
  const [left, right] = [version, than].map((text) => text.split(".").map(Number));
  for (let index = 0; index < 3; index++) {
    const difference = (left?.[index] ?? 0) - (right?.[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
