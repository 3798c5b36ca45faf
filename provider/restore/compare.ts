import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { lstat, open, readdir, readlink } from "node:fs/promises";
import { showPath } from "../platform/display";
import { isAbsent } from "../platform/errors";
import type { PointEntry } from "../snapshot/stores/store";

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
}

export interface ComparisonRequest {
  /** Absolute path of the restored tree. */
  readonly root: string;
  /** What should be there; the root itself is the empty path. */
  readonly entries: AsyncIterable<PointEntry>;
  /** Whether permission bits were kept. */
  readonly modes: boolean;
  /** Whether everything was restored: then directories are compared too, and what is there beside the entries is a difference. */
  readonly whole: boolean;
  readonly signal: AbortSignal;
  readonly onProgress?: (done: { readonly files: number; readonly bytes: number }) => void;
}

const missing = "missing";
const longestList = 100;
/** Node sets times from a double: to the microsecond, and at times one beside it. In nanoseconds. */
const timeTolerance = 2_000n;
const comparedAtOnce = 16;
const bufferBytes = 256 * 1024;
const separator = Buffer.from("/");

/** Compares a restored tree with what its recovery point holds: kind, content, size, mode, time and links' targets, what is missing and what is extra. */
export async function compareTree(request: ComparisonRequest): Promise<Comparison> {
  const tally = new Tally(request);
  let batch: PointEntry[] = [];
  for await (const entry of request.entries) {
    if (!request.whole && entry.kind === "directory") continue;
    batch.push(entry);
    if (batch.length < comparedAtOnce) continue;
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

  constructor(readonly request: ComparisonRequest) {}

  add(entry: PointEntry, whats: readonly string[]): void {
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
    };
  }
}

async function compareBatch(request: ComparisonRequest, tally: Tally, batch: readonly PointEntry[]): Promise<void> {
  request.signal.throwIfAborted();
  const found = await Promise.all(batch.map(async (entry) => [entry, await compareEntry(request, entry)] as const));
  for (const [entry, whats] of found) tally.add(entry, whats);
  tally.report();
}

async function compareEntry({ root, modes }: ComparisonRequest, entry: PointEntry): Promise<readonly string[]> {
  const path = locate(root, entry.path);
  const found = await lookAt(path);
  if (found === null) return [missing];
  if (found.kind !== entry.kind) return [`is a ${found.kind} and was a ${entry.kind}`];
  const whats: string[] = [];
  if (entry.kind === "link" && entry.target !== null && !(await readlink(path, "buffer")).equals(entry.target))
    whats.push("link target differs");
  if (entry.kind === "file" && found.size !== entry.size) whats.push("size differs");
  else if (entry.kind === "file" && (await hashFile(path)) !== entry.digest) whats.push("content differs");
  if (modes && entry.kind !== "link" && found.mode !== entry.mode) whats.push("mode differs");
  if (magnitude(found.modifiedAt - entry.modifiedAt) > timeTolerance) whats.push("time differs");
  return whats;
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

async function lookAt(path: Buffer): Promise<{ kind: string; mode: number; size: number; modifiedAt: bigint } | null> {
  try {
    const found = await lstat(path, { bigint: true });
    const kind = found.isFile()
      ? "file"
      : found.isDirectory()
        ? "directory"
        : found.isSymbolicLink()
          ? "link"
          : "special file";
    return { kind, mode: Number(found.mode & 0o7777n), size: Number(found.size), modifiedAt: found.mtimeNs };
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

async function hashFile(path: Buffer): Promise<string> {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(bufferBytes);
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, bufferBytes);
      if (bytesRead === 0) return hash.digest("hex");
      hash.update(buffer.subarray(0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

function magnitude(difference: bigint): bigint {
  return difference < 0n ? -difference : difference;
}

function locate(root: string, path: Buffer): Buffer {
  return path.length === 0 ? Buffer.from(root) : Buffer.concat([Buffer.from(root), separator, path]);
}
