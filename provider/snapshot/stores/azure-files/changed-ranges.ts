import { isDeepStrictEqual } from "node:util";
import { readRefusal } from "./answers";
import type { Connection } from "./connection";
import { type OpenPoint, readManifestOf } from "./point-content";
import { type FoundPoint, takeInventory } from "./points";
import { at } from "./share-snapshots";

/** A part of a file, in bytes; its end is not in it. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

/** Files below this are fetched whole: asking what has changed would take as long. */
export const leastBytesForRanges = 1_048_576;

/** How many other points are asked whether they know a content, those nearest in time first. */
const mostPoints = 10;

/** What lies between two changes, and is fetched with them rather than asked for twice. */
const leastGapBytes = 65_536;

/** The contents that files had in other points of the same tree. */
export class KnownContents {
  readonly #wanted: OpenPoint;
  #others: Promise<readonly Contents[]> | null = null;

  constructor(
    readonly connection: Connection,
    wanted: OpenPoint,
    readonly signal: AbortSignal,
  ) {
    this.#wanted = wanted;
  }

  /** The snapshot, by Azure's name, in which a file had this content; null where none is known. */
  async findSnapshot(path: string, digest: string): Promise<string | null> {
    this.#others ??= this.#listOthers();
    for (const other of await this.#others) if ((await other.digestOf(path)) === digest) return other.taken;
    return null;
  }

  async #listOthers(): Promise<readonly Contents[]> {
    const { points } = await takeInventory(this.connection, this.signal);
    return points
      .filter((other) => isOfSameTree(this.#wanted, other))
      .sort((one, other) => this.#distanceTo(one) - this.#distanceTo(other))
      .slice(0, mostPoints)
      .map((other) => new Contents(this.connection, other, this.signal));
  }

  #distanceTo({ point }: FoundPoint): number {
    return Math.abs(point.startedAt.getTime() - this.#wanted.point.startedAt.getTime());
  }
}

function isOfSameTree(wanted: FoundPoint, other: FoundPoint): boolean {
  const treeOf = ({ header, point }: FoundPoint) => [header?.folder ?? null, point.schedule, point.source];
  return (
    other.header !== null && other.point.id !== wanted.point.id && isDeepStrictEqual(treeOf(other), treeOf(wanted))
  );
}

/** The large files of one point, whose manifest is read when it is first asked. */
class Contents {
  readonly taken: string;
  #digests: Promise<ReadonlyMap<string, string>> | null = null;

  constructor(
    readonly connection: Connection,
    readonly found: FoundPoint,
    readonly signal: AbortSignal,
  ) {
    this.taken = found.snapshot.taken;
  }

  async digestOf(path: string): Promise<string | undefined> {
    this.#digests ??= this.#readDigests();
    return (await this.#digests).get(path);
  }

  async #readDigests(): Promise<ReadonlyMap<string, string>> {
    const { manifest } = await readManifestOf(this.connection, this.found, this.signal);
    const entries = "entries" in manifest ? manifest.entries : [];
    return new Map(entries.flatMap(({ path, size, digest }) => (size < leastBytesForRanges ? [] : [[path, digest]])));
  }
}

/**
 * Where a file differs between two snapshots, in order, by what the service says.
 *
 * @param path relative to the share's root.
 * @returns null where the service cannot tell, as of a file that was moved, or has to be asked for most of it anyway.
 */
export async function findChangedRanges(
  connection: Connection,
  path: string,
  snapshots: readonly [string, string],
  size: number,
  signal: AbortSignal,
): Promise<readonly ByteRange[] | null> {
  const [older, newer] = snapshots[0] < snapshots[1] ? snapshots : [snapshots[1], snapshots[0]];
  const file = at(connection, newer).rootDirectoryClient.getFileClient(path);
  try {
    const { ranges = [], clearRanges = [] } = await connection.requests.send(
      "ask what has changed in a file",
      signal,
      (abortSignal) => file.getRangeListDiff(older, { abortSignal }),
      cannotTell,
    );
    const changed = join([...ranges, ...clearRanges].map(({ start, end }) => ({ from: start, to: end + 1 })));
    const bytes = changed.reduce((sum, { from, to }) => sum + Math.max(0, Math.min(to, size) - from), 0);
    return bytes > size / 2 ? null : changed;
  } catch (error) {
    if (cannotTell(error)) return null;
    throw error;
  }
}

/** What the service refuses to answer of one file is no reason not to fetch it. */
function cannotTell(error: unknown): boolean {
  const status = readRefusal(error)?.status ?? null;
  return status === 400 || status === 404 || status === 409;
}

/** Ranges that lie close together become one. */
function join(ranges: readonly ByteRange[]): readonly ByteRange[] {
  const joined: ByteRange[] = [];
  for (const range of [...ranges].sort((one, other) => one.from - other.from)) {
    const last = joined.at(-1);
    if (last === undefined || range.from - last.to > leastGapBytes) joined.push(range);
    else joined[joined.length - 1] = { from: last.from, to: Math.max(last.to, range.to) };
  }
  return joined;
}
