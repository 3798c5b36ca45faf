import { type FileHandle, open, rm, stat, statfs } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { isAbsent, systemCodeOf } from "../platform/errors";
import { withinTime } from "../platform/time-limit";

/** Whether a place can take a restore, and if not why, in words that stay the same while the fault does. */
export type PlaceProbe = { readonly usable: true } | { readonly usable: false; readonly why: string };

/** How long a place may take to answer; a dead network mount would otherwise hang for ever. */
const answerWithinMilliseconds = 30_000;

/**
 * Looks whether a place can take a restore: it is a directory, a file can be made in it, and it has room. The file is gone when
 * this returns. Never throws for the state of the place.
 *
 * @param to absolute path of the place.
 * @param neededBytes what must be free for this account.
 */
export async function probePlace(to: string, neededBytes: number): Promise<PlaceProbe> {
  try {
    const silent = () => new Error("gave no answer");
    return await withinTime(look(to, neededBytes), answerWithinMilliseconds, silent);
  } catch (error) {
    return { usable: false, why: explain(error) };
  }
}

async function look(to: string, neededBytes: number): Promise<PlaceProbe> {
  if (!(await stat(to)).isDirectory()) return { usable: false, why: "it is not a directory" };
  await tryToWrite(to);
  const space = await statfs(to, { bigint: true });
  if (space.bavail * space.bsize >= BigInt(neededBytes)) return { usable: true };
  return { usable: false, why: `it has too little free space, ${neededBytes} bytes are needed` };
}

async function tryToWrite(to: string): Promise<void> {
  const path = join(to, `.backup-posture-probe-${hostname()}-${process.getuid?.() ?? "user"}`);
  const file = await openAnew(path);
  try {
    await file.writeFile("probe");
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
}

/** The name is the same each time, so that what a killed process has left goes; what is found there is never written to, it may be a link. */
async function openAnew(path: string): Promise<FileHandle> {
  for (;;) {
    await rm(path, { force: true });
    try {
      return await open(path, "wx", 0o600);
    } catch (error) {
      if (systemCodeOf(error) !== "EEXIST") throw error; // EEXIST: another look was quicker, and has its own file there for a moment
    }
  }
}

function explain(error: unknown): string {
  if (isAbsent(error)) return "it is not there";
  const code = systemCodeOf(error);
  if (code === undefined) return "it gave no answer";
  return explanations.get(code) ?? `it cannot be written to (${code})`;
}

const explanations: ReadonlyMap<string, string> = new Map([
  ["EACCES", "this account may not write to it"],
  ["EPERM", "this account may not write to it"],
  ["EROFS", "its file system is read-only"],
  ["ENOSPC", "no space is left on its device"],
  ["EDQUOT", "the disk quota is used up"],
]);
