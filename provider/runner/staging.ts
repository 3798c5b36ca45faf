import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { basename, isAbsolute, join } from "node:path";
import { writeFileAtomically } from "../platform/atomic-file";
import { isAbsent, PostureError, systemCodeOf } from "../platform/errors";
import { removeTree } from "../restore/scratch";
import type { Staging } from "../sources/source";
import type { Home } from "./home";

/** In a staged folder: the path of the one that stands for it elsewhere. */
const pointerName = "elsewhere";
const prefixElsewhere = "backup-posture-";

/** The staging of one source in one schedule's runs, below the home. Only the holder of the schedule's lock may use it. */
export function openStaging(home: Home, id: string, source: string): Staging {
  const makeFolder = async () => {
    const folder = join(stagingOf(home, id), randomUUID());
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return folder;
  };
  const keepFolder = async () => {
    const folder = join(keptOf(home, id), source);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return folder;
  };
  return { makeFolder, makeFolderWithin: async (within) => makeElsewhere(within, await makeFolder()), keepFolder };
}

/** Removes what sources keep between runs, but for those that are named. Absent is success. */
export async function clearKept(home: Home, id: string, but: readonly string[] = []): Promise<void> {
  const kept = keptOf(home, id);
  for (const name of await listNames(kept))
    if (!but.includes(name)) await rm(join(kept, name), { recursive: true, force: true });
  if (but.length === 0) await rm(kept, { recursive: true, force: true });
}

/**
 * Removes everything that runs of a schedule have staged, dead ones included. Absent is success; a folder elsewhere that cannot be reached
 * now is left to the next run.
 */
export async function clearStaging(home: Home, id: string): Promise<void> {
  let left = 0;
  for (const name of await listNames(stagingOf(home, id)))
    if (!(await clearFolder(join(stagingOf(home, id), name)))) left += 1;
  if (left === 0) await rm(stagingOf(home, id), { recursive: true, force: true });
}

/** The pointer is durable before the folder is made: no death in between leaves a folder that nobody knows of. */
async function makeElsewhere(within: string, pointerFolder: string): Promise<string> {
  const folder = join(within, `${prefixElsewhere}${basename(pointerFolder)}`);
  await writeFileAtomically(join(pointerFolder, pointerName), folder);
  try {
    await mkdir(folder, { mode: 0o770 });
  } catch (error) {
    throw new PostureError(
      "unreachable",
      `folder ${within}: nothing can be made in it (${systemCodeOf(error) ?? "unknown error"}); make it, and grant this account write access`,
      { cause: error },
    );
  }
  return folder;
}

/** Whether it is gone, and what it stands for, too. */
async function clearFolder(folder: string): Promise<boolean> {
  const elsewhere = await readPointer(folder);
  if (elsewhere !== null && !(await tryToRemove(elsewhere))) return false;
  await rm(folder, { recursive: true, force: true });
  return true;
}

async function tryToRemove(folder: string): Promise<boolean> {
  try {
    await removeTree(folder);
    return true;
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    return false;
  }
}

/** Only what this module has named is ever followed. */
async function readPointer(folder: string): Promise<string | null> {
  try {
    const path = await readFile(join(folder, pointerName), "utf8");
    return isAbsolute(path) && basename(path) === `${prefixElsewhere}${basename(folder)}` ? path : null;
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

async function listNames(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

function keptOf(home: Home, id: string): string {
  return join(home.root, "kept", id);
}

function stagingOf(home: Home, id: string): string {
  return join(home.root, "staging", id);
}
