import { lstat } from "node:fs/promises";
import { showPath } from "../platform/display";
import { isAbsent, systemCodeOf } from "../platform/errors";
import type { Throttle } from "../platform/throttle";
import type { Home } from "../runner/home";
import { findJob } from "../runner/job";
import type { PointEntry, RecoveryPoint } from "../snapshot/stores/store";
import { hashFile, locate } from "./compare";
import type { EvidenceRecord } from "./evidence-record";

/** What comparing with sources found, as the evidence tells it. */
export type SourceComparison = NonNullable<EvidenceRecord["withSource"]>;

const longestList = 100;

/** Where the sources of a schedule, or of a snapshot, lie on this host: those that are trees of files. */
export async function findSourceTrees(home: Home, schedule: string): Promise<ReadonlyMap<string, string>> {
  const found = await findJob(home, schedule);
  if (found.state !== "present" || found.job.kind === "drill") return new Map();
  if (found.job.kind === "snapshot") return new Map([["share", found.job.declaration.share.path]]);
  return new Map(
    Object.entries(found.job.declaration.sources).flatMap(([name, source]) =>
      source.kind === "file-share" ? [[name, source.path] as const] : [],
    ),
  );
}

/** Compares what recovery points hold with the sources they were taken from, as far as these have not changed since. */
export class SourceComparer {
  readonly #trees: ReadonlyMap<string, string>;
  readonly #counts = { compared: 0, changedSince: 0, unreadable: 0, differing: 0 };
  readonly #listed: { path: string; what: string }[] = [];
  readonly #notComparable: string[] = [];

  constructor(
    trees: ReadonlyMap<string, string>,
    readonly throttle: Throttle | null,
    readonly signal: AbortSignal,
  ) {
    this.#trees = trees;
  }

  /** @param prefix what goes before paths that are told. */
  async add(point: RecoveryPoint, entries: AsyncIterable<PointEntry>, prefix: string): Promise<void> {
    const root = this.#trees.get(point.source);
    if (root === undefined) {
      this.#notComparable.push(point.source);
      return;
    }
    for await (const entry of entries) {
      this.signal.throwIfAborted();
      if (entry.kind === "file") await this.#compare(root, entry, point.startedAt, prefix);
    }
  }

  result(): SourceComparison {
    const { differing, ...counts } = this.#counts;
    return {
      ...counts,
      differences: { count: differing, listed: this.#listed },
      notComparable: this.#notComparable,
    };
  }

  async #compare(root: string, entry: PointEntry, startedAt: Date, prefix: string): Promise<void> {
    const path = locate(root, entry.path);
    try {
      if (!(await isUnchanged(path, entry, startedAt))) {
        this.#counts.changedSince += 1;
        return;
      }
      const differs = (await hashFile(path, this.throttle, this.signal)) !== entry.digest;
      // It may have been changed while it was read.
      if (!(await isUnchanged(path, entry, startedAt))) {
        this.#counts.changedSince += 1;
        return;
      }
      this.#counts.compared += 1;
      if (differs) this.#differ(`${prefix}${showPath(entry.path)}`);
    } catch (error) {
      if (isAbsent(error)) this.#counts.changedSince += 1;
      else if (isRefused(error)) this.#counts.unreadable += 1;
      else throw error;
    }
  }

  #differ(path: string): void {
    this.#counts.differing += 1;
    if (this.#listed.length < longestList) this.#listed.push({ path, what: "differs from the source" });
  }
}

/** Nothing was done to the file since its capture began, as far as its size and both its times tell. */
async function isUnchanged(path: Buffer, entry: PointEntry, startedAt: Date): Promise<boolean> {
  const found = await lstat(path, { bigint: true });
  return (
    found.isFile() &&
    Number(found.size) === entry.size &&
    found.mtimeNs === entry.modifiedAt &&
    found.ctimeNs < BigInt(startedAt.getTime()) * 1_000_000n
  );
}

function isRefused(error: unknown): boolean {
  const code = systemCodeOf(error);
  return code === "EACCES" || code === "EPERM" || code === "EIO";
}
