import { lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isAbsent, PostureError, systemCodeOf } from "../../../platform/errors";
import { acquireLock, findHolder, type Lock, type LockHolder } from "../../../platform/lock";
import type { StoreLayout } from "./layout";

/** How long to wait for others, in milliseconds. */
export interface Patience {
  /** What a capture, a verification or a restore waits for a prune. */
  readonly shared: number;
  /** What a prune waits for all of those. */
  readonly exclusive: number;
}

/**
 * Holds the store against being pruned. Any number of captures, verifications and restores may hold it at once.
 *
 * @param session a name that nobody else uses.
 * @throws PostureError `locked`, naming the holder, when a prune goes on for longer than we wait.
 */
export async function holdShared(
  layout: StoreLayout,
  session: string,
  what: string,
  patience: Patience,
  signal: AbortSignal,
): Promise<Lock> {
  const deadline = performance.now() + patience.shared;
  for (;;) {
    const mine = await acquireLock(join(layout.locks, "shared", session), { what, signal });
    const pruner = await findHolder(exclusivePath(layout));
    if (pruner === null) return mine;
    await mine.release();
    await waitFor(pruner, layout, deadline, signal);
  }
}

/** As `holdShared`, for those who only read: in a store that we may not write to, nothing is held, and reading goes on. */
export async function holdForReading(
  layout: StoreLayout,
  session: string,
  what: string,
  patience: Patience,
  signal: AbortSignal,
): Promise<Lock> {
  try {
    return await holdShared(layout, session, what, patience, signal);
  } catch (error) {
    const code = systemCodeOf(error);
    if (code === "EROFS" || code === "EACCES" || code === "EPERM" || isAbsent(error))
      return { release: async () => undefined };
    throw error;
  }
}

/**
 * Has the store alone, for deleting.
 *
 * @throws PostureError `locked`, naming a holder, when others go on for longer than we wait.
 */
export async function holdExclusive(
  layout: StoreLayout,
  what: string,
  patience: Patience,
  signal: AbortSignal,
): Promise<Lock> {
  const deadline = performance.now() + patience.exclusive;
  const mine = await acquireLock(exclusivePath(layout), { what, waitMilliseconds: patience.exclusive, signal });
  try {
    for (;;) {
      const [other] = await findSharedHolders(layout);
      if (other === undefined) return mine;
      await waitFor(other.holder, layout, deadline, signal);
    }
  } catch (error) {
    await mine.release();
    throw error;
  }
}

/** Removes what captures that were killed left behind: their temporary files and locks. */
export async function sweepDeadSessions(layout: StoreLayout): Promise<void> {
  const live = new Set((await findSharedHolders(layout)).map((shared) => shared.session));
  for (const session of await readdir(layout.temporary))
    if (!live.has(session) && (await findHolder(sharedPath(layout, session))) === null)
      await rm(join(layout.temporary, session), { recursive: true, force: true });
  await sweepUnfinishedLocks(join(layout.locks, "shared"));
}

/** A lock is written under another name before it is taken; who is killed in between leaves that file. Nobody takes an hour for it. */
async function sweepUnfinishedLocks(directory: string): Promise<void> {
  const anHourAgo = Date.now() - 3_600_000;
  for (const name of await readdir(directory)) {
    if (!name.endsWith(".tmp")) continue;
    const stats = await lstat(join(directory, name)).catch((error: unknown) => {
      if (isAbsent(error)) return null;
      throw error;
    });
    if (stats !== null && stats.mtimeMs < anHourAgo) await rm(join(directory, name), { force: true });
  }
}

async function findSharedHolders(
  layout: StoreLayout,
): Promise<readonly { readonly session: string; readonly holder: LockHolder }[]> {
  const found: { session: string; holder: LockHolder }[] = [];
  for (const session of await readdir(join(layout.locks, "shared"))) {
    if (session.includes(".")) continue;
    const holder = await findHolder(sharedPath(layout, session));
    if (holder === null) await rm(sharedPath(layout, session), { force: true });
    else found.push({ session, holder });
  }
  return found;
}

async function waitFor(holder: LockHolder, layout: StoreLayout, deadline: number, signal: AbortSignal): Promise<void> {
  if (performance.now() >= deadline)
    throw new PostureError(
      "locked",
      `${layout.root}: held by ${holder.what}, process ${holder.pid} on ${holder.host}, since ${holder.acquiredAt}; try again when it has ended`,
    );
  await delay(50, undefined, { signal });
}

function exclusivePath(layout: StoreLayout): string {
  return join(layout.locks, "exclusive");
}

function sharedPath(layout: StoreLayout, session: string): string {
  return join(layout.locks, "shared", session);
}
