import type { BytePath } from "./byte-path";
import type { Manifest } from "./manifest";
import { entryKinds } from "./manifest-format";

interface KnownDirectory {
  readonly names: ReadonlySet<BytePath>;
  readonly directories: ReadonlyMap<BytePath, number>;
}

const mostKnown = 64;

/** Tells whether a manifest holds a path, for many paths of which neighbours come together. Links lead nowhere. */
export class ManifestLookup {
  readonly #known = new Map<number, KnownDirectory>();

  constructor(readonly manifest: Manifest) {}

  /** @throws DamageError where the manifest is damaged. */
  has(path: BytePath): boolean {
    if (path === "") return true;
    const names = path.split("/");
    const last = names.pop() ?? "";
    let directory = 0;
    for (const name of names) {
      const inner = this.#read(directory).directories.get(name);
      if (inner === undefined) return false;
      directory = inner;
    }
    return this.#read(directory).names.has(last);
  }

  #read(id: number): KnownDirectory {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const names = new Set<BytePath>();
    const directories = new Map<BytePath, number>();
    const entries = this.manifest.block(id);
    while (entries.next()) {
      names.add(entries.name);
      if (entries.kind === entryKinds.directory) directories.set(entries.name, entries.directory);
    }
    for (const oldest of this.#known.keys()) {
      if (this.#known.size < mostKnown) break;
      this.#known.delete(oldest);
    }
    const read = { names, directories };
    this.#known.set(id, read);
    return read;
  }
}
