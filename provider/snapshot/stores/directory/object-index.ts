import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";
import { DamageError } from "./damage";
import type { StoreLayout } from "./layout";
import { indexRecordSize, packClosingSize, packFileName, packIdOf, packMagic } from "./pack-format";
import { type Quarantine } from "./quarantine";

/** Where one content is. */
export interface ObjectLocation {
  readonly pack: string;
  readonly offset: number;
}

/** The ids of all packs in the store, sorted. */
export function listPacks(layout: StoreLayout): readonly string[] {
  return readdirSync(layout.packs)
    .map(packIdOf)
    .filter((id) => id !== null)
    .sort();
}

/**
 * The index of one pack: records of digest, offset and length.
 *
 * @throws DamageError when it is missing, or not what the pack's name says.
 */
export function readPackIndex(layout: StoreLayout, id: string): Buffer {
  const file = openPack(layout, id);
  try {
    const { size } = fstatSync(file);
    const closing = readAt(file, size - packClosingSize, packClosingSize, size);
    if (!closing.subarray(8).equals(packMagic)) throw new DamageError(`pack ${id} is cut short or changed at its end`);
    const length = Number(closing.readBigUInt64LE(0)) * indexRecordSize;
    const index = readAt(file, size - packClosingSize - length, length, size);
    if (createHash("sha256").update(index).digest("hex") !== id)
      throw new DamageError(`the index of pack ${id} is changed`);
    return index;
  } finally {
    closeSync(file);
  }
}

/** Finds contents by their digest, over all packs of a store. A pack whose index is damaged is left out, and so is what is in quarantine. */
export class ObjectIndex {
  readonly #slots: Uint32Array;
  readonly #indexes: { readonly pack: string; readonly index: Buffer }[] = [];
  /** Of every record: which index it is in, and where there. Slot numbers are positions in these plus one. */
  readonly #owner: Uint32Array;
  readonly #position: Uint32Array;
  #count = 0;

  constructor(
    layout: StoreLayout,
    packs: readonly string[],
    readonly quarantine: Quarantine,
  ) {
    for (const pack of packs) {
      const index = tryReadPackIndex(layout, pack);
      if (index !== null) this.#indexes.push({ pack, index });
    }
    const total = this.#indexes.reduce((sum, { index }) => sum + index.length / indexRecordSize, 0);
    this.#slots = new Uint32Array(2 ** Math.ceil(Math.log2(total * 1.5 + 2)));
    this.#owner = new Uint32Array(total);
    this.#position = new Uint32Array(total);
    this.#indexes.forEach(({ index }, owner) => {
      for (let at = 0; at < index.length; at += indexRecordSize) this.#add(index, owner, at);
    });
  }

  /** Every place where this content is said to be. @param length null where it is not known. */
  *find(digest: Buffer, length: number | null): Generator<ObjectLocation> {
    const mask = this.#slots.length - 1;
    for (let slot = digest.readUInt32LE(0) & mask; ; slot = (slot + 1) & mask) {
      const record = (this.#slots[slot] ?? 0) - 1;
      if (record < 0) return;
      const owner = this.#indexes[this.#owner[record] ?? 0];
      const at = this.#position[record] ?? 0;
      if (owner === undefined || owner.index.compare(digest, 0, 32, at, at + 32) !== 0) continue;
      if (length !== null && Number(owner.index.readBigUInt64LE(at + 40)) !== length) continue;
      if (this.quarantine.size > 0 && this.quarantine.has(`${owner.pack} ${digest.toString("hex")}`)) continue;
      yield { pack: owner.pack, offset: Number(owner.index.readBigUInt64LE(at + 32)) };
    }
  }

  #add(index: Buffer, owner: number, at: number): void {
    const record = this.#count++;
    this.#owner[record] = owner;
    this.#position[record] = at;
    const mask = this.#slots.length - 1;
    let slot = index.readUInt32LE(at) & mask;
    while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
    this.#slots[slot] = record + 1;
  }
}

/** Null for a damaged index: what it holds cannot be trusted to be found, and verifications report it. */
function tryReadPackIndex(layout: StoreLayout, pack: string): Buffer | null {
  try {
    return readPackIndex(layout, pack);
  } catch (error) {
    if (error instanceof DamageError) return null;
    throw error;
  }
}

function openPack(layout: StoreLayout, id: string): number {
  try {
    return openSync(join(layout.packs, packFileName(id)), "r");
  } catch (cause) {
    throw new DamageError(`pack ${id} cannot be opened`, { cause });
  }
}

function readAt(file: number, offset: number, length: number, size: number): Buffer {
  if (!(offset >= 0 && length >= 0 && offset + length <= size)) throw new DamageError("a pack is cut short or changed");
  const buffer = Buffer.allocUnsafe(length);
  for (let done = 0; done < length; ) {
    const read = readSync(file, buffer, done, length - done, offset + done);
    if (read === 0) throw new DamageError("a pack is cut short");
    done += read;
  }
  return buffer;
}
