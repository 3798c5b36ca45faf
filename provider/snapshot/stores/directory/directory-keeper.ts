import type { Stats } from "node:fs";
import { joinPath } from "./byte-path";
import { DamageError } from "./damage";
import type { KnownContents } from "./file-capture";
import { toShortInode } from "./listed-directories";
import { type BlockCursor, type BlockWriter, entryKinds, fileFlags, noPack } from "./manifest-format";
import type { Placed } from "./pack-writer";
import { quarantineKey } from "./quarantine";
import { QuickLook } from "./quick-look";
import type { DirectoryTask, EmitBlock, SeenDirectory, WalkSettings, WalkTotals } from "./walk";

/** What keeping a directory needs beside what the whole walk knows. */
export interface KeeperTools {
  readonly known: KnownContents;
  readonly writer: BlockWriter;
  readonly totals: WalkTotals;
  /** Takes so many numbers for directories, one after the other; the first of them. */
  allocateDirectories(count: number): number;
}

/** Larger directories are listed in any case: that costs little for each entry, and nothing is looked at twice when one of them changed. */
const mostEntries = 1_000;

/**
 * Keeps directories in which nothing changed since the previous point, without opening or listing them: while a directory has the
 * inode and the times that it had, it has the names that it had. Each entry is looked at by its path, which takes less time than
 * through its open directory. Wherever that path leads by now, what has the same device, inode, size and times is that very file.
 */
export class DirectoryKeeper {
  constructor(
    readonly settings: WalkSettings,
    readonly tools: KeeperTools,
  ) {}

  /** Hands out a directory's block if everything in it is as it was. @returns false otherwise; then nothing has happened. */
  keep(task: DirectoryTask, enqueue: (task: DirectoryTask) => void, emit: EmitBlock): boolean {
    const { previous, seen } = task;
    if (previous === null || seen === null || task.isChanged || this.settings.tellUnchanged) return false;
    const look = QuickLook.at(this.settings.root, task.path);
    if (look === null) return false;
    const before = this.#findAsBefore(previous, seen);
    if (before === null) return false;
    const inner = new Array<InnerDirectory>();
    const found: Found = { files: 0, links: 0, bytes: 0, used: new Map() };
    this.tools.writer.copyBlock(before);
    while (before.next()) {
      if (this.settings.exclusion(task.path, before.name)) return false;
      const stats = look.at(before.name);
      if (stats === null || stats.dev !== before.device) return false;
      if (before.kind === entryKinds.file) {
        if (!this.#keepFile(before, stats, found)) return false;
      } else if (before.kind === entryKinds.link) {
        if (!this.#keepLink(before, look, stats)) return false;
        found.links += 1;
      } else {
        if (!stats.isDirectory() || this.#isStore(stats)) return false;
        inner.push({ start: before.start, name: before.name, previous: before.directory, stats });
      }
    }
    this.#enqueueAll(task, seen, inner, enqueue);
    this.#add(found);
    this.#emit(previous, before, emit);
    return true;
  }

  /** Where an unchanged file's content is; null when it must be read anew. */
  findStored(before: BlockCursor): Placed | null {
    if (before.pack === noPack) return { pack: noPack, offset: 0 };
    const label = this.settings.previous?.labels.get(before.pack);
    if (label !== undefined && !this.#isInQuarantine(before)) return { pack: label, offset: before.offset };
    return this.tools.known.find(before.digest, before.size);
  }

  /** What the directory held; null unless it is the very same one, and nothing in it was added, removed or renamed. */
  #findAsBefore(number: number, seen: SeenDirectory): BlockCursor | null {
    const { previous } = this.settings;
    if (previous === null || number >= previous.manifest.directoryCount) return null;
    if (previous.manifest.inodeOf(number) !== toShortInode(seen.inode)) return null;
    try {
      const before = previous.manifest.block(number);
      const same =
        before.device === seen.device &&
        before.ownChangedMilliseconds === seen.changedMilliseconds &&
        before.ownModifiedMilliseconds === seen.modifiedMilliseconds &&
        before.count <= mostEntries;
      return same ? before : null;
    } catch (error) {
      if (error instanceof DamageError) return null;
      throw error;
    }
  }

  #keepFile(before: BlockCursor, stats: Stats, found: Found): boolean {
    if (!isUnchanged(before, stats)) return false;
    const stored = this.findStored(before);
    if (stored === null) return false;
    this.tools.writer.placeFile(before, stored.pack, stored.offset);
    found.files += 1;
    found.bytes += before.size;
    if (stored.pack !== noPack) found.used.set(stored.pack, (found.used.get(stored.pack) ?? 0) + before.size);
    return true;
  }

  #keepLink(before: BlockCursor, look: QuickLook, stats: Stats): boolean {
    if (!stats.isSymbolicLink() || before.modifiedMilliseconds !== stats.mtimeMs) return false;
    const { mode, user, group } = before.attributes;
    if (mode !== (stats.mode & 0o7777) || user !== stats.uid || group !== stats.gid) return false;
    return before.target === look.targetOf(before.name);
  }

  #isStore(stats: Stats): boolean {
    return stats.ino === this.settings.store.inode && stats.dev === this.settings.store.device;
  }

  #isInQuarantine(before: BlockCursor): boolean {
    const { previous } = this.settings;
    if (previous === null || previous.quarantine.size === 0) return false;
    const pack = previous.manifest.packOf(before.pack);
    return pack !== null && previous.quarantine.has(quarantineKey(pack.id, before.digest));
  }

  /** The directories in it were seen by their paths, which proves nothing of those that changed: these are looked at again. */
  #enqueueAll(
    task: DirectoryTask,
    seen: SeenDirectory,
    inner: readonly InnerDirectory[],
    enqueue: (task: DirectoryTask) => void,
  ): void {
    if (inner.length === 0) return;
    let id = this.tools.allocateDirectories(inner.length);
    const parent = { device: seen.device, inode: seen.inode };
    for (const { start, name, previous, stats } of inner) {
      this.tools.writer.numberDirectory(start, id);
      enqueue({ id, path: joinPath(task.path, name), previous, seen: toSeen(stats, parent), isChanged: false });
      id += 1;
    }
  }

  #add(found: Found): void {
    const { totals } = this.tools;
    totals.directories += 1;
    totals.files += found.files;
    totals.links += found.links;
    totals.bytes += found.bytes;
    for (const [label, used] of found.used) totals.used.set(label, (totals.used.get(label) ?? 0) + used);
  }

  #emit(number: number, before: BlockCursor, emit: EmitBlock): void {
    const { previous } = this.settings;
    const block = this.tools.writer.finish();
    const inode = previous?.manifest.inodeOf(number) ?? 0;
    emit(block, before.block.equals(block) ? (previous?.manifest.digestOf(number) ?? null) : null, inode);
  }
}

interface Found {
  files: number;
  links: number;
  bytes: number;
  /** As in the totals. */
  readonly used: Map<number, number>;
}

interface InnerDirectory {
  /** Of its entry in the block. */
  readonly start: number;
  readonly name: string;
  readonly previous: number;
  readonly stats: Stats;
}

/** @param parent the directory that holds it, where it was seen by its path alone. */
export function toSeen(stats: Stats, parent: SeenDirectory["parent"]): SeenDirectory {
  return {
    device: stats.dev,
    inode: stats.ino,
    changedMilliseconds: stats.ctimeMs,
    modifiedMilliseconds: stats.mtimeMs,
    mode: stats.mode & 0o7777,
    user: stats.uid,
    group: stats.gid,
    parent,
  };
}

export function isUnchanged(before: BlockCursor, stats: Stats): boolean {
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
