import type { BytePath } from "./byte-path";
import type { Exclusion } from "./exclude";
import type { Manifest } from "./manifest";
import type { Quarantine } from "./quarantine";

/** A directory that is still to be read. */
export interface DirectoryTask {
  readonly id: number;
  /** Relative to the tree's root. */
  readonly path: BytePath;
  /** Its number in the previous manifest, if it is there. */
  readonly previous: number | null;
  /** As its parent's reader saw it; null for the root. */
  readonly seen: SeenDirectory | null;
  /** Whether something in it is known to have changed. */
  readonly isChanged: boolean;
}

export interface SeenDirectory {
  readonly device: number;
  readonly inode: number;
  readonly changedMilliseconds: number;
  readonly modifiedMilliseconds: number;
  readonly mode: number;
  readonly user: number;
  readonly group: number;
  /** Where it was seen by its path alone: the directory that holds it, to look at it again through that. */
  readonly parent: { readonly device: number; readonly inode: number } | null;
}

/**
 * Takes a directory's block, valid during the call only.
 *
 * @param digest its SHA-256, where that is known already.
 * @param inode in 32 bits; 0 where the directory has to be listed again in any case.
 */
export type EmitBlock = (block: Buffer, digest: Buffer | null, inode: number) => void;

/** The previous point of the same schedule and source. */
export interface PreviousPoint {
  readonly manifest: Manifest;
  /** From a pack's label there to its label here; a pack that is lost has none. */
  readonly labels: ReadonlyMap<number, number>;
  /** What must not be used again. */
  readonly quarantine: Quarantine;
}

/** What a walk has to know, the same for all its threads. */
export interface WalkSettings {
  readonly root: BytePath;
  readonly exclusion: Exclusion;
  readonly previous: PreviousPoint | null;
  /** Whether what did not change is to be told as changed too. */
  readonly tellUnchanged: boolean;
  /** The store itself is never captured. */
  readonly store: { readonly device: number; readonly inode: number };
}

/** What a walk found, to be added up over its threads. */
export interface WalkTotals {
  files: number;
  directories: number;
  links: number;
  bytes: number;
  addedBytes: number;
  skipped: number;
  readonly warnings: { readonly path: BytePath; readonly why: string }[];
  /** Bytes that the point uses of every pack, by label. */
  readonly used: Map<number, number>;
}

export function emptyTotals(): WalkTotals {
  return { files: 0, directories: 0, links: 0, bytes: 0, addedBytes: 0, skipped: 0, warnings: [], used: new Map() };
}

export const mostWarnings = 100;
