import { createHash } from "node:crypto";
import { close, closeSync, fsync, ftruncateSync, openSync, renameSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { indexRecordSize, packClosingSize, packFileName, packMagic, packTarget } from "./pack-format";
import { writeFully } from "./write-fully";

/** A pack that is complete: durable, and under its own name. */
export interface FinishedPack {
  readonly label: number;
  readonly id: string;
  /** Of the whole file, in bytes. */
  readonly size: number;
}

/** Where a content was put. */
export interface Placed {
  readonly pack: number;
  readonly offset: number;
}

const bufferSize = 4 * 1024 * 1024;

/**
 * Writes contents into packs, one after the other, through one buffer. Finished packs are made durable in the background; `finish`
 * waits for them. Everything else is synchronous: for small files that is several times as fast.
 */
export class PackWriter {
  readonly #buffer = Buffer.allocUnsafe(bufferSize);
  /** Bytes in the buffer that are not in the file yet. */
  #buffered = 0;
  /** Bytes in the file. */
  #written = 0;
  #file: number | null = null;
  #path = "";
  #label = 0;
  #index: Buffer[] = [];
  #serial = 0;
  readonly #finishing: Promise<FinishedPack>[] = [];

  /**
   * @param allocateLabel gives every new pack of one capture its own number.
   * @param name distinguishes the temporary files of several writers in one directory.
   */
  constructor(
    readonly directories: { readonly temporary: string; readonly packs: string },
    readonly name: string,
    readonly allocateLabel: () => number,
  ) {}

  /** The most that `reserve` gives at a time. */
  static readonly largestReservation = bufferSize / 4;

  /** Where the next content will begin. */
  begin(): Placed {
    if (this.#file === null) this.#openPack();
    return { pack: this.#label, offset: this.#written + this.#buffered };
  }

  /** Room to read into. What was reserved counts once it is `advance`d over. */
  reserve(length: number): { readonly buffer: Buffer; readonly at: number } {
    if (this.#buffered + length > bufferSize) this.#flush();
    return { buffer: this.#buffer, at: this.#buffered };
  }

  advance(length: number): void {
    this.#buffered += length;
  }

  /** Takes back everything after a beginning: it is already stored, or was not read as it should be. */
  rollBack(to: Placed): void {
    if (to.offset >= this.#written) {
      this.#buffered = to.offset - this.#written;
      return;
    }
    if (this.#file !== null) ftruncateSync(this.#file, to.offset);
    this.#written = to.offset;
    this.#buffered = 0;
  }

  /** Keeps what came after a beginning, under its digest. */
  keep(from: Placed, digest: Buffer, length: number): void {
    const record = Buffer.allocUnsafe(indexRecordSize);
    digest.copy(record);
    record.writeBigUInt64LE(BigInt(from.offset), 32);
    record.writeBigUInt64LE(BigInt(length), 40);
    this.#index.push(record);
    if (this.#written + this.#buffered >= packTarget) this.#closePack();
  }

  /** Closes the last pack and waits until all of them are durable and have their names. */
  async finish(): Promise<readonly FinishedPack[]> {
    this.#closePack();
    return await Promise.all(this.#finishing);
  }

  /** Gives up the pack that is not complete. Complete ones stay: they are of use to a later capture. */
  async abandon(): Promise<void> {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
    await Promise.allSettled(this.#finishing);
  }

  #openPack(): void {
    this.#path = join(this.directories.temporary, `${this.name}-${this.#serial++}.pack`);
    this.#file = openSync(this.#path, "wx", 0o600);
    this.#label = this.allocateLabel();
    this.#written = 0;
    this.#buffered = 0;
    this.#index = [];
  }

  #closePack(): void {
    if (this.#file === null) return;
    const file = this.#file;
    if (this.#index.length === 0) {
      this.#file = null;
      closeSync(file);
      unlinkSync(this.#path);
      return;
    }
    this.#flushInto(file);
    const index = Buffer.concat(this.#index);
    const id = createHash("sha256").update(index).digest("hex");
    const closing = Buffer.alloc(packClosingSize);
    closing.writeBigUInt64LE(BigInt(this.#index.length), 0);
    packMagic.copy(closing, 8);
    writeFully(file, Buffer.concat([index, closing]), this.#written);
    const size = this.#written + index.length + packClosingSize;
    this.#file = null;
    const finishing = this.#makeDurable(file, this.#path, { label: this.#label, id, size });
    // A failure is seen by whoever awaits `finish`; until then it must not count as unhandled.
    finishing.catch(() => undefined);
    this.#finishing.push(finishing);
  }

  async #makeDurable(file: number, path: string, pack: FinishedPack): Promise<FinishedPack> {
    await fsyncAndClose(file);
    renameSync(path, join(this.directories.packs, packFileName(pack.id)));
    return pack;
  }

  #flush(): void {
    if (this.#file !== null) this.#flushInto(this.#file);
  }

  #flushInto(file: number): void {
    writeWithHoles(file, this.#buffer.subarray(0, this.#buffered), this.#written);
    this.#written += this.#buffered;
    this.#buffered = 0;
  }
}

const holeSize = 64 * 1024;
const zeros = Buffer.alloc(holeSize);

/** Long runs of zeros are left out: what is not written of a file reads as zeros, and takes no space. */
function writeWithHoles(file: number, bytes: Buffer, position: number): void {
  let begin = 0;
  for (let at = 0; at + holeSize <= bytes.length; at += holeSize) {
    if (zeros.compare(bytes, at, at + holeSize) !== 0) continue;
    writeFully(file, bytes.subarray(begin, at), position + begin);
    begin = at + holeSize;
  }
  writeFully(file, bytes.subarray(begin), position + begin);
}

/** The call begins at once, also while this thread is busy. */
async function fsyncAndClose(file: number): Promise<void> {
  try {
    await promisify(fsync)(file);
  } finally {
    await promisify(close)(file);
  }
}
