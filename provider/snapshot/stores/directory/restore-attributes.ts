import { hasExecutable } from "../../../platform/find-executable";
import { runCommand } from "../../../platform/processes";
import { type AttributesOfPath, formatAttributes, parseDump } from "./attribute-dump";
import type { BytePath } from "./byte-path";
import { longestPath, openParent } from "./directory-handle";
import type { Manifest } from "./manifest";
import { ManifestLookup } from "./manifest-lookup";
import type { Selection } from "./restore-selection";

const timeLimitMilliseconds = 60 * 60 * 1_000;
const charactersPerRun = 8 * 1024 * 1024;

/**
 * Sets extended attributes and ACLs below a directory, of entries only that the manifest holds: so no path leads through a link.
 *
 * @returns what could not be set, in words; null when everything was.
 */
export async function restoreAttributes(
  root: BytePath,
  dump: Buffer,
  manifest: Manifest,
  selection: Selection,
  signal: AbortSignal,
): Promise<string | null> {
  if (dump.length === 0) return null;
  if (!hasExecutable("setfattr")) return "extended attributes and ACLs were not set: setfattr is not on this host";
  const lookup = new ManifestLookup(manifest);
  let failures = 0;
  let part = "";
  for (const entry of parseDump(dump.toString("latin1"))) {
    if (!selection.holds(entry.path) || !lookup.has(entry.path)) continue;
    if (entry.path.length > longestPath) failures += await setInPlace(root, entry, signal);
    else part += formatAttributes(entry);
    if (part.length < charactersPerRun) continue;
    failures += await set(root, part, signal);
    part = "";
  }
  failures += await set(root, part, signal);
  if (failures === 0) return null;
  return `${failures} extended attributes or ACLs could not be set by this account, or on this file system`;
}

/** A path too long for a command is set from its own directory. */
async function setInPlace(root: BytePath, { path, lines }: AttributesOfPath, signal: AbortSignal): Promise<number> {
  const { handle, name } = openParent(root, path);
  try {
    return await set(
      handle.prefix.replace("/self/", `/${process.pid}/`),
      formatAttributes({ path: name, lines }),
      signal,
    );
  } finally {
    handle.close();
  }
}

/** @returns the number of failures. */
async function set(directory: BytePath, dump: string, signal: AbortSignal): Promise<number> {
  if (dump === "") return 0;
  const completed = await runCommand(["setfattr", "-h", "--restore=-"], {
    workingDirectory: Buffer.from(directory, "latin1").toString("utf8"),
    input: dump,
    encoding: "latin1",
    timeoutMilliseconds: timeLimitMilliseconds,
    signal,
  });
  return completed.exitCode === 0 ? 0 : completed.stderr.split("\n").filter((line) => line !== "").length;
}
