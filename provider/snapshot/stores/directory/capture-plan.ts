import type { BytePath } from "./byte-path";
import { toExclusion } from "./exclude";
import type { StoreLayout } from "./layout";
import { openManifest } from "./manifest";
import type { FinishedPack } from "./pack-writer";
import type { SharedTable } from "./shared-contents";
import type { DirectoryTask, PreviousPoint, WalkSettings, WalkTotals } from "./walk";

/** All that a thread of a capture has to know. It can be sent to another thread. */
export interface CapturePlan {
  readonly layout: StoreLayout;
  /** This capture's own directory within the store's temporary one. */
  readonly temporary: string;
  /** The manifest that is being written, and where its next block may begin. */
  readonly draft: string;
  readonly draftEnd: SharedArrayBuffer;
  readonly root: string;
  readonly exclude: readonly string[];
  /** Whether modes, owners and attributes are not those of the source. */
  readonly contentOnly: boolean;
  /** The manifest to compare with, and the label here of each pack there that is still as it was. */
  readonly previous: { readonly manifest: string; readonly labels: ReadonlyMap<number, number> } | null;
  /** Which paths the threads list, for what is not read by them. */
  readonly listPaths: "none" | "changed" | "all";
  readonly quarantine: ReadonlySet<string>;
  readonly store: { readonly device: number; readonly inode: number };
  /** The label of each pack that was there before is its place here. */
  readonly packIds: readonly string[];
  readonly contents: SharedTable;
  /** Three numbers: the next directory, the next new pack, and whether a thread is without work. */
  readonly counters: SharedArrayBuffer;
}

/** Places in `CapturePlan.counters`. */
export const counters = { directories: 0, packs: 1, wanted: 2 } as const;

/** The paths that were asked for by `listPaths`. */
export interface ListedPaths {
  /** Files that hold them, each path ended by a NUL. */
  readonly files: readonly string[];
  /** Those that are too long to be given to a command. */
  readonly long: readonly BytePath[];
}

/** Opens the manifest to compare with. Whoever opens it has to close it. */
export function openPrevious({ previous, quarantine }: CapturePlan): PreviousPoint | null {
  return previous === null ? null : { manifest: openManifest(previous.manifest), labels: previous.labels, quarantine };
}

export function toWalkSettings(plan: CapturePlan, previous: PreviousPoint | null): WalkSettings {
  const { root, store } = plan;
  return { root, exclusion: toExclusion(plan.exclude), previous, tellUnchanged: plan.listPaths === "all", store };
}

/** What one thread of a capture did. */
export interface ThreadResult {
  /** A `BlockList`. */
  readonly blocks: Uint8Array;
  readonly packs: readonly FinishedPack[];
  readonly paths: ListedPaths;
  readonly totals: WalkTotals;
}

export interface Done {
  readonly files: number;
  readonly bytes: number;
}

export type ToCaptureWorker =
  | { readonly kind: "begin"; readonly plan: CapturePlan; readonly number: number }
  | { readonly kind: "tasks"; readonly tasks: readonly DirectoryTask[] }
  | { readonly kind: "finish" };

export type FromCaptureWorker =
  | { readonly kind: "donation"; readonly tasks: readonly DirectoryTask[] }
  | { readonly kind: "progress"; readonly done: Done }
  /** `received`: how many messages with tasks it has had; where more are on their way, it is not idle. */
  | { readonly kind: "idle"; readonly done: Done; readonly received: number }
  | { readonly kind: "finished"; readonly result: ThreadResult };
