import { chmod, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { isAbsent, systemCodeOf } from "../platform/errors";

const prefix = ".backup-posture-drill-";
const separator = Buffer.from("/");

/** Removes the scratch folders of these drills as release 0.1.0 has named them. Absent is success. */
export async function removeScratch(to: string, runs: readonly string[]): Promise<void> {
  const wanted = new Set(runs.map((run) => `${prefix}${run}`));
  for (const name of await listNames(to)) if (wanted.has(name)) await removeTree(join(to, name));
}

/** Removes a tree, whatever modes its folders have. Absent is success. */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    const code = systemCodeOf(error);
    if (code !== "EACCES" && code !== "EPERM") throw error;
    await openFolders(Buffer.from(path));
    await rm(path, { recursive: true, force: true });
  }
}

/** Lets the owner change all folders of a tree: a restored one may be read-only. */
async function openFolders(folder: Buffer): Promise<void> {
  await chmod(folder, 0o700);
  for (const child of await readdir(folder, { withFileTypes: true, encoding: "buffer" }))
    if (child.isDirectory()) await openFolders(Buffer.concat([folder, separator, child.name]));
}

async function listNames(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}
