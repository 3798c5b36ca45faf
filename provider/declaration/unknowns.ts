/** What the engine puts in place of a value, or of a whole object, that is not known before `up`. */
export const unknownValue = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

/** The paths of all unknown values within a property bag. */
export function findUnknownPaths(
  value: unknown,
  path: readonly PropertyKey[] = [],
): readonly (readonly PropertyKey[])[] {
  if (value === unknownValue) return [path];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    findUnknownPaths(inner, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}

/** Whether a fault at `path` may go away once the unknown values are known: it lies at, below or above one of them. */
export function concernsUnknown(
  path: readonly PropertyKey[],
  unknownPaths: readonly (readonly PropertyKey[])[],
): boolean {
  return unknownPaths.some((unknown) => {
    const shared = Math.min(unknown.length, path.length);
    return unknown.slice(0, shared).every((step, index) => step === path[index]);
  });
}
