import { createHash, type Hash } from "node:crypto";
import { statSync } from "node:fs";
import { copyFile, type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { syncDirectory } from "../../../platform/atomic-file";
import { PostureError } from "../../../platform/errors";
import type { PointId, RecoveryPoint } from "../store";
import { DamageError } from "./damage";
import type { StoreLayout } from "./layout";
import { openManifest } from "./manifest";
import { readPackIndex } from "./object-index";
import { indexRecordSize, packClosingSize, packFileName } from "./pack-format";
import { manifestPath, type PointHeader, readPoint, readTrustedHeader, writeHeader } from "./point-header";
import { readQuarantine } from "./quarantine";

/** The two stores, and what a point is taken over under. */
export interface Adoption {
  readonly from: StoreLayout;
  readonly to: StoreLayout;
  readonly session: string;
  readonly id: PointId;
}

/**
 * Takes over a point of another directory store: the packs that are not here yet, each content compared with its digest on the way, then the manifest as it
 * is, then the header. The point keeps id and digest. The caller holds both stores against being pruned.
 *
 * @returns undefined where that cannot be done so: contents were moved out of a pack that the manifest names, are in quarantine, or damaged.
 */
export async function adoptPoint(adoption: Adoption, signal: AbortSignal): Promise<RecoveryPoint | undefined> {
  const { from, to, session, id } = adoption;
  const header = readTrustedHeader(from, id);
  if (header === null || readPoint(to, id) !== null) return undefined;
  const temporary = join(to.temporary, session);
  try {
    const packs = listPacksOf(from, header);
    if (isInQuarantine(from, packs) || isInQuarantine(to, packs)) return undefined;
    await mkdir(temporary, { mode: 0o700 });
    let addedBytes = header.manifestSize;
    for (const pack of packs) if (!isPresent(to, from, pack)) addedBytes += await takePack(adoption, pack, signal);
    await syncDirectory(to.packs);
    return await takePoint(adoption, { ...header, addedBytes }, signal);
  } catch (error) {
    if (error instanceof DamageError) return undefined;
    throw error;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** @throws DamageError where the manifest is not what it was. */
function listPacksOf(layout: StoreLayout, { id, digest, attributes }: PointHeader): readonly string[] {
  const manifest = openManifest(manifestPath(layout, id));
  manifest.close();
  if (manifest.digest !== digest) throw new DamageError("the manifest is changed");
  const packs = new Set([...manifest.packs.values()].map((pack) => pack.id));
  if (attributes !== null) packs.add(attributes.pack);
  return [...packs];
}

function isInQuarantine(layout: StoreLayout, packs: readonly string[]): boolean {
  const damaged = new Set([...readQuarantine(layout)].map((key) => key.slice(0, 64)));
  return packs.some((pack) => damaged.has(pack));
}

function isPresent(to: StoreLayout, from: StoreLayout, pack: string): boolean {
  const size = sizeOf(to, pack);
  return size !== null && size === sizeOf(from, pack);
}

function sizeOf(layout: StoreLayout, pack: string): number | null {
  return statSync(join(layout.packs, packFileName(pack)), { throwIfNoEntry: false })?.size ?? null;
}

const bufferSize = 4 * 1024 * 1024;

/** @returns the size of the pack. @throws DamageError where it is missing, or not what its name says. */
async function takePack({ from, to, session }: Adoption, pack: string, signal: AbortSignal): Promise<number> {
  const index = readPackIndex(from, pack);
  const size = sizeOf(from, pack) ?? 0;
  const end = size - index.length - packClosingSize;
  const draft = join(to.temporary, session, packFileName(pack));
  const check = new ContentsCheck(index);
  await between(join(from.packs, packFileName(pack)), draft, async (source, target) => {
    const buffer = Buffer.allocUnsafe(bufferSize);
    for (let position = 0; position < size; ) {
      signal.throwIfAborted();
      const { bytesRead } = await source.read(buffer, 0, bufferSize, position);
      if (bytesRead === 0) throw new DamageError("a pack is cut short");
      const chunk = buffer.subarray(0, bytesRead);
      check.take(chunk.subarray(0, Math.max(0, end - position)), position);
      await writeWithHoles(target, chunk, position);
      position += bytesRead;
    }
    check.finish();
    await target.truncate(size);
    await target.sync();
  });
  await rename(draft, join(to.packs, packFileName(pack)));
  return size;
}

/** Compares contents with the index of their pack while they pass by. */
class ContentsCheck {
  readonly #records: readonly { readonly digest: Buffer; readonly offset: number; readonly end: number }[];
  #next = 0;
  #hash: Hash = createHash("sha256");

  constructor(index: Buffer) {
    this.#records = Array.from({ length: index.length / indexRecordSize }, (_, record) => {
      const at = record * indexRecordSize;
      const offset = Number(index.readBigUInt64LE(at + 32));
      return {
        digest: index.subarray(at, at + 32),
        offset,
        end: offset + Number(index.readBigUInt64LE(at + 40)),
      };
    }).sort((one, other) => one.offset - other.offset);
  }

  /** Takes the pack's bytes in order. @throws DamageError for a content that is not what it was. */
  take(chunk: Buffer, position: number): void {
    const reached = position + chunk.length;
    for (let record = this.#records[this.#next]; record !== undefined; record = this.#records[this.#next]) {
      if (record.offset < reached)
        this.#hash.update(chunk.subarray(Math.max(0, record.offset - position), record.end - position));
      if (record.end > reached) return;
      if (!this.#hash.digest().equals(record.digest)) throw new DamageError("a content is changed");
      this.#hash = createHash("sha256");
      this.#next += 1;
    }
  }

  finish(): void {
    if (this.#next < this.#records.length) throw new DamageError("a pack is cut short");
  }
}

const holeSize = 64 * 1024;
const zeros = Buffer.alloc(holeSize);

/** Long runs of zeros stay holes. */
async function writeWithHoles(target: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; at += holeSize) {
    const part = bytes.subarray(at, at + holeSize);
    if (part.length === holeSize && part.equals(zeros)) continue;
    for (let done = 0; done < part.length; )
      done += (await target.write(part, done, part.length - done, position + at + done)).bytesWritten;
  }
}

async function between(
  from: string,
  to: string,
  use: (source: FileHandle, target: FileHandle) => Promise<void>,
): Promise<void> {
  const source = await open(from, "r");
  try {
    const target = await open(to, "wx", 0o600);
    try {
      await use(source, target);
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

/** Everything durable first, then the header: from that moment on the point exists. */
async function takePoint(
  { from, to, session, id }: Adoption,
  header: PointHeader,
  signal: AbortSignal,
): Promise<RecoveryPoint> {
  const draft = join(to.temporary, session, "manifest");
  await copyFile(manifestPath(from, id), draft);
  const manifest = openManifest(draft);
  manifest.close();
  if (manifest.digest !== header.digest) throw new DamageError("the manifest is changed");
  await sync(draft);
  signal.throwIfAborted();
  await rename(draft, manifestPath(to, id));
  await syncDirectory(to.points);
  await writeHeader(to, header);
  const point = readPoint(to, id);
  if (point === null)
    throw new PostureError("permanent", `${to.root}: the recovery point ${id} vanished as soon as it was written`);
  return point;
}

async function sync(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
