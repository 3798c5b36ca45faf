import { createHash, hash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { isAbsent } from "../../../platform/errors";
import { DamageError } from "./damage";
import type { StoreLayout } from "./layout";
import { findMoved } from "./moved-packs";
import { listPacks, ObjectIndex, type ObjectLocation } from "./object-index";
import { packFileName } from "./pack-format";
import { quarantineKey, readQuarantine } from "./quarantine";

/** Takes one content, in order. `begin` may come again when the first copy turned out to be damaged: what came before is then void. */
export interface ContentSink {
  begin(): void;
  write(chunk: Buffer, position: number): void;
}

/** A content as a manifest names it. */
export interface WantedContent {
  readonly digest: Buffer;
  readonly size: number;
  /** The pack it was put into, or null for no bytes. */
  readonly pack: { readonly id: string; readonly size: number } | null;
  readonly offset: number;
}

/** There is nothing to put into quarantine. */
class MissingPackError extends DamageError {}

const chunkSize = 1024 * 1024;
const openPacks = 16;

/** Reads contents out of packs, each compared with its digest. */
export class ContentReader {
  /** What was found damaged, as the quarantine keeps it. */
  readonly damaged = new Set<string>();
  readonly #files = new Map<string, number>();
  readonly #buffer = Buffer.allocUnsafe(chunkSize);
  #index: ObjectIndex | null = null;
  /** By the id of a pack that was given up: the index of those that have its contents now. */
  readonly #moved = new Map<string, ObjectIndex>();

  constructor(readonly layout: StoreLayout) {}

  /**
   * Reads one content. Where the pack that the manifest names does not have it as it was, any other pack that does is used.
   *
   * @throws DamageError when no intact copy is in the store.
   */
  read(content: WantedContent, sink: ContentSink): void {
    if (content.size === 0 || content.pack === null) {
      if (content.size !== 0) throw new DamageError("the manifest names no pack for it");
      sink.begin();
      return;
    }
    try {
      this.#readFrom(content.pack.id, content, content.offset, sink);
    } catch (error) {
      if (!(error instanceof DamageError)) throw error;
      if (!(error instanceof MissingPackError)) this.damaged.add(quarantineKey(content.pack.id, content.digest));
      this.#readElsewhere(content, content.pack.id, sink, error);
    }
  }

  close(): void {
    for (const file of this.#files.values()) closeSync(file);
    this.#files.clear();
  }

  #readElsewhere(content: WantedContent, failed: string, sink: ContentSink, why: DamageError): void {
    for (const other of this.#findElsewhere(content, failed)) {
      if (other.pack === failed && other.offset === content.offset) continue;
      try {
        this.#readFrom(other.pack, content, other.offset, sink);
        return;
      } catch (error) {
        if (!(error instanceof DamageError)) throw error;
        this.damaged.add(quarantineKey(other.pack, content.digest));
      }
    }
    throw why;
  }

  /** First where the pack's contents are known to have been moved to, then everywhere. */
  *#findElsewhere(content: WantedContent, failed: string): Generator<ObjectLocation> {
    let moved = this.#moved.get(failed);
    if (moved === undefined) {
      moved = new ObjectIndex(this.layout, findMoved(this.layout, failed), readQuarantine(this.layout));
      this.#moved.set(failed, moved);
    }
    yield* moved.find(content.digest, content.size);
    this.#index ??= new ObjectIndex(this.layout, listPacks(this.layout), readQuarantine(this.layout));
    yield* this.#index.find(content.digest, content.size);
  }

  #readFrom(pack: string, content: WantedContent, offset: number, sink: ContentSink): void {
    const file = this.#open(pack);
    if (content.size <= chunkSize) this.#readAtOnce(file, content, offset, sink);
    else this.#readInParts(file, content, offset, sink);
  }

  #readAtOnce(file: number, content: WantedContent, offset: number, sink: ContentSink): void {
    if (readChunk(file, this.#buffer, content.size, offset) < content.size)
      throw new DamageError("its content is cut short");
    const bytes = this.#buffer.subarray(0, content.size);
    if (!hash("sha256", bytes, "buffer").equals(content.digest)) throw new DamageError("its content is changed");
    sink.begin();
    sink.write(bytes, 0);
  }

  #readInParts(file: number, content: WantedContent, offset: number, sink: ContentSink): void {
    const hashing = createHash("sha256");
    sink.begin();
    for (let done = 0; done < content.size; ) {
      const read = readChunk(file, this.#buffer, Math.min(chunkSize, content.size - done), offset + done);
      if (read === 0) throw new DamageError("its content is cut short");
      const chunk = this.#buffer.subarray(0, read);
      hashing.update(chunk);
      sink.write(chunk, done);
      done += read;
    }
    if (!hashing.digest().equals(content.digest)) throw new DamageError("its content is changed");
  }

  #open(pack: string): number {
    const known = this.#files.get(pack);
    if (known !== undefined) return known;
    if (this.#files.size >= openPacks) this.#closeOldest();
    const file = openPack(this.layout, pack);
    this.#files.set(pack, file);
    return file;
  }

  #closeOldest(): void {
    for (const [pack, file] of this.#files) {
      this.#files.delete(pack);
      closeSync(file);
      return;
    }
  }
}

function readChunk(file: number, buffer: Buffer, length: number, position: number): number {
  try {
    return readSync(file, buffer, 0, length, position);
  } catch (cause) {
    throw new DamageError("its content cannot be read", { cause });
  }
}

function openPack(layout: StoreLayout, pack: string): number {
  try {
    return openSync(join(layout.packs, packFileName(pack)), "r");
  } catch (error) {
    if (isAbsent(error)) throw new MissingPackError("the pack with its content is missing");
    throw error;
  }
}
