import { randomBytes } from "node:crypto";
import { closeSync, lstatSync, openSync, realpathSync, statSync, writeSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { syncDirectory } from "../../../platform/atomic-file";
import { formatInstant, now } from "../../../platform/clock";
import { isAbsent, messageOf, PostureError, systemCodeOf } from "../../../platform/errors";
import type { CaptureRequest, RecoveryPoint } from "../store";
import { type BytePath, fromText } from "./byte-path";
import { DamageError } from "./damage";
import { toExclusion } from "./exclude";
import type { KnownContents } from "./file-capture";
import type { StoreLayout } from "./layout";
import { type Manifest, openManifest } from "./manifest";
import { type PackUse, type SegmentBlock, writeManifest } from "./manifest-writer";
import { listPacks, ObjectIndex } from "./object-index";
import { packFileName } from "./pack-format";
import { type FinishedPack, PackWriter, type Placed } from "./pack-writer";
import { listPoints, manifestPath, type PointHeader, readPoint, readTrustedHeader, writeHeader } from "./point-header";
import { type Quarantine, readQuarantine } from "./quarantine";
import {
  type DirectoryTask,
  mostWarnings,
  type PreviousPoint,
  TreeWalk,
  type WalkSettings,
  type WalkTotals,
} from "./tree-walk";

/** Takes a recovery point. The caller holds the store against being pruned, under this session's name. */
export async function capturePoint(
  layout: StoreLayout,
  session: string,
  request: CaptureRequest,
  signal: AbortSignal,
): Promise<RecoveryPoint> {
  const temporary = join(layout.temporary, session);
  try {
    await mkdir(temporary, { mode: 0o700 });
    return await captureInto(layout, temporary, request, signal);
  } catch (error) {
    throw explainFailure(layout, error);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function captureInto(
  layout: StoreLayout,
  temporary: string,
  request: CaptureRequest,
  signal: AbortSignal,
): Promise<RecoveryPoint> {
  const root = resolveTree(request.tree.root);
  const packIds = listPacks(layout);
  const quarantine = readQuarantine(layout);
  const previous = openPrevious(layout, request, packIds, quarantine);
  try {
    const labels = new LabelCounter(packIds.length);
    const packs = new PackWriter({ temporary, packs: layout.packs }, "pack", () => labels.next());
    const settings: WalkSettings = {
      root,
      exclusion: toExclusion(request.tree.exclude),
      previous,
      store: identify(layout.root),
    };
    const walked = await walkTree(
      settings,
      packs,
      new StoredContents(layout, packIds, quarantine),
      join(temporary, "segment"),
      request,
      signal,
    );
    const finished = await packs.finish();
    await syncDirectory(layout.packs);
    return await commit(layout, temporary, request, walked, toPackUses(layout, packIds, finished, walked.totals));
  } finally {
    previous?.manifest.close();
  }
}

interface Walked {
  readonly segment: string;
  readonly blocks: readonly SegmentBlock[];
  readonly totals: WalkTotals;
}

class LabelCounter {
  #next: number;

  constructor(first: number) {
    this.#next = first;
  }

  next(): number {
    return this.#next++;
  }
}

/** How long the event loop may have to wait for us. */
const turnMilliseconds = 25;

async function walkTree(
  settings: WalkSettings,
  packs: PackWriter,
  known: KnownContents,
  segment: string,
  request: CaptureRequest,
  signal: AbortSignal,
): Promise<Walked> {
  let directories = 1;
  const walk = new TreeWalk(settings, packs, known, () => directories++);
  const blocks: SegmentBlock[] = [];
  const file = openSync(segment, "wx", 0o600);
  try {
    let offset = 0;
    const waiting: DirectoryTask[] = [{ id: 0, path: "", previous: settings.previous === null ? null : 0, seen: null }];
    let turn = performance.now();
    for (let task = waiting.pop(); task !== undefined; task = waiting.pop()) {
      const found: DirectoryTask[] = [];
      const directory = task.id;
      walk.read(
        task,
        (inner) => found.push(inner),
        (block, digest) => {
          blocks.push({ directory, segment: 0, offset, length: block.length, digest });
          offset += writeSync(file, block, 0, block.length, offset);
        },
      );
      for (const inner of found.reverse()) waiting.push(inner);
      if (performance.now() - turn < turnMilliseconds) continue;
      request.onProgress?.({ files: walk.totals.files, bytes: walk.totals.bytes });
      await new Promise(setImmediate);
      signal.throwIfAborted();
      turn = performance.now();
    }
  } finally {
    closeSync(file);
  }
  request.onProgress?.({ files: walk.totals.files, bytes: walk.totals.bytes });
  return { segment, blocks, totals: walk.totals };
}

/** Everything durable first, then the header: from that moment on the point exists. */
async function commit(
  layout: StoreLayout,
  temporary: string,
  request: CaptureRequest,
  { segment, blocks, totals }: Walked,
  packs: readonly PackUse[],
): Promise<RecoveryPoint> {
  const identity = {
    schedule: request.schedule,
    source: request.source,
    set: { id: request.set.id, sources: [...request.set.sources] },
    owner: request.owner,
    pinnedBy: request.pinnedBy ?? null,
    startedAt: request.startedAt,
  };
  const draft = join(temporary, "manifest");
  const manifest = await writeManifest(draft, JSON.stringify(identity), [segment], blocks, totals.directories, packs);
  const id = `${formatInstant(request.startedAt).replace(/[-:]/g, "")}-${randomBytes(4).toString("hex")}`;
  await rename(draft, manifestPath(layout, id));
  const header: PointHeader = {
    ...identity,
    id,
    completedAt: now(),
    files: totals.files,
    directories: totals.directories,
    links: totals.links,
    bytes: totals.bytes,
    addedBytes: totals.addedBytes + manifest.size,
    digest: manifest.digest,
    fidelity: {
      modes: process.platform !== "win32",
      owners: process.platform !== "win32",
      acls: false,
      extendedAttributes: false,
      encrypted: false,
      skipped: totals.skipped,
      warnings: totals.warnings.slice(0, mostWarnings),
    },
    manifestSize: manifest.size,
    attributes: null,
  };
  await syncDirectory(layout.points);
  await writeHeader(layout, header);
  const point = readPoint(layout, id);
  if (point === null)
    throw new PostureError("permanent", `${layout.root}: the recovery point ${id} vanished as soon as it was written`);
  return point;
}

function toPackUses(
  layout: StoreLayout,
  existing: readonly string[],
  finished: readonly FinishedPack[],
  totals: WalkTotals,
): readonly PackUse[] {
  const fresh = new Map(finished.map((pack) => [pack.label, pack]));
  return [...totals.used].map(([label, used]) => {
    const pack = fresh.get(label) ?? describeExisting(layout, existing[label], label);
    return { label, id: pack.id, size: pack.size, used };
  });
}

function describeExisting(layout: StoreLayout, id: string | undefined, label: number): FinishedPack {
  if (id === undefined)
    throw new PostureError("permanent", `${layout.root}: a file was put into a pack that was never finished`);
  return { label, id, size: statSync(join(layout.packs, packFileName(id))).size };
}

/** The latest point of the same schedule and source that is of use. None is no failure: everything is read, then. */
function openPrevious(
  layout: StoreLayout,
  request: CaptureRequest,
  packIds: readonly string[],
  quarantine: Quarantine,
): PreviousPoint | null {
  const candidates = listPoints(layout).filter(
    (point) => point.schedule === request.schedule && point.source === request.source && point.damage === null,
  );
  for (const point of [...candidates].reverse()) {
    const manifest = tryOpenManifest(layout, point.id);
    if (manifest !== null) return { manifest, labels: mapLabels(layout, manifest, packIds), quarantine };
  }
  return null;
}

function tryOpenManifest(layout: StoreLayout, id: string): Manifest | null {
  try {
    const manifest = openManifest(manifestPath(layout, id));
    if (manifest.digest === readTrustedHeader(layout, id)?.digest) return manifest;
    manifest.close();
    return null;
  } catch (error) {
    if (error instanceof DamageError) return null;
    throw error;
  }
}

/** Packs are labelled by their place in the sorted list of all; those that are missing or cut short have no label. */
function mapLabels(layout: StoreLayout, manifest: Manifest, packIds: readonly string[]): ReadonlyMap<number, number> {
  const places = new Map(packIds.map((id, place) => [id, place]));
  const labels = new Map<number, number>();
  for (const pack of manifest.packs.values()) {
    const place = places.get(pack.id);
    if (place !== undefined && statSync(join(layout.packs, packFileName(pack.id))).size === pack.size)
      labels.set(pack.label, place);
  }
  return labels;
}

/** Contents that are stored already, and those that this capture adds. The store's packs are looked through when the first is asked for. */
class StoredContents implements KnownContents {
  readonly #added = new Map<string, Placed>();
  #index: ObjectIndex | null = null;
  readonly #places: ReadonlyMap<string, number>;

  constructor(
    readonly layout: StoreLayout,
    readonly packIds: readonly string[],
    readonly quarantine: Quarantine,
  ) {
    this.#places = new Map(packIds.map((id, place) => [id, place]));
  }

  find(digest: Buffer, size: number): Placed | null {
    const added = this.#added.get(digest.toString("latin1"));
    if (added !== undefined) return added;
    this.#index ??= new ObjectIndex(this.layout, this.packIds, this.quarantine);
    for (const { pack, offset } of this.#index.find(digest, size)) {
      const label = this.#places.get(pack);
      if (label !== undefined) return { pack: label, offset };
    }
    return null;
  }

  add(digest: Buffer, _size: number, placed: Placed): void {
    this.#added.set(digest.toString("latin1"), placed);
  }
}

function resolveTree(root: string): BytePath {
  try {
    const path = realpathSync(root);
    if (lstatSync(path).isDirectory()) return fromText(path);
  } catch (error) {
    const why = isAbsent(error) ? "it is not there; mount it, or correct the path" : messageOf(error);
    throw new PostureError("unreachable", `${root}: cannot be captured: ${why}`, { cause: error });
  }
  throw new PostureError("permanent", `${root}: cannot be captured: it is not a directory`);
}

function identify(path: string): { readonly device: number; readonly inode: number } {
  const stats = statSync(path);
  return { device: stats.dev, inode: stats.ino };
}

function explainFailure(layout: StoreLayout, error: unknown): unknown {
  const code = systemCodeOf(error);
  if (error instanceof PostureError || code === undefined || code === "ABORT_ERR") return error;
  if (code === "ENOSPC" || code === "EDQUOT")
    return new PostureError(
      "transient",
      `${layout.root}: the store is full; free or add space, or shorten a retention, and run again`,
      { cause: error },
    );
  if (code === "EROFS" || code === "EACCES" || code === "EPERM")
    return new PostureError("unreachable", `${layout.root}: the store cannot be written: ${messageOf(error)}`, {
      cause: error,
    });
  return new PostureError("transient", `${layout.root}: the capture failed: ${messageOf(error)}`, { cause: error });
}
