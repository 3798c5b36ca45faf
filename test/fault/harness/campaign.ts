/** `FAULTS=long` runs the campaigns of `npm run test:faults`; otherwise each test has its short form. */
export const isLong = process.env.FAULTS === "long";

/** How often a campaign repeats. */
export function repetitions(short: number, long: number): number {
  return isLong ? long : short;
}

const seedOfRun = Number(process.env.FAULT_SEED ?? (isLong ? Date.now() % 1_000_000 : 1));

/** A source of numbers that are the same for the same `FAULT_SEED` and name. */
export class Chance {
  #state: number;

  constructor(name: string) {
    this.#state = Buffer.from(name).reduce((sum, letter) => (sum * 31 + letter) >>> 0, seedOfRun >>> 0);
  }

  /** At least 0, less than `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let value = this.#state;
    value = Math.imul(value ^ (value >>> 15), value | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) % limit;
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError("nothing to pick from");
    return item;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let at = 0; at < length; at += 1) bytes[at] = this.below(256);
    return bytes;
  }
}

/** Says now and then what a long campaign has done so far, so that one that is stopped was not for nothing. */
export function reportSoFar(campaign: string, done: number, counts: Readonly<Record<string, number>>): void {
  if (isLong && done % 20 === 0) report(`${campaign} so far`, counts);
}

/** Says what a campaign did, with the seed that repeats it. */
export function report(campaign: string, counts: Readonly<Record<string, number>>): void {
  const words = Object.entries(counts).map(([what, count]) => `${count} ${what}`);
  process.stderr.write(`${campaign}: ${words.join(", ")} (FAULT_SEED=${seedOfRun})\n`);
}
