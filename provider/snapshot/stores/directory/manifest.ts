import { hash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { isAbsent } from "../../../platform/errors";
import { DamageError } from "./damage";
import { BlockCursor, blockRecordSize, closingSize, manifestMagic, noPack, packRecordSize } from "./manifest-format";
import { digestOf, type PackUse } from "./manifest-writer";

/** So much is read at once while blocks are asked for in the order in which they were written. */
const readAhead = 64 * 1024;

/** A manifest that is open for reading. Its tables are in memory, its blocks are read when they are asked for. */
export class Manifest {
  readonly directoryCount: number;
  readonly packs: ReadonlyMap<number, PackUse>;
  /** What was read last. It is never written to again: blocks are views of it. */
  #read: Buffer = Buffer.alloc(0);
  #readAt = 0;
  /** Where the block ended that was asked for last. */
  #end = 0;

  constructor(
    readonly path: string,
    readonly file: number,
    readonly identity: string,
    /** Of the file, in bytes. */
    readonly size: number,
    /** SHA-256 of opening, tables and closing, in hex, as they are found to be. */
    readonly digest: string,
    readonly blockTable: Buffer,
    packTable: Buffer,
  ) {
    this.directoryCount = blockTable.length / blockRecordSize;
    this.packs = readPackTable(packTable);
  }

  /** Where a block is in the file. */
  blockOffset(directory: number): number {
    return Number(this.blockTable.readBigUInt64LE(directory * blockRecordSize));
  }

  /** The inode of a directory that need not be listed again while it is as it was, in 32 bits; 0 for any other. */
  inodeOf(directory: number): number {
    return this.blockTable.readUInt32LE(directory * blockRecordSize + 12);
  }

  /** The SHA-256 that a block has to have: a view, not a copy. */
  digestOf(directory: number): Buffer {
    const at = directory * blockRecordSize + 16;
    return this.blockTable.subarray(at, at + 32);
  }

  /**
   * Reads one directory's block and compares it with its digest.
   *
   * @throws DamageError when it is not what it was.
   */
  block(directory: number): BlockCursor {
    if (directory >= this.directoryCount) throw new DamageError("the manifest names a directory that it does not hold");
    const at = directory * blockRecordSize;
    const length = this.blockTable.readUInt32LE(at + 8);
    const block = this.#take(this.blockOffset(directory), length);
    if (hash("sha256", block, "buffer").compare(this.blockTable, at + 16, at + 48) !== 0)
      throw new DamageError("the manifest is changed where it describes this directory");
    return new BlockCursor(block);
  }

  /** The pack with this label, or null for content of no bytes. */
  packOf(label: number): PackUse | null {
    if (label === noPack) return null;
    const pack = this.packs.get(label);
    if (pack === undefined) throw new DamageError("the manifest names a pack that it does not list");
    return pack;
  }

  close(): void {
    closeSync(this.file);
  }

  #take(offset: number, length: number): Buffer {
    if (offset < this.#readAt || offset + length > this.#readAt + this.#read.length) {
      const isNext = offset >= this.#end && offset < this.#end + readAhead;
      const more = isNext ? Math.min(readAhead, this.size - offset) : 0;
      this.#read = readExactly(this.file, offset, Math.max(length, more), this.size);
      this.#readAt = offset;
    }
    this.#end = offset + length;
    return this.#read.subarray(offset - this.#readAt, this.#end - this.#readAt);
  }
}

/**
 * Opens a manifest.
 *
 * @throws DamageError when it is missing, cut short or cannot be a manifest. A wrong digest is the caller's to judge.
 */
export function openManifest(path: string): Manifest {
  const file = openFile(path);
  try {
    const { size } = fstatSync(file);
    const opening = readOpening(file, size);
    const closing = readExactly(file, size - closingSize, closingSize, size);
    if (!closing.subarray(32).equals(manifestMagic))
      throw new DamageError("the manifest is cut short or changed at its end");
    const blockTableAt = Number(closing.readBigUInt64LE(0));
    const blockTable = readExactly(file, blockTableAt, Number(closing.readBigUInt64LE(8)) * blockRecordSize, size);
    const packTableAt = Number(closing.readBigUInt64LE(16));
    const packTable = readExactly(file, packTableAt, Number(closing.readBigUInt64LE(24)) * packRecordSize, size);
    if (blockTable.length === 0) throw new DamageError("the manifest holds no directory");
    const digest = digestOf(opening, blockTable, packTable, closing);
    return new Manifest(
      path,
      file,
      opening.toString("utf8", manifestMagic.length + 4),
      size,
      digest,
      blockTable,
      packTable,
    );
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

function openFile(path: string): number {
  try {
    return openSync(path, "r");
  } catch (error) {
    if (isAbsent(error)) throw new DamageError("the manifest is missing");
    throw error;
  }
}

function readOpening(file: number, size: number): Buffer {
  const start = readExactly(file, 0, manifestMagic.length + 4, size);
  if (!start.subarray(0, manifestMagic.length).equals(manifestMagic))
    throw new DamageError("the manifest is changed at its beginning");
  return readExactly(file, 0, start.length + start.readUInt32LE(manifestMagic.length), size);
}

function readExactly(file: number, offset: number, length: number, size: number): Buffer {
  if (!(offset >= 0 && length >= 0 && offset + length <= size))
    throw new DamageError("the manifest is cut short or changed");
  const buffer = Buffer.allocUnsafe(length);
  for (let done = 0; done < length; ) {
    const read = readSync(file, buffer, done, length - done, offset + done);
    if (read === 0) throw new DamageError("the manifest is cut short");
    done += read;
  }
  return buffer;
}

function readPackTable(table: Buffer): ReadonlyMap<number, PackUse> {
  const packs = new Map<number, PackUse>();
  for (let at = 0; at < table.length; at += packRecordSize) {
    const label = table.readUInt32LE(at);
    packs.set(label, {
      label,
      size: Number(table.readBigUInt64LE(at + 8)),
      used: Number(table.readBigUInt64LE(at + 16)),
      id: table.toString("hex", at + 24, at + packRecordSize),
    });
  }
  return packs;
}
