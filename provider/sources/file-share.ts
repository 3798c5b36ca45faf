import { lstat, opendir, realpath, stat } from "node:fs/promises";
import { isShareAddress } from "../declaration/azure-share";
import { isAbsent, PostureError, systemCodeOf } from "../platform/errors";
import { withinTime } from "../platform/time-limit";
import type { SourceDeclaration } from "./schema";
import type { Source } from "./source";

type FileShareDeclaration = Extract<SourceDeclaration, { kind: "file-share" }>;

/** How long a share may take to answer a first look; a dead network mount would otherwise hang for ever. */
const answerWithinMilliseconds = 30_000;

/**
 * A tree of files at a path, read where it stands. An Azure file share by its address is read by its store, which is the share itself: here
 * nothing is looked at.
 *
 * The declared path itself may be a symlink: it is resolved when the run begins, and what it leads to then is captured.
 * Symlinks below it are kept as links and never followed.
 */
export function openFileShare(declaration: FileShareDeclaration): Source {
  return {
    kind: "file-share",
    probe: async (signal) => {
      await resolveShare(declaration.path, signal);
    },
    gather: async (_staging, signal) => ({
      tree: { root: await resolveShare(declaration.path, signal), exclude: listExcluded(declaration) },
    }),
  };
}

/** The declared globs, and what the workload is known to need left out: Lync locks `Meeting.Active` while a meeting takes place. */
export function listExcluded(declaration: Pick<FileShareDeclaration, "exclude" | "workload">): readonly string[] {
  const known = declaration.workload === "lync" ? ["Meeting.Active"] : [];
  return [...new Set([...(declaration.exclude ?? []), ...known])];
}

/** The share's real path, after it was seen to be a directory that can be listed. */
async function resolveShare(path: string, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  if (isShareAddress(path)) return path;
  const explainSilence = () =>
    new PostureError(
      "unreachable",
      `share ${path}: gave no answer within ${answerWithinMilliseconds / 1_000} s; see whether its server or mount is up`,
    );
  try {
    return await withinTime(lookAtShare(path), answerWithinMilliseconds, explainSilence, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof PostureError) throw error;
    throw new PostureError("unreachable", `share ${path}: ${await explain(path, error)}`, { cause: error });
  }
}

async function lookAtShare(path: string): Promise<string> {
  const root = await realpath(path);
  const found = await stat(root);
  if (!found.isDirectory())
    throw new PostureError("permanent", `share ${path}: is not a directory; declare the folder that holds the files`);
  const directory = await opendir(root);
  try {
    await directory.read();
  } finally {
    await directory.close();
  }
  return root;
}

async function explain(path: string, error: unknown): Promise<string> {
  if (isAbsent(error)) {
    return (await isLink(path))
      ? "is a symlink that leads nowhere; mount or correct what it points to"
      : "is not there; mount it, or correct the declared path";
  }
  const code = systemCodeOf(error) ?? "an unexpected error";
  if (code === "EACCES" || code === "EPERM")
    return `may not be read by this account (${code}); grant it read access to the share and all folders above it`;
  if (code === "ELOOP") return "leads through a cycle of symlinks; correct the declared path";
  return `cannot be read (${code}); see whether its server or mount is up`;
}

async function isLink(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isSymbolicLink();
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}
