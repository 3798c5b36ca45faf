import { Sample, seedDraw } from "./sample";

/** What of a file decides which others it is drawn among. */
export interface Traits {
  /** In bytes. */
  readonly size: number;
  /** How long before its capture it was changed, in milliseconds; negative for a time that lies after it. */
  readonly age: number;
  /** Whether an earlier drill restored it. */
  readonly drilled: boolean;
}

const day = 86_400_000;

/** The upper bounds of the classes of size: nothing, less than a block, what is packed with others, what is not, what takes its time. */
const sizeBounds = [0, 4_096, 1_048_576, 67_108_864] as const;

/** The upper bounds of the classes of age: a day, a month, a year. */
const ageBounds = [day, 30 * day, 365 * day] as const;

/** Of each stratum's share, one in so many is drawn among files that were drilled before: they too may have been damaged since. */
const againOneIn = 4;

/**
 * Draws so many of all that is offered: some of each class of size and age, else in proportion to how many it has; and in each class
 * first of what no drill has restored yet. The same seed draws the same of the same.
 */
export class StratifiedSample<T> {
  readonly #strata = new Map<string, Stratum<T>>();
  #fresh = 0;

  constructor(
    readonly size: number,
    readonly seed: string,
  ) {}

  /** How many of those offered no drill has restored yet. */
  get fresh(): number {
    return this.#fresh;
  }

  offer(item: T, traits: Traits): void {
    const name = `${classOf(traits.size, sizeBounds)}.${classOf(traits.age, ageBounds)}`;
    let stratum = this.#strata.get(name);
    if (stratum === undefined) {
      stratum = new Stratum(this.size, `${this.seed}:${name}`);
      this.#strata.set(name, stratum);
    }
    stratum.offer(item, traits.drilled);
    if (!traits.drilled) this.#fresh += 1;
  }

  draw(): readonly T[] {
    const strata = [...this.#strata].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, stratum]) => stratum);
    const shares = shareOut(
      this.size,
      strata.map((stratum) => stratum.count),
    );
    return strata.flatMap((stratum, index) => stratum.draw(shares[index] ?? 0));
  }
}

class Stratum<T> {
  readonly #fresh: Sample<T>;
  readonly #drilled: Sample<T>;
  readonly #seed: string;
  count = 0;

  constructor(size: number, seed: string) {
    this.#seed = seed;
    this.#fresh = new Sample(size, seedDraw(`${seed}:fresh`));
    this.#drilled = new Sample(size, seedDraw(`${seed}:drilled`));
  }

  offer(item: T, drilled: boolean): void {
    this.count += 1;
    (drilled ? this.#drilled : this.#fresh).offer(item);
  }

  draw(share: number): readonly T[] {
    const [fresh, drilled] = [this.#fresh.kept, this.#drilled.kept];
    const again = Math.max(Math.min(Math.floor(share / againOneIn), drilled.length), share - fresh.length);
    return [
      ...this.#take(fresh, share - again, "fresh"),
      ...this.#take(drilled, Math.min(again, drilled.length), "drilled"),
    ];
  }

  /** So many of a list, each as likely as any other. */
  #take(from: readonly T[], count: number, what: string): readonly T[] {
    const draw = seedDraw(`${this.#seed}:${what}:take`);
    const rest = [...from];
    const taken: T[] = [];
    while (taken.length < count && rest.length > 0) taken.push(...rest.splice(draw(rest.length), 1));
    return taken;
  }
}

/**
 * Shares a number out over groups: at least one to each that has any, the largest first where it does not last for all, and the rest in
 * proportion to their sizes; never more than a group has.
 */
export function shareOut(total: number, sizes: readonly number[]): readonly number[] {
  const all = sizes.reduce((sum, size) => sum + size, 0);
  if (total >= all) return sizes;
  const order = sizes.map((_, index) => index).sort((one, other) => (sizes[other] ?? 0) - (sizes[one] ?? 0));
  const shares = sizes.map(() => 0);
  for (const index of order.slice(0, total)) shares[index] = (sizes[index] ?? 0) > 0 ? 1 : 0;
  const given = shares.reduce((sum, share) => sum + share, 0);
  const left = total - given;
  const spare = all - given;
  if (left === 0 || spare === 0) return shares;
  const exact = sizes.map((size, index) => ((size - (shares[index] ?? 0)) * left) / spare);
  const floors = exact.map((each, index) => (shares[index] ?? 0) + Math.floor(each));
  const missing = total - floors.reduce((sum, share) => sum + share, 0);
  const byRemainder = order.toSorted((one, other) => remainderOf(exact[other]) - remainderOf(exact[one]));
  const rounded = new Set(byRemainder.slice(0, missing));
  return floors.map((share, index) => share + (rounded.has(index) ? 1 : 0));
}

function remainderOf(value = 0): number {
  return value - Math.floor(value);
}

function classOf(value: number, bounds: readonly number[]): number {
  const found = bounds.findIndex((bound) => value <= bound);
  return found === -1 ? bounds.length : found;
}
