import { randomUUID } from "node:crypto";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { isAbsent } from "../platform/errors";
import { removeTree } from "../restore/scratch";
import type { Home } from "./home";

/** Makes an empty folder, for its owner only, in which a recovery point stands on its way to a copy. */
export async function makeCopyFolder(home: Home, id: string): Promise<string> {
  const folder = join(stagingOf(home, id), randomUUID());
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** Removes everything that copying has staged for a schedule, by the dead as well. Only the holder of its lock may. Absent is success. */
export async function clearCopyStaging(home: Home, id: string): Promise<void> {
  const staging = stagingOf(home, id);
  try {
    await readdir(staging);
  } catch (error) {
    if (isAbsent(error)) return;
    throw error;
  }
  await removeTree(staging);
}

/** Beside what runs stage: no id holds a dot. */
function stagingOf(home: Home, id: string): string {
  return join(home.root, "staging", `${id}.copies`);
}
