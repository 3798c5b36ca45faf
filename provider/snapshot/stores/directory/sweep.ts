import { readdirSync, statSync } from "node:fs";
import { unlink } from "node:fs/promises";
import { join } from "node:path";
import { syncDirectory } from "../../../platform/atomic-file";
import { isAbsent } from "../../../platform/errors";
import type { PointId } from "../store";
import { DamageError } from "./damage";
import type { StoreLayout } from "./layout";
import { type Manifest, openManifest } from "./manifest";
import { movePacks } from "./move-packs";
import { findMoved, listMoved, movePath } from "./moved-packs";
import { listPacks, ObjectIndex } from "./object-index";
import { packFileName } from "./pack-format";
import { listPoints, manifestPath, readTrustedHeader } from "./point-header";
import { readQuarantine, writeQuarantine } from "./quarantine";

/**
 * Frees what no point needs. Marks what the points need before anything is removed; a manifest that cannot be read needs everything.
 *
 * @param temporary a directory of our own for what is being written.
 */
export async function sweep(layout: StoreLayout, temporary: string): Promise<void> {
  await sweepUnfinishedFiles(layout);
  const points = new Set(listPoints(layout).map((point) => point.id));
  for (const name of readdirSync(layout.points))
    if (name.endsWith(".manifest") && !points.has(name.slice(0, -".manifest".length)))
      await removeFile(join(layout.points, name));
  const needs = markNeeds(layout, [...points]);
  if (needs === null) return;
  const rescuers = await findRescuers(layout, needs);
  for (const id of listPacks(layout))
    if (!needs.all.has(id) && !rescuers.has(id)) await removeFile(join(layout.packs, packFileName(id)));
  for (const id of listMoved(layout)) if (!needs.all.has(id)) await removeFile(movePath(layout, id));
  if (rescuers.size === 0) await movePacks(layout, temporary, chooseWasteful(layout, needs), needs.points);
  await syncDirectory(layout.packs);
}

/** Files are written under another name before they get theirs; who is killed in between leaves them. Nobody writes any just now. */
async function sweepUnfinishedFiles({ root, points, packs }: StoreLayout): Promise<void> {
  for (const directory of [root, points, packs])
    for (const name of readdirSync(directory))
      if (name.startsWith(".") && name.endsWith(".tmp")) await removeFile(join(directory, name));
}

/** What the points need: packs by their id, those that were given up included. */
interface Needs {
  readonly all: ReadonlySet<string>;
  /** Of each pack: the most that one point uses of it, in bytes. */
  readonly most: ReadonlyMap<string, number>;
  readonly points: readonly PointId[];
}

function markNeeds(layout: StoreLayout, points: readonly PointId[]): Needs | null {
  const all = new Set<string>();
  const most = new Map<string, number>();
  const mark = (id: string, used: number): void => {
    most.set(id, Math.max(used, most.get(id) ?? 0));
    for (const each of [id, ...findMoved(layout, id)]) all.add(each);
  };
  for (const point of points) {
    const manifest = openTrusted(layout, point);
    const header = readTrustedHeader(layout, point);
    if (manifest === null || header === null) return null;
    manifest.close();
    for (const pack of manifest.packs.values()) mark(pack.id, pack.used);
    if (header.attributes !== null) mark(header.attributes.pack, header.attributes.size);
  }
  return { all, most, points };
}

/** Packs with an intact copy of what is damaged in a pack that is needed. What is in quarantine of other packs is forgotten. */
async function findRescuers(layout: StoreLayout, needs: Needs): Promise<ReadonlySet<string>> {
  const quarantine = readQuarantine(layout);
  if (quarantine.size === 0) return new Set();
  const current = [...quarantine].filter((key) => needs.all.has(key.slice(0, 64)));
  if (current.length < quarantine.size) await writeQuarantine(layout, current);
  if (current.length === 0) return new Set();
  const index = new ObjectIndex(layout, listPacks(layout), quarantine);
  const digests = current.map((key) => Buffer.from(key.slice(65), "hex"));
  return new Set(digests.flatMap((digest) => [...index.find(digest, null)].map(({ pack }) => pack)));
}

function openTrusted(layout: StoreLayout, point: PointId): Manifest | null {
  try {
    const manifest = openManifest(manifestPath(layout, point));
    if (manifest.digest === readTrustedHeader(layout, point)?.digest) return manifest;
    manifest.close();
    return null;
  } catch (error) {
    if (error instanceof DamageError) return null;
    throw error;
  }
}

/** Packs below this size are not worth the work. */
const smallestMoved = 64 * 1024;

/** Packs of which no point uses even half. Several points together may use more: that is found out when they are read. */
function chooseWasteful(layout: StoreLayout, needs: Needs): readonly string[] {
  return listPacks(layout).filter((id) => {
    const most = needs.most.get(id);
    if (most === undefined) return false;
    const { size } = statSync(join(layout.packs, packFileName(id)));
    return size > smallestMoved && most < size / 2;
  });
}

async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
}
