import { PostureError } from "../../../platform/errors";
import { type BytePath, fromText } from "./byte-path";

/** What of a point is restored. */
export interface Selection {
  /** Everything below this directory, and itself, belongs to it. */
  holds(path: BytePath): boolean;
  /** This directory is on the way to something that belongs to it. */
  leadsTo(directory: BytePath): boolean;
  /** This very path was asked for. */
  asksFor(path: BytePath): boolean;
}

export const everything: Selection = { holds: () => true, leadsTo: () => true, asksFor: () => false };

/**
 * Paths as people write them, relative to the tree's root.
 *
 * @throws PostureError `usage` for a path that leads out of the tree.
 */
export function toSelection(only: readonly string[]): Selection & { readonly paths: readonly BytePath[] } {
  const paths = only.map(normalise);
  const chosen = new Set(paths);
  const parents = new Set(paths.flatMap(parentsOf));
  const all = chosen.has("");
  return {
    paths,
    holds: (path) => all || chosen.has(path) || parentsOf(path).some((parent) => chosen.has(parent)),
    leadsTo: (directory) => parents.has(directory),
    asksFor: (path) => chosen.has(path),
  };
}

function normalise(path: string): BytePath {
  const names = path.split(process.platform === "win32" ? /[/\\]/ : "/").filter((name) => name !== "" && name !== ".");
  if (names.includes(".."))
    throw new PostureError("usage", "a path to restore must stay within the tree, so it must not hold ..");
  return fromText(names.join("/"));
}

function parentsOf(path: BytePath): readonly BytePath[] {
  const parents: BytePath[] = path === "" ? [] : [""];
  for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) parents.push(path.slice(0, at));
  return parents;
}
