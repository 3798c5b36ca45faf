import { randomBytes } from "node:crypto";
import { parseShareAddress } from "../../../declaration/azure-share";
import { formatInstant, now } from "../../../platform/clock";
import { PostureError } from "../../../platform/errors";
import type { CaptureRequest, RecoveryPoint } from "../store";
import { folders, listCatalogue, readCatalogueFile, removeCatalogueFile, writeCatalogueFile } from "./catalogue";
import type { Connection } from "./connection";
import { readContent } from "./content";
import { inParallel } from "./in-parallel";
import { type ManifestEntry, readCheckpoint, readManifest, writeCheckpoint, writeManifest } from "./manifest";
import { type Inventory, type PointHeader, takeInventory, toPoint, writeHeader } from "./points";
import type { AzureFilesDeclaration } from "./schema";
import {
  at,
  deleteSnapshot,
  describeFull,
  mostSnapshots,
  type PointIdentity,
  takeSnapshot,
  writeIdentity,
} from "./share-snapshots";
import { type Listed, walkShare } from "./walk";

/** How long a capture that was stopped may take to clean up after itself. The next one makes up for what it did not manage. */
const cleanUpWithinMilliseconds = 30_000;

/** After so many bytes that were read, what was found out is written down for a capture that may have to begin anew. */
const checkpointBytes = 1_024 ** 3;

/**
 * Takes a snapshot of the share and writes down what it holds. A file in the catalogue says that the capture goes on: while it is there, the
 * point does not count, and a capture that finds it there cleans up. Files are read from the snapshot to learn their digests; those that an
 * earlier point, or a capture that was broken off, knows in the same version are not read again.
 */
export async function capturePoint(
  connection: Connection,
  declaration: AzureFilesDeclaration,
  request: CaptureRequest,
  signal: AbortSignal,
): Promise<RecoveryPoint> {
  const folder = requireFolder(connection, declaration, request);
  const identity = toIdentity(request);
  writeIdentity(identity);
  const inventory = await sweep(connection, await takeInventory(connection, signal), request, signal);
  if (inventory.all.length >= mostSnapshots) throw describeFull(connection.subject);
  const capture = `${folders.captures}/${identity.id}.json`;
  const note = JSON.stringify({ schedule: request.schedule, source: request.source });
  try {
    await writeCatalogueFile(connection, capture, Buffer.from(note), signal);
    const taken = await takeSnapshot(connection, identity, signal);
    const header = await describeSnapshot(connection, inventory, request, { identity, taken, folder }, signal);
    await writeHeader(connection, header, identity, signal);
    await removeCatalogueFile(connection, checkpointOf(request), signal);
    await removeCatalogueFile(connection, capture, signal);
    return toPoint(identity, header, null);
  } catch (error) {
    await cleanUp(connection, identity.id, request).catch((second: unknown) => {
      // The capture's own file is still there: the point does not count, and the next capture cleans up.
      if (!(second instanceof PostureError)) throw second;
    });
    throw error;
  }
}

function requireFolder(
  { subject }: Connection,
  { account, share }: AzureFilesDeclaration,
  { tree, source }: CaptureRequest,
): string {
  const place = parseShareAddress(tree.root);
  if (place !== null && place.account === account && place.share === share) return place.folder;
  throw new PostureError(
    "usage",
    `source ${source}: is not on this share, and the recovery points of ${subject} are snapshots of the share itself; declare its path as azure-files://${account}/${share}, or another store`,
  );
}

function toIdentity({ schedule, source, set, owner, pinnedBy, startedAt }: CaptureRequest): PointIdentity {
  const moment = formatInstant(startedAt).replace(/[-:]/g, "");
  return {
    id: `${moment}-${randomBytes(6).toString("hex")}`,
    schedule,
    source,
    set: { id: set.id, sources: [...set.sources] },
    owner,
    pinnedBy: pinnedBy ?? null,
    startedAt: startedAt.toISOString(),
  };
}

/**
 * Removes what captures of this source left behind when they were killed. The caller is the only one that captures it: each schedule runs
 * once at a time.
 */
async function sweep(
  connection: Connection,
  inventory: Inventory,
  { schedule, source }: CaptureRequest,
  signal: AbortSignal,
): Promise<Inventory> {
  const left = inventory.unfinished.filter(
    ({ identity, leased }) => identity?.schedule === schedule && identity.source === source && !leased,
  );
  const complete = new Set(inventory.points.map(({ identity }) => identity.id));
  for (const { taken, identity } of left) {
    await deleteSnapshot(connection, taken, signal);
    if (identity !== null && !complete.has(identity.id)) await forgetFiles(connection, identity.id, signal);
  }
  await sweepCaptures(connection, { schedule, source }, signal);
  const gone = new Set(left.map(({ taken }) => taken));
  return { ...inventory, all: inventory.all.filter(({ taken }) => !gone.has(taken)) };
}

/** Captures that were killed before they had a snapshot. */
async function sweepCaptures(
  connection: Connection,
  own: { readonly schedule: string; readonly source: string },
  signal: AbortSignal,
): Promise<void> {
  const note = JSON.stringify(own);
  for (const name of (await listCatalogue(connection, folders.captures, signal)).keys()) {
    const content = await readCatalogueFile(connection, `${folders.captures}/${name}`, signal);
    if (content?.toString("utf8") === note) await forgetFiles(connection, name.replace(/\.json$/, ""), signal);
  }
}

/** A capture's own file goes last: until then the point does not count. */
export async function forgetFiles(connection: Connection, id: string, signal: AbortSignal): Promise<void> {
  await removeCatalogueFile(connection, `${folders.points}/${id}.json`, signal);
  await removeCatalogueFile(connection, `${folders.points}/${id}.manifest`, signal);
  await removeCatalogueFile(connection, `${folders.captures}/${id}.json`, signal);
}

async function cleanUp(connection: Connection, id: string, request: CaptureRequest): Promise<void> {
  const signal = AbortSignal.timeout(cleanUpWithinMilliseconds);
  const inventory = await takeInventory(connection, signal);
  const own = inventory.unfinished.filter(({ identity }) => identity?.id === id);
  await sweep(connection, { ...inventory, unfinished: own }, request, signal);
}

/** Walks the snapshot, learns the digests, and writes the manifest. */
async function describeSnapshot(
  connection: Connection,
  inventory: Inventory,
  request: CaptureRequest,
  { identity, taken, folder }: { readonly identity: PointIdentity; readonly taken: string; readonly folder: string },
  signal: AbortSignal,
): Promise<PointHeader> {
  const share = at(connection, taken);
  const known = await readKnown(connection, inventory, request, folder, signal);
  const reading = new Reading(connection, request, known, signal);
  const entries: (Listed & { digest: string })[] = [];
  for await (const listed of walkShare(connection, share, { folder, exclude: request.tree.exclude }, signal))
    entries.push({ ...listed, digest: "" });
  const files = entries.filter(({ kind }) => kind === "file");
  await inParallel(files, async (file) => {
    file.digest = await reading.digestOf(file, (take) =>
      readContent(connection, { share, path: inFolder(folder, file.path), size: file.size }, { signal, take }),
    );
  });
  const manifest = await writeManifest(identity.id, entries);
  await writeCatalogueFile(connection, `${folders.points}/${identity.id}.manifest`, manifest.content, signal);
  return {
    id: identity.id,
    taken,
    folder,
    completedAt: now().toISOString(),
    files: files.length,
    directories: entries.length - files.length,
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    addedBytes: countAdded(files, known.contents),
    digest: manifest.digest,
    manifestBytes: manifest.content.length,
  };
}

interface Known {
  /** What earlier captures found out, by path. */
  readonly entries: ReadonlyMap<string, ManifestEntry>;
  /** The digests of the last point. */
  readonly contents: ReadonlySet<string>;
}

/** A manifest or checkpoint that cannot be trusted tells nothing: everything is read then. */
async function readKnown(
  connection: Connection,
  inventory: Inventory,
  request: CaptureRequest,
  folder: string,
  signal: AbortSignal,
): Promise<Known> {
  const last = inventory.points.findLast(
    ({ header, point }) =>
      header?.folder === folder &&
      point.schedule === request.schedule &&
      point.source === request.source &&
      point.damage === null,
  )?.header;
  const content =
    last === undefined || last === null
      ? null
      : await readCatalogueFile(connection, `${folders.points}/${last.id}.manifest`, signal);
  const manifest = content === null || !last ? { entries: [] } : await readManifest(content, last.digest);
  const entries = "entries" in manifest ? manifest.entries : [];
  const checkpoint = await readCatalogueFile(connection, checkpointOf(request), signal);
  const more = checkpoint === null ? [] : await readCheckpoint(checkpoint);
  return {
    entries: new Map([...entries, ...more].map((entry) => [entry.path, entry])),
    contents: new Set(entries.map(({ digest }) => digest)),
  };
}

/** Learns digests, reports how far it is, and remembers what it learnt for a capture that may have to begin anew. */
class Reading {
  readonly #learnt: ManifestEntry[] = [];
  #files = 0;
  #bytes = 0;
  #unsaved = 0;
  #saving: Promise<void> = Promise.resolve();

  constructor(
    readonly connection: Connection,
    readonly request: CaptureRequest,
    readonly known: Known,
    readonly signal: AbortSignal,
  ) {}

  async digestOf(file: Listed, read: (take: (piece: Buffer) => Promise<void>) => Promise<string>): Promise<string> {
    const before = this.known.entries.get(file.path);
    if (before !== undefined && isSameVersion(before, file)) {
      this.#learnt.push(before);
      this.#report(1, file.size);
      return before.digest;
    }
    const digest = await read(async (piece) => this.#report(0, piece.length));
    this.#report(1, 0);
    this.#learnt.push({ ...file, digest });
    this.#unsaved += file.size;
    if (this.#unsaved >= checkpointBytes) await this.#save();
    return digest;
  }

  #report(files: number, bytes: number): void {
    this.#files += files;
    this.#bytes += bytes;
    this.request.onProgress?.({ files: this.#files, bytes: this.#bytes });
  }

  async #save(): Promise<void> {
    this.#unsaved = 0;
    const content = await writeCheckpoint(this.#learnt);
    this.#saving = this.#saving.then(() =>
      writeCatalogueFile(this.connection, checkpointOf(this.request), content, this.signal),
    );
    await this.#saving;
  }
}

function isSameVersion(before: ManifestEntry, { size, modified, version }: Listed): boolean {
  return version !== "" && before.version === version && before.size === size && before.modified === modified;
}

function countAdded(
  files: readonly { readonly digest: string; readonly size: number }[],
  before: ReadonlySet<string>,
): number {
  const fresh = new Map(files.filter(({ digest }) => !before.has(digest)).map(({ digest, size }) => [digest, size]));
  return [...fresh.values()].reduce((sum, size) => sum + size, 0);
}

function checkpointOf({ schedule, source }: CaptureRequest): string {
  return `${folders.checkpoints}/${schedule}.${source}.json`;
}

export function inFolder(folder: string, path: string): string {
  if (folder === "" || path === "") return folder === "" ? path : folder;
  return `${folder}/${path}`;
}
