import { createHash } from "node:crypto";

/** Draws whole numbers below a bound, the same ones for the same seed. */
export type Draw = (below: number) => number;

/** A source of numbers that looks random and repeats itself for the same seed: SHA-256 of the seed and a counter. */
export function seedDraw(seed: string): Draw {
  let counter = 0;
  return (below) => {
    const bytes = createHash("sha256").update(`${seed}:${counter}`).digest();
    counter += 1;
    return Number(bytes.readBigUInt64BE() % BigInt(below));
  };
}

/** Keeps so many of all that is offered, each as likely as any other, without knowing how many will come. */
export class Sample<T> {
  readonly #kept: T[] = [];
  #offered = 0;

  constructor(
    readonly size: number,
    readonly draw: Draw,
  ) {}

  offer(item: T): void {
    this.#offered += 1;
    if (this.#kept.length < this.size) {
      this.#kept.push(item);
      return;
    }
    const index = this.draw(this.#offered);
    if (index < this.size) this.#kept[index] = item;
  }

  get kept(): readonly T[] {
    return this.#kept;
  }
}
