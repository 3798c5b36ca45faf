import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { chmod, lchown, lstat, open, readdir, readlink } from "node:fs/promises";
import { showPath } from "../platform/display";
import { isAbsent, systemCodeOf } from "../platform/errors";
import { awaitTurn, type Throttle } from "../platform/throttle";
import type { Fidelity, PointEntry } from "../snapshot/stores/store";
import { canCompareAttributes, findAttributesThatDiffer, trySetAttributes } from "./extended-attributes";

/** One thing that is not as the recovery point says. */
export interface Difference {
  /** As shown to people. */
  readonly path: string;
  /** `missing`, `extra`, or what differs. */
  readonly what: string;
}

/** What comparing found: all differences are counted, the first 100 listed. */
export interface Comparison {
  readonly compared: number;
  /** How many files were there, and their sizes as the recovery point tells them. */
  readonly files: number;
  readonly bytes: number;
  readonly count: number;
  readonly listed: readonly Difference[];
  /** Of how many entries something could not be restored by this account or in this place, which is no difference. */
  readonly unrestorable: Readonly<Record<Unrestorable, number>>;
}

/** What an account or a place may not be able to restore. */
export type Unrestorable = "mode" | "owner" | "extendedAttributes";

export interface ComparisonRequest {
  /** Absolute path of the restored tree. */
  readonly root: string;
  /** What should be there; the root itself is the empty path. */
  readonly entries: AsyncIterable<PointEntry>;
  /** What the recovery point kept. */
  readonly kept: Pick<Fidelity, "modes" | "owners" | "acls" | "extendedAttributes">;
  /** Whether everything was restored: then directories are compared too, and what is there beside the entries is a difference. */
  readonly whole: boolean;
  /** How fast files are read; default: as fast as they can be. */
  readonly throttle?: Throttle | null;
  readonly signal: AbortSignal;
  readonly onProgress?: (done: { readonly files: number; readonly bytes: number }) => void;
}

const missing = "missing";
const longestList = 100;
/** Node sets times from a double: to the microsecond, and at times one beside it. In nanoseconds. */
const timeTolerance = 2_000n;
const comparedAtOnce = 16;
/** Asking for extended attributes starts a command. */
const entriesPerBatch = 512;
const bufferBytes = 256 * 1024;
const separator = Buffer.from("/");

/**
 * Compares a restored tree with what its recovery point holds: kind, content, size, mode, owner, time, extended attributes, ACLs and links'
 * targets, what is missing and what is extra. Where a mode, an owner or an attribute is not as it was, it is set: what cannot be set could
 * not be restored either, and what can should have been.
 */
export async function compareTree(request: ComparisonRequest): Promise<Comparison> {
  const tally = new Tally(request);
  let batch: PointEntry[] = [];
  for await (const entry of request.entries) {
    if (!request.whole && entry.kind === "directory") continue;
    batch.push(entry);
    if (batch.length < entriesPerBatch) continue;
    await compareBatch(request, tally, batch);
    batch = [];
  }
  await compareBatch(request, tally, batch);
  if (request.whole) await findExtra(request, tally);
  return tally.result();
}

class Tally {
  readonly #listed: Difference[] = [];
  readonly #expected = new Set<string>();
  #count = 0;
  #compared = 0;
  #files = 0;
  #bytes = 0;
  readonly #unrestorable = { mode: 0, owner: 0, extendedAttributes: 0 };

  constructor(readonly request: ComparisonRequest) {}

  add(entry: PointEntry, { whats, unrestorable }: Found): void {
    for (const what of unrestorable) this.#unrestorable[what] += 1;
    this.#compared += 1;
    if (this.request.whole) this.#expected.add(entry.path.toString("latin1"));
    if (entry.kind === "file" && !whats.includes(missing)) {
      this.#files += 1;
      this.#bytes += entry.size;
    }
    if (whats.length > 0) this.differ(entry.path, whats.join(", "));
  }

  differ(path: Buffer, what: string): void {
    this.#count += 1;
    if (this.#listed.length < longestList) this.#listed.push({ path: path.length === 0 ? "." : showPath(path), what });
  }

  expects(path: Buffer): boolean {
    return this.#expected.has(path.toString("latin1"));
  }

  report(): void {
    this.request.onProgress?.({ files: this.#files, bytes: this.#bytes });
  }

  result(): Comparison {
    return {
      compared: this.#compared,
      files: this.#files,
      bytes: this.#bytes,
      count: this.#count,
      listed: this.#listed,
      unrestorable: this.#unrestorable,
    };
  }
}

/** What was found of one entry. */
interface Found {
  /** What differs, in words. */
  readonly whats: string[];
  readonly unrestorable: Unrestorable[];
}

async function compareBatch(request: ComparisonRequest, tally: Tally, batch: readonly PointEntry[]): Promise<void> {
  const found = new Map<PointEntry, Found>();
  for (let at = 0; at < batch.length; at += comparedAtOnce) {
    request.signal.throwIfAborted();
    const part = batch.slice(at, at + comparedAtOnce);
    await Promise.all(part.map(async (entry) => found.set(entry, await compareEntry(request, entry))));
  }
  await compareAttributes(request, found);
  for (const entry of batch) tally.add(entry, found.get(entry) ?? { whats: [], unrestorable: [] });
  tally.report();
}

async function compareEntry(request: ComparisonRequest, entry: PointEntry): Promise<Found> {
  const { root, kept, throttle = null, signal } = request;
  const path = locate(root, entry.path);
  const found = await lookAt(path);
  if (found === null) return { whats: [missing], unrestorable: [] };
  if (found.kind !== entry.kind) return { whats: [`is a ${found.kind} and was a ${entry.kind}`], unrestorable: [] };
  const result: Found = { whats: [], unrestorable: [] };
  if (entry.kind === "link" && entry.target !== null && !(await readlink(path, "buffer")).equals(entry.target))
    result.whats.push("link target differs");
  if (entry.kind === "file" && found.size !== entry.size) result.whats.push("size differs");
  else if (entry.kind === "file" && (await hashFile(path, throttle, signal)) !== entry.digest)
    result.whats.push("content differs");
  if (magnitude(found.modifiedAt - entry.modifiedAt) > timeTolerance) result.whats.push("time differs");
  const { owner, mode } = entry;
  if (kept.owners && owner !== null) {
    const holds = (now: Seen) => now.user === owner.user && now.group === owner.group;
    await judge(result, "owner", path, found, holds, () => lchown(path, owner.user, owner.group));
  }
  if (kept.modes && entry.kind !== "link")
    await judge(
      result,
      "mode",
      path,
      found,
      (now) => now.mode === mode,
      () => chmod(path, mode),
    );
  return result;
}

/** Tells a difference from what cannot be otherwise here: by setting what does not hold. */
async function judge(
  result: Found,
  what: "owner" | "mode",
  path: Buffer,
  found: Seen,
  holds: (seen: Seen) => boolean,
  set: () => Promise<void>,
): Promise<void> {
  if (holds(found)) return;
  if (await succeeds(set)) {
    const after = await lookAt(path);
    if (after !== null && holds(after)) {
      result.whats.push(`${what} differs`);
      return;
    }
  }
  result.unrestorable.push(what);
}

async function compareAttributes(
  { root, kept, signal }: ComparisonRequest,
  found: ReadonlyMap<PointEntry, Found>,
): Promise<void> {
  if (!kept.extendedAttributes && !kept.acls) return;
  const expected = [...found.keys()].filter(
    (entry) => entry.extendedAttributes.length > 0 && found.get(entry)?.whats.includes(missing) === false,
  );
  const different = canCompareAttributes() ? await findAttributesThatDiffer(root, expected, signal) : expected;
  for (const entry of different) {
    const settable = canCompareAttributes() && (await trySetAttributes(root, entry, signal));
    if (settable) found.get(entry)?.whats.push("extended attributes or ACL differ");
    else found.get(entry)?.unrestorable.push("extendedAttributes");
  }
}

async function succeeds(act: () => Promise<void>): Promise<boolean> {
  try {
    await act();
    return true;
  } catch (error) {
    if (systemCodeOf(error) === undefined) throw error;
    return false;
  }
}

/** Names everything below the root that the recovery point does not hold. */
async function findExtra(request: ComparisonRequest, tally: Tally): Promise<void> {
  const folders: Buffer[] = [Buffer.alloc(0)];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    request.signal.throwIfAborted();
    for (const child of await listFolder(request.root, folder)) {
      if (!tally.expects(child.path)) tally.differ(child.path, "extra");
      else if (child.isFolder) folders.push(child.path);
    }
  }
}

async function listFolder(root: string, folder: Buffer): Promise<readonly { path: Buffer; isFolder: boolean }[]> {
  try {
    const found = await readdir(locate(root, folder), { withFileTypes: true, encoding: "buffer" });
    return found.map((child) => ({
      path: folder.length === 0 ? child.name : Buffer.concat([folder, separator, child.name]),
      isFolder: child.isDirectory(),
    }));
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}

interface Seen {
  readonly kind: string;
  readonly mode: number;
  readonly user: number;
  readonly group: number;
  readonly size: number;
  readonly modifiedAt: bigint;
}

async function lookAt(path: Buffer): Promise<Seen | null> {
  try {
    const found = await lstat(path, { bigint: true });
    const kind = found.isFile()
      ? "file"
      : found.isDirectory()
        ? "directory"
        : found.isSymbolicLink()
          ? "link"
          : "special file";
    return {
      kind,
      mode: Number(found.mode & 0o7777n),
      user: Number(found.uid),
      group: Number(found.gid),
      size: Number(found.size),
      modifiedAt: found.mtimeNs,
    };
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

/** SHA-256 of a file's content in hex; a link is not followed. */
export async function hashFile(path: Buffer, throttle: Throttle | null, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(bufferBytes);
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, bufferBytes);
      if (bytesRead === 0) return hash.digest("hex");
      if (throttle !== null) await awaitTurn(throttle, bytesRead, signal);
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

function magnitude(difference: bigint): bigint {
  return difference < 0n ? -difference : difference;
}

/** The absolute path of something below a root, in bytes. */
export function locate(root: string, path: Buffer): Buffer {
  return path.length === 0 ? Buffer.from(root) : Buffer.concat([Buffer.from(root), separator, path]);
}
