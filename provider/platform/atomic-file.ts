import { randomBytes } from "node:crypto";
import { type FileHandle, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

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
    await withFile(temporary, "wx", mode, async (file) => {
      await file.writeFile(content);
      await giveToOwnerOf(dirname(path), file);
      await file.sync();
    });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** Appends to a file, creating it owner-only, and fsyncs it. One call is one `write`, so lines of concurrent writers do not mix. */
export async function appendDurably(path: string, content: string): Promise<void> {
  await withFile(path, "a", 0o600, async (file) => {
    await file.write(content);
    await file.sync();
  });
}

/** Makes a directory entry's creation, renaming or removal survive a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  await withFile(path, "r", 0, (directory) => directory.sync());
}

/** Creates a directory with its missing parents, owner-only. */
export async function ensureDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
}

/** As root: a file that is made in a folder of another account becomes that account's. */
export async function giveToOwnerOf(folder: string, file: FileHandle): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = await stat(folder);
  if (uid !== 0) await file.chown(uid, gid);
}

async function withFile(
  path: string,
  flags: string,
  mode: number,
  use: (file: FileHandle) => Promise<unknown>,
): Promise<void> {
  const file = await open(path, flags, mode);
  try {
    await use(file);
  } finally {
    await file.close();
  }
}
