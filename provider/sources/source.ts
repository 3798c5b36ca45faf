import type { Tree } from "../snapshot/stores/store";

/** Where a source may put the files that it produces. */
export interface Staging {
  /** Makes a fresh, empty folder, readable by its owner only. It is removed when the run ends, however it ends. */
  makeFolder(): Promise<string>;
}

/** What a source has ready for a store: a tree that stands in place, or the staged folder of what it produced. */
export interface Gathered {
  readonly tree: Tree;
}

/**
 * Something to back up. Both methods throw PostureError: `unreachable` when the source cannot be looked at, `permanent`
 * when it is there and is not what was declared.
 */
export interface Source {
  readonly kind: string;
  /** Makes sure that the source is there and can be read, without producing anything. */
  probe(signal: AbortSignal): Promise<void>;
  /** Makes the source's data ready to be captured. */
  gather(staging: Staging, signal: AbortSignal): Promise<Gathered>;
}
