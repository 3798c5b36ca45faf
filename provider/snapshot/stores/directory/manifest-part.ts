import { hash } from "node:crypto";
import { closeSync, constants, openSync } from "node:fs";
import { BlockList } from "./block-list";
import { writeFully } from "./write-fully";

const bufferSize = 1024 * 1024;

/** What one thread of a capture writes of the manifest: blocks, straight into the file, beside those of the other threads. */
export class ManifestPart {
  readonly #file: number;
  readonly #end: BigInt64Array;
  readonly #blocks = new BlockList();
  readonly #buffer = Buffer.allocUnsafe(bufferSize);
  #buffered = 0;
  /** From here on, what is listed is in the buffer, and its offset is the one there. */
  #placed = 0;

  /** @param end where the next part of the file begins that nobody has taken yet; shared by all threads. */
  constructor(path: string, end: SharedArrayBuffer) {
    this.#file = openSync(path, constants.O_WRONLY);
    this.#end = new BigInt64Array(end);
  }

  /** Takes a directory's block. @param digest where it is known already. */
  add(directory: number, block: Buffer, digest: Buffer | null, inode: number): void {
    if (this.#buffered + block.length > bufferSize) this.#flush();
    const offset = this.#buffered;
    this.#blocks.add({
      directory,
      offset,
      length: block.length,
      inode,
      digest: digest ?? hash("sha256", block, "buffer"),
    });
    if (block.length > bufferSize) this.#place(block);
    else this.#buffered += block.copy(this.#buffer, this.#buffered);
  }

  /** Writes what is left. @returns a `BlockList`. */
  finish(): Uint8Array {
    this.#flush();
    return this.#blocks.toBytes();
  }

  close(): void {
    closeSync(this.#file);
  }

  #flush(): void {
    if (this.#buffered > 0) this.#place(this.#buffer.subarray(0, this.#buffered));
    this.#buffered = 0;
  }

  #place(bytes: Buffer): void {
    const position = Number(Atomics.add(this.#end, 0, BigInt(bytes.length)));
    writeFully(this.#file, bytes, position);
    this.#placed = this.#blocks.moveFrom(this.#placed, position);
  }
}
