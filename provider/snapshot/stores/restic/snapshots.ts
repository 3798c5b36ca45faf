import { z } from "zod";
import { PostureError } from "../../../platform/errors";
import type { Completed } from "../../../platform/processes";
import type { RecoveryPoint } from "../store";
import { findTag, type Header, kindTags, readHeaderTags, toPoint } from "./header";
import type { Restic } from "./restic";

const snapshotSchema = z.object({
  id: z.string(),
  /** The id before restic copied or rewrote it. */
  original: z.string().optional(),
  time: z.string(),
  tree: z.string(),
  tags: z.array(z.string()).nullish(),
});

/** A snapshot as restic lists it. */
export type Snapshot = z.infer<typeof snapshotSchema>;

/** A recovery point and the snapshots that it consists of. */
export interface StoredPoint {
  readonly point: RecoveryPoint;
  readonly header: Header | null;
  readonly snapshots: readonly string[];
  /** Whether the snapshot with the tree can be read. */
  readonly readable: boolean;
}

/** A capture that was cut off before it was complete. */
export interface Unfinished {
  readonly id: string;
  readonly schedule: string;
  readonly source: string;
}

/** All that is ours in a repository. */
export interface Contents {
  readonly points: readonly StoredPoint[];
  readonly unfinished: readonly Unfinished[];
  /** Headers whose data somebody has deleted. */
  readonly dangling: readonly string[];
  /** What verifications found damaged: the snapshots that tell of it, and the packs. */
  readonly damage: { readonly snapshots: readonly string[]; readonly packs: readonly string[] };
}

/**
 * Reads the repository's list, by one command as long as nothing is amiss.
 *
 * @throws PostureError `unreachable` when it cannot be looked at.
 */
export async function readContents(restic: Restic, signal: AbortSignal): Promise<Contents> {
  const { snapshots, unreadable } = await listSnapshots(restic, signal);
  const ofKind = (tag: string) => snapshots.filter(({ tags }) => tags?.includes(tag) === true);
  const headers = ofKind(kindTags.header).flatMap(({ id, tags }) => {
    const found = readHeaderTags(tags ?? []);
    return found === null ? [] : [{ id, ...found }];
  });
  const data = ofKind(kindTags.data);
  const headed = new Set<string>();
  const dangling: string[] = [];
  const points: StoredPoint[] = [];
  for (const { id, of, header } of headers) {
    const found = data.find((each) => each.id === of || each.original === of);
    if (found !== undefined) {
      headed.add(found.id);
      points.push(toStored(found, id, header));
    } else if (header !== null && unreadable.has(of)) {
      points.push({
        point: toPoint(of, header, "its snapshot cannot be read"),
        header,
        snapshots: [of, id],
        readable: false,
      });
    } else {
      dangling.push(id);
    }
  }
  const unheaded = data.filter(({ id }) => !headed.has(id));
  // Where a snapshot cannot be read, it may be the header of one of these: then they are damaged, not unfinished.
  const lostHeaders = unreadable.size > points.filter(({ readable }) => !readable).length;
  points.push(...(lostHeaders ? unheaded.map((each) => toStored(each, null, null)) : []));
  return {
    points: points.sort((one, other) => compare(one.point, other.point)),
    unfinished: lostHeaders ? [] : unheaded.map(toUnfinished),
    dangling,
    damage: {
      snapshots: ofKind(kindTags.damage).map(({ id }) => id),
      packs: ofKind(kindTags.damage).flatMap(({ tags }) =>
        (tags ?? []).filter((tag) => tag.startsWith("pack=")).map((tag) => tag.slice("pack=".length)),
      ),
    },
  };
}

/** One point by its id. @throws PostureError `permanent` when the store does not hold it. */
export async function requireStored(restic: Restic, id: string, signal: AbortSignal): Promise<StoredPoint> {
  return requireOf(restic, await readContents(restic, signal), id);
}

/** As {@link requireStored}, of contents that were read. */
export function requireOf(restic: Restic, { points }: Contents, id: string): StoredPoint {
  const found = points.find(({ point }) => point.id === id);
  if (found !== undefined) return found;
  throw new PostureError("permanent", `${restic.subject}: holds no recovery point ${id}`);
}

/** Those that restic can read, and the ids of those that are there and that it cannot. */
async function listSnapshots(
  restic: Restic,
  signal: AbortSignal,
): Promise<{ readonly snapshots: readonly Snapshot[]; readonly unreadable: ReadonlySet<string> }> {
  const listed = await lookAt(restic, ["snapshots", "--json"], signal);
  const snapshots = z.array(snapshotSchema).nullable().parse(parseOutput(restic, listed.stdout)) ?? [];
  if (!/could not load snapshot|Ignoring/.test(listed.stderr)) return { snapshots, unreadable: new Set() };
  const { stdout } = await lookAt(restic, ["list", "snapshots"], signal);
  const readable = new Set(snapshots.map(({ id }) => id));
  return { snapshots, unreadable: new Set(stdout.split(/\s+/).filter((id) => id !== "" && !readable.has(id))) };
}

/** A repository whose key or configuration is damaged tells nothing of its points: it is unreachable, not empty. */
async function lookAt(restic: Restic, command: readonly string[], signal: AbortSignal): Promise<Completed> {
  try {
    return await restic.run({ what: "listing", arguments: command, lock: "none", cache: true }, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof PostureError) || (error.kind !== "permanent" && error.kind !== "transient")) throw error;
    throw new PostureError(
      "unreachable",
      `${restic.subject}: cannot be read; restic -r ${restic.subject} check says more`,
      { cause: error },
    );
  }
}

function parseOutput(restic: Restic, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PostureError("unreachable", `${restic.subject}: restic printed a list that is none`, { cause });
  }
}

function toStored(data: Snapshot, headerId: string | null, header: Header | null): StoredPoint {
  const snapshots = [data.id, ...(headerId === null ? [] : [headerId])];
  if (header === null)
    return {
      point: toPoint(data.id, guessHeader(data), "its header cannot be read"),
      header,
      snapshots,
      readable: true,
    };
  const damage = header.tree === data.tree ? null : "its header is that of another snapshot";
  return { point: toPoint(data.id, header, damage), header, snapshots, readable: true };
}

/** What the tags of a snapshot tell where its header is lost. */
function guessHeader({ time, tree, tags }: Snapshot): Header {
  const startedAt = new Date(time).toISOString();
  const { schedule, source } = toUnfinished({ id: "", time, tree, tags });
  return {
    format: 1,
    schedule,
    source,
    set: { id: findTag(tags ?? [], "set") ?? "", sources: [source] },
    owner: null,
    pinnedBy: findTag(tags ?? [], "pinned") ?? null,
    startedAt,
    completedAt: startedAt,
    files: 0,
    directories: 0,
    links: 0,
    special: 0,
    bytes: 0,
    addedBytes: 0,
    tree,
    attributes: true,
    skipped: 0,
    warnings: [],
    root: { mode: 0o700, user: 0, group: 0, modifiedAt: "0" },
  };
}

function toUnfinished({ id, tags }: Snapshot): Unfinished {
  return { id, schedule: findTag(tags ?? [], "schedule") ?? "", source: findTag(tags ?? [], "source") ?? "" };
}

function compare(one: RecoveryPoint, other: RecoveryPoint): number {
  return one.startedAt.getTime() - other.startedAt.getTime() || (one.id < other.id ? -1 : 1);
}
