import type { Tree } from "../snapshot/stores/store";

/** Where a source may put the files that it produces. */
export interface Staging {
  /** Makes a fresh, empty folder, readable by its owner only. It is removed when the run ends, however it ends. */
  makeFolder(): Promise<string>;
  /**
   * Makes one for the same time in a folder that others can write, too: another service makes the files, and its account reaches that
   * folder only. It is as accessible as the folder that it lies in makes it.
   *
   * @throws PostureError `unreachable` when it cannot be made there.
   */
  makeFolderWithin(folder: string): Promise<string>;
  /**
   * The source's own folder that stays from run to run, readable by its owner only, for what need not be fetched again. It is removed with the
   * schedule, and when the schedule has no source of this name any more. What a run that died has left in it is still there.
   */
  keepFolder(): Promise<string>;
}

/** What a source has ready for a store: a tree that stands in place, or the staged folder of what it produced. */
export interface Gathered {
  readonly tree: Tree;
  /** What is to be known of how it came about, each in a sentence without names of users' files: it stands in the journal. Default: nothing. */
  readonly notes?: readonly string[];
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
