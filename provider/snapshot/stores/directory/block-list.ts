import { blockRecordSize } from "./manifest-format";

/** Where a thread of a capture put a directory's block. */
export interface ListedBlock {
  readonly directory: number;
  /** In the manifest. */
  readonly offset: number;
  readonly length: number;
  /** The directory's, in 32 bits; 0 where its entries have to be listed anew in any case. */
  readonly inode: number;
  readonly digest: Buffer;
}

const listedSize = 4 + 8 + 4 + 4 + 32;

/** A list that takes little memory and can be sent to another thread as one piece. */
export class BlockList {
  #bytes: Buffer;
  #length: number;

  /** @param bytes what `toBytes` gave, to go on from there. */
  constructor(bytes: Uint8Array = new Uint8Array(0)) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#length = bytes.byteLength;
  }

  add(block: ListedBlock): void {
    if (this.#length + listedSize > this.#bytes.length) this.#grow();
    const bytes = this.#bytes;
    const at = this.#length;
    bytes.writeUInt32LE(block.directory, at);
    bytes.writeDoubleLE(block.offset, at + 4);
    bytes.writeUInt32LE(block.length, at + 12);
    bytes.writeUInt32LE(block.inode, at + 16);
    block.digest.copy(bytes, at + 20);
    this.#length = at + listedSize;
  }

  /** Adds to the offsets of all blocks from a position in this list on. @returns the position of the next block. */
  moveFrom(position: number, by: number): number {
    for (let at = position; at < this.#length; at += listedSize)
      this.#bytes.writeDoubleLE(this.#bytes.readDoubleLE(at + 4) + by, at + 4);
    return this.#length;
  }

  toBytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Puts each block's record into its place in a manifest's table. */
  writeInto(table: Buffer): void {
    const bytes = this.#bytes;
    for (let at = 0; at < this.#length; at += listedSize) {
      const record = bytes.readUInt32LE(at) * blockRecordSize;
      const offset = bytes.readDoubleLE(at + 4);
      const high = Math.floor(offset / 0x1_0000_0000);
      table.writeUInt32LE(offset - high * 0x1_0000_0000, record);
      table.writeUInt32LE(high, record + 4);
      bytes.copy(table, record + 8, at + 12, at + listedSize);
    }
  }

  #grow(): void {
    const larger = Buffer.alloc(Math.max(64 * listedSize, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
