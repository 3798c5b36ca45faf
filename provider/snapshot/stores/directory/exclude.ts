import picomatch from "picomatch";
import { type BytePath, joinPath } from "./byte-path";

/** Says whether an entry is left out, by its directory and its name. What is left out of a directory is left out with all below it. */
export type Exclusion = (directory: BytePath, name: BytePath) => boolean;

/**
 * Globs as `.gitignore` readers expect them: without a slash they match a name at every depth, with one the path from the root.
 * Names that begin with a dot are matched like others; upper and lower case differ.
 */
export function toExclusion(globs: readonly string[]): Exclusion {
  const patterns = globs.map((glob) => glob.replace(/\/+$/, "")).filter((glob) => glob !== "");
  const byName = toMatcher(patterns.filter((glob) => !glob.includes("/")));
  const byPath = toMatcher(patterns.filter((glob) => glob.includes("/")).map((glob) => glob.replace(/^\.?\//, "")));
  if (byName === null && byPath === null) return () => false;
  return (directory, name) =>
    (byName?.(toText(name)) ?? false) || (byPath?.(toText(joinPath(directory, name))) ?? false);
}

function toMatcher(patterns: readonly string[]): ((text: string) => boolean) | null {
  return patterns.length === 0 ? null : picomatch([...patterns], { dot: true, windows: false });
}

/** Globs are text: bytes that are not UTF-8 are matched as the replacement character. */
function toText(path: BytePath): string {
  return /[\u0080-\u00ff]/.test(path) ? Buffer.from(path, "latin1").toString("utf8") : path;
}
