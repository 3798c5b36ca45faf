import { hasExecutable } from "../platform/find-executable";
import { runCommand } from "../platform/processes";
import { formatAttributes, parseDump } from "../snapshot/stores/directory/attribute-dump";

const timeLimitMilliseconds = 10 * 60_000;
const listing = ["getfattr", "-h", "-d", "-m", "-", "-e", "base64", "--"] as const;

/** Something that should have extended attributes. Paths are bytes, relative to the tree's root. */
export interface Attributed {
  readonly path: Buffer;
  /** As in a recovery point: `name=0s<base64>`. */
  readonly extendedAttributes: readonly string[];
}

/** Whether this host can tell extended attributes. */
export function canCompareAttributes(): boolean {
  return process.platform === "linux" && ["getfattr", "setfattr", "xargs"].every(hasExecutable);
}

/**
 * Those whose extended attributes are not as they should be. What is there beside them, such as an ACL that the place hands down, is
 * not asked for.
 */
export async function findAttributesThatDiffer<Each extends Attributed>(
  root: string,
  expected: readonly Each[],
  signal: AbortSignal,
): Promise<readonly Each[]> {
  if (expected.length === 0) return [];
  const names = expected.map(({ path }) => (path.length === 0 ? "." : path.toString("latin1")));
  const { stdout } = await runCommand(["xargs", "-0", "-s", "120000", ...listing], {
    workingDirectory: root,
    input: names.map((name) => `${name}\0`).join(""),
    encoding: "latin1",
    timeoutMilliseconds: timeLimitMilliseconds,
    signal,
  });
  const found = new Map([...parseDump(stdout)].map(({ path, lines }) => [path, new Set(lines)]));
  return expected.filter(({ path, extendedAttributes }) => {
    const there = found.get(path.toString("latin1"));
    return !extendedAttributes.every((line) => there?.has(line) === true);
  });
}

/** Sets them, and tells whether that worked. */
export async function trySetAttributes(
  root: string,
  { path, extendedAttributes }: Attributed,
  signal: AbortSignal,
): Promise<boolean> {
  const completed = await runCommand(["setfattr", "-h", "--restore=-"], {
    workingDirectory: root,
    input: formatAttributes({ path: path.toString("latin1"), lines: extendedAttributes }),
    encoding: "latin1",
    timeoutMilliseconds: timeLimitMilliseconds,
    signal,
  });
  return completed.exitCode === 0;
}
