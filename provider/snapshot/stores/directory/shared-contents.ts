import { DamageError } from "./damage";
import type { KnownContents } from "./file-capture";
import type { StoreLayout } from "./layout";
import { readPackIndex } from "./object-index";
import { indexRecordSize } from "./pack-format";
import type { Placed } from "./pack-writer";
import { quarantineKey } from "./quarantine";

/** What the threads of one capture share to know each other's contents. Memory is used as it fills. */
export interface SharedTable {
  /** State of the loading, and the number of entries. */
  readonly control: SharedArrayBuffer;
  /** Hash table: numbers of entries, plus one. */
  readonly slots: SharedArrayBuffer;
  readonly digests: SharedArrayBuffer;
  readonly labels: SharedArrayBuffer;
  /** Of each entry: offset in its pack, and size. */
  readonly places: SharedArrayBuffer;
}

/** Beyond this many contents, new ones are stored without looking whether they are there already. */
const largestTable = 4 * 1024 * 1024;
/** So many of them may be contents that were stored before; the rest is for what this capture adds. */
const mostStored = 3 * 1024 * 1024;

export function createSharedTable(): SharedTable {
  return {
    control: new SharedArrayBuffer(8),
    slots: new SharedArrayBuffer(largestTable * 2 * 4),
    digests: new SharedArrayBuffer(largestTable * 32),
    labels: new SharedArrayBuffer(largestTable * 4),
    places: new SharedArrayBuffer(largestTable * 16),
  };
}

const loading = { notYet: 0, underWay: 1, done: 2 } as const;

/**
 * The contents of a store, and those that this capture adds, found by their digest from all of its threads. The store's packs
 * are looked through when the first content is asked for: a capture without changes never asks.
 */
export class SharedContents implements KnownContents {
  readonly #control: Int32Array;
  readonly #slots: Int32Array;
  readonly #digests: Buffer;
  readonly #labels: Uint32Array;
  readonly #places: Float64Array;
  readonly #quarantine: ReadonlySet<string>;

  /** @param packIds all packs; the label of each is its place in this list. */
  constructor(
    readonly layout: StoreLayout,
    readonly packIds: readonly string[],
    quarantine: ReadonlySet<string>,
    table: SharedTable,
  ) {
    this.#control = new Int32Array(table.control);
    this.#slots = new Int32Array(table.slots);
    this.#digests = Buffer.from(table.digests);
    this.#labels = new Uint32Array(table.labels);
    this.#places = new Float64Array(table.places);
    this.#quarantine = quarantine;
  }

  find(digest: Buffer, size: number): Placed | null {
    this.#ensureLoaded();
    const mask = this.#slots.length - 1;
    for (let slot = digest.readUInt32LE(0) & mask; ; slot = (slot + 1) & mask) {
      const entry = Atomics.load(this.#slots, slot) - 1;
      if (entry < 0) return null;
      if (this.#digests.compare(digest, 0, 32, entry * 32, entry * 32 + 32) !== 0) continue;
      if (this.#places[entry * 2 + 1] !== size) continue;
      return { pack: this.#labels[entry] ?? 0, offset: this.#places[entry * 2] ?? 0 };
    }
  }

  add(digest: Buffer, size: number, placed: Placed): void {
    this.#insert(digest, 0, size, placed.pack, placed.offset, largestTable);
  }

  /** An entry is written before its slot, so whoever sees the slot sees all of it. */
  #insert(digest: Buffer, at: number, size: number, label: number, offset: number, limit: number): void {
    const entry = Atomics.add(this.#control, 1, 1);
    if (entry >= limit) return;
    digest.copy(this.#digests, entry * 32, at, at + 32);
    this.#labels[entry] = label;
    this.#places[entry * 2] = offset;
    this.#places[entry * 2 + 1] = size;
    const mask = this.#slots.length - 1;
    let slot = digest.readUInt32LE(at) & mask;
    while (Atomics.compareExchange(this.#slots, slot, 0, entry + 1) !== 0) slot = (slot + 1) & mask;
  }

  #ensureLoaded(): void {
    if (Atomics.load(this.#control, 0) === loading.done) return;
    if (Atomics.compareExchange(this.#control, 0, loading.notYet, loading.underWay) !== loading.notYet) {
      Atomics.wait(this.#control, 0, loading.underWay);
      return;
    }
    try {
      this.packIds.forEach((id, label) => this.#load(id, label));
    } finally {
      // Also after a failure, so that no thread waits for what never comes; the failure ends the capture.
      Atomics.store(this.#control, 0, loading.done);
      Atomics.notify(this.#control, 0);
    }
  }

  #load(id: string, label: number): void {
    if (Atomics.load(this.#control, 1) >= mostStored) return;
    const index = tryReadPackIndex(this.layout, id);
    if (index === null) return;
    for (let at = 0; at < index.length; at += indexRecordSize) {
      if (this.#quarantine.size > 0 && this.#quarantine.has(quarantineKey(id, index.subarray(at, at + 32)))) continue;
      const offset = Number(index.readBigUInt64LE(at + 32));
      this.#insert(index, at, Number(index.readBigUInt64LE(at + 40)), label, offset, mostStored);
    }
  }
}

/** Null for a damaged index: what it holds is stored anew, and verifications report it. */
function tryReadPackIndex(layout: StoreLayout, id: string): Buffer | null {
  try {
    return readPackIndex(layout, id);
  } catch (error) {
    if (error instanceof DamageError) return null;
    throw error;
  }
}
