import { lstatSync, readdirSync, readlinkSync, type Stats } from "node:fs";
import { systemCodeOf } from "../../../platform/errors";
import { type BytePath, joinPath, toDisplay, toFileSystemPath } from "./byte-path";
import { DamageError } from "./damage";
import { type DirectoryHandle, openDirectory, openParent } from "./directory-handle";
import { DirectoryKeeper, isUnchanged, toSeen } from "./directory-keeper";
import { captureFile, type KnownContents, SourceFailure, toFileTime, toMillisecondsLikeNode } from "./file-capture";
import { ListedDirectories, toShortInode } from "./listed-directories";
import { type Attributes, type BlockCursor, BlockWriter, entryKinds, fileFlags, noPack } from "./manifest-format";
import type { PackWriter } from "./pack-writer";
import { QuickLook } from "./quick-look";
import {
  type DirectoryTask,
  type EmitBlock,
  emptyTotals,
  mostWarnings,
  type SeenDirectory,
  type WalkSettings,
} from "./walk";

/** Content changed within this time of being read may change again without its times showing it. */
const timeGranularityMilliseconds = 2_000;

/** Reads directories, one at a time, and hands out a block for each. */
export class TreeWalk {
  readonly totals = emptyTotals();
  readonly #writer = new BlockWriter();
  readonly #keeper: DirectoryKeeper;
  readonly #listed = new ListedDirectories();
  /** Whether nothing of the directory that is being read was left out. */
  #complete = true;

  /**
   * @param allocateDirectories gives so many directories of one capture numbers of their own, without gaps; the first of them.
   * @param onChanged gets every path that is new, or was changed in any way, since the previous point.
   */
  constructor(
    readonly settings: WalkSettings,
    readonly packs: PackWriter,
    readonly known: KnownContents,
    readonly allocateDirectories: (count: number) => number,
    readonly onChanged: (path: BytePath) => void,
  ) {
    const tools = { known, writer: this.#writer, totals: this.totals, allocateDirectories };
    this.#keeper = new DirectoryKeeper(settings, tools);
  }

  /**
   * Reads one directory: its files into the packs, its entries into a block.
   *
   * @param enqueue gets the directories that it holds, in their order.
   */
  read(task: DirectoryTask, enqueue: (task: DirectoryTask) => void, emit: EmitBlock): void {
    if (this.#keeper.keep(task, enqueue, emit)) return;
    this.#complete = true;
    const listedAt = Date.now();
    const handle = this.#open(task);
    try {
      if (handle === null) this.#writer.begin(toAttributes(task.seen), noAttributes.modified, 0);
      else this.#readEntries(task, handle, enqueue);
      this.totals.directories += 1;
      emit(this.#writer.finish(), null, this.#toListedInode(handle, listedAt));
    } finally {
      handle?.close();
    }
  }

  /** The inode by which the directory may be kept unlisted next time; 0 where it may not. */
  #toListedInode(handle: DirectoryHandle | null, listedAt: number): number {
    if (handle === null || !this.#complete || !this.#listed.canBeKept(handle, listedAt)) return 0;
    return toShortInode(Number(handle.stats.ino));
  }

  #open(task: DirectoryTask): DirectoryHandle | null {
    let handle: DirectoryHandle;
    try {
      if (task.seen !== null && !this.#isStillThere(task.path, task.seen)) return this.#leaveOutReplaced(task.path);
      handle = openDirectory(this.settings.root, task.path);
    } catch (error) {
      if (task.seen === null) throw error;
      return this.#leaveOut(task.path, describeFailure(error, "directory"));
    }
    if (task.seen === null || isSame(handle, task.seen)) return handle;
    handle.close();
    return this.#leaveOutReplaced(task.path);
  }

  /** Whether a directory that was seen by its path alone is what the directory that holds it says, too. */
  #isStillThere(path: BytePath, seen: SeenDirectory): boolean {
    if (seen.parent === null) return true;
    const { handle, name } = openParent(this.settings.root, path);
    try {
      if (!isSame(handle, seen.parent)) return false;
      const stats = lstatSync(toFileSystemPath(handle.prefix + name));
      return stats.ino === seen.inode && stats.dev === seen.device;
    } finally {
      handle.close();
    }
  }

  #leaveOutReplaced(path: BytePath): null {
    return this.#leaveOut(path, "directory was replaced by another while it was read");
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
    const look = previous === null ? null : QuickLook.at(this.settings.root, task.path);
    if (this.settings.tellUnchanged || previous?.ownChangedMilliseconds !== toMillisecondsLikeNode(changed))
      this.onChanged(task.path);
    for (const name of names) {
      if (this.settings.exclusion(task.path, name)) {
        this.#complete = false;
        continue;
      }
      const before = previous === null ? null : seek(previous, name);
      if (before !== null && look !== null && this.#isKept(task.path, name, look, before)) continue;
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
   * Keeps a file that is as it was, looked at by its path. Wherever that path leads by now, what has the same device, inode, size and
   * times is that very file; everything else is looked at again.
   */
  #isKept(directory: BytePath, name: BytePath, look: QuickLook, before: BlockCursor): boolean {
    if (before.kind !== entryKinds.file) return false;
    const stats = look.at(name);
    return (
      stats !== null && stats.dev === before.device && isUnchanged(before, stats) && this.#keep(directory, name, before)
    );
  }

  /** @returns false when the content of an unchanged file has to be read anew. */
  #keep(directory: BytePath, name: BytePath, before: BlockCursor): boolean {
    const stored = this.#keeper.findStored(before);
    if (stored === null) return false;
    this.#writer.copyFile(before, stored.pack, stored.offset);
    this.#count(before.size, stored.pack);
    if (this.settings.tellUnchanged) this.onChanged(joinPath(directory, name));
    return true;
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
    const id = this.allocateDirectories(1);
    this.#writer.directory(name, id);
    const previous = before !== null && before.kind === entryKinds.directory ? before.directory : null;
    enqueue({ id, path, previous, seen: toSeen(stats, null), isChanged: false });
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
    this.#complete = false;
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

function isSame(handle: DirectoryHandle, seen: { readonly device: number; readonly inode: number }): boolean {
  return Number(handle.stats.ino) === seen.inode && Number(handle.stats.dev) === seen.device;
}

/** Of a directory that could not be opened. */
function toAttributes(seen: SeenDirectory | null): Attributes {
  if (seen === null) return noAttributes;
  const { mode, user, group, modifiedMilliseconds } = seen;
  const seconds = Math.floor(modifiedMilliseconds / 1_000);
  return {
    mode,
    user,
    group,
    modified: { seconds, nanoseconds: Math.floor((modifiedMilliseconds - seconds * 1_000) * 1_000_000) },
  };
}

function describeFailure(error: unknown, what: string): string {
  const code = systemCodeOf(error);
  if (code === "ENOENT") return `${what} vanished while it was read`;
  if (code === "EACCES" || code === "EPERM") return `${what} may not be read by this account`;
  if (code === "ELOOP" || code === "ENOTDIR") return `${what} was replaced while it was read`;
  return `${what} could not be read (${code ?? "unknown error"})`;
}
