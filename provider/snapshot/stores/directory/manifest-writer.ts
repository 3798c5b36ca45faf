import { createHash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import type { BlockList } from "./block-list";
import { blockRecordSize, closingSize, manifestMagic, packRecordSize } from "./manifest-format";

/** A pack as a manifest names it. */
export interface PackUse {
  readonly label: number;
  readonly id: string;
  /** Of the pack's file, in bytes. */
  readonly size: number;
  /** Bytes of it that the point uses; content that it uses twice counts twice. */
  readonly used: number;
}

/** What a point's header says of its manifest. */
export interface ManifestSummary {
  /** SHA-256, in hex, of the opening and the tables; the tables hold the SHA-256 of everything else. */
  readonly digest: string;
  /** Of the file, in bytes. */
  readonly size: number;
}

/** A file into which one thread of a capture wrote blocks, and where it put them. */
export interface Segment {
  readonly path: string;
  readonly blocks: BlockList;
}

/**
 * Puts a manifest together from its segments, and makes it durable under the given path.
 *
 * @param identity what is said of the point at the very beginning, so that it can be told even when its header is lost.
 * @param directoryCount how many numbers were given to directories.
 */
export async function writeManifest(
  path: string,
  identity: string,
  segments: readonly Segment[],
  directoryCount: number,
  packs: readonly PackUse[],
): Promise<ManifestSummary> {
  const file = await open(path, "wx", 0o600);
  try {
    const opening = toOpening(identity);
    await file.writeFile(opening);
    const blockTable = Buffer.alloc(directoryCount * blockRecordSize);
    let position = opening.length;
    for (const segment of segments) {
      segment.blocks.writeInto(blockTable, position);
      position += await appendFile(file, segment.path);
    }
    const packTable = Buffer.concat(packs.map(toPackRecord));
    const closing = toClosing(position, directoryCount, position + blockTable.length, packs.length);
    for (const part of [blockTable, packTable, closing]) await file.writeFile(part);
    await file.sync();
    return {
      digest: digestOf(opening, blockTable, packTable, closing),
      size: position + blockTable.length + packTable.length + closing.length,
    };
  } finally {
    await file.close();
  }
}

/** The digest of a manifest: over its opening, tables and closing. */
export function digestOf(...parts: readonly Buffer[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

function toOpening(identity: string): Buffer {
  const text = Buffer.from(identity, "utf8");
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return Buffer.concat([manifestMagic, length, text]);
}

function toPackRecord(pack: PackUse): Buffer {
  const record = Buffer.alloc(packRecordSize);
  record.writeUInt32LE(pack.label, 0);
  record.writeBigUInt64LE(BigInt(pack.size), 8);
  record.writeBigUInt64LE(BigInt(pack.used), 16);
  record.write(pack.id, 24, "hex");
  return record;
}

function toClosing(blockTable: number, blocks: number, packTable: number, packs: number): Buffer {
  const closing = Buffer.alloc(closingSize);
  closing.writeBigUInt64LE(BigInt(blockTable), 0);
  closing.writeBigUInt64LE(BigInt(blocks), 8);
  closing.writeBigUInt64LE(BigInt(packTable), 16);
  closing.writeBigUInt64LE(BigInt(packs), 24);
  manifestMagic.copy(closing, 32);
  return closing;
}

async function appendFile(to: FileHandle, path: string): Promise<number> {
  const from = await open(path, "r");
  try {
    const buffer = Buffer.allocUnsafe(1024 * 1024);
    let length = 0;
    for (;;) {
      const { bytesRead } = await from.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return length;
      await to.writeFile(buffer.subarray(0, bytesRead));
      length += bytesRead;
    }
  } finally {
    await from.close();
  }
}
