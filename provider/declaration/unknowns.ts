/** What the engine puts in place of a value, or of a whole object, that is not known before `up`. */
export const unknownValue = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** The paths of all unknown values within a property bag. */
export function findUnknownPaths(value: unknown): readonly (readonly PropertyKey[])[] {
  return findPathsOf(unknownValue, value);
}

/** The paths of one value within a property bag. */
export function findPathsOf(
  wanted: string,
  value: unknown,
  path: readonly PropertyKey[] = [],
): readonly (readonly PropertyKey[])[] {
  if (value === wanted) return [path];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    findPathsOf(wanted, inner, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}

/** Whether a path is another, or leads below it. */
export function liesWithin(path: readonly PropertyKey[], other: readonly PropertyKey[]): boolean {
  return path.length >= other.length && other.every((step, index) => step === path[index]);
}

/** Whether a fault at `path` may go away once the unknown values are known: it lies at, below or above one of them. */
export function concernsUnknown(
  path: readonly PropertyKey[],
  unknownPaths: readonly (readonly PropertyKey[])[],
): boolean {
  return unknownPaths.some((unknown) => liesWithin(path, unknown) || liesWithin(unknown, path));
}
