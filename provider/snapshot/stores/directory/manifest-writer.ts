import { createHash } from "node:crypto";
import { open, writeFile } from "node:fs/promises";
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

/** A manifest that is being written: an opening, then blocks by several threads at once, then all that says where they are. */
export class ManifestDraft {
  /** One `i64`: where the next block may begin. To be shared by all that write blocks; see `ManifestPart`. */
  readonly end = new SharedArrayBuffer(8);
  readonly #opening: Buffer;

  private constructor(
    readonly path: string,
    identity: string,
  ) {
    this.#opening = toOpening(identity);
    new BigInt64Array(this.end)[0] = BigInt(this.#opening.length);
  }

  /** @param identity what is said of the point at the very beginning, so that it can be told even when its header is lost. */
  static async begin(path: string, identity: string): Promise<ManifestDraft> {
    const draft = new ManifestDraft(path, identity);
    await writeFile(path, draft.#opening, { flag: "wx", mode: 0o600 });
    return draft;
  }

  /**
   * Writes the tables, and makes all of it durable.
   *
   * @param blocks where the threads put their blocks.
   * @param directoryCount how many numbers were given to directories.
   */
  async finish(
    blocks: readonly BlockList[],
    directoryCount: number,
    packs: readonly PackUse[],
  ): Promise<ManifestSummary> {
    const blockTable = Buffer.alloc(directoryCount * blockRecordSize);
    for (const list of blocks) list.writeInto(blockTable);
    const packTable = Buffer.concat(packs.map(toPackRecord));
    const position = Number(new BigInt64Array(this.end)[0]);
    const closing = toClosing(position, directoryCount, position + blockTable.length, packs.length);
    const file = await open(this.path, "r+");
    try {
      const tables = Buffer.concat([blockTable, packTable, closing]);
      for (let done = 0; done < tables.length; )
        done += (await file.write(tables, done, tables.length - done, position + done)).bytesWritten;
      await file.sync();
      const digest = digestOf(this.#opening, tables);
      return { digest, size: position + tables.length };
    } finally {
      await file.close();
    }
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
