import { createHash, hash } from "node:crypto";
import { type BigIntStats, closeSync, constants, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { systemCodeOf } from "../../../platform/errors";
import { type BytePath, toFileSystemPath } from "./byte-path";
import { type ContentReference, type FileTime, noPack } from "./manifest-format";
import { PackWriter, type Placed } from "./pack-writer";

/** What a capture does with contents that are already stored. */
export interface KnownContents {
  /** Where a content is, or null when it has to be stored. */
  find(digest: Buffer, size: number): Placed | null;
  add(digest: Buffer, size: number, placed: Placed): void;
}

/** A file as it was read. */
export interface CapturedFile {
  readonly content: ContentReference;
  readonly stats: BigIntStats;
  /** Bytes that were added to the store. */
  readonly added: number;
  /** False when it changed at every attempt: what was read need not be what it was at any one moment. */
  readonly steady: boolean;
}

const attempts = 3;

/**
 * Reads a file into the packs, unless its content is there already. It is read again when it changed meanwhile.
 *
 * @param seen what `lstat` said of it before.
 * @returns null when it is not a regular file any more.
 * @throws SourceFailure when it cannot be opened or read; the operating system's error when the store cannot be written.
 */
export function captureFile(path: BytePath, seen: Stats, packs: PackWriter, known: KnownContents): CapturedFile | null {
  const file = fromSource(() => openSync(toFileSystemPath(path), constants.O_RDONLY | noFollow));
  try {
    let before: Pick<Stats, "size" | "ino" | "mtimeMs" | "ctimeMs"> = seen;
    for (let attempt = 1; ; attempt += 1) {
      const read = readIntoPacks(file, before.size, packs, known);
      const stats = fromSource(() => fstatSync(file, { bigint: true }));
      if (!stats.isFile()) {
        read.undo();
        return null;
      }
      const steady = read.content.size === before.size && isSame(before, stats);
      if (steady || attempt === attempts) return { content: read.keep(), stats, added: read.added, steady };
      read.undo();
      before = fromSource(() => fstatSync(file));
    }
  } finally {
    closeSync(file);
  }
}

/** The tree could not be read as it should be; failures of the store that is written are never this. */
export class SourceFailure extends Error {
  override readonly name = "SourceFailure";

  /** @param code the operating system's error code. */
  constructor(
    readonly code: string,
    options: { readonly cause: unknown },
  ) {
    super(code, options);
  }
}

/** A bigint time in nanoseconds as seconds and nanoseconds. */
export function toFileTime(nanoseconds: bigint): FileTime {
  const rest = ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return { seconds: Number((nanoseconds - rest) / 1_000_000_000n), nanoseconds: Number(rest) };
}

/** A time in milliseconds exactly as Node computes `mtimeMs` and `ctimeMs`. */
export function toMillisecondsLikeNode(time: FileTime): number {
  return time.seconds * 1_000 + time.nanoseconds / 1_000_000;
}

function fromSource<Result>(action: () => Result): Result {
  try {
    return action();
  } catch (cause) {
    throw new SourceFailure(systemCodeOf(cause) ?? "unknown error", { cause });
  }
}

/** Nothing on Windows, which has neither. A FIFO that took the file's place must not make us wait. */
const noFollow = constants.O_NOFOLLOW | constants.O_NONBLOCK;

interface ReadContent {
  readonly content: ContentReference;
  readonly added: number;
  keep(): ContentReference;
  undo(): void;
}

function isSame(before: Pick<Stats, "size" | "ino" | "mtimeMs" | "ctimeMs">, after: BigIntStats): boolean {
  return (
    before.size === Number(after.size) &&
    before.ino === Number(after.ino) &&
    before.mtimeMs === toMillisecondsLikeNode(toFileTime(after.mtimeNs)) &&
    before.ctimeMs === toMillisecondsLikeNode(toFileTime(after.ctimeNs))
  );
}

function readIntoPacks(file: number, size: number, packs: PackWriter, known: KnownContents): ReadContent {
  const start = packs.begin();
  const { digest, length } = readOrRollBack(file, size, packs, start);
  if (length === 0) return withoutNewContent({ digest, size: 0, pack: noPack, offset: 0 });
  const found = known.find(digest, length);
  if (found !== null) {
    packs.rollBack(start);
    return withoutNewContent({ digest, size: length, ...found });
  }
  const content = { digest, size: length, ...start };
  return {
    content,
    added: length,
    keep: () => {
      packs.keep(start, digest, length);
      known.add(digest, length, start);
      return content;
    },
    undo: () => packs.rollBack(start),
  };
}

function readOrRollBack(
  file: number,
  size: number,
  packs: PackWriter,
  start: Placed,
): { readonly digest: Buffer; readonly length: number } {
  try {
    return size <= PackWriter.largestReservation ? readAtOnce(file, size, packs) : readInParts(file, size, packs);
  } catch (error) {
    packs.rollBack(start);
    throw error;
  }
}

function withoutNewContent(content: ContentReference): ReadContent {
  return { content, added: 0, keep: () => content, undo: () => undefined };
}

function readAtOnce(
  file: number,
  size: number,
  packs: PackWriter,
): { readonly digest: Buffer; readonly length: number } {
  const { buffer, at } = packs.reserve(size);
  let length = 0;
  while (length < size) {
    const read = fromSource(() => readSync(file, buffer, at + length, size - length, length));
    if (read === 0) break;
    length += read;
  }
  packs.advance(length);
  return { digest: hash("sha256", buffer.subarray(at, at + length), "buffer"), length };
}

function readInParts(
  file: number,
  size: number,
  packs: PackWriter,
): { readonly digest: Buffer; readonly length: number } {
  const hashing = createHash("sha256");
  let length = 0;
  while (length < size) {
    const part = Math.min(PackWriter.largestReservation, size - length);
    const { buffer, at } = packs.reserve(part);
    const read = fromSource(() => readSync(file, buffer, at, part, length));
    if (read === 0) break;
    hashing.update(buffer.subarray(at, at + read));
    packs.advance(read);
    length += read;
  }
  return { digest: hashing.digest(), length };
}
