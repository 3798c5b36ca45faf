import type { Bag } from "./kind";

/** A copy without the keys named and without undefined values, which the engine cannot store. */
export function without(bag: Bag, keys: readonly string[]): Bag {
  return Object.fromEntries(Object.entries(bag).filter(([key, value]) => value !== undefined && !keys.includes(key)));
}

/** A copy of the keys named, as far as they have a value. */
export function only(bag: Bag, keys: readonly string[]): Bag {
  return Object.fromEntries(Object.entries(bag).filter(([key, value]) => value !== undefined && keys.includes(key)));
}

/** The text at a key, or undefined when there is none. */
export function textAt(bag: Bag, key: string): string | undefined {
  const value = bag[key];
  return typeof value === "string" ? value : undefined;
}
