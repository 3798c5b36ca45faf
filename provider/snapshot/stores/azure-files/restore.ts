import { createHash } from "node:crypto";
import { constants, readdirSync, realpathSync } from "node:fs";
import { type FileHandle, lstat, open, rm, utimes } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { pipeline } from "node:stream/promises";
import { ensureDirectory } from "../../../platform/atomic-file";
import { showPath } from "../../../platform/display";
import { isAbsent, PostureError, systemCodeOf } from "../../../platform/errors";
import { type BytePath, fromText, toFileSystemPath } from "../directory/byte-path";
import { type DirectoryHandle, openDirectory, openParent } from "../directory/directory-handle";
import { everything, toSelection } from "../directory/restore-selection";
import { RestoreTarget } from "../directory/restore-target";
import { explainRestoreFailure } from "../restore-failure";
import type { CaptureWarning, PointId, RestoreRequest, RestoreResult } from "../store";
import { isNotThere } from "./answers";
import { inFolder } from "./capture";
import { findChangedRanges, KnownContents, leastBytesForRanges } from "./changed-ranges";
import type { Connection } from "./connection";
import { type Basis, type Reading, readChangedContent, readContent } from "./content";
import { inParallel } from "./in-parallel";
import type { ManifestEntry } from "./manifest";
import { type OpenPoint, openPoint, requireEntries } from "./point-content";
import type { ShareClient } from "./sdk";
import { at } from "./share-snapshots";

const mostWarnings = 100;

/**
 * Restores a point, or parts of it: contents, names and times. A file that stands there already with this very content is left as it is, so
 * that a restore which was broken off goes on where it was when it is asked for again with `overwrite`; of a large one that stands there as another
 * point knows it, only what has changed is fetched.
 */
export async function restorePoint(
  connection: Connection,
  id: PointId,
  request: RestoreRequest,
  signal: AbortSignal,
): Promise<RestoreResult> {
  const selection = request.only === undefined ? null : toSelection(request.only);
  const opened = await openPoint(connection, id, signal);
  const entries = requireEntries(connection, opened);
  const chosen = entries.filter(({ path, kind }) => {
    const bytes = fromText(path);
    return (selection ?? everything).holds(bytes) || (kind === "directory" && selection?.leadsTo(bytes) === true);
  });
  for (const path of selection?.paths ?? [])
    if (!chosen.some((entry) => fromText(entry.path) === path))
      throw new PostureError(
        "usage",
        `${showPath(Buffer.from(path, "latin1"))}: recovery point ${id} holds nothing of this name`,
      );
  try {
    const root = await prepareTarget(request);
    const restoration = new Restoration(connection, opened, root, request, signal);
    return await restoration.run(id, chosen);
  } catch (error) {
    throw explainRestoreFailure(request.to, error);
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
  readonly #target: RestoreTarget;
  readonly #contents: KnownContents;
  readonly #taken: string;
  readonly #share: ShareClient;
  readonly #folder: string;
  readonly #damaged: CaptureWarning[] = [];
  #damagedFiles = 0;
  #files = 0;
  #bytes = 0;

  constructor(
    readonly connection: Connection,
    opened: OpenPoint,
    readonly root: BytePath,
    readonly request: RestoreRequest,
    readonly signal: AbortSignal,
  ) {
    this.#contents = new KnownContents(connection, opened, signal);
    this.#taken = opened.snapshot.taken;
    this.#share = at(connection, this.#taken);
    this.#folder = opened.header?.folder ?? "";
    this.#target = new RestoreTarget(request.overwrite === true, () => undefined);
  }

  async run(id: PointId, entries: readonly ManifestEntry[]): Promise<RestoreResult> {
    const directories = entries.filter(({ kind }) => kind === "directory");
    for (const { path } of directories) if (path !== "") this.#makeDirectory(path);
    await inParallel(
      entries.filter(({ kind }) => kind === "file"),
      (file) => this.#restoreFile(file),
    );
    for (const directory of [...directories].reverse()) await this.#setTime(directory);
    if (this.#damagedFiles > 0) throw this.#describeDamage(id);
    return { files: this.#files, directories: directories.length, links: 0, bytes: this.#bytes, warnings: [] };
  }

  #makeDirectory(path: string): void {
    const { handle, name } = openParent(this.root, fromText(path));
    try {
      this.#target.directory(handle, name);
    } finally {
      handle.close();
    }
  }

  async #restoreFile(file: ManifestEntry): Promise<void> {
    const { handle, name } = openParent(this.root, fromText(file.path));
    try {
      const place = toFileSystemPath(handle.prefix + name);
      if (!(await this.#putInPlace(place, file))) return;
      this.#files += 1;
      this.#bytes += file.size;
      this.request.onProgress?.({ files: this.#files, bytes: this.#bytes });
    } finally {
      handle.close();
    }
  }

  /** False where the snapshot does not hold what the manifest says. */
  async #putInPlace(place: string | Buffer, file: ManifestEntry): Promise<boolean> {
    if (this.request.overwrite !== true) return await this.#writeFile(place, file, null);
    const standing = await openStanding(place);
    try {
      const digest = standing === null ? null : await hashFile(standing.handle, standing.size, file);
      if (digest === file.digest) {
        await setTimes(place, file.modified);
        return true;
      }
      const basis = standing === null || digest === null ? null : await this.#findBasis(standing, digest, file);
      await rm(place, { recursive: true, force: true });
      return await this.#writeFile(place, file, basis);
    } finally {
      await standing?.handle.close();
    }
  }

  /** What stands there, where it is a content of another point, and the service can tell what has changed between the two. */
  async #findBasis(standing: Standing, digest: string, { path, size }: ManifestEntry): Promise<Basis | null> {
    if (Math.min(standing.size, size) < leastBytesForRanges) return null;
    const other = await this.#contents.findSnapshot(path, digest);
    if (other === null) return null;
    const remotePath = inFolder(this.#folder, path);
    const changed = await findChangedRanges(this.connection, remotePath, [other, this.#taken], size, this.signal);
    return changed === null ? null : { ...standing, changed };
  }

  /** False where the snapshot does not hold what the manifest says: then nothing is left of the file. */
  async #writeFile(place: string | Buffer, file: ManifestEntry, basis: Basis | null): Promise<boolean> {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const handle = await open(place, flags, 0o644);
    let why: string | null = null;
    try {
      why = await this.#fill(handle, file, basis);
      if (why === null) await handle.utimes(file.modified / 1_000, file.modified / 1_000);
    } catch (error) {
      await rm(place);
      throw error;
    } finally {
      await handle.close();
    }
    if (why === null) return true;
    await rm(place);
    this.#damagedFiles += 1;
    if (this.#damaged.length < mostWarnings) this.#damaged.push({ path: showPath(file.path), why });
    return false;
  }

  /** What is put together of two contents and is not what it should be is fetched whole. */
  async #fill(handle: FileHandle, { path, size, digest }: ManifestEntry, basis: Basis | null): Promise<string | null> {
    const file = { share: this.#share, path: inFolder(this.#folder, path), size };
    const take = async (piece: Buffer, position: number) => {
      for (let done = 0; done < piece.length; )
        done += (await handle.write(piece, done, piece.length - done, position + done)).bytesWritten;
    };
    const reading: Reading = { signal: this.signal, take, pass: isNotThere };
    try {
      if (basis !== null && (await readChangedContent(this.connection, file, basis, reading)) === digest) return null;
      return (await readContent(this.connection, file, reading)) === digest ? null : "its content is not what it was";
    } catch (error) {
      if (isNotThere(error)) return "is missing from the snapshot";
      throw error;
    }
  }

  async #setTime({ path, modified }: ManifestEntry): Promise<void> {
    const handle: DirectoryHandle = openDirectory(this.root, fromText(path));
    try {
      await setTimes(toFileSystemPath(`${handle.prefix}.`), modified);
    } finally {
      handle.close();
    }
  }

  #describeDamage(id: PointId): PostureError {
    const [first] = this.#damaged;
    const more = this.#damagedFiles > 1 ? ` (+${this.#damagedFiles - 1} more)` : "";
    return new PostureError(
      "permanent",
      `${this.connection.subject}: recovery point ${id} is damaged: ${first?.path ?? ""}: ${first?.why ?? ""}${more}; everything else was restored; backup-posture verify names all that is affected`,
    );
  }
}

async function setTimes(place: string | Buffer, modified: number): Promise<void> {
  await utimes(place, modified / 1_000, modified / 1_000);
}

/** A file that stands where one is to be restored. */
interface Standing {
  readonly handle: FileHandle;
  readonly size: number;
}

/** Null where nothing stands there, something else than a file, or one that this account cannot read. */
async function openStanding(place: string | Buffer): Promise<Standing | null> {
  try {
    if (!(await lstat(place)).isFile()) return null;
    const handle = await open(place, constants.O_RDONLY | constants.O_NOFOLLOW);
    return { handle, size: (await handle.stat()).size };
  } catch (error) {
    if (isAbsent(error) || systemCodeOf(error) === "EACCES") return null;
    throw error;
  }
}

/** Null where the digest is of no use: a small file of another size is fetched whole. */
async function hashFile(handle: FileHandle, size: number, wanted: ManifestEntry): Promise<string | null> {
  if (size !== wanted.size && Math.min(size, wanted.size) < leastBytesForRanges) return null;
  const hash = createHash("sha256");
  await pipeline(handle.createReadStream({ start: 0, autoClose: false }), hash);
  return hash.digest("hex");
}
