import { createHash } from "node:crypto";
import { z } from "zod";
import { showPath } from "../../../platform/display";
import { PostureError } from "../../../platform/errors";
import type { PointId, RecoveryPoint } from "../store";
import { folders, listCatalogue, readCatalogueFile, writeCatalogueFile } from "./catalogue";
import type { Connection } from "./connection";
import { inParallel } from "./in-parallel";
import {
  identitySchema,
  isSnapshotThere,
  listSnapshots,
  type PointIdentity,
  type ShareSnapshot,
} from "./share-snapshots";

const count = z.number().int().nonnegative();

const headerSchema = z.object({
  id: z.string(),
  /** Azure's name for its snapshot. */
  taken: z.string(),
  /** The folder of the share that it is a point of; empty for the whole share. */
  folder: z.string(),
  completedAt: z.iso.datetime(),
  files: count,
  directories: count,
  bytes: count,
  addedBytes: count,
  /** SHA-256 of the manifest. */
  digest: z.string(),
  /** Of the manifest's file. */
  manifestBytes: count,
});

/** What the catalogue says of a point, beside what its snapshot says of itself. */
export type PointHeader = z.infer<typeof headerSchema>;

/** One of our points as it was found. */
export interface FoundPoint {
  readonly snapshot: ShareSnapshot;
  readonly identity: PointIdentity;
  /** Null where it is lost or damaged. */
  readonly header: PointHeader | null;
  readonly point: RecoveryPoint;
}

/** What the store holds. */
export interface Inventory {
  /** Complete points of ours, oldest first by the start of their captures, then by id. */
  readonly points: readonly FoundPoint[];
  /** Snapshots of ours that are no point: their capture goes on or was killed, or they are the second that a lost answer left. */
  readonly unfinished: readonly ShareSnapshot[];
  /** Every snapshot of the share, those of others included: they share one budget. */
  readonly all: readonly ShareSnapshot[];
}

/**
 * Looks at everything. A list of snapshots lags behind what was done, so what it and the catalogue do not agree on is asked of the snapshot
 * itself.
 */
export async function takeInventory(connection: Connection, signal: AbortSignal): Promise<Inventory> {
  const listed = await listSnapshots(connection, signal);
  const files = await listCatalogue(connection, folders.points, signal);
  const captures = await listCatalogue(connection, folders.captures, signal);
  const headers = await readHeaders(connection, files, signal);
  const all = [...listed, ...(await findUnlisted(connection, listed, headers, captures, signal))];
  const points: FoundPoint[] = [];
  const unfinished: ShareSnapshot[] = [];
  for (const snapshot of all) {
    const { identity } = snapshot;
    if (identity === null) continue;
    const header = headers.get(identity.id);
    const isSecond = header !== undefined && header.header !== null && header.header.taken !== snapshot.taken;
    if (captures.has(`${identity.id}.json`) || isSecond) unfinished.push(snapshot);
    else if (header !== undefined || (await isSnapshotThere(connection, snapshot.taken, signal)))
      points.push(describe(snapshot, identity, header?.header ?? null, files));
  }
  return { points: points.sort(byStart), unfinished, all };
}

/** One point, by its id. @throws PostureError `permanent` where there is none. */
export async function requirePoint(connection: Connection, id: PointId, signal: AbortSignal): Promise<FoundPoint> {
  const found = (await findDescribed(connection, id, signal)) ?? (await findAmongAll(connection, id, signal));
  if (found !== undefined) return found;
  throw new PostureError("permanent", `${connection.subject}: holds no recovery point ${showPath(id)}`);
}

/** The short way, which most points take: its header names its snapshot, and that is there. */
async function findDescribed(
  connection: Connection,
  id: PointId,
  signal: AbortSignal,
): Promise<FoundPoint | undefined> {
  if (!idPattern.test(id)) return undefined;
  const content = await readCatalogueFile(connection, `${folders.points}/${id}.json`, signal);
  const { header, identity } = content === null ? lost : parseHeader(content);
  if (header === null || identity === null || !(await isSnapshotThere(connection, header.taken, signal)))
    return undefined;
  if ((await readCatalogueFile(connection, `${folders.captures}/${id}.json`, signal)) !== null) return undefined;
  const snapshot = { taken: header.taken, identity, leased: false };
  return { snapshot, identity, header, point: toPoint(identity, header, null) };
}

async function findAmongAll(connection: Connection, id: PointId, signal: AbortSignal): Promise<FoundPoint | undefined> {
  return (await takeInventory(connection, signal)).points.find(({ identity }) => identity.id === id);
}

/** What our ids look like. */
const idPattern = /^[A-Za-z0-9][A-Za-z0-9-]{0,127}$/;

/** The header's JSON on one line, and its SHA-256 on the next. */
export async function writeHeader(
  connection: Connection,
  header: PointHeader,
  identity: PointIdentity,
  signal: AbortSignal,
): Promise<void> {
  const text = JSON.stringify({ ...header, identity });
  await writeCatalogueFile(
    connection,
    `${folders.points}/${header.id}.json`,
    Buffer.from(`${text}\n${digestOf(text)}\n`),
    signal,
  );
}

interface KnownHeader {
  readonly header: PointHeader | null;
  readonly identity: PointIdentity | null;
}

async function readHeaders(
  connection: Connection,
  files: ReadonlyMap<string, number>,
  signal: AbortSignal,
): Promise<ReadonlyMap<PointId, KnownHeader>> {
  const names = [...files.keys()].filter((name) => name.endsWith(".json"));
  const headers = new Map<PointId, KnownHeader>();
  await inParallel(names, async (name) => {
    const content = await readCatalogueFile(connection, `${folders.points}/${name}`, signal);
    if (content !== null) headers.set(name.slice(0, -".json".length), parseHeader(content));
  });
  return headers;
}

const identifiedSchema = headerSchema.extend({ identity: identitySchema });

const lost: KnownHeader = { header: null, identity: null };

function parseHeader(content: Buffer): KnownHeader {
  const [text = "", digest] = content.toString("utf8").split("\n");
  if (digestOf(text) !== digest) return lost;
  const parsed = identifiedSchema.safeParse(JSON.parse(text));
  if (!parsed.success) return lost;
  const { identity, ...header } = parsed.data;
  return { header, identity };
}

/** Points whose snapshot is there, and not in the list yet. */
async function findUnlisted(
  connection: Connection,
  listed: readonly ShareSnapshot[],
  headers: ReadonlyMap<PointId, KnownHeader>,
  captures: ReadonlyMap<string, number>,
  signal: AbortSignal,
): Promise<readonly ShareSnapshot[]> {
  const taken = new Set(listed.map((snapshot) => snapshot.taken));
  const missing = [...headers.values()].filter(
    ({ header }) => header !== null && !taken.has(header.taken) && !captures.has(`${header.id}.json`),
  );
  const found: ShareSnapshot[] = [];
  await inParallel(missing, async ({ header, identity }) => {
    if (header !== null && (await isSnapshotThere(connection, header.taken, signal)))
      found.push({ taken: header.taken, identity, leased: false });
  });
  return found;
}

function describe(
  snapshot: ShareSnapshot,
  identity: PointIdentity,
  header: PointHeader | null,
  files: ReadonlyMap<string, number>,
): FoundPoint {
  return { snapshot, identity, header, point: toPoint(identity, header, findDamage(identity.id, header, files)) };
}

/** A point as a list shows it. */
export function toPoint(identity: PointIdentity, header: PointHeader | null, damage: string | null): RecoveryPoint {
  const { id, schedule, source, set, owner, pinnedBy } = identity;
  const startedAt = new Date(identity.startedAt);
  return {
    id,
    schedule,
    source,
    set,
    owner,
    pinnedBy,
    startedAt,
    completedAt: header === null ? startedAt : new Date(header.completedAt),
    files: header?.files ?? 0,
    directories: header?.directories ?? 0,
    links: 0,
    bytes: header?.bytes ?? 0,
    addedBytes: header?.addedBytes ?? 0,
    digest: header?.digest ?? "",
    fidelity: {
      modes: false,
      owners: false,
      acls: false,
      extendedAttributes: false,
      encrypted: true,
      skipped: 0,
      warnings: [],
    },
    damage,
  };
}

function findDamage(id: PointId, header: PointHeader | null, files: ReadonlyMap<string, number>): string | null {
  if (header === null) return "what describes it is lost or damaged; its snapshot is still there";
  const size = files.get(`${id}.manifest`);
  if (size === undefined) return "its manifest is lost; its snapshot is still there";
  return size === header.manifestBytes ? null : "its manifest does not have the size it had";
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function byStart({ point: one }: FoundPoint, { point: other }: FoundPoint): number {
  return one.startedAt.getTime() - other.startedAt.getTime() || (one.id < other.id ? -1 : 1);
}
