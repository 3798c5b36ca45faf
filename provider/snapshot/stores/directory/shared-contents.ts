import { DamageError } from "./damage";
import type { KnownContents } from "./file-capture";
import type { StoreLayout } from "./layout";
import { readPackIndex } from "./object-index";
import { indexRecordSize } from "./pack-format";
import type { Placed } from "./pack-writer";
import { quarantineKey } from "./quarantine";

/** What the threads of one capture share to know each other's contents. Memory is used as it fills. */
export interface SharedTable {
  /** State of the loading, the number of entries, and the number of slots in use. */
  readonly control: SharedArrayBuffer;
  /** Hash table: numbers of entries, plus one. */
  readonly slots: SharedArrayBuffer;
  /** Of each entry: what an index of a pack says, as it stands there. */
  readonly records: SharedArrayBuffer;
  /** Of each entry: the label of its pack. */
  readonly labels: SharedArrayBuffer;
}

/** Beyond this many contents, new ones are stored without looking whether they are there already. */
const largestTable = 4 * 1024 * 1024;
/** So many of them may be contents that were stored before; the rest is for what this capture adds. */
const mostStored = 3 * 1024 * 1024;
/** Two for each entry at least. Fewer slots are faster: the memory of each is used for the first time here. */
const mostSlots = largestTable * 2;
const fewestSlots = mostSlots / 4;

export function createSharedTable(): SharedTable {
  const control = new SharedArrayBuffer(12);
  new Int32Array(control)[2] = mostSlots;
  return {
    control,
    slots: new SharedArrayBuffer(mostSlots * 4),
    records: new SharedArrayBuffer(largestTable * indexRecordSize),
    labels: new SharedArrayBuffer(largestTable * 4),
  };
}

/** Of a record, in 32-bit words. */
const wordsPerRecord = indexRecordSize / 4;
const offsetWord = 8;
const sizeWord = 10;

const loading = { notYet: 0, underWay: 1, done: 2 } as const;

/**
 * The contents of a store, and those that this capture adds, found by their digest from all of its threads. The store's packs
 * are looked through when the first content is asked for: a capture without changes never asks.
 */
export class SharedContents implements KnownContents {
  readonly #control: Int32Array;
  readonly #slots: Int32Array;
  readonly #records: Buffer;
  /** The same as numbers. */
  readonly #words: Uint32Array;
  readonly #labels: Uint32Array;
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
    this.#records = Buffer.from(table.records);
    this.#words = new Uint32Array(table.records);
    this.#labels = new Uint32Array(table.labels);
    this.#quarantine = quarantine;
  }

  find(digest: Buffer, size: number): Placed | null {
    this.#ensureLoaded();
    const mask = this.#mask;
    for (let slot = digest.readUInt32LE(0) & mask; ; slot = (slot + 1) & mask) {
      const entry = Atomics.load(this.#slots, slot) - 1;
      if (entry < 0) return null;
      const at = entry * indexRecordSize;
      if (this.#records.compare(digest, 0, 32, at, at + 32) !== 0) continue;
      if (this.#numberAt(entry, sizeWord) !== size) continue;
      return { pack: this.#labels[entry] ?? 0, offset: this.#numberAt(entry, offsetWord) };
    }
  }

  /** An entry is written before its slot, so whoever sees the slot sees all of it. */
  add(digest: Buffer, size: number, placed: Placed): void {
    const entry = Atomics.add(this.#control, 1, 1);
    const mask = this.#mask;
    if (entry > mask >> 1) return;
    digest.copy(this.#records, entry * indexRecordSize, 0, 32);
    this.#setNumber(entry, offsetWord, placed.offset);
    this.#setNumber(entry, sizeWord, size);
    this.#labels[entry] = placed.pack;
    let slot = digest.readUInt32LE(0) & mask;
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
      this.#fillSlots();
    } finally {
      // Also after a failure, so that no thread waits for what never comes; the failure ends the capture.
      Atomics.store(this.#control, 0, loading.done);
      Atomics.notify(this.#control, 0);
    }
  }

  /** Nobody else looks at the table meanwhile. */
  #load(id: string, label: number): void {
    const first = Atomics.load(this.#control, 1);
    if (first >= mostStored) return;
    const index = tryReadPackIndex(this.layout, id);
    if (index === null) return;
    const end = Math.min(mostStored, first + index.length / indexRecordSize);
    index.copy(this.#records, first * indexRecordSize, 0, (end - first) * indexRecordSize);
    this.#labels.fill(label, first, end);
    Atomics.store(this.#control, 1, end);
  }

  /** Room for twice what is stored, and for everything where that is nothing: then it is not known how much will be. */
  #fillSlots(): void {
    const count = Atomics.load(this.#control, 1);
    let slots = count === 0 ? mostSlots : fewestSlots;
    while (slots < mostSlots && slots < count * 4) slots *= 2;
    Atomics.store(this.#control, 2, slots);
    const mask = slots - 1;
    for (let entry = 0; entry < count; entry += 1) {
      if (this.#isInQuarantine(entry)) continue;
      let slot = (this.#words[entry * wordsPerRecord] ?? 0) & mask;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = entry + 1;
    }
  }

  #isInQuarantine(entry: number): boolean {
    if (this.#quarantine.size === 0) return false;
    const at = entry * indexRecordSize;
    const id = this.packIds[this.#labels[entry] ?? 0] ?? "";
    return this.#quarantine.has(quarantineKey(id, this.#records.subarray(at, at + 32)));
  }

  get #mask(): number {
    return Atomics.load(this.#control, 2) - 1;
  }

  #numberAt(entry: number, word: number): number {
    const at = entry * wordsPerRecord + word;
    return (this.#words[at + 1] ?? 0) * 0x1_0000_0000 + (this.#words[at] ?? 0);
  }

  #setNumber(entry: number, word: number, value: number): void {
    const at = entry * wordsPerRecord + word;
    const high = Math.floor(value / 0x1_0000_0000);
    this.#words[at] = value - high * 0x1_0000_0000;
    this.#words[at + 1] = high;
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
