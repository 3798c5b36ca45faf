import type { Throttle } from "../../platform/throttle";

/** A store's own name for one recovery point. */
export type PointId = string;

/** A directory tree to be read where it stands. */
export interface Tree {
  /**
   * Absolute path of the tree's root, or `azure-files://account/share/folder`. Symlinks below it are kept as links and never followed. A
   * store refuses a root that it cannot read.
   */
  readonly root: string;
  /** Globs, relative to the root, of what is left out; a pattern without a slash matches at every depth. */
  readonly exclude: readonly string[];
  /**
   * Whether only names, contents and times are those of the source: modes, owners, attributes and ACLs came about by copying it here, and the
   * point's fidelity says that it does not have them. Default: false.
   */
  readonly contentOnly?: boolean;
}

export interface CaptureRequest {
  /** The id of the resource whose recovery point this is (a schedule's or a snapshot's). */
  readonly schedule: string;
  /** The name of the source within that resource. */
  readonly source: string;
  /** The run that takes it, and the names of all sources that make that run's recovery set complete. */
  readonly set: { readonly id: string; readonly sources: readonly string[] };
  /** The resource's owner: a Pulumi URN, or null where none is known. */
  readonly owner: string | null;
  /** When the capture of this source began, on the store's host. */
  readonly startedAt: Date;
  readonly tree: Tree;
  /** The id of the FileShareSnapshot that keeps this point out of every prune; default: not pinned. */
  readonly pinnedBy?: string;
  /** Called now and then with what has been done so far. */
  readonly onProgress?: (progress: Progress) => void;
}

export interface Progress {
  readonly files: number;
  readonly bytes: number;
  /** Known only where the work was counted before it began. */
  readonly totalFiles?: number;
  readonly totalBytes?: number;
}

/** One immutable copy in a store. */
export interface RecoveryPoint {
  readonly id: PointId;
  readonly schedule: string;
  readonly source: string;
  readonly set: { readonly id: string; readonly sources: readonly string[] };
  readonly owner: string | null;
  readonly pinnedBy: string | null;
  /** When its capture began: the age of a backup counts from here. */
  readonly startedAt: Date;
  readonly completedAt: Date;
  readonly files: number;
  readonly directories: number;
  readonly links: number;
  /** Sum of the sizes of the files it holds, in bytes. */
  readonly bytes: number;
  /** What it added to the store, in bytes. */
  readonly addedBytes: number;
  /** SHA-256 of the manifest, in hex: names and content of everything it holds. */
  readonly digest: string;
  /** What it kept beside names and content, and what it had to leave. */
  readonly fidelity: Fidelity;
  /** Why it cannot be trusted as it stands, found by looking at its manifest only; null when nothing was found. */
  readonly damage: string | null;
}

export interface Fidelity {
  readonly modes: boolean;
  readonly owners: boolean;
  readonly acls: boolean;
  readonly extendedAttributes: boolean;
  readonly encrypted: boolean;
  /** How many files could not be read, vanished or changed while they were read. */
  readonly skipped: number;
  readonly warnings: readonly CaptureWarning[];
}

/** At most 100 a point; `Fidelity.skipped` has the whole count. */
export interface CaptureWarning {
  /** Relative to the tree's root, as shown to people (bytes that are not UTF-8 are escaped). */
  readonly path: string;
  readonly why: string;
}

export interface PointFilter {
  readonly schedule?: string;
}

export interface Verification {
  readonly point: PointId;
  readonly depth: VerificationDepth;
  readonly files: number;
  readonly bytes: number;
  /** How many files are damaged or missing, or 1 for a damaged manifest. Zero means the point is good. */
  readonly damagedFiles: number;
  /** The first 1,000 of them. */
  readonly damaged: readonly { readonly path: string; readonly why: string }[];
}

/** `metadata` looks at the manifest and at presence and size of what it names; `content` reads everything. */
export type VerificationDepth = "metadata" | "content";

export interface RestoreRequest {
  /** An absolute path. It is created when missing; what stands in it is refused unless `overwrite` is set. */
  readonly to: string;
  /** Paths relative to the tree's root, files or whole directories; default: everything. */
  readonly only?: readonly string[];
  readonly overwrite?: boolean;
  /** How fast it may be at most. Only for a store that says that it `limitsRestores`. Default: no limit. */
  readonly throttle?: Throttle;
  readonly onProgress?: (progress: Progress) => void;
}

export interface RestoreResult {
  readonly files: number;
  readonly directories: number;
  readonly links: number;
  readonly bytes: number;
  /** What could not be restored as it was (an owner without the right to set it, …), at most 100. */
  readonly warnings: readonly CaptureWarning[];
}

/** One entry of a recovery point as a drill compares it with what was restored. */
export interface PointEntry {
  /** Relative to the tree's root; bytes, since names need not be UTF-8. The root itself is the empty path. */
  readonly path: Buffer;
  readonly kind: "file" | "directory" | "link";
  /** Permission bits, e.g. 0o644. */
  readonly mode: number;
  /** By number, as the source's host knew them; null where the store does not keep owners. */
  readonly owner: { readonly user: number; readonly group: number } | null;
  /** Nanoseconds since 1970. */
  readonly modifiedAt: bigint;
  /** Extended attributes, ACLs among them, each as `name=0s<base64 of its value>`; none where the store does not keep them. */
  readonly extendedAttributes: readonly string[];
  /** Files only. */
  readonly size: number;
  /** SHA-256 of a file's content in hex; empty for others. */
  readonly digest: string;
  /** Links only. */
  readonly target: Buffer | null;
}

/** What is not wrong yet, and keeps the store from working later. */
export interface StoreConcern {
  readonly kind: "store nearly full" | "cannot be pruned";
  /** Without names of files; the same as long as it is the same concern. */
  readonly sentence: string;
  /** What mends it, for the person who runs `up`. */
  readonly remedy: string;
}

/**
 * Where recovery points live.
 *
 * Every method: throws PostureError `unreachable` when the store cannot be looked at (never taken for "empty"), `locked`
 * when another process holds it longer than it is willing to wait, naming the holder. A store is either before or after
 * a change, whatever happens to the process meanwhile.
 */
export interface Store {
  readonly kind: string;
  /** Whether `restore` keeps to a `throttle`; absent: it cannot, and is never asked to. */
  readonly limitsRestores?: true;
  /** Makes the place ready to hold points. Idempotent. Only declaring a store does this; a run never does. */
  initialise(signal: AbortSignal): Promise<void>;
  /** Takes one recovery point. It can be listed only once it is complete and durable. */
  capture(request: CaptureRequest, signal: AbortSignal): Promise<RecoveryPoint>;
  /**
   * Takes over a recovery point of another store as it stands there, content checked on the way; it can be listed only once it is complete and
   * durable. Undefined where the two stores do not know each other, or this point cannot be taken over so: it then has to be restored and
   * captured anew. A store that knows no other has no such method.
   */
  adopt?(from: Store, id: PointId, signal: AbortSignal): Promise<RecoveryPoint | undefined>;
  /** Oldest first by `startedAt`, then by id. Damaged points are listed with their `damage`. */
  list(filter: PointFilter, signal: AbortSignal): Promise<readonly RecoveryPoint[]>;
  /** An unknown id throws PostureError `permanent`; damage is a result. */
  verify(id: PointId, depth: VerificationDepth, signal: AbortSignal): Promise<Verification>;
  /**
   * An unknown id throws PostureError `permanent`. What is damaged is left out; everything else is restored, and then
   * PostureError `permanent` says what and how much was damaged. Nothing is ever written outside of `request.to`.
   */
  restore(id: PointId, request: RestoreRequest, signal: AbortSignal): Promise<RestoreResult>;
  /**
   * Everything a point holds, streamed: the root, then each directory followed by all that is below it, siblings in the
   * order of their names' bytes.
   */
  entries(id: PointId, signal: AbortSignal): AsyncIterable<PointEntry>;
  /**
   * Deletes points and frees what only they needed. Absent is success. A pinned point is refused with `conflict` unless
   * `releasePinsOf` names its holder.
   */
  forget(ids: readonly PointId[], options: { readonly releasePinsOf?: string }, signal: AbortSignal): Promise<void>;
  /** What of its limits, or of what others do, comes in the way of a schedule. Left out: the store has no such limits. */
  findConcerns?(schedule: string, signal: AbortSignal): Promise<readonly StoreConcern[]>;
}
