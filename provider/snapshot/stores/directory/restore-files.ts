import { blockForTurn, type Throttle } from "../../../platform/throttle";
import type { BatchHandler } from "./batch-worker";
import { type BytePath, joinPath, toDisplay } from "./byte-path";
import { ContentReader, type ContentSink } from "./content-reader";
import { DamageError } from "./damage";
import { type DirectoryHandle, openDirectory } from "./directory-handle";
import { ListedTimes } from "./exact-times";
import type { StoreLayout } from "./layout";
import { type Manifest, openManifest } from "./manifest";
import { type Attributes, type BlockCursor, entryKinds, fileFlags } from "./manifest-format";
import { type PointDirectory, toWantedContent } from "./point-content";
import { everything, type Selection, toSelection } from "./restore-selection";
import { RestoreTarget } from "./restore-target";

export interface RestoreSetup {
  readonly layout: StoreLayout;
  readonly manifest: string;
  /** Where to, with no symlink in it. */
  readonly root: BytePath;
  readonly only: readonly string[] | null;
  readonly overwrite: boolean;
  readonly throttle: Throttle | null;
}

/** Something about one path that people should know. */
export interface Remark {
  readonly path: string;
  readonly why: string;
}

/** What was restored of one batch of directories. */
export interface RestoreResultPart {
  files: number;
  links: number;
  bytes: number;
  damagedFiles: number;
  readonly damaged: Remark[];
  readonly warnings: Remark[];
  /** Directories with files that have several names: they are for the end. */
  readonly hardLinked: PointDirectory[];
  /** Directories whose mode would keep us out: it is set in the end. */
  readonly closed: PointDirectory[];
  /** Those of the paths asked for that were found. */
  readonly seen: BytePath[];
  /** The times of all that was restored, as `ExactTimes` takes them. */
  times: Uint8Array;
}

export const mostRemarks = 100;

/** Restores the files and links of directories that are there already, then gives these directories their attributes. */
export class RestoreFiles implements BatchHandler<readonly PointDirectory[], RestoreResultPart> {
  readonly manifest: Manifest;
  readonly #selection: Selection;
  readonly #reader: ContentReader;
  readonly #target: RestoreTarget;
  readonly #times = new ListedTimes();
  #part = emptyPart();

  constructor(readonly setup: RestoreSetup) {
    this.manifest = openManifest(setup.manifest);
    this.#selection = setup.only === null ? everything : toSelection(setup.only);
    this.#reader = new ContentReader(setup.layout);
    this.#target = new RestoreTarget(setup.overwrite, (path, why) => remark(this.#part.warnings, path, why));
  }

  handle(batch: readonly PointDirectory[]): RestoreResultPart {
    this.#part = emptyPart();
    for (const directory of batch) this.#directory(directory);
    this.#part.times = this.#times.take();
    return this.#part;
  }

  /** Restores files with several names, each content once. To be called for directories in the order of the first names. */
  restoreHardLinked(directory: PointDirectory, firstNames: FirstNames): RestoreResultPart {
    this.#part = emptyPart();
    const handle = openDirectory(this.setup.root, directory.path);
    this.#times.begin(directory.path);
    try {
      const entries = this.manifest.block(directory.id);
      while (entries.next()) {
        const path = joinPath(directory.path, entries.name);
        if (isHardLinked(entries) && this.#selection.holds(path))
          this.#try(path, entries, () => this.#hardLinked(handle, directory.path, entries, firstNames));
      }
      if (this.#selection.holds(directory.path)) this.#timeDirectory(handle, entries.own);
    } finally {
      handle.close();
      this.#times.end();
    }
    this.#part.times = this.#times.take();
    return this.#part;
  }

  /** Gives a directory the owner and mode that would have kept us out. */
  closeDirectory(directory: PointDirectory): RestoreResultPart {
    this.#part = emptyPart();
    const handle = openDirectory(this.setup.root, directory.path);
    try {
      this.#target.closeDirectory(handle, directory.path, this.manifest.block(directory.id).own);
    } finally {
      handle.close();
    }
    return this.#part;
  }

  close(): void {
    this.#reader.close();
    this.manifest.close();
  }

  #directory(directory: PointDirectory): void {
    const handle = openDirectory(this.setup.root, directory.path);
    this.#times.begin(directory.path);
    try {
      const entries = this.manifest.block(directory.id);
      let hardLinked = false;
      while (entries.next()) {
        if (entries.kind === entryKinds.directory) continue;
        const path = joinPath(directory.path, entries.name);
        if (!this.#selection.holds(path)) continue;
        if (this.#selection.asksFor(path)) this.#part.seen.push(path);
        if (isHardLinked(entries)) hardLinked = true;
        else this.#entry(handle, path, entries);
      }
      if (hardLinked) this.#part.hardLinked.push(directory);
      if (!this.#selection.holds(directory.path)) return;
      const { own } = entries;
      if ((own.mode & 0o300) !== 0o300) this.#part.closed.push(directory);
      else this.#target.closeDirectory(handle, directory.path, own);
      if (!hardLinked) this.#timeDirectory(handle, own);
    } finally {
      handle.close();
      this.#times.end();
    }
  }

  #timeDirectory(handle: DirectoryHandle, own: Attributes): void {
    this.#target.timeDirectory(handle, own);
    this.#times.add(".", own.modified);
  }

  #entry(handle: DirectoryHandle, path: BytePath, entry: BlockCursor): void {
    if (entry.kind === entryKinds.file) {
      this.#try(path, entry, () => this.#file(handle, path, entry));
      return;
    }
    const { attributes } = entry;
    this.#target.link(handle, entry.name, path, attributes, entry.target);
    this.#times.add(entry.name, attributes.modified);
    this.#part.links += 1;
  }

  #try(path: BytePath, entry: BlockCursor, restore: () => void): void {
    try {
      restore();
      this.#part.files += 1;
      this.#part.bytes += entry.size;
    } catch (error) {
      if (!(error instanceof DamageError)) throw error;
      this.#part.damagedFiles += 1;
      remark(this.#part.damaged, path, error.message);
    }
  }

  #file(handle: DirectoryHandle, path: BytePath, entry: BlockCursor): void {
    const content = toWantedContent(this.manifest, entry);
    const sparse = (entry.flags & fileFlags.sparse) !== 0;
    const { attributes } = entry;
    this.#target.file(handle, entry.name, path, attributes, entry.size, sparse, (sink) =>
      this.#reader.read(content, this.#throttled(sink)),
    );
    this.#times.add(entry.name, attributes.modified);
  }

  #throttled(sink: ContentSink): ContentSink {
    const { throttle } = this.setup;
    if (throttle === null) return sink;
    return {
      begin: () => sink.begin(),
      write: (chunk, position) => {
        blockForTurn(throttle, chunk.length);
        sink.write(chunk, position);
      },
    };
  }

  #hardLinked(handle: DirectoryHandle, directory: BytePath, entry: BlockCursor, firstNames: FirstNames): void {
    const key = `${entry.inode} ${entry.digest.toString("hex")}`;
    const first = firstNames.get(key);
    if (first === undefined) {
      this.#file(handle, joinPath(directory, entry.name), entry);
      firstNames.set(key, { directory, name: entry.name });
      return;
    }
    const from = openDirectory(this.setup.root, first.directory);
    try {
      this.#target.hardLink(from, first.name, handle, entry.name);
    } finally {
      from.close();
    }
  }
}

/** Of files with several names, by inode and digest: where the first of them was restored. */
export type FirstNames = Map<string, { readonly directory: BytePath; readonly name: BytePath }>;

export function remark(remarks: Remark[], path: BytePath, why: string): void {
  if (remarks.length < mostRemarks) remarks.push({ path: toDisplay(path) || ".", why });
}

function isHardLinked(entry: BlockCursor): boolean {
  return entry.kind === entryKinds.file && (entry.flags & fileFlags.hardLinked) !== 0;
}

function emptyPart(): RestoreResultPart {
  return {
    files: 0,
    links: 0,
    bytes: 0,
    damagedFiles: 0,
    damaged: [],
    warnings: [],
    hardLinked: [],
    closed: [],
    seen: [],
    times: new Uint8Array(),
  };
}
