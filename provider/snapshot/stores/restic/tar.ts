import type { Readable } from "node:stream";

/** One entry of a tar archive, while it is read. */
export interface TarEntry {
  /** As bytes, each a character, without a slash at its end. */
  readonly name: string;
  /** `0` file, `2` link, `5` directory, others as tar knows them. */
  readonly type: string;
  readonly size: number;
  /** Links only. */
  readonly target: string;
  /** The extended header, values as bytes, each a character. */
  readonly records: ReadonlyMap<string, string>;
  /** Gives the content piece by piece. What is not read is skipped. */
  readonly content: AsyncIterable<Buffer>;
}

const blockBytes = 512;

/**
 * Reads a tar archive as it comes: ustar with POSIX extended headers, as restic writes it. Names and values are bytes, not text.
 *
 * @throws RangeError where it is not such an archive, or ends too early.
 */
export async function* readTar(input: Readable): AsyncGenerator<TarEntry> {
  const blocks = new Blocks(input);
  let records = new Map<string, string>();
  for (;;) {
    const header = await blocks.take(blockBytes);
    if (header === null || header.every((byte) => byte === 0)) break;
    const type = String.fromCharCode(header[156] ?? 0).replace("\0", "0");
    const size = Number(records.get("size") ?? readNumber(header, 124, 12));
    if (type === "x") {
      records = parseRecords(await blocks.require(size));
      await blocks.skip(padding(size));
      continue;
    }
    const content = blocks.read(size);
    yield {
      name: (records.get("path") ?? readName(header)).replace(/\/+$/, ""),
      type,
      size,
      target: records.get("linkpath") ?? readText(header, 157, 100),
      records,
      content,
    };
    await exhaust(content);
    await blocks.skip(padding(size));
    records = new Map();
  }
  await blocks.drain();
}

/** Bytes of a stream, by count. */
class Blocks {
  readonly #chunks: AsyncIterator<unknown>;
  #rest = Buffer.alloc(0);

  constructor(input: Readable) {
    this.#chunks = input[Symbol.asyncIterator]();
  }

  /** Null at the end of the stream. */
  async take(count: number): Promise<Buffer | null> {
    while (this.#rest.length < count) {
      const next = await this.#next();
      if (next === null) {
        if (this.#rest.length === 0) return null;
        throw new RangeError("the archive ends within an entry");
      }
      this.#rest = this.#rest.length === 0 ? next : Buffer.concat([this.#rest, next]);
    }
    const taken = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(count);
    return taken;
  }

  async require(count: number): Promise<Buffer> {
    const taken = await this.take(count);
    if (taken === null) throw new RangeError("the archive ends within an entry");
    return taken;
  }

  async skip(count: number): Promise<void> {
    if (count > 0) await this.require(count);
  }

  async *read(count: number): AsyncGenerator<Buffer> {
    for (let left = count; left > 0; ) {
      if (this.#rest.length === 0) {
        const next = await this.#next();
        if (next === null) throw new RangeError("the archive ends within an entry");
        this.#rest = next;
      }
      const part = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }

  async drain(): Promise<void> {
    while ((await this.#next()) !== null);
  }

  async #next(): Promise<Buffer<ArrayBuffer> | null> {
    const next = await this.#chunks.next();
    if (next.done === true) return null;
    if (!(next.value instanceof Uint8Array)) throw new RangeError("an archive is bytes");
    return Buffer.from(next.value);
  }
}

async function exhaust(pieces: AsyncGenerator<Buffer>): Promise<void> {
  while ((await pieces.next()).done !== true);
}

function padding(size: number): number {
  return (blockBytes - (size % blockBytes)) % blockBytes;
}

/** Octal digits, or, from 8 GiB on, a binary number. */
function readNumber(header: Buffer, at: number, length: number): number {
  if (((header[at] ?? 0) & 0x80) !== 0) return header.subarray(at + length - 8, at + length).readUIntBE(2, 6);
  const digits = readText(header, at, length).trim();
  return digits === "" ? 0 : Number.parseInt(digits, 8);
}

function readName(header: Buffer): string {
  const prefix = readText(header, 345, 155);
  const name = readText(header, 0, 100);
  return prefix === "" ? name : `${prefix}/${name}`;
}

function readText(header: Buffer, at: number, length: number): string {
  const end = header.indexOf(0, at);
  return header.toString("latin1", at, end < 0 ? at + length : Math.min(end, at + length));
}

/** `<length> <key>=<value>\n`, where the length counts itself. */
function parseRecords(bytes: Buffer): Map<string, string> {
  const text = bytes.toString("latin1");
  const records = new Map<string, string>();
  for (let at = 0; at < text.length; ) {
    const space = text.indexOf(" ", at);
    const length = Number(text.slice(at, space));
    if (space < 0 || !(length > 0)) throw new RangeError("an extended header is malformed");
    const record = text.slice(space + 1, at + length - 1);
    const equals = record.indexOf("=");
    records.set(record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  return records;
}
