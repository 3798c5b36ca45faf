import { lchown, lstat, readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ensureDirectory } from "../platform/atomic-file";
import { isAbsent, PostureError } from "../platform/errors";
import type { Home } from "./home";

/** Whose something is, by number. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * The account that a posture home belongs to, where that is another than this process's and this process is root's. What root makes for such a
 * home is given to that account, which works in it; and nothing that the home says is done as root.
 *
 * @returns null where this process and the home's account are one, or nobody can be root here.
 */
export async function findForeignOwner(home: Home): Promise<Owner | null> {
  if (process.getuid?.() !== 0) return null;
  try {
    const { uid, gid } = await stat(home.root);
    return uid === 0 ? null : { uid, gid };
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

/**
 * Refuses to work as root in the home of another account: that account could not read what root left, and root would start what that account
 * wrote.
 *
 * @throws PostureError `usage`.
 */
export async function refuseRootInForeignHome(home: Home, command: string): Promise<void> {
  const owner = await findForeignOwner(home);
  if (owner === null) return;
  throw new PostureError(
    "usage",
    `posture home ${home.root} belongs to uid ${owner.uid}, and root would leave there what that account cannot use; run it as that account: setpriv --reuid ${owner.uid} --regid ${owner.gid} --init-groups backup-posture ${command} --home ${home.root}`,
  );
}

/** A command as the account that a home belongs to would start it. */
export async function asHomeOwner(home: Home, command: readonly string[]): Promise<readonly string[]> {
  const owner = await findForeignOwner(home);
  return owner === null ? command : [...actAs(owner), ...command];
}

/** What stands before a command that root starts as another account. */
export function actAs({ uid, gid }: Owner): readonly string[] {
  return ["setpriv", "--reuid", String(uid), "--regid", String(gid), "--init-groups", "--"];
}

/** Makes something at a path; what of it, and of the folders above it, was not there before is then the given account's. */
export async function makeFor(owner: Owner | null, path: string, make: () => Promise<void>): Promise<void> {
  const fresh = owner === null ? null : await findFirstMissing(path);
  await make();
  if (owner !== null && fresh !== null) await handOver(fresh, owner);
}

/** Makes a folder, and those above it, for an account. */
export async function makeFolderFor(owner: Owner | null, path: string): Promise<void> {
  await makeFor(owner, path, () => ensureDirectory(path));
}

async function findFirstMissing(path: string): Promise<string | null> {
  let missing: string | null = null;
  for (let at = path; ; at = dirname(at)) {
    try {
      await lstat(at);
      return missing;
    } catch (error) {
      if (!isAbsent(error)) throw error;
      missing = at;
    }
  }
}

/** What lies deepest first: nobody else can reach in before all is done. Links are given, never followed. What goes meanwhile needs no owner. */
async function handOver(path: string, owner: Owner): Promise<void> {
  try {
    if ((await lstat(path)).isDirectory())
      for (const name of await readdir(path)) await handOver(join(path, name), owner);
    await lchown(path, owner.uid, owner.gid);
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
}
