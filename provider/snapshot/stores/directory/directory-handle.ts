import { type BigIntStats, closeSync, constants, fstatSync, lstatSync, openSync } from "node:fs";
import { type BytePath, toFileSystemPath } from "./byte-path";

/**
 * A directory that was opened without following a symlink. Its entries are reached through `prefix`: on Linux that is the open
 * directory itself, so that whatever happens to the path meanwhile, it is this directory that is read or written.
 */
export interface DirectoryHandle {
  readonly stats: BigIntStats;
  /** Put before a name, gives the path of that entry. */
  readonly prefix: BytePath;
  close(): void;
}

/** The longest path that is given to the operating system in one piece, in bytes. */
export const longestPath = 3_500;

/**
 * Opens a directory below a root. Paths of any length can be opened.
 *
 * @throws the operating system's error; `ELOOP` or `ENOTDIR` where it is a symlink by now.
 */
export function openDirectory(root: BytePath, path: BytePath): DirectoryHandle {
  const full = path === "" ? root : `${root}/${path}`;
  if (process.platform !== "linux") return describeByPath(full);
  return full.length <= longestPath ? openByHandle(full) : openInSteps(root, path);
}

function openByHandle(path: BytePath): DirectoryHandle {
  const file = openSync(toFileSystemPath(path), constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    return { stats: fstatSync(file, { bigint: true }), prefix: `/proc/self/fd/${file}/`, close: () => closeSync(file) };
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

function openInSteps(root: BytePath, path: BytePath): DirectoryHandle {
  let current = openByHandle(root);
  for (const step of toSteps(path)) {
    try {
      const next = openByHandle(`${current.prefix}${step}`);
      current.close();
      current = next;
    } catch (error) {
      current.close();
      throw error;
    }
  }
  return current;
}

/** Opens the directory that holds an entry; with the entry's name there. The root is `.` in itself. */
export function openParent(
  root: BytePath,
  path: BytePath,
): { readonly handle: DirectoryHandle; readonly name: BytePath } {
  const cut = path.lastIndexOf("/");
  return { handle: openDirectory(root, path.slice(0, Math.max(0, cut))), name: path.slice(cut + 1) || "." };
}

/** Cuts a path into pieces of whole names, none too long. */
function toSteps(path: BytePath): readonly BytePath[] {
  const steps: BytePath[] = [];
  for (const name of path.split("/")) {
    const last = steps.at(-1);
    if (last !== undefined && last.length + name.length < longestPath) steps[steps.length - 1] = `${last}/${name}`;
    else steps.push(name);
  }
  return steps;
}

function describeByPath(path: BytePath): DirectoryHandle {
  const stats = lstatSync(toFileSystemPath(path), { bigint: true });
  if (!stats.isDirectory()) throw Object.assign(new Error("not a directory"), { code: "ENOTDIR" });
  return { stats, prefix: `${path}/`, close: () => undefined };
}
