import { readdirSync, realpathSync } from "node:fs";
import { isAbsolute } from "node:path";
import { ensureDirectory } from "../../../platform/atomic-file";
import { messageOf, PostureError, systemCodeOf } from "../../../platform/errors";
import type { CaptureWarning, PointId, RestoreRequest, RestoreResult } from "../store";
import { type BytePath, fromText, joinPath, toDisplay } from "./byte-path";
import { ContentReader } from "./content-reader";
import { DamageError } from "./damage";
import { type DirectoryHandle, openDirectory } from "./directory-handle";
import type { StoreLayout } from "./layout";
import type { Manifest } from "./manifest";
import { type Attributes, type BlockCursor, entryKinds, fileFlags } from "./manifest-format";
import { requireManifest } from "./point-access";
import { toWantedContent, walkDirectories } from "./point-content";
import { everything, type Selection, toSelection } from "./restore-selection";
import { RestoreTarget } from "./restore-target";

const mostWarnings = 100;
const turnMilliseconds = 25;

/**
 * Restores a point, or parts of it. What is damaged is left out, and told by the error in the end: everything else is restored.
 */
export async function restorePoint(
  layout: StoreLayout,
  id: PointId,
  request: RestoreRequest,
  signal: AbortSignal,
): Promise<RestoreResult> {
  const selection = request.only === undefined ? null : toSelection(request.only);
  const manifest = requireManifest(layout, id);
  try {
    const root = await prepareTarget(request);
    const restoration = new Restoration(layout, manifest, root, selection ?? everything, request);
    const result = await restoration.run(signal);
    for (const path of selection?.paths ?? [])
      if (!restoration.seen.has(path))
        throw new PostureError("usage", `${toDisplay(path)}: recovery point ${id} holds nothing of this name`);
    if (restoration.damaged.length > 0) throw describeDamage(layout, id, restoration);
    return result;
  } catch (error) {
    throw explainFailure(request.to, error);
  } finally {
    manifest.close();
  }
}

async function prepareTarget(request: RestoreRequest): Promise<BytePath> {
  if (!isAbsolute(request.to))
    throw new PostureError("usage", `${request.to}: the place to restore to must be an absolute path`);
  await ensureDirectory(request.to);
  const root = realpathSync(request.to);
  if (request.overwrite !== true && readdirSync(root).length > 0)
    throw new PostureError("conflict", `${request.to}: is not empty; choose an empty place, or ask for overwriting`);
  return fromText(root);
}

class Restoration {
  readonly seen = new Set<BytePath>();
  /** The first damaged paths; `damagedCount` has them all. */
  readonly damaged: { readonly path: BytePath; readonly why: string }[] = [];
  damagedCount = 0;
  readonly #warnings: CaptureWarning[] = [];
  readonly #target: RestoreTarget;
  readonly #reader: ContentReader;
  readonly #counts = { files: 0, directories: 0, links: 0, bytes: 0 };
  /** Of files with several names, by inode: where the first of them is. */
  readonly #firstNames = new Map<string, { readonly directory: BytePath; readonly name: BytePath }>();
  /** Directories that we could not write to any more once they have their mode. */
  readonly #unfinished: { readonly path: BytePath; readonly own: Attributes }[] = [];

  constructor(
    layout: StoreLayout,
    readonly manifest: Manifest,
    readonly root: BytePath,
    readonly selection: Selection,
    readonly request: RestoreRequest,
  ) {
    this.#reader = new ContentReader(layout);
    this.#target = new RestoreTarget(request.overwrite === true, (path, why) => this.#warn(path, why));
  }

  async run(signal: AbortSignal): Promise<RestoreResult> {
    try {
      let turn = performance.now();
      for (const { path, entries } of walkDirectories(this.manifest, (broken, error) =>
        this.#damage(broken, error.message),
      )) {
        if (!this.selection.holds(path) && !this.selection.leadsTo(path)) continue;
        this.#directory(path, entries);
        if (performance.now() - turn < turnMilliseconds) continue;
        this.request.onProgress?.({ files: this.#counts.files, bytes: this.#counts.bytes });
        await new Promise(setImmediate);
        signal.throwIfAborted();
        turn = performance.now();
      }
      for (const { path, own } of this.#unfinished.reverse()) this.#finish(path, own);
    } finally {
      this.#reader.close();
    }
    this.request.onProgress?.({ files: this.#counts.files, bytes: this.#counts.bytes });
    return { ...this.#counts, warnings: this.#warnings };
  }

  #directory(path: BytePath, entries: BlockCursor): void {
    const handle = openDirectory(this.root, path);
    try {
      this.seen.add(path);
      this.#counts.directories += 1;
      while (entries.next()) this.#entry(handle, path, entries);
      if (!this.selection.holds(path)) return;
      if ((entries.own.mode & 0o300) === 0o300) this.#target.finishDirectory(handle, path, entries.own);
      else this.#unfinished.push({ path, own: entries.own });
    } finally {
      handle.close();
    }
  }

  #entry(handle: DirectoryHandle, directory: BytePath, entry: BlockCursor): void {
    const path = joinPath(directory, entry.name);
    const held = this.selection.holds(path);
    if (entry.kind === entryKinds.directory) {
      if (held || this.selection.leadsTo(path)) this.#target.directory(handle, entry.name);
      return;
    }
    if (!held) return;
    if (this.selection !== everything) this.seen.add(path);
    if (entry.kind === entryKinds.link) {
      this.#target.link(handle, entry.name, path, entry.attributes, entry.target);
      this.#counts.links += 1;
      return;
    }
    try {
      this.#file(handle, directory, entry);
      this.#counts.files += 1;
      this.#counts.bytes += entry.size;
    } catch (error) {
      if (!(error instanceof DamageError)) throw error;
      this.#damage(path, error.message);
    }
  }

  #file(handle: DirectoryHandle, directory: BytePath, entry: BlockCursor): void {
    const key = (entry.flags & fileFlags.hardLinked) === 0 ? null : `${entry.inode} ${entry.digest.toString("hex")}`;
    const first = key === null ? undefined : this.#firstNames.get(key);
    if (first !== undefined) {
      this.#anotherName(first, handle, entry.name);
      return;
    }
    const content = toWantedContent(this.manifest, entry);
    const sparse = (entry.flags & fileFlags.sparse) !== 0;
    const path = joinPath(directory, entry.name);
    this.#target.file(handle, entry.name, path, entry.attributes, entry.size, sparse, (sink) =>
      this.#reader.read(content, sink),
    );
    if (key !== null) this.#firstNames.set(key, { directory, name: entry.name });
  }

  #anotherName(
    first: { readonly directory: BytePath; readonly name: BytePath },
    handle: DirectoryHandle,
    name: BytePath,
  ): void {
    const from = openDirectory(this.root, first.directory);
    try {
      this.#target.hardLink(from, first.name, handle, name);
    } finally {
      from.close();
    }
  }

  #finish(path: BytePath, own: Attributes): void {
    const handle = openDirectory(this.root, path);
    try {
      this.#target.finishDirectory(handle, path, own);
    } finally {
      handle.close();
    }
  }

  #damage(path: BytePath, why: string): void {
    this.damagedCount += 1;
    if (this.damaged.length < mostWarnings) this.damaged.push({ path, why });
    this.#warn(path, why);
  }

  #warn(path: BytePath, why: string): void {
    if (this.#warnings.length < mostWarnings) this.#warnings.push({ path: toDisplay(path) || ".", why });
  }
}

function describeDamage(layout: StoreLayout, id: PointId, restoration: Restoration): PostureError {
  const [first] = restoration.damaged;
  const more = restoration.damagedCount > 1 ? ` (+${restoration.damagedCount - 1} more)` : "";
  const what = first === undefined ? "something" : `${toDisplay(first.path) || "the tree's root"}: ${first.why}`;
  return new PostureError(
    "permanent",
    `${layout.root}: recovery point ${id} is damaged: ${what}${more}; everything else was restored; backup-posture verify names all that is affected`,
  );
}

function explainFailure(to: string, error: unknown): unknown {
  const code = systemCodeOf(error);
  if (error instanceof PostureError || code === undefined || code === "ABORT_ERR") return error;
  const kind = code === "ENOSPC" || code === "EDQUOT" ? "transient" : "permanent";
  return new PostureError(kind, `${to}: the restore failed: ${messageOf(error)}; what was restored so far stays`, {
    cause: error,
  });
}
