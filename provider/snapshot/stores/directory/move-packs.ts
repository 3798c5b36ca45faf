import { statSync } from "node:fs";
import { unlink } from "node:fs/promises";
import { join } from "node:path";
import { syncDirectory } from "../../../platform/atomic-file";
import type { PointId } from "../store";
import { ContentReader } from "./content-reader";
import { DamageError } from "./damage";
import type { StoreLayout } from "./layout";
import { type Manifest, openManifest } from "./manifest";
import { type BlockCursor, entryKinds } from "./manifest-format";
import { findMoved, rememberMove } from "./moved-packs";
import { ObjectIndex } from "./object-index";
import { packFileName } from "./pack-format";
import { PackWriter } from "./pack-writer";
import { walkDirectories } from "./point-content";
import { manifestPath, readTrustedHeader } from "./point-header";

interface LiveContent {
  readonly digest: Buffer;
  readonly size: number;
  readonly offset: number;
}
/** By pack, then by digest. */
type LiveContents = ReadonlyMap<string, Map<string, LiveContent>>;

/** A pack is given up when no more than this part of it is needed. */
const mostLive = 0.6;

/**
 * Writes what is still needed of wasteful packs into new ones, and removes the old ones. Manifests stay as they are: a note in place of
 * the old pack says where its contents went.
 */
export async function movePacks(
  layout: StoreLayout,
  temporary: string,
  wasteful: readonly string[],
  points: readonly PointId[],
): Promise<void> {
  if (wasteful.length === 0) return;
  const live = tryFindLive(layout, wasteful, points);
  if (live === null) return;
  const reader = new ContentReader(layout);
  try {
    for (const [pack, contents] of live)
      if (isWorthIt(layout, pack, contents)) await movePack(layout, temporary, reader, pack, contents);
  } finally {
    reader.close();
  }
}

/** Null where a manifest is damaged: what its point needs cannot be told, so everything stays where it is. */
function tryFindLive(layout: StoreLayout, packs: readonly string[], points: readonly PointId[]): LiveContents | null {
  try {
    return findLive(layout, packs, points);
  } catch (error) {
    if (error instanceof DamageError) return null;
    throw error;
  }
}

/** By digest, wherever an entry that may be in these packs is found in them: its own pack may have been moved into one of them. */
function findLive(layout: StoreLayout, packs: readonly string[], points: readonly PointId[]): LiveContents {
  const live = new Map(packs.map((pack) => [pack, new Map<string, LiveContent>()]));
  const index = new ObjectIndex(layout, packs, new Set());
  const keep = (digest: Buffer, size: number): void => {
    for (const { pack, offset } of index.find(digest, size))
      live.get(pack)?.set(digest.toString("latin1"), { digest: Buffer.from(digest), size, offset });
  };
  for (const point of points) {
    const attributes = readTrustedHeader(layout, point)?.attributes ?? null;
    if (attributes !== null) keep(Buffer.from(attributes.digest, "hex"), attributes.size);
    const manifest = openManifest(manifestPath(layout, point));
    try {
      const labels = findLabels(layout, manifest, live);
      if (labels.size > 0)
        for (const entry of listFiles(manifest)) if (labels.has(entry.pack)) keep(entry.digest, entry.size);
    } finally {
      manifest.close();
    }
  }
  return live;
}

/** The labels of packs that are, or were moved into, one of these. */
function findLabels(layout: StoreLayout, manifest: Manifest, packs: ReadonlyMap<string, unknown>): ReadonlySet<number> {
  const uses = [...manifest.packs.values()];
  return new Set(
    uses
      .filter(({ id }) => packs.has(id) || findMoved(layout, id).some((to) => packs.has(to)))
      .map(({ label }) => label),
  );
}

/** @throws DamageError where the manifest is damaged. */
function* listFiles(manifest: Manifest): Generator<BlockCursor> {
  const stop = (_: string, error: DamageError): never => {
    throw error;
  };
  for (const { entries } of walkDirectories(manifest, stop))
    while (entries.next()) if (entries.kind === entryKinds.file && entries.size > 0) yield entries;
}

function isWorthIt(layout: StoreLayout, pack: string, contents: ReadonlyMap<string, LiveContent>): boolean {
  const needed = [...contents.values()].reduce((sum, { size }) => sum + size, 0);
  return contents.size > 0 && needed <= statSync(join(layout.packs, packFileName(pack))).size * mostLive;
}

/** A pack of which anything needed is damaged stays as it is: nothing is ever lost by tidying. */
async function movePack(
  layout: StoreLayout,
  temporary: string,
  reader: ContentReader,
  pack: string,
  contents: ReadonlyMap<string, LiveContent>,
): Promise<void> {
  let label = 0;
  const writer = new PackWriter({ temporary, packs: layout.packs }, `move-${pack.slice(0, 16)}`, () => label++);
  try {
    const ordered = [...contents.values()].sort((one, other) => one.offset - other.offset);
    for (const content of ordered) copyContent(reader, writer, pack, content);
    const moved = await writer.finish();
    await syncDirectory(layout.packs);
    await rememberMove(
      layout,
      pack,
      moved.map(({ id }) => id),
    );
    await unlink(join(layout.packs, packFileName(pack)));
  } catch (error) {
    await writer.abandon();
    if (!(error instanceof DamageError)) throw error;
  }
}

function copyContent(reader: ContentReader, writer: PackWriter, pack: string, content: LiveContent): void {
  const placed = writer.begin();
  const { digest, size, offset } = content;
  reader.read(
    { digest, size, offset, pack: { id: pack, size: Number.MAX_SAFE_INTEGER } },
    {
      begin: () => writer.rollBack(placed),
      write: (chunk) => {
        const room = writer.reserve(chunk.length);
        chunk.copy(room.buffer, room.at);
        writer.advance(chunk.length);
      },
    },
  );
  writer.keep(placed, digest, size);
}
