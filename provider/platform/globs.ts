import picomatch from "picomatch";

/** Says whether an entry is meant, by its directory's path and its name. */
export type GlobMatcher = (directory: string, name: string) => boolean;

/**
 * Globs as `.gitignore` readers expect them: without a slash they match a name at every depth, with one the path from the root.
 * Names that begin with a dot are matched like others; upper and lower case differ.
 *
 * @returns null where no glob matches anything.
 */
export function toGlobMatcher(globs: readonly string[]): GlobMatcher | null {
  const patterns = globs.map((glob) => glob.replace(/\/+$/, "")).filter((glob) => glob !== "");
  const byName = toMatcher(patterns.filter((glob) => !glob.includes("/")));
  const byPath = toMatcher(patterns.filter((glob) => glob.includes("/")).map((glob) => glob.replace(/^\.?\//, "")));
  if (byName === null && byPath === null) return null;
  return (directory, name) =>
    (byName?.(name) ?? false) || (byPath?.(directory === "" ? name : `${directory}/${name}`) ?? false);
}

function toMatcher(patterns: readonly string[]): ((text: string) => boolean) | null {
  return patterns.length === 0 ? null : picomatch([...patterns], { dot: true, windows: false });
}
