import { lstat, mkdir, readdir, readFile, rename, rm, utimes } from "node:fs/promises";
import { join } from "node:path";
import { ensureDirectory, writeFileAtomically } from "../platform/atomic-file";
import { isAbsent, PostureError, systemCodeOf } from "../platform/errors";
import { toGlobMatcher } from "../platform/globs";
import { fetchFiles, listShare, type ShareEntry, type SmbConnection } from "./smb-client";

/** Where a share's files are kept from run to run. */
interface Mirror {
  readonly tree: string;
  /** What is being fetched: it counts for nothing before it is whole. */
  readonly incoming: string;
}

/** A file may change while it is fetched: then it is fetched again, but not for ever. */
const mostRounds = 3;
const filesAtOnce = 10_000;

/**
 * Brings a mirror of a share up to date: what has another size or time is fetched, what is gone is removed. What was fetched before a failure stays, and the
 * next call goes on from there.
 *
 * @returns the mirror's folder, and what is to be known of how it came about.
 */
export async function updateMirror(
  connection: SmbConnection,
  exclude: readonly string[],
  folder: string,
  signal: AbortSignal,
): Promise<{ readonly tree: string; readonly notes: readonly string[] }> {
  try {
    const mirror = await prepareMirror(connection, folder);
    let changed = 0;
    for (let round = 0; ; round += 1) {
      const entries = leaveOut(await listShare(connection, signal), exclude);
      await removeOthers(mirror.tree, entries, signal);
      const wanted = await findChanged(mirror.tree, entries, signal);
      changed = wanted.length;
      if (changed === 0 || round === mostRounds) {
        await setFolderTimes(mirror.tree, entries);
        break;
      }
      await fetchAll(connection, mirror, wanted, signal);
    }
    const notes = changed === 0 ? [] : [`${changed} files of ${connection.share} changed while they were fetched`];
    return { tree: mirror.tree, notes };
  } catch (error) {
    throw explainFailure(folder, error);
  }
}

/** A mirror of another share is none of this one. */
async function prepareMirror({ share, path }: SmbConnection, folder: string): Promise<Mirror> {
  const mirror = { tree: join(folder, "tree"), incoming: join(folder, "incoming") };
  const origin = join(folder, "origin");
  const wanted = `${share}\n${path}\n`;
  await rm(mirror.incoming, { recursive: true, force: true });
  if ((await readOrNull(origin)) !== wanted) {
    await rm(mirror.tree, { recursive: true, force: true });
    await writeFileAtomically(origin, wanted);
  }
  await ensureDirectory(mirror.tree);
  await ensureDirectory(mirror.incoming);
  return mirror;
}

async function readOrNull(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

/** What is left out of a folder is left out with all below it; folders are listed before what is in them. */
function leaveOut(entries: readonly ShareEntry[], exclude: readonly string[]): readonly ShareEntry[] {
  const matches = toGlobMatcher(exclude);
  if (matches === null) return entries;
  const left = new Set<string>();
  return entries.filter(({ path }) => {
    if (path === "") return true;
    const { parent, name } = split(path);
    if (!left.has(parent) && !matches(parent, name)) return true;
    left.add(path);
    return false;
  });
}

/** Removes what the share does not have any more, or has as something else. */
async function removeOthers(tree: string, entries: readonly ShareEntry[], signal: AbortSignal): Promise<void> {
  const expected = new Map(entries.map((entry) => [entry.path, entry.isFolder]));
  const folders = [""];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    signal.throwIfAborted();
    for (const entry of await readdir(join(tree, folder), { withFileTypes: true })) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (expected.get(path) !== entry.isDirectory()) await rm(join(tree, path), { recursive: true });
      else if (entry.isDirectory()) folders.push(path);
    }
  }
}

/** Makes the folders, and finds the files that are not here as the share has them. */
async function findChanged(
  tree: string,
  entries: readonly ShareEntry[],
  signal: AbortSignal,
): Promise<readonly ShareEntry[]> {
  const changed: ShareEntry[] = [];
  for (const entry of entries) {
    signal.throwIfAborted();
    if (entry.isFolder) await mkdir(join(tree, entry.path), { recursive: true, mode: 0o700 });
    else if (!(await isCurrent(join(tree, entry.path), entry))) changed.push(entry);
  }
  return changed;
}

async function isCurrent(path: string, { size, modifiedAt }: ShareEntry): Promise<boolean> {
  try {
    const found = await lstat(path);
    return found.isFile() && found.size === size && Math.floor(found.mtimeMs / 1_000) === modifiedAt;
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}

async function fetchAll(
  connection: SmbConnection,
  mirror: Mirror,
  wanted: readonly ShareEntry[],
  signal: AbortSignal,
): Promise<void> {
  for (let at = 0; at < wanted.length; at += filesAtOnce) {
    const part = wanted.slice(at, at + filesAtOnce);
    const named = part.map(({ path }, index) => ({ path, as: String(index) }));
    const { whole, why } = await fetchFiles(connection, named, mirror.incoming, signal);
    let missing = 0;
    for (const [index, entry] of part.entries())
      if (!(await settle(mirror, String(index), entry, whole.get(String(index))))) missing += 1;
    if (missing > 0) throw await describeMissing(connection, missing, wanted.length, why, signal);
  }
}

/** Puts a file that came whole in its place, in one step. */
async function settle(
  { tree, incoming }: Mirror,
  name: string,
  { path, modifiedAt }: ShareEntry,
  size: number | undefined,
): Promise<boolean> {
  const fetched = join(incoming, name);
  if (size === undefined || (await sizeOf(fetched)) !== size) {
    await rm(fetched, { force: true });
    return false;
  }
  await utimes(fetched, modifiedAt, modifiedAt);
  await rename(fetched, join(tree, path));
  return true;
}

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await lstat(path)).size;
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

/** A server that went away says so when it is asked again. */
async function describeMissing(
  connection: SmbConnection,
  missing: number,
  wanted: number,
  why: string | null,
  signal: AbortSignal,
): Promise<PostureError> {
  try {
    await listShare(connection, signal);
  } catch (error) {
    if (!(error instanceof PostureError)) throw error;
    const message = `${error.message}; ${wanted - missing} of ${wanted} files were fetched and are kept, the next run goes on`;
    return new PostureError(error.kind, message, { cause: error });
  }
  return new PostureError(
    "permanent",
    `share ${connection.share}: ${missing} of ${wanted} files could not be fetched${why === null ? "" : ` (${why})`}; close them, grant the account read access, or leave them out with exclude`,
  );
}

/** The innermost first: what is put into a folder changes its time. */
async function setFolderTimes(tree: string, entries: readonly ShareEntry[]): Promise<void> {
  const folders = entries.filter(({ isFolder }) => isFolder).reverse();
  for (const { path, modifiedAt } of folders) await utimes(join(tree, path), modifiedAt, modifiedAt);
}

function split(path: string): { readonly parent: string; readonly name: string } {
  const slash = path.lastIndexOf("/");
  return { parent: slash < 0 ? "" : path.slice(0, slash), name: path.slice(slash + 1) };
}

function explainFailure(folder: string, error: unknown): unknown {
  const code = systemCodeOf(error);
  if (error instanceof PostureError || code === undefined || code === "ABORT_ERR") return error;
  const full = code === "ENOSPC" || code === "EDQUOT";
  return new PostureError(
    full ? "transient" : "permanent",
    `${folder}: the mirror of the share cannot be written (${code})${full ? "; free or add space where the posture home lies" : ""}`,
    { cause: error },
  );
}
