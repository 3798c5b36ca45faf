import { isDeepStrictEqual } from "node:util";

/**
 * What is known about a property bag beyond its schema: which values are what an absent one means, and which arrays are
 * sets. Defaults are frozen: changing one would show as drift for every existing resource.
 */
export interface CanonicalShape {
  /** Values that mean the same as none, by key. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /** The shapes of inner objects, by key. */
  readonly fields?: Readonly<Record<string, CanonicalShape>>;
  /** The shape of every value of a record. */
  readonly each?: CanonicalShape;
  /** An array whose order and repetitions mean nothing. */
  readonly set?: true;
}

/**
 * The one way to write a property bag: without absent values, empty collections and defaults, sets sorted. Idempotent,
 * and what `check`, `read` and every driver's observation agree on, so that equal meaning never shows as a difference.
 */
export function canonicalise(
  inputs: Readonly<Record<string, unknown>>,
  shape: CanonicalShape,
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const key of Object.keys(inputs)) {
    const value = canonicaliseValue(inputs[key], shape.fields?.[key] ?? shape.each ?? {});
    if (
      isNothing(value) ||
      (shape.defaults !== undefined && key in shape.defaults && isDeepStrictEqual(value, shape.defaults[key]))
    )
      continue;
    result[key] = value;
  }
  return result;
}

function canonicaliseValue(value: unknown, shape: CanonicalShape): unknown {
  if (Array.isArray(value))
    return shape.set === true ? sortSet(value) : value.map((item) => canonicaliseValue(item, shape.each ?? {}));
  return isPlainObject(value) ? canonicalise(value, shape) : value;
}

function sortSet(values: readonly unknown[]): readonly unknown[] {
  return [...new Set(values)].sort((left, right) => (String(left) < String(right) ? -1 : 1));
}

function isNothing(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isPlainObject(value) && Object.keys(value).length === 0;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
