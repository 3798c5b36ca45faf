import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { BlockList } from "./block-list";
import { type CapturePlan, counters, type Done, type ThreadResult } from "./capture-plan";
import { ChangedPaths } from "./changed-paths";
import { toExclusion } from "./exclude";
import { openManifest } from "./manifest";
import { PackWriter } from "./pack-writer";
import { SharedContents } from "./shared-contents";
import { type DirectoryTask, type PreviousPoint, TreeWalk } from "./tree-walk";

const bufferSize = 1024 * 1024;

/** One thread's part of a capture: a stack of directories to read, packs and a segment of the manifest to write. */
export class CaptureThread {
  readonly #walk: TreeWalk;
  readonly #packs: PackWriter;
  readonly #previous: PreviousPoint | null;
  readonly #counters: Int32Array;
  readonly #waiting: DirectoryTask[] = [];
  readonly #blocks = new BlockList();
  readonly #paths: ChangedPaths;
  readonly #segment: string;
  readonly #file: number;
  readonly #buffer = Buffer.allocUnsafe(bufferSize);
  #buffered = 0;
  #written = 0;

  /** @param number tells the threads of one capture apart, from 0 on. */
  constructor(
    plan: CapturePlan,
    readonly number: number,
  ) {
    const { layout, quarantine, packIds, contents, root, store } = plan;
    this.#counters = new Int32Array(plan.counters);
    this.#segment = join(plan.temporary, `segment-${number}`);
    this.#file = openSync(this.#segment, "wx", 0o600);
    this.#packs = new PackWriter(
      { temporary: plan.temporary, packs: layout.packs },
      `pack-${number}`,
      () => packIds.length + Atomics.add(this.#counters, counters.packs, 1),
    );
    this.#previous =
      plan.previous === null
        ? null
        : { manifest: openManifest(plan.previous.manifest), labels: plan.previous.labels, quarantine };
    const tellUnchanged = plan.listPaths === "all";
    const settings = { root, exclusion: toExclusion(plan.exclude), previous: this.#previous, tellUnchanged, store };
    this.#paths = new ChangedPaths(plan.temporary, `paths-${number}`);
    const known = new SharedContents(layout, packIds, quarantine, contents);
    this.#walk = new TreeWalk(
      settings,
      this.#packs,
      known,
      () => Atomics.add(this.#counters, counters.directories, 1),
      plan.listPaths === "none" ? () => undefined : (path) => this.#paths.add(path),
    );
  }

  get done(): Done {
    return { files: this.#walk.totals.files, bytes: this.#walk.totals.bytes };
  }

  push(tasks: readonly DirectoryTask[]): void {
    for (const task of tasks) this.#waiting.push(task);
  }

  /**
   * Reads directories for about so long, and at least one.
   *
   * @returns false when none is left.
   */
  work(milliseconds: number, donate: (tasks: readonly DirectoryTask[]) => void): boolean {
    const until = performance.now() + milliseconds;
    for (let task = this.#waiting.pop(); task !== undefined; task = this.#waiting.pop()) {
      this.#read(task);
      if (this.#waiting.length > 1 && Atomics.compareExchange(this.#counters, counters.wanted, 1, 0) === 1)
        donate(this.#waiting.splice(0, this.#waiting.length >> 1));
      if (performance.now() >= until) return this.#waiting.length > 0;
    }
    return false;
  }

  /** Waits until everything is durable. */
  async finish(): Promise<ThreadResult> {
    try {
      this.#flush();
      this.#paths.close();
      const packs = await this.#packs.finish();
      const paths = { files: this.#paths.files, long: this.#paths.long };
      return { segment: this.#segment, blocks: this.#blocks.toBytes(), packs, paths, totals: this.#walk.totals };
    } finally {
      await this.close();
    }
  }

  /** Lets go of everything that is open; what is not finished is given up. */
  async close(): Promise<void> {
    this.#paths.abandon();
    await this.#packs.abandon();
    closeSync(this.#file);
    this.#previous?.manifest.close();
  }

  #read(task: DirectoryTask): void {
    const found: DirectoryTask[] = [];
    const enqueue = (inner: DirectoryTask): void => {
      found.push(inner);
    };
    this.#walk.read(task, enqueue, (block, digest) => this.#keep(task.id, block, digest));
    for (let at = found.length - 1; at >= 0; at -= 1) {
      const inner = found[at];
      if (inner !== undefined) this.#waiting.push(inner);
    }
  }

  #keep(directory: number, block: Buffer, digest: Buffer): void {
    const offset = this.#written + this.#buffered;
    this.#blocks.add({ directory, offset, length: block.length, digest });
    if (this.#buffered + block.length > bufferSize) this.#flush();
    if (block.length > bufferSize) this.#written += writeFully(this.#file, block, this.#written);
    else this.#buffered += block.copy(this.#buffer, this.#buffered);
  }

  #flush(): void {
    this.#written += writeFully(this.#file, this.#buffer.subarray(0, this.#buffered), this.#written);
    this.#buffered = 0;
  }
}

function writeFully(file: number, bytes: Buffer, position: number): number {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done, bytes.length - done, position + done);
  return bytes.length;
}
