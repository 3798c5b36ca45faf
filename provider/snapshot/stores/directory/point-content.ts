import { type BytePath, isPlainName, joinPath } from "./byte-path";
import type { WantedContent } from "./content-reader";
import { DamageError } from "./damage";
import type { Manifest } from "./manifest";
import { type BlockCursor, entryKinds } from "./manifest-format";

/** A directory of a point, and its place in the tree. */
export interface PointDirectory {
  readonly id: number;
  readonly path: BytePath;
}

/**
 * Makes sure that what a cursor stands on can be part of a tree: one plain name, a file no larger than the pack that is said to hold it.
 *
 * @throws DamageError otherwise. Nothing that a hostile manifest says is acted on before this.
 */
export function checkEntry(manifest: Manifest, cursor: BlockCursor): void {
  if (!isPlainName(cursor.name)) throw new DamageError("the manifest holds a name that is not the name of one entry");
  if (cursor.kind !== entryKinds.file || cursor.size === 0) return;
  const pack = manifest.packOf(cursor.pack);
  if (pack === null || cursor.offset + cursor.size > pack.size)
    throw new DamageError("the manifest gives a file more bytes than its pack holds");
}

/** Every directory may be reached once only: a manifest in which one holds itself would never end. */
export class VisitedDirectories {
  readonly #visited: Uint8Array;
  #count = 0;

  constructor(count: number) {
    this.#visited = new Uint8Array(count);
  }

  /** @throws DamageError at the second visit. */
  visit(id: number): void {
    if (id >= this.#visited.length) throw new DamageError("the manifest names a directory that it does not hold");
    if (this.#visited[id] === 1) throw new DamageError("the manifest holds a directory in two places");
    this.#visited[id] = 1;
    this.#count += 1;
  }

  get unreached(): number {
    return this.#visited.length - this.#count;
  }
}

/**
 * All directories of a point, parents first, each with a cursor before its first entry; every entry has been checked.
 *
 * @param onDamage gets each directory that cannot be read; what is below it is not known.
 */
export function* walkDirectories(
  manifest: Manifest,
  onDamage: (path: BytePath, error: DamageError) => void,
): Generator<PointDirectory & { readonly entries: BlockCursor }> {
  const visited = new VisitedDirectories(manifest.directoryCount);
  const waiting: PointDirectory[] = [{ id: 0, path: "" }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { id, path } = next;
    const found: PointDirectory[] = [];
    let entries: BlockCursor;
    try {
      visited.visit(id);
      entries = manifest.block(id);
      while (entries.next()) {
        checkEntry(manifest, entries);
        if (entries.kind === entryKinds.directory)
          found.push({ id: entries.directory, path: joinPath(path, entries.name) });
      }
    } catch (error) {
      if (!(error instanceof DamageError)) throw error;
      onDamage(path, error);
      continue;
    }
    for (const inner of found.reverse()) waiting.push(inner);
    entries.rewind();
    yield { id, path, entries };
  }
}

/** What a manifest says of the file that the cursor stands on, as a reader of contents wants it. Views of the block, not copies. */
export function toWantedContent(manifest: Manifest, cursor: BlockCursor): WantedContent {
  return { digest: cursor.digest, size: cursor.size, pack: manifest.packOf(cursor.pack), offset: cursor.offset };
}
