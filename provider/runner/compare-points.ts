import { isDeepStrictEqual } from "node:util";
import type { PointEntry } from "../snapshot/stores/store";

/** How two recovery points differ, in numbers of entries. */
export interface PointDifferences {
  /** Entries that only one of them has, or whose kind, size, content or link target differs. */
  readonly content: number;
  /** Entries that are the same but for what both stores kept of modes, owners, times and extended attributes. */
  readonly attributes: number;
}

/** What an account cannot set to the nanosecond: Node sets times from a double. */
const timeTolerance = 2_000n;

/** Compares what two recovery points hold, both in the order that stores list entries in. */
export async function comparePoints(
  one: AsyncIterable<PointEntry>,
  other: AsyncIterable<PointEntry>,
): Promise<PointDifferences> {
  let content = 0;
  let attributes = 0;
  for await (const [left, right] of pair(one, other)) {
    if (left === null || right === null || !isSameContent(left, right)) content += 1;
    else if (!hasSameAttributes(left, right)) attributes += 1;
  }
  return { content, attributes };
}

type Pair = readonly [PointEntry | null, PointEntry | null];

/** The entries of both by their places; null where one has come to its end. */
async function* pair(one: AsyncIterable<PointEntry>, other: AsyncIterable<PointEntry>): AsyncGenerator<Pair> {
  const others = other[Symbol.asyncIterator]();
  try {
    for await (const left of one) {
      const right = await others.next();
      yield [left, right.done === true ? null : right.value];
    }
    for (let right = await others.next(); right.done !== true; right = await others.next()) yield [null, right.value];
  } finally {
    await others.return?.();
  }
}

/** A store that does not tell a file's digest has checked the content in its own way. */
function isSameContent(left: PointEntry, right: PointEntry): boolean {
  return (
    left.path.equals(right.path) &&
    left.kind === right.kind &&
    left.size === right.size &&
    (left.digest === right.digest || left.digest === "" || right.digest === "") &&
    isDeepStrictEqual(left.target, right.target)
  );
}

function hasSameAttributes(left: PointEntry, right: PointEntry): boolean {
  return (
    (left.kind === "link" || left.mode === right.mode) &&
    (left.owner === null || right.owner === null || isDeepStrictEqual(left.owner, right.owner)) &&
    isClose(left.modifiedAt, right.modifiedAt) &&
    isDeepStrictEqual([...left.extendedAttributes].sort(), [...right.extendedAttributes].sort())
  );
}

function isClose(left: bigint, right: bigint): boolean {
  const apart = left - right;
  return apart <= timeTolerance && -apart <= timeTolerance;
}
