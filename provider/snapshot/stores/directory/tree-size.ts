import { type Dirent, lstatSync, readdirSync } from "node:fs";
import type { RecoveryPoint } from "../store";
import { type BytePath, toFileSystemPath } from "./byte-path";

const smallEntries = 2_000;
const smallBytes = 32 * 1024 * 1024;

/** Whether a point, and so in all likelihood the tree by now, is large enough for threads. */
export function isOfLargeTree(point: RecoveryPoint): boolean {
  return point.files + point.directories + point.links > smallEntries || point.bytes > smallBytes;
}

/** Whether a tree is read sooner than threads are started. Looks at no more than it takes to tell. */
export function isSmallTree(root: BytePath): boolean {
  let entries = 0;
  let bytes = 0;
  const waiting = [root];
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    for (const entry of listOrNothing(directory)) {
      entries += 1;
      if (entries > smallEntries) return false;
      const path = `${directory}/${entry.name}`;
      if (entry.isDirectory()) waiting.push(path);
      else if (entry.isFile()) bytes += lstatSync(toFileSystemPath(path), { throwIfNoEntry: false })?.size ?? 0;
      if (bytes > smallBytes) return false;
    }
  }
  return true;
}

/** A directory that cannot be looked at is no matter here: the capture reports it. */
function listOrNothing(directory: BytePath): readonly Dirent[] {
  try {
    return readdirSync(toFileSystemPath(directory), { withFileTypes: true, encoding: "latin1" });
  } catch {
    return [];
  }
}
