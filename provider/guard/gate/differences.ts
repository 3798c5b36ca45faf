import { isDeepStrictEqual } from "node:util";
import { entryOf } from "../../platform/records";

/** One property that is not the same on both sides. */
export interface Difference {
  readonly path: string;
  /** As people read it; null: it is not there. */
  readonly from: string | null;
  readonly to: string | null;
}

type Bag = Readonly<Record<string, unknown>>;

const unknownText = "known after up";
const spelledUnknown =
  /^(04da6b54-80e4-46f7-96ec-b56ff0331ba9|6a19a0b0-7e62-4c92-b797-7f8e31da9cc2|dd056dcd-154b-4c76-9bd3-c8f88648b5ff)$/;

/** The leaves at which two property bags differ, in order of their paths. */
export function findDifferences(from: Bag, to: Bag): readonly Difference[] {
  return compare(from, to, []);
}

function compare(from: unknown, to: unknown, path: readonly string[]): readonly Difference[] {
  if (isDeepStrictEqual(from, to)) return [];
  if (!isBag(from) || !isBag(to)) return [{ path: path.join("."), from: show(from), to: show(to) }];
  const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])].sort();
  return keys.flatMap((key) => compare(entryOf(from, key), entryOf(to, key), [...path, key]));
}

function show(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value === "string") return spelledUnknown.test(value) ? unknownText : value;
  return JSON.stringify(value);
}

function isBag(value: unknown): value is Bag {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
