import { hash } from "node:crypto";
import { lstatSync, readdirSync, readlinkSync, type Stats } from "node:fs";
import { systemCodeOf } from "../../../platform/errors";
import { type BytePath, joinPath, toDisplay, toFileSystemPath } from "./byte-path";
import { DamageError } from "./damage";
import { type DirectoryHandle, longestPath, openDirectory } from "./directory-handle";
import type { Exclusion } from "./exclude";
import { captureFile, type KnownContents, SourceFailure, toFileTime, toMillisecondsLikeNode } from "./file-capture";
import type { Manifest } from "./manifest";
import { type Attributes, type BlockCursor, BlockWriter, entryKinds, fileFlags, noPack } from "./manifest-format";
import type { PackWriter, Placed } from "./pack-writer";
import type { Quarantine } from "./quarantine";
import { quarantineKey } from "./quarantine";

/** A directory that is still to be read. */
export interface DirectoryTask {
  readonly id: number;
  /** Relative to the tree's root. */
  readonly path: BytePath;
  /** Its number in the previous manifest, if it is there. */
  readonly previous: number | null;
  /** As its parent's reader saw it; null for the root. */
  readonly seen: { readonly device: number; readonly inode: number; readonly attributes: Attributes } | null;
}

/** The previous point of the same schedule and source. */
export interface PreviousPoint {
  readonly manifest: Manifest;
  /** From a pack's label there to its label here; a pack that is lost has none. */
  readonly labels: ReadonlyMap<number, number>;
  /** What must not be used again. */
  readonly quarantine: Quarantine;
}

/** What a walk has to know, the same for all its threads. */
export interface WalkSettings {
  readonly root: BytePath;
  readonly exclusion: Exclusion;
  readonly previous: PreviousPoint | null;
  /** Whether what did not change is to be told as changed too. */
  readonly tellUnchanged: boolean;
  /** The store itself is never captured. */
  readonly store: { readonly device: number; readonly inode: number };
}

/** What a walk found, to be added up over its threads. */
export interface WalkTotals {
  files: number;
  directories: number;
  links: number;
  bytes: number;
  addedBytes: number;
  skipped: number;
  readonly warnings: { readonly path: BytePath; readonly why: string }[];
  /** Bytes that the point uses of every pack, by label. */
  readonly used: Map<number, number>;
}

export function emptyTotals(): WalkTotals {
  return { files: 0, directories: 0, links: 0, bytes: 0, addedBytes: 0, skipped: 0, warnings: [], used: new Map() };
}

export const mostWarnings = 100;

/** Content changed within this time of being read may change again without its times showing it. */
const timeGranularityMilliseconds = 2_000;

/** Reads directories, one at a time, and hands out a block for each. */
export class TreeWalk {
  readonly totals = emptyTotals();
  readonly #writer = new BlockWriter();

  /**
   * @param allocateDirectory gives every directory of one capture its own number, without gaps.
   * @param onChanged gets every path that is new, or was changed in any way, since the previous point.
   */
  constructor(
    readonly settings: WalkSettings,
    readonly packs: PackWriter,
    readonly known: KnownContents,
    readonly allocateDirectory: () => number,
    readonly onChanged: (path: BytePath) => void,
  ) {}

  /**
   * Reads one directory: its files into the packs, its entries into a block.
   *
   * @param enqueue gets the directories that it holds, in their order.
   * @param emit gets the block, valid during the call only, and its SHA-256.
   */
  read(
    task: DirectoryTask,
    enqueue: (task: DirectoryTask) => void,
    emit: (block: Buffer, digest: Buffer) => void,
  ): void {
    const handle = this.#open(task);
    try {
      if (handle === null) this.#writer.begin(task.seen?.attributes ?? noAttributes, noAttributes.modified, 0);
      else this.#readEntries(task, handle, enqueue);
    } finally {
      handle?.close();
    }
    this.totals.directories += 1;
    const block = this.#writer.finish();
    emit(block, hash("sha256", block, "buffer"));
  }

  #open(task: DirectoryTask): DirectoryHandle | null {
    let handle: DirectoryHandle;
    try {
      handle = openDirectory(this.settings.root, task.path);
    } catch (error) {
      if (task.seen === null) throw error;
      return this.#leaveOut(task.path, describeFailure(error, "directory"));
    }
    if (
      task.seen === null ||
      (Number(handle.stats.ino) === task.seen.inode && Number(handle.stats.dev) === task.seen.device)
    )
      return handle;
    handle.close();
    return this.#leaveOut(task.path, "directory was replaced by another while it was read");
  }

  #readEntries(task: DirectoryTask, handle: DirectoryHandle, enqueue: (task: DirectoryTask) => void): void {
    const names = this.#list(task, handle);
    const own = handle.stats;
    const device = Number(own.dev);
    const changed = toFileTime(own.ctimeNs);
    this.#writer.begin(
      {
        mode: Number(own.mode) & 0o7777,
        user: Number(own.uid),
        group: Number(own.gid),
        modified: toFileTime(own.mtimeNs),
      },
      changed,
      device,
    );
    const previous = this.#previousEntries(task, device);
    const byPath = previous === null ? null : toQuickPrefix(this.settings.root, task.path);
    if (this.settings.tellUnchanged || previous?.ownChangedMilliseconds !== toMillisecondsLikeNode(changed))
      this.onChanged(task.path);
    for (const name of names) {
      if (this.settings.exclusion(task.path, name)) continue;
      const before = previous === null ? null : seek(previous, name);
      if (before !== null && byPath !== null && this.#isKept(task.path, name, byPath, before)) continue;
      const stats = this.#inspect(task.path, name, handle);
      if (stats === null) continue;
      const kind = stats.mode & 0o170000;
      if (kind === 0o100000) this.#file(task.path, name, handle, stats, before);
      else if (kind === 0o040000) this.#directory(task, name, stats, before, enqueue);
      else if (kind === 0o120000) this.#link(task.path, name, handle, before);
      else this.#leaveOut(joinPath(task.path, name), `${specialKinds.get(kind) ?? "special file"} is not kept`);
    }
  }

  #list(task: DirectoryTask, handle: DirectoryHandle): readonly BytePath[] {
    try {
      return readdirSync(toFileSystemPath(handle.prefix), { encoding: "latin1" }).sort();
    } catch (error) {
      if (task.seen === null) throw error;
      this.#leaveOut(task.path, describeFailure(error, "directory"));
      return [];
    }
  }

  #previousEntries(task: DirectoryTask, device: number): BlockCursor | null {
    if (task.previous === null || this.settings.previous === null) return null;
    try {
      const cursor = this.settings.previous.manifest.block(task.previous);
      // Inodes of another device say nothing.
      return cursor.device === device ? cursor : null;
    } catch (error) {
      // A damaged manifest is no help: everything in this directory is read anew, which also heals it.
      if (error instanceof DamageError) return null;
      throw error;
    }
  }

  #inspect(directory: BytePath, name: BytePath, handle: DirectoryHandle): Stats | null {
    try {
      return lstatSync(toFileSystemPath(handle.prefix + name));
    } catch (error) {
      return this.#leaveOut(joinPath(directory, name), describeFailure(error, "entry"));
    }
  }

  #file(directory: BytePath, name: BytePath, handle: DirectoryHandle, stats: Stats, before: BlockCursor | null): void {
    if (before !== null && isUnchanged(before, stats) && this.#keep(directory, name, before)) return;
    const readAt = Date.now();
    try {
      const captured = captureFile(handle.prefix + name, stats, this.packs, this.known);
      if (captured === null) {
        this.#leaveOut(joinPath(directory, name), "was replaced by something that is not a file while it was read");
        return;
      }
      const { content, stats: now } = captured;
      const recent =
        Math.max(Number(now.ctimeNs / 1_000_000n), Number(now.mtimeNs / 1_000_000n)) >=
        readAt - timeGranularityMilliseconds;
      const flags =
        (now.nlink > 1n ? fileFlags.hardLinked : 0) |
        (now.blocks * 512n < now.size ? fileFlags.sparse : 0) |
        (recent || !captured.steady ? fileFlags.readAgain : 0) |
        (now.dev === handle.stats.dev ? 0 : fileFlags.foreign);
      const attributes = {
        mode: Number(now.mode) & 0o7777,
        user: Number(now.uid),
        group: Number(now.gid),
        modified: toFileTime(now.mtimeNs),
      };
      this.#writer.file(name, flags, attributes, content, { changed: toFileTime(now.ctimeNs), inode: now.ino });
      this.totals.addedBytes += captured.added;
      this.#count(content.size, content.pack);
      this.onChanged(joinPath(directory, name));
      if (!captured.steady)
        this.#warn(joinPath(directory, name), "changed whenever it was read: what was kept may be of several moments");
    } catch (error) {
      if (!(error instanceof SourceFailure)) throw error;
      this.#leaveOut(joinPath(directory, name), describeFailure(error, "file"));
    }
  }

  /**
   * Keeps a file that is as it was, looked at by its path, which takes less time than through the open directory. Wherever that path
   * leads by now, what has the same device, inode, size and times is that very file; everything else is looked at again.
   */
  #isKept(directory: BytePath, name: BytePath, prefix: BytePath, before: BlockCursor): boolean {
    if (before.kind !== entryKinds.file) return false;
    const stats = lstatOrNothing(prefix + name);
    return (
      stats !== null && stats.dev === before.device && isUnchanged(before, stats) && this.#keep(directory, name, before)
    );
  }

  /** @returns false when the content of an unchanged file has to be read anew. */
  #keep(directory: BytePath, name: BytePath, before: BlockCursor): boolean {
    const stored = this.#findStored(before);
    if (stored === null) return false;
    this.#writer.copyFile(before, stored.pack, stored.offset);
    this.#count(before.size, stored.pack);
    if (this.settings.tellUnchanged) this.onChanged(joinPath(directory, name));
    return true;
  }

  /** Where an unchanged file's content is; null when it must be read anew. */
  #findStored(before: BlockCursor): Placed | null {
    if (before.pack === noPack) return { pack: noPack, offset: 0 };
    const label = this.settings.previous?.labels.get(before.pack);
    if (label !== undefined && !this.#isInQuarantine(before)) return { pack: label, offset: before.offset };
    return this.known.find(before.digest, before.size);
  }

  #isInQuarantine(before: BlockCursor): boolean {
    const { previous } = this.settings;
    if (previous === null || previous.quarantine.size === 0) return false;
    const pack = previous.manifest.packOf(before.pack);
    return pack !== null && previous.quarantine.has(quarantineKey(pack.id, before.digest));
  }

  #directory(
    task: DirectoryTask,
    name: BytePath,
    stats: Stats,
    before: BlockCursor | null,
    enqueue: (task: DirectoryTask) => void,
  ): void {
    const path = joinPath(task.path, name);
    if (stats.ino === this.settings.store.inode && stats.dev === this.settings.store.device) {
      this.#note(path, "is the store itself, which is not kept");
      return;
    }
    const id = this.allocateDirectory();
    this.#writer.directory(name, id);
    const attributes = {
      mode: stats.mode & 0o7777,
      user: stats.uid,
      group: stats.gid,
      modified: {
        seconds: Math.floor(stats.mtimeMs / 1_000),
        nanoseconds: Math.floor((stats.mtimeMs % 1_000) * 1_000_000),
      },
    };
    const previous = before !== null && before.kind === entryKinds.directory ? before.directory : null;
    enqueue({ id, path, previous, seen: { device: stats.dev, inode: stats.ino, attributes } });
  }

  #link(directory: BytePath, name: BytePath, handle: DirectoryHandle, before: BlockCursor | null): void {
    const path = toFileSystemPath(handle.prefix + name);
    try {
      const target = readlinkSync(path, { encoding: "latin1" });
      const stats = lstatSync(path, { bigint: true });
      const attributes = {
        mode: Number(stats.mode) & 0o7777,
        user: Number(stats.uid),
        group: Number(stats.gid),
        modified: toFileTime(stats.mtimeNs),
      };
      this.#writer.link(name, attributes, target);
      this.totals.links += 1;
      if (this.settings.tellUnchanged || !isSameLink(before, target, attributes))
        this.onChanged(joinPath(directory, name));
    } catch (error) {
      this.#leaveOut(joinPath(directory, name), describeFailure(error, "link"));
    }
  }

  #count(size: number, label: number): void {
    this.totals.files += 1;
    this.totals.bytes += size;
    if (label !== noPack) this.totals.used.set(label, (this.totals.used.get(label) ?? 0) + size);
  }

  #leaveOut(path: BytePath, why: string): null {
    this.#warn(path, why);
    return null;
  }

  #warn(path: BytePath, why: string): void {
    this.totals.skipped += 1;
    this.#note(path, why);
  }

  #note(path: BytePath, why: string): void {
    if (this.totals.warnings.length < mostWarnings) this.totals.warnings.push({ path: toDisplay(path) || ".", why });
  }
}

const noAttributes: Attributes = { mode: 0o700, user: 0, group: 0, modified: { seconds: 0, nanoseconds: 0 } };

const specialKinds = new Map([
  [0o010000, "FIFO"],
  [0o140000, "socket"],
  [0o020000, "character device"],
  [0o060000, "block device"],
]);

/** Moves the cursor to a name; null when the previous manifest does not have it. Names are asked for in ascending order. */
function seek(cursor: BlockCursor, name: BytePath): BlockCursor | null {
  while (cursor.name < name) if (!cursor.next()) return null;
  return cursor.name === name ? cursor : null;
}

function isSameLink(before: BlockCursor | null, target: BytePath, { modified }: Attributes): boolean {
  if (before === null || before.kind !== entryKinds.link || before.target !== target) return false;
  return before.modifiedMilliseconds === toMillisecondsLikeNode(modified);
}

function isUnchanged(before: BlockCursor, stats: Stats): boolean {
  return (
    before.kind === entryKinds.file &&
    (stats.mode & 0o170000) === 0o100000 &&
    before.size === stats.size &&
    before.modifiedMilliseconds === stats.mtimeMs &&
    before.changedMilliseconds === stats.ctimeMs &&
    before.inodeNumber === stats.ino &&
    (before.flags & (fileFlags.readAgain | fileFlags.foreign)) === 0
  );
}

/** What names are put after, to look at entries by their paths; null where that path would be too long, or is used anyway. */
function toQuickPrefix(root: BytePath, path: BytePath): BytePath | null {
  if (process.platform !== "linux") return null;
  const prefix = path === "" ? `${root}/` : `${root}/${path}/`;
  return prefix.length <= longestPath ? prefix : null;
}

function lstatOrNothing(path: BytePath): Stats | null {
  try {
    return lstatSync(toFileSystemPath(path), { throwIfNoEntry: false }) ?? null;
  } catch {
    // Whatever is wrong shows again, and is reported, when the entry is looked at through its open directory.
    return null;
  }
}

function describeFailure(error: unknown, what: string): string {
  const code = systemCodeOf(error);
  if (code === "ENOENT") return `${what} vanished while it was read`;
  if (code === "EACCES" || code === "EPERM") return `${what} may not be read by this account`;
  if (code === "ELOOP" || code === "ENOTDIR") return `${what} was replaced while it was read`;
  return `${what} could not be read (${code ?? "unknown error"})`;
}
