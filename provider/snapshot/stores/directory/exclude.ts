import { toGlobMatcher } from "../../../platform/globs";
import type { BytePath } from "./byte-path";

/** Says whether an entry is left out, by its directory and its name. What is left out of a directory is left out with all below it. */
export type Exclusion = (directory: BytePath, name: BytePath) => boolean;

/** See {@link toGlobMatcher}. */
export function toExclusion(globs: readonly string[]): Exclusion {
  const matches = toGlobMatcher(globs);
  if (matches === null) return () => false;
  return (directory, name) => matches(toText(directory), toText(name));
}

/** Globs are text: bytes that are not UTF-8 are matched as the replacement character. */
function toText(path: BytePath): string {
  return /[\u0080-\u00ff]/.test(path) ? Buffer.from(path, "latin1").toString("utf8") : path;
}
