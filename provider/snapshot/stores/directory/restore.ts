import { readdirSync, realpathSync } from "node:fs";
import { isAbsolute } from "node:path";
import { ensureDirectory } from "../../../platform/atomic-file";
import { PostureError } from "../../../platform/errors";
import { explainRestoreFailure } from "../restore-failure";
import type { PointId, RestoreRequest, RestoreResult } from "../store";
import { BatchPool } from "./batch-pool";
import { type BytePath, fromText, joinPath, toDisplay } from "./byte-path";
import { DamageError } from "./damage";
import { DirectoryBatches, isSmallPoint } from "./directory-batches";
import { type DirectoryHandle, openDirectory } from "./directory-handle";
import { ExactTimes, whyNotExact } from "./exact-times";
import type { StoreLayout } from "./layout";
import type { Manifest } from "./manifest";
import { type BlockCursor, entryKinds } from "./manifest-format";
import { requireManifest, requirePoint } from "./point-access";
import { type PointDirectory, walkDirectories } from "./point-content";
import { readTrustedHeader } from "./point-header";
import { restoreAttributes } from "./restore-attributes";
import {
  type FirstNames,
  mostRemarks,
  type Remark,
  RestoreFiles,
  type RestoreResultPart,
  type RestoreSetup,
  remark,
} from "./restore-files";
import { everything, type Selection, toSelection } from "./restore-selection";
import { RestoreTarget } from "./restore-target";
import { type AttributesReference, readAttributes } from "./stored-attributes";
import { Turns } from "./turns";

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
  const point = requirePoint(layout, id);
  const { manifest, damage } = requireManifest(layout, id);
  try {
    const root = await prepareTarget(request);
    const setup = {
      layout,
      manifest: manifest.path,
      root,
      only: request.only ?? null,
      overwrite: request.overwrite === true,
      throttle: request.throttle ?? null,
    };
    const attributes = readTrustedHeader(layout, id)?.attributes ?? null;
    const restoration = new Restoration(manifest, setup, selection ?? everything, request, attributes);
    if (damage !== null) restoration.damageWhole(damage);
    // What is held back holds its thread: never this one.
    const result = await restoration.run(request.throttle === undefined && isSmallPoint(point), signal);
    for (const path of selection?.paths ?? [])
      if (!restoration.seen.has(path))
        throw new PostureError("usage", `${toDisplay(path)}: recovery point ${id} holds nothing of this name`);
    if (restoration.damagedFiles > 0) throw describeDamage(layout, id, restoration);
    return result;
  } catch (error) {
    throw explainRestoreFailure(request.to, error);
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
  /** The first damaged paths; `damagedFiles` has them all. */
  readonly damaged: Remark[] = [];
  damagedFiles = 0;
  readonly #warnings: Remark[] = [];
  readonly #counts = { files: 0, directories: 0, links: 0, bytes: 0 };
  readonly #hardLinked: PointDirectory[] = [];
  readonly #closed: PointDirectory[] = [];
  readonly #target: RestoreTarget;
  #times: ExactTimes | null = null;

  constructor(
    readonly manifest: Manifest,
    readonly setup: RestoreSetup,
    readonly selection: Selection,
    readonly request: RestoreRequest,
    readonly attributes: AttributesReference,
  ) {
    this.#target = new RestoreTarget(setup.overwrite, (path, why) => remark(this.#warnings, path, why));
  }

  /** Directories are made here, from the root down; what is in them is restored by as many threads as pay. */
  async run(small: boolean, signal: AbortSignal): Promise<RestoreResult> {
    this.#startTimes(signal);
    try {
      await this.#restoreFiles(small, signal);
      await this.#restoreHardLinked(signal);
      this.#warn(await this.#times?.finish());
      await this.#closeDirectories(signal);
      this.#warn(await this.#restoreAttributes(this.setup.root, signal));
    } finally {
      await this.#times?.abandon();
    }
    return { ...this.#counts, warnings: this.#warnings };
  }

  /** Exact times are set by a command, as what Node sets is not exact. */
  #startTimes(signal: AbortSignal): void {
    if (process.platform === "win32") return;
    const why = whyNotExact();
    this.#warn(why);
    if (why === null) this.#times = new ExactTimes(Buffer.from(this.setup.root, "latin1").toString("utf8"), signal);
  }

  #warn(trouble: string | null | undefined): void {
    if (typeof trouble === "string") remark(this.#warnings, "", trouble);
  }

  async #restoreFiles(small: boolean, signal: AbortSignal): Promise<void> {
    const pool = new BatchPool({
      workerFile: "restore-worker",
      create: (setup: RestoreSetup) => new RestoreFiles(setup),
      setup: this.setup,
      small,
      onResult: (part: RestoreResultPart) => this.#add(part),
    });
    try {
      const batches = new DirectoryBatches();
      const turns = new Turns(signal);
      for (const directory of walkDirectories(this.manifest, (path, error) => this.#damage(path, error))) {
        if (!this.#isWanted(directory.path)) continue;
        this.#makeDirectories(directory);
        directory.entries.rewind();
        const batch = batches.add(directory, directory.entries);
        if (batch !== null) await pool.add(batch);
        await turns.next();
      }
      await pool.add(batches.rest());
      await pool.finish();
    } finally {
      await pool.close();
    }
  }

  #isWanted(directory: BytePath): boolean {
    return this.selection.holds(directory) || this.selection.leadsTo(directory);
  }

  #makeDirectories({ path, entries }: { readonly path: BytePath; readonly entries: BlockCursor }): void {
    this.#counts.directories += 1;
    if (this.selection.asksFor(path)) this.seen.add(path);
    let handle: DirectoryHandle | null = null;
    try {
      while (entries.next()) {
        if (entries.kind !== entryKinds.directory || !this.#isWanted(joinPath(path, entries.name))) continue;
        handle ??= openDirectory(this.setup.root, path);
        this.#target.directory(handle, entries.name);
      }
    } finally {
      handle?.close();
    }
  }

  /** Files with several names have to wait for all others: the first name is restored first. */
  async #restoreHardLinked(signal: AbortSignal): Promise<void> {
    const firstNames: FirstNames = new Map();
    await this.#finish(this.#hardLinked.sort(comparePaths), signal, (files, directory) =>
      files.restoreHardLinked(directory, firstNames),
    );
  }

  /** Modes that would have kept us out have to wait for everything else. Innermost first. */
  async #closeDirectories(signal: AbortSignal): Promise<void> {
    await this.#finish(this.#closed.sort(comparePaths).reverse(), signal, (files, directory) =>
      files.closeDirectory(directory),
    );
  }

  async #finish(
    directories: readonly PointDirectory[],
    signal: AbortSignal,
    action: (files: RestoreFiles, directory: PointDirectory) => RestoreResultPart,
  ): Promise<void> {
    if (directories.length === 0) return;
    const files = new RestoreFiles(this.setup);
    try {
      const turns = new Turns(signal);
      for (const directory of directories) {
        this.#add(action(files, directory));
        await turns.next();
      }
    } finally {
      files.close();
    }
  }

  async #restoreAttributes(root: BytePath, signal: AbortSignal): Promise<string | null> {
    try {
      const dump = readAttributes(this.setup.layout, this.attributes);
      return await restoreAttributes(root, dump, this.manifest, this.selection, signal);
    } catch (error) {
      if (!(error instanceof DamageError)) throw error;
      this.#damage("", error);
      return null;
    }
  }

  #add(part: RestoreResultPart): void {
    this.#counts.files += part.files;
    this.#counts.links += part.links;
    this.#counts.bytes += part.bytes;
    this.damagedFiles += part.damagedFiles;
    addUpTo(this.damaged, part.damaged);
    addUpTo(this.#warnings, part.damaged);
    addUpTo(this.#warnings, part.warnings);
    this.#hardLinked.push(...part.hardLinked);
    this.#closed.push(...part.closed);
    for (const path of part.seen) this.seen.add(path);
    this.#times?.add(part.times);
    this.request.onProgress?.({ files: this.#counts.files, bytes: this.#counts.bytes });
  }

  /** The point as a whole is not what it was: what is restored of it cannot count as complete. */
  damageWhole(why: string): void {
    this.#damage("", new DamageError(why));
  }

  #damage(path: BytePath, error: DamageError): void {
    this.damagedFiles += 1;
    remark(this.damaged, path, error.message);
    remark(this.#warnings, path, error.message);
  }
}

function comparePaths(one: PointDirectory, other: PointDirectory): number {
  return one.path < other.path ? -1 : 1;
}

function addUpTo(all: Remark[], more: readonly Remark[]): void {
  all.push(...more.slice(0, Math.max(0, mostRemarks - all.length)));
}

function describeDamage(layout: StoreLayout, id: PointId, restoration: Restoration): PostureError {
  const [first] = restoration.damaged;
  const more = restoration.damagedFiles > 1 ? ` (+${restoration.damagedFiles - 1} more)` : "";
  const what = first === undefined ? "something" : `${first.path}: ${first.why}`;
  return new PostureError(
    "permanent",
    `${layout.root}: recovery point ${id} is damaged: ${what}${more}; everything else was restored; backup-posture verify names all that is affected`,
  );
}
