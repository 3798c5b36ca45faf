import { randomBytes } from "node:crypto";
import { closeSync, fchownSync, fsync, open, openSync, type Stats, statSync, writeFileSync, writeSync } from "node:fs";
import { type FileHandle, mkdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import { Rounds } from "./rounds";

/**
 * Writes a file so that a reader, and a machine that loses power, finds either the old content or the new: a
 * temporary file beside it is written and fsynced, renamed over it, and the directory fsynced. Written by root, it belongs to whom its
 * folder belongs to, who is to use it.
 *
 * @param mode permission bits of the new file; default: owner only.
 * @throws the operating system's error; the temporary file is then gone.
 */
export async function writeFileAtomically(path: string, content: string | Uint8Array, mode = 0o600): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    await writeDurably(temporary, content, mode);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

/**
 * What waits for the disk is another thread's to do; the rest is done at once, since handing it over takes longer than doing it, and hundreds of
 * small files are written so.
 */
async function writeDurably(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  const descriptor = await openFile(path, "wx", mode);
  try {
    writeFileSync(descriptor, content);
    const owner = findOtherOwner(statSync(dirname(path)));
    if (owner !== null) fchownSync(descriptor, owner.uid, owner.gid);
    await syncFile(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

const openFile = promisify(open);
const syncFile = promisify(fsync);

/** Appends to a file, creating it owner-only, and fsyncs it. One call is one `write`, so lines of concurrent writers do not mix. */
export async function appendDurably(path: string, content: string): Promise<void> {
  const descriptor = await openFile(path, "a", 0o600);
  try {
    writeSync(descriptor, content);
    await syncFile(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Makes a directory entry's creation, renaming or removal survive a power cut. Those that wait for one directory share a sync. */
export function syncDirectory(path: string): Promise<void> {
  return directorySyncs.join(path);
}

const directorySyncs = new Rounds(async (path) => {
  const descriptor = openSync(path, "r");
  try {
    await syncFile(descriptor);
  } finally {
    closeSync(descriptor);
  }
});

/** Creates a directory with its missing parents, owner-only. */
export async function ensureDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
}

/** As root: a file that is made in a folder of another account becomes that account's. */
export async function giveToOwnerOf(folder: string, file: FileHandle): Promise<void> {
  const owner = findOtherOwner(await stat(folder));
  if (owner !== null) await file.chown(owner.uid, owner.gid);
}

/** Null unless this process is root's, and the folder is not. */
function findOtherOwner({ uid, gid }: Stats): { readonly uid: number; readonly gid: number } | null {
  return process.getuid?.() === 0 && uid !== 0 ? { uid, gid } : null;
}
