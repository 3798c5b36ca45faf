/** Absolute paths of any platform, as they stand in sentences; the quantity before and after them stays. */
const paths = /(?<![\w.:/\\*<>-])(?:\/[^\s"'`,;:|()<>]+|[A-Za-z]:\\[^\s"'`,;:|()<>]+|\\\\[^\s"'`,;:|()<>]+)/g;

/**
 * A text in which every absolute path is `<path>`: what a pull request shows is read by more people than may know where things lie.
 *
 * @param known paths that are known to be ones, as they may hold spaces.
 */
export function withoutPaths(text: string, known: readonly string[] = []): string {
  const longestFirst = [...known].sort((left, right) => right.length - left.length);
  return longestFirst.reduce((rest, path) => rest.replaceAll(path, "<path>"), text).replace(paths, "<path>");
}

/** All absolute paths that stand in property bags as whole values. */
export function collectPaths(value: unknown): readonly string[] {
  if (typeof value === "string") return /^(\/[^/]|[A-Za-z]:\\|\\\\)/.test(value) ? [value] : [];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(collectPaths) : [];
}

/** XML cannot hold them, not even escaped. */
export function withoutControlCharacters(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "�");
}
