import { randomBytes } from "node:crypto";
import { lstatSync, realpathSync, statSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { syncDirectory } from "../../../platform/atomic-file";
import { formatInstant, now } from "../../../platform/clock";
import { isAbsent, messageOf, PostureError } from "../../../platform/errors";
import { prepareCommands } from "../../../platform/processes";
import type { CaptureRequest, CaptureWarning, RecoveryPoint } from "../store";
import { BlockList } from "./block-list";
import { type BytePath, fromText } from "./byte-path";
import { type CapturedAttributes, canReadAttributes, captureAttributes, keepUnchanged } from "./capture-attributes";
import { type CapturePlan, counters, type ListedPaths, type ThreadResult } from "./capture-plan";
import { type CaptureRun, CaptureThreads, captureHere } from "./capture-threads";
import { DamageError } from "./damage";
import type { StoreLayout } from "./layout";
import { type Manifest, openManifest } from "./manifest";
import { ManifestDraft, type ManifestSummary, type PackUse } from "./manifest-writer";
import { listPacks, readPackIndex } from "./object-index";
import { packFileName } from "./pack-format";
import type { FinishedPack } from "./pack-writer";
import { listPoints, manifestPath, type PointHeader, readPoint, readTrustedHeader, writeHeader } from "./point-header";
import { readQuarantine } from "./quarantine";
import { createSharedTable } from "./shared-contents";
import { type AttributesReference, readAttributes, storeAttributes } from "./stored-attributes";
import { isOfLargeTree, isSmallTree } from "./tree-size";
import { emptyTotals, mostWarnings, type WalkTotals } from "./walk";

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
    const candidates = findCandidates(layout, request);
    const latest = candidates.at(-1);
    if (latest !== undefined && CaptureThreads.canStart && isOfLargeTree(latest))
      return await withThreads(true, (threads) =>
        captureInto({ layout, temporary, request, candidates, threads }, signal),
      );
    return await captureInto({ layout, temporary, request, candidates, threads: null }, signal);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

async function withThreads<Result>(
  keeping: boolean,
  use: (threads: CaptureThreads) => Promise<Result>,
): Promise<Result> {
  const threads = new CaptureThreads(keeping);
  try {
    return await use(threads);
  } finally {
    await threads.close();
  }
}

/** What a capture begins with. */
interface Beginning {
  readonly layout: StoreLayout;
  readonly temporary: string;
  readonly request: CaptureRequest;
  /** Earlier points of the same schedule and source, the latest last. */
  readonly candidates: readonly RecoveryPoint[];
  /** Those that were started already. */
  readonly threads: CaptureThreads | null;
}

async function captureInto(beginning: Beginning, signal: AbortSignal): Promise<RecoveryPoint> {
  const { layout, temporary, request } = beginning;
  const packIds = listPacks(layout);
  const previous = findPrevious(layout, beginning.candidates, packIds);
  const identity = toIdentity(request);
  const draft = await ManifestDraft.begin(join(temporary, "manifest"), JSON.stringify(identity));
  const plan: CapturePlan = {
    layout,
    temporary,
    draft: draft.path,
    draftEnd: draft.end,
    root: resolveTree(request.tree.root),
    exclude: request.tree.exclude,
    contentOnly: request.tree.contentOnly === true,
    previous: previous === null ? null : { manifest: previous.manifest, labels: previous.labels },
    listPaths: !canReadAttributes() ? "none" : (previous?.attributes ?? null) === null ? "all" : "changed",
    quarantine: readQuarantine(layout),
    store: identify(layout.root),
    packIds,
    contents: createSharedTable(),
    counters: new SharedArrayBuffer(12),
  };
  const results = await readTree(plan, beginning, signal);
  signal.throwIfAborted();
  return await commit(plan, draft, identity, results, previous, signal);
}

async function readTree(
  plan: CapturePlan,
  { request, threads }: Beginning,
  signal: AbortSignal,
): Promise<readonly ThreadResult[]> {
  const run: CaptureRun = {
    plan,
    onProgress: (done) => request.onProgress?.(done),
    // A failure shows again, and is reported, when the command is run.
    onSpareTime: () => void (plan.listPaths === "none" || prepareCommands().catch(() => undefined)),
  };
  if (threads !== null) return await threads.run(run, signal);
  if (!CaptureThreads.canStart || isSmallTree(plan.root)) return await captureHere(run, signal);
  return await withThreads(plan.previous !== null, (started) => started.run(run, signal));
}

type PointIdentity = Pick<PointHeader, "schedule" | "source" | "set" | "owner" | "pinnedBy" | "startedAt">;

function toIdentity(request: CaptureRequest): PointIdentity {
  return {
    schedule: request.schedule,
    source: request.source,
    set: { id: request.set.id, sources: [...request.set.sources] },
    owner: request.owner,
    pinnedBy: request.pinnedBy ?? null,
    startedAt: request.startedAt,
  };
}

/** Everything durable first, then the header: from that moment on the point exists. */
async function commit(
  plan: CapturePlan,
  draft: ManifestDraft,
  identity: PointIdentity,
  results: readonly ThreadResult[],
  previous: Previous | null,
  signal: AbortSignal,
): Promise<RecoveryPoint> {
  const { layout, contentOnly } = plan;
  const totals = addUp(results);
  const paths = {
    files: results.flatMap((result) => result.paths.files),
    long: results.flatMap((result) => result.paths.long),
  };
  const [manifest, captured] = await Promise.all([
    makeDurable(plan, draft, results, totals),
    captureAttributes(plan.root, paths, signal),
  ]);
  const attributes = await keepAttributes(plan, paths, captured, previous);
  const { warnings } = attributes;
  const id = `${formatInstant(identity.startedAt).replace(/[-:]/g, "")}-${randomBytes(4).toString("hex")}`;
  const header: PointHeader = {
    ...identity,
    id,
    completedAt: now(),
    files: totals.files,
    directories: totals.directories,
    links: totals.links,
    bytes: totals.bytes,
    addedBytes: totals.addedBytes + manifest.size + attributes.addedBytes,
    digest: manifest.digest,
    fidelity: {
      modes: process.platform !== "win32" && !contentOnly,
      owners: process.platform !== "win32" && !contentOnly,
      acls: attributes.kept && !contentOnly,
      extendedAttributes: attributes.kept && !contentOnly,
      encrypted: false,
      skipped: totals.skipped,
      warnings: [...warnings, ...totals.warnings].slice(0, mostWarnings),
    },
    manifestSize: manifest.size,
    attributes: attributes.reference,
  };
  await rename(plan.draft, manifestPath(layout, id));
  if (attributes.addedBytes > 0) await syncDirectory(layout.packs);
  await syncDirectory(layout.points);
  await writeHeader(layout, header);
  const point = readPoint(layout, id);
  if (point === null)
    throw new PostureError("permanent", `${layout.root}: the recovery point ${id} vanished as soon as it was written`);
  return point;
}

/** The packs' names, then the manifest. */
async function makeDurable(
  plan: CapturePlan,
  draft: ManifestDraft,
  results: readonly ThreadResult[],
  totals: WalkTotals,
): Promise<ManifestSummary> {
  await syncDirectory(plan.layout.packs);
  const finished = results.flatMap((result) => result.packs);
  const packs = toPackUses(plan.layout, plan.packIds, finished, totals);
  const blocks = results.map((result) => new BlockList(result.blocks));
  const directories = new Int32Array(plan.counters)[counters.directories] ?? 0;
  return await draft.finish(blocks, directories, packs);
}

interface KeptAttributes {
  readonly kept: boolean;
  readonly reference: AttributesReference;
  readonly addedBytes: number;
  readonly warnings: readonly CaptureWarning[];
}

async function keepAttributes(
  plan: CapturePlan,
  paths: ListedPaths,
  captured: CapturedAttributes,
  previous: Previous | null,
): Promise<KeptAttributes> {
  if (plan.listPaths === "none") return { kept: false, reference: null, addedBytes: 0, warnings: [] };
  const before = previous?.attributes ?? null;
  if (before !== null && paths.files.length + paths.long.length === 0)
    return { kept: true, reference: before.reference, addedBytes: 0, warnings: [] };
  const dump = Buffer.concat([readUnchanged(plan.draft, before?.dump ?? Buffer.alloc(0), paths), captured.dump]);
  const isAsBefore = before !== null && dump.equals(before.dump);
  const reference = isAsBefore ? before.reference : await storeAttributes(plan.layout, plan.temporary, dump);
  return {
    kept: captured.trouble === null,
    reference,
    addedBytes: isAsBefore ? 0 : dump.length,
    warnings: captured.trouble === null ? [] : [{ path: ".", why: captured.trouble }],
  };
}

function readUnchanged(draft: string, dump: Buffer, changed: ListedPaths): Buffer {
  const manifest = openManifest(draft);
  try {
    return keepUnchanged(dump, changed, manifest);
  } finally {
    manifest.close();
  }
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

interface Previous {
  readonly manifest: string;
  readonly labels: ReadonlyMap<number, number>;
  /** Its extended attributes; null where they have to be read anew. */
  readonly attributes: { readonly reference: AttributesReference; readonly dump: Buffer } | null;
}

function findCandidates(layout: StoreLayout, request: CaptureRequest): readonly RecoveryPoint[] {
  return listPoints(layout).filter(
    (point) => point.schedule === request.schedule && point.source === request.source && point.damage === null,
  );
}

/** The latest point of the same schedule and source that is of use. None is no failure: everything is read, then. */
function findPrevious(
  layout: StoreLayout,
  candidates: readonly RecoveryPoint[],
  packIds: readonly string[],
): Previous | null {
  for (const point of [...candidates].reverse()) {
    const manifest = tryOpenManifest(layout, point.id);
    if (manifest === null) continue;
    manifest.close();
    return {
      manifest: manifest.path,
      labels: mapLabels(layout, manifest, packIds),
      attributes: readPreviousAttributes(layout, point.id),
    };
  }
  return null;
}

function readPreviousAttributes(layout: StoreLayout, id: string): Previous["attributes"] {
  const header = readTrustedHeader(layout, id);
  if (header === null || !header.fidelity.extendedAttributes) return null;
  try {
    return { reference: header.attributes, dump: readAttributes(layout, header.attributes) };
  } catch (error) {
    if (error instanceof DamageError) return null;
    throw error;
  }
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

/** Packs are labelled by their place in the sorted list of all; those that are missing, cut short or changed have no label. */
function mapLabels(layout: StoreLayout, manifest: Manifest, packIds: readonly string[]): ReadonlyMap<number, number> {
  const places = new Map(packIds.map((id, place) => [id, place]));
  const labels = new Map<number, number>();
  for (const pack of manifest.packs.values()) {
    const place = places.get(pack.id);
    if (place !== undefined && isIntact(layout, pack)) labels.set(pack.label, place);
  }
  return labels;
}

function isIntact(layout: StoreLayout, pack: PackUse): boolean {
  try {
    readPackIndex(layout, pack.id);
    return statSync(join(layout.packs, packFileName(pack.id))).size === pack.size;
  } catch (error) {
    if (error instanceof DamageError) return false;
    throw error;
  }
}

function addUp(results: readonly ThreadResult[]): WalkTotals {
  const sum = emptyTotals();
  for (const { totals } of results) {
    for (const count of ["files", "directories", "links", "bytes", "addedBytes", "skipped"] as const)
      sum[count] += totals[count];
    sum.warnings.push(...totals.warnings);
    for (const [label, used] of totals.used) sum.used.set(label, (sum.used.get(label) ?? 0) + used);
  }
  sum.warnings.sort((one, other) => (one.path < other.path ? -1 : 1));
  return sum;
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
