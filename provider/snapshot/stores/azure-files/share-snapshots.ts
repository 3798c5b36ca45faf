import { z } from "zod";
import { PostureError } from "../../../platform/errors";
import { parseJson } from "../../../platform/json";
import type { PointId } from "../store";
import { isNotThere, readRefusal } from "./answers";
import type { Connection } from "./connection";
import { firstOf } from "./requests";
import type { ShareClient } from "./sdk";

/** The most snapshots that Azure keeps of one share, whoever took them. */
export const mostSnapshots = 200;

/** See {@link PointIdentity}. */
export const identitySchema = z.object({
  id: z.string(),
  schedule: z.string(),
  source: z.string(),
  set: z.object({ id: z.string(), sources: z.array(z.string()) }),
  owner: z.string().nullable(),
  pinnedBy: z.string().nullable(),
  startedAt: z.iso.datetime(),
});

/** What a snapshot says of itself: it stands in its metadata, which nothing can change any more. */
export type PointIdentity = z.infer<typeof identitySchema>;

/** A snapshot of the share, ours or another's. */
export interface ShareSnapshot {
  /** Azure's name for it: when it was taken, with seven digits of the second. */
  readonly taken: string;
  /** Null for one that another tool or person took. */
  readonly identity: PointIdentity | null;
  /** Held by a lease, as Azure Backup does with its own: it cannot be deleted. */
  readonly leased: boolean;
}

/**
 * Every snapshot of the share, oldest first.
 *
 * @throws PostureError `unreachable` where the share itself is not there: it is not one without snapshots.
 */
export async function listSnapshots(connection: Connection, signal: AbortSignal): Promise<readonly ShareSnapshot[]> {
  const { service, share, subject, requests } = connection;
  const options = { prefix: share.name, includeSnapshots: true, includeMetadata: true };
  const found: ShareSnapshot[] = [];
  let isThere = false;
  let continuationToken = "";
  do {
    const marker = continuationToken === "" ? {} : { continuationToken };
    const page = await requests.send("list its snapshots", signal, (abortSignal) =>
      firstOf(service.listShares({ ...options, abortSignal }).byPage(marker)),
    );
    for (const item of page?.shareItems ?? []) {
      if (item.name !== share.name || item.deleted === true) continue;
      if (item.snapshot === undefined) isThere = true;
      else
        found.push({
          taken: item.snapshot,
          identity: readIdentity(item.metadata),
          leased: item.properties.leaseState === "leased",
        });
    }
    continuationToken = page?.continuationToken ?? "";
  } while (continuationToken !== "");
  if (!isThere)
    throw new PostureError(
      "unreachable",
      `${subject}: the share is not there; restore it if it was deleted, or correct the declaration`,
    );
  return found.sort((one, other) => (one.taken < other.taken ? -1 : 1));
}

/** The most that the metadata of a share may take, in bytes. */
const mostMetadata = 8_192;
const key = "backup_posture";

/** @throws PostureError `usage` where it is longer than Azure allows. */
export function writeIdentity(identity: PointIdentity): Record<string, string> {
  const metadata = {
    [key]: Buffer.from(JSON.stringify(identity)).toString("base64url"),
    [`${key}_point`]: identity.id,
  };
  const size = Object.entries(metadata).reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  if (size <= mostMetadata) return metadata;
  throw new PostureError(
    "usage",
    `${identity.schedule}: what a recovery point must say of itself takes ${size} bytes, and a snapshot's metadata holds ${mostMetadata}; give the schedule fewer sources`,
  );
}

function readIdentity(metadata: Readonly<Record<string, string>> | undefined): PointIdentity | null {
  const text = Object.entries(metadata ?? {}).find(([name]) => name.toLowerCase() === key)?.[1];
  if (text === undefined) return null;
  return identitySchema.safeParse(parseJson(Buffer.from(text, "base64url").toString("utf8"))).data ?? null;
}

/**
 * Takes a snapshot, once: where nobody knows whether a request was carried out, the share's snapshots tell, by what they say of themselves.
 *
 * @returns Azure's name for it.
 * @throws PostureError `conflict` where the share has as many as it can have.
 */
export async function takeSnapshot(
  connection: Connection,
  identity: PointIdentity,
  signal: AbortSignal,
): Promise<string> {
  const { share, subject, requests } = connection;
  const metadata = writeIdentity(identity);
  const what = "take a snapshot";
  for (let attempt = 1; ; attempt += 1) {
    const answer = await requests.sendOnce(what, signal, async (abortSignal) => {
      try {
        return (await share.createSnapshot({ abortSignal, metadata })).snapshot ?? "unknown";
      } catch (error) {
        if (readRefusal(error)?.code === "ShareSnapshotCountExceeded") throw describeFull(subject, error);
        throw error;
      }
    });
    if (answer !== "unknown") return answer;
    const found = await findOwn(connection, identity.id, signal);
    if (found !== undefined) return found;
    const lost = new PostureError("unreachable", `${subject}: could not ${what}: the service gave no answer`);
    if (attempt >= requests.patience.attempts) throw lost;
    await requests.patience.pause(pauseMilliseconds * attempt, signal);
    const late = await findOwn(connection, identity.id, signal);
    if (late !== undefined) return late;
  }
}

/** How long a list may lag behind what was done. */
const pauseMilliseconds = 2_000;

async function findOwn(connection: Connection, id: PointId, signal: AbortSignal): Promise<string | undefined> {
  return (await listSnapshots(connection, signal)).find(({ identity }) => identity?.id === id)?.taken;
}

export function describeFull(subject: string, cause?: unknown): PostureError {
  return new PostureError(
    "conflict",
    `${subject}: has ${mostSnapshots} snapshots, the most that Azure keeps of a share, all tools counted; keep fewer: shorten the retention of the schedules and Azure Backup policies that use it, or delete snapshots of others`,
    { cause },
  );
}

/** Whether a snapshot is there, asked of itself: lists lag behind. */
export async function isSnapshotThere(connection: Connection, taken: string, signal: AbortSignal): Promise<boolean> {
  try {
    await connection.requests.send(
      "look at a snapshot",
      signal,
      (abortSignal) => at(connection, taken).getProperties({ abortSignal }),
      isGone,
    );
    return true;
  } catch (error) {
    if (!isGone(error)) throw error;
    return false;
  }
}

/** Deletes a snapshot. Absent is success. @throws PostureError `conflict` where a lease holds it. */
export async function deleteSnapshot(connection: Connection, taken: string, signal: AbortSignal): Promise<void> {
  const isLeased = (error: unknown) => readRefusal(error)?.code === "LeaseIdMissing";
  try {
    await connection.requests.send(
      "delete a snapshot",
      signal,
      (abortSignal) => at(connection, taken).delete({ abortSignal }),
      (error) => isGone(error) || isLeased(error),
    );
  } catch (error) {
    if (isLeased(error)) throw describeLeased(connection.subject, taken, error);
    if (!isGone(error)) throw error;
  }
}

export function describeLeased(subject: string, taken: string, cause?: unknown): PostureError {
  return new PostureError(
    "conflict",
    `${subject}: the snapshot of ${taken} is held by a lease of somebody else, and cannot be deleted; see which backup service or person took it`,
    { cause },
  );
}

/** The share as it was. */
export function at({ share }: Connection, taken: string): ShareClient {
  return share.withSnapshot(taken);
}

/** Only of a snapshot: that of the share itself is another matter, and looks the same, so that `listSnapshots` has to have seen it. */
function isGone(error: unknown): boolean {
  return isNotThere(error) || readRefusal(error)?.status === 404;
}
