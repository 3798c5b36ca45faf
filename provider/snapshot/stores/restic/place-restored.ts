import type { BigIntStats } from "node:fs";
import { chmod, chown, lstat, readdir, rename, rm, rmdir, utimes } from "node:fs/promises";
import { isAbsent, systemCodeOf } from "../../../platform/errors";
import type { CaptureWarning } from "../store";
import type { Header } from "./header";

/** What stands in a folder of restored things. */
export interface RestoredCounts {
  readonly files: number;
  readonly directories: number;
  readonly links: number;
  readonly bytes: number;
}

/** Whether something stands at a path below a folder: bytes, each a character. */
export async function isRestored(folder: string, path: string): Promise<boolean> {
  return (await lookAt(locate(folder, path))) !== null;
}

/** Takes something out again. Absent is success. */
export async function dropRestored(folder: string, path: string): Promise<void> {
  await rm(locate(folder, path), { recursive: true, force: true });
}

/** Counts everything, and takes out what is no file, directory or link: a recovery point does not keep it. */
export async function countRestored(folder: string, signal: AbortSignal): Promise<RestoredCounts> {
  const counts = { files: 0, directories: 0, links: 0, bytes: 0 };
  const open: Buffer[] = [Buffer.from(folder)];
  for (let current = open.pop(); current !== undefined; current = open.pop()) {
    signal.throwIfAborted();
    for (const name of await listNames(current)) {
      const path = join(current, name);
      const found = await lstat(path);
      if (found.isDirectory()) {
        counts.directories += 1;
        open.push(path);
      } else if (found.isSymbolicLink()) counts.links += 1;
      else if (found.isFile()) {
        counts.files += 1;
        counts.bytes += found.size;
      } else await rm(path);
    }
  }
  return counts;
}

/** Moves everything from a folder into another of the same file system. What stands in the way is replaced; directories are merged. */
export async function moveInPlace(from: string, to: string, signal: AbortSignal): Promise<void> {
  await moveAll(Buffer.from(from), Buffer.from(to), signal);
}

async function moveAll(from: Buffer, to: Buffer, signal: AbortSignal): Promise<void> {
  for (const name of await listNames(from)) {
    signal.throwIfAborted();
    const [source, target] = [join(from, name), join(to, name)];
    const [moved, standing] = [await lstat(source, { bigint: true }), await lookAt(target)];
    if (moved.isDirectory() && standing?.isDirectory() === true) {
      await moveAll(source, target, signal);
      await takeAttributes(target, moved);
      await rmdir(source);
      continue;
    }
    if (standing?.isDirectory() === true || (standing !== null && moved.isDirectory()))
      await rm(target, { recursive: true });
    await moveEntry(source, target, moved);
  }
}

/** A directory that is not to be written to cannot be given another parent by its owner either. */
async function moveEntry(source: Buffer, target: Buffer, { mode }: BigIntStats): Promise<void> {
  try {
    await rename(source, target);
  } catch (error) {
    if (systemCodeOf(error) !== "EACCES") throw error;
    await chmod(source, 0o700);
    await rename(source, target);
    await chmod(target, Number(mode & 0o7777n));
  }
}

/** Gives the root of a restored tree what is known of it. */
export async function setRoot(root: string, wanted: Header["root"]): Promise<readonly CaptureWarning[]> {
  const warnings: CaptureWarning[] = [];
  if (process.platform === "win32") return warnings;
  try {
    await chown(root, wanted.user, wanted.group);
  } catch (error) {
    if (systemCodeOf(error) !== "EPERM") throw error;
    warnings.push({
      path: ".",
      why: `its owner ${wanted.user}:${wanted.group} could not be set by this account`,
    });
  }
  await chmod(root, wanted.mode);
  const seconds = Number(BigInt(wanted.modifiedAt)) / 1e9;
  await utimes(root, seconds, seconds);
  return warnings;
}

/** Who may not give directories away keeps them. */
async function takeAttributes(path: Buffer, { uid, gid, mode, mtimeNs }: BigIntStats): Promise<void> {
  try {
    await chown(path, Number(uid), Number(gid));
  } catch (error) {
    if (systemCodeOf(error) !== "EPERM") throw error;
  }
  await chmod(path, Number(mode & 0o7777n));
  const seconds = Number(mtimeNs) / 1e9;
  await utimes(path, seconds, seconds);
}

async function lookAt(path: Buffer) {
  try {
    return await lstat(path);
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

async function listNames(folder: Buffer): Promise<readonly Buffer[]> {
  return readdir(folder, { encoding: "buffer" });
}

function locate(folder: string, path: string): Buffer {
  return path === "" ? Buffer.from(folder) : join(Buffer.from(folder), Buffer.from(path, "latin1"));
}

function join(folder: Buffer, name: Buffer): Buffer {
  return Buffer.concat([folder, Buffer.from("/"), name]);
}
