import { readFileSync } from "node:fs";
import { hasExecutable } from "../../../platform/find-executable";
import { runCommand } from "../../../platform/processes";
import { type AttributesOfPath, formatAttributes, parseDump } from "./attribute-dump";
import { type BytePath, joinPath } from "./byte-path";
import type { ListedPaths } from "./capture-plan";
import { openParent } from "./directory-handle";
import type { Manifest } from "./manifest";
import { ManifestLookup } from "./manifest-lookup";

/** Extended attributes and ACLs of a tree. */
export interface CapturedAttributes {
  /** The dump; empty when there are none. */
  readonly dump: Buffer;
  /** What could not be read, in words; null when everything was. */
  readonly trouble: string | null;
}

const timeLimitMilliseconds = 60 * 60 * 1_000;

/** Whether this host can tell extended attributes. */
export function canReadAttributes(): boolean {
  return process.platform === "linux" && hasExecutable("getfattr") && hasExecutable("xargs");
}

/**
 * Reads the attributes of what is new or changed.
 *
 * @param root the tree's root.
 */
export async function captureAttributes(
  root: BytePath,
  changed: ListedPaths,
  signal: AbortSignal,
): Promise<CapturedAttributes> {
  const parts: Buffer[] = [];
  let unread = 0;
  const take = ({ stderr, entries }: Answer, directory: BytePath): void => {
    unread += stderr.split("\n").filter((line) => line !== "").length;
    for (const { path, lines } of entries)
      parts.push(toBytes({ path: directory === "" ? path : joinPath(directory, path), lines }));
  };
  for (const answer of await Promise.all(changed.files.map((list) => askFor(root, { list }, signal)))) take(answer, "");
  for (const path of changed.long) {
    const { handle, name } = openParent(root, path);
    try {
      const place = handle.prefix.replace("/self/", `/${process.pid}/`);
      take(await askFor(place, { name }, signal), path.slice(0, path.lastIndexOf("/")));
    } finally {
      handle.close();
    }
  }
  const trouble = unread === 0 ? null : `extended attributes of ${unread} entries could not be read`;
  return { dump: Buffer.concat(parts), trouble };
}

interface Answer {
  /** Empty when all went well. */
  readonly stderr: string;
  readonly entries: Iterable<AttributesOfPath>;
}

async function askFor(
  directory: BytePath,
  what: { readonly list: string } | { readonly name: BytePath },
  signal: AbortSignal,
): Promise<Answer> {
  const source = "list" in what ? ["-a", what.list] : [];
  const completed = await runCommand(
    ["xargs", "-0", ...source, "-s", "120000", "getfattr", "-h", "-d", "-m", "-", "-e", "base64", "--"],
    {
      workingDirectory: Buffer.from(directory, "latin1").toString("utf8"),
      encoding: "latin1",
      timeoutMilliseconds: timeLimitMilliseconds,
      signal,
      ...("list" in what ? {} : { input: `${what.name}\0` }),
    },
  );
  return { stderr: completed.exitCode === 0 ? "" : completed.stderr, entries: parseDump(completed.stdout) };
}

/**
 * The attributes of what did not change, as they were. Changing an attribute changes an entry's `ctime`, so what the walk found
 * unchanged has the attributes it had.
 *
 * @param previous the previous point's dump.
 * @param changed what is new or changed.
 * @param manifest the new point's: what is not in it any more is dropped.
 */
export function keepUnchanged(previous: Buffer, changed: ListedPaths, manifest: Manifest): Buffer {
  if (previous.length === 0) return previous;
  const fresh = new Set([...changed.files.flatMap(readPaths), ...changed.long]);
  const lookup = new ManifestLookup(manifest);
  const kept: Buffer[] = [];
  for (const entry of parseDump(previous.toString("latin1")))
    if (!fresh.has(entry.path) && lookup.has(entry.path)) kept.push(toBytes(entry));
  return Buffer.concat(kept);
}

function readPaths(list: string): readonly BytePath[] {
  const paths = readFileSync(list, "latin1").split("\0");
  return paths.filter((path) => path !== "").map((path) => (path === "." ? "" : path));
}

function toBytes(entry: AttributesOfPath): Buffer {
  return Buffer.from(formatAttributes(entry), "latin1");
}
