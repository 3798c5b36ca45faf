import { blockRecordSize } from "./manifest-format";

/** Where a thread of a capture put a directory's block. */
export interface ListedBlock {
  readonly directory: number;
  /** In the thread's segment. */
  readonly offset: number;
  readonly length: number;
  readonly digest: Buffer;
}

const listedSize = 4 + 8 + 4 + 32;

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
    block.digest.copy(bytes, at + 16);
    this.#length = at + listedSize;
  }

  toBytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Puts each block's record into its place in a manifest's table. @param start where the segment begins in the manifest. */
  writeInto(table: Buffer, start: number): void {
    const bytes = this.#bytes;
    for (let at = 0; at < this.#length; at += listedSize) {
      const record = bytes.readUInt32LE(at) * blockRecordSize;
      table.writeBigUInt64LE(BigInt(start + bytes.readDoubleLE(at + 4)), record);
      table.writeUInt32LE(bytes.readUInt32LE(at + 12), record + 8);
      bytes.copy(table, record + 16, at + 16, at + listedSize);
    }
  }

  #grow(): void {
    const larger = Buffer.alloc(Math.max(64 * listedSize, this.#bytes.length * 2));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}
