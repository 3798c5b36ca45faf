import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  ftruncateSync,
  futimesSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
} from "node:fs";
import { systemCodeOf } from "../../../platform/errors";
import { type BytePath, toFileSystemPath } from "./byte-path";
import type { ContentSink } from "./content-reader";
import type { DirectoryHandle } from "./directory-handle";
import type { Attributes, FileTime } from "./manifest-format";
import { writeFully } from "./write-fully";

/** Makes files, links and directories in directories that are held open, so that nothing is ever written through a symlink. */
export class RestoreTarget {
  readonly #user = process.getuid?.();
  readonly #group = process.getgid?.();

  /**
   * @param overwrite whether what is in the way is replaced.
   * @param warn gets what could not be set.
   */
  constructor(
    readonly overwrite: boolean,
    readonly warn: (path: BytePath, why: string) => void,
  ) {}

  /** Writes one file. When `fill` throws, the file is gone again. */
  file(
    parent: DirectoryHandle,
    name: BytePath,
    path: BytePath,
    attributes: Attributes,
    size: number,
    sparse: boolean,
    fill: (sink: ContentSink) => void,
  ): void {
    const place = toFileSystemPath(parent.prefix + name);
    const file = this.#create(place);
    try {
      fill(toSink(file, sparse));
      if (sparse) ftruncateSync(file, size);
      this.#own(parent, path, attributes, () => fchownSync(file, attributes.user, attributes.group));
      fchmodSync(file, attributes.mode);
      futimesSync(file, toSeconds(attributes.modified), toSeconds(attributes.modified));
    } catch (error) {
      unlinkSync(place);
      throw error;
    } finally {
      closeSync(file);
    }
  }

  link(parent: DirectoryHandle, name: BytePath, path: BytePath, attributes: Attributes, target: BytePath): void {
    const place = toFileSystemPath(parent.prefix + name);
    this.#replacing(place, () => symlinkSync(toFileSystemPath(target), place));
    this.#own(parent, path, attributes, () => lchownSync(place, attributes.user, attributes.group));
    lutimesSync(place, toSeconds(attributes.modified), toSeconds(attributes.modified));
  }

  /** Another name for a file that was restored before. */
  hardLink(from: DirectoryHandle, fromName: BytePath, parent: DirectoryHandle, name: BytePath): void {
    const place = toFileSystemPath(parent.prefix + name);
    this.#replacing(place, () => linkSync(toFileSystemPath(from.prefix + fromName), place));
  }

  /** Makes sure that a directory of this name is there, writable by us for now. */
  directory(parent: DirectoryHandle, name: BytePath): void {
    const place = toFileSystemPath(parent.prefix + name);
    try {
      mkdirSync(place, { mode: 0o700 });
    } catch (error) {
      if (systemCodeOf(error) !== "EEXIST") throw error;
      if (lstatSync(place).isDirectory()) return;
      if (!this.overwrite) throw error;
      unlinkSync(place);
      mkdirSync(place, { mode: 0o700 });
    }
  }

  /** Gives a directory its owner and mode. */
  closeDirectory(handle: DirectoryHandle, path: BytePath, attributes: Attributes): void {
    const place = toFileSystemPath(`${handle.prefix}.`);
    this.#own(null, path, attributes, () => chownSync(place, attributes.user, attributes.group));
    chmodSync(place, attributes.mode);
  }

  /** Gives a directory its time, once everything is in it. */
  timeDirectory(handle: DirectoryHandle, { modified }: Attributes): void {
    utimesSync(toFileSystemPath(`${handle.prefix}.`), toSeconds(modified), toSeconds(modified));
  }

  /** Whether what we make there has this owner by itself. */
  #isOurs(parent: DirectoryHandle, { user, group }: Attributes): boolean {
    return user === this.#user && group === this.#group && (parent.stats.mode & handsDownGroup) === 0n;
  }

  #create(place: string | Buffer): number {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    return this.#replacing(place, () => openSync(place, flags, 0o600));
  }

  #replacing<Result>(place: string | Buffer, make: () => Result): Result {
    try {
      return make();
    } catch (error) {
      if (systemCodeOf(error) !== "EEXIST" || !this.overwrite) throw error;
      rmSync(place, { recursive: true });
      return make();
    }
  }

  /** Who may not give files away keeps them. */
  #own(parent: DirectoryHandle | null, path: BytePath, attributes: Attributes, change: () => void): void {
    if (this.#user === undefined || (parent !== null && this.#isOurs(parent, attributes))) return;
    try {
      change();
    } catch (error) {
      if (systemCodeOf(error) !== "EPERM" && systemCodeOf(error) !== "EINVAL") throw error;
      this.warn(path, `its owner ${attributes.user}:${attributes.group} could not be set by this account`);
    }
  }
}

/** A directory with this bit gives its own group to what is made in it. */
const handsDownGroup = 0o2000n;

/** The nearest instant that Node can set: within a quarter of a microsecond. */
function toSeconds(time: FileTime): number {
  return time.seconds + time.nanoseconds / 1_000_000_000;
}

function toSink(file: number, sparse: boolean): ContentSink {
  let fresh = true;
  return {
    // A file that was ever cut to nothing is written to the disk as soon as it is closed, by ext4 and others.
    begin: () => {
      if (!fresh) ftruncateSync(file, 0);
    },
    write: (chunk, position) => {
      fresh = false;
      if (sparse) writeWithHoles(file, chunk, position);
      else writeFully(file, chunk, position);
    },
  };
}

const holeSize = 4_096;
const zeros = Buffer.alloc(holeSize);

function writeWithHoles(file: number, chunk: Buffer, position: number): void {
  for (let at = 0; at < chunk.length; ) {
    let end = at;
    while (end < chunk.length && !isHole(chunk, end)) end += holeSize;
    end = Math.min(end, chunk.length);
    if (end > at) writeFully(file, chunk.subarray(at, end), position + at);
    at = end;
    while (at < chunk.length && isHole(chunk, at)) at += holeSize;
  }
}

function isHole(chunk: Buffer, at: number): boolean {
  const end = Math.min(at + holeSize, chunk.length);
  return chunk.compare(zeros, 0, end - at, at, end) === 0;
}
