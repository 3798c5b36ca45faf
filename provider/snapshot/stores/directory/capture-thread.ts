import { type CapturePlan, counters, type Done, openPrevious, type ThreadResult, toWalkSettings } from "./capture-plan";
import { ChangedPaths } from "./changed-paths";
import { ManifestPart } from "./manifest-part";
import { PackWriter } from "./pack-writer";
import { SharedContents } from "./shared-contents";
import { TreeWalk } from "./tree-walk";
import { WaitingDirectories } from "./waiting-directories";
import type { DirectoryTask, PreviousPoint } from "./walk";

/** One thread's part of a capture: directories to read, packs and blocks of the manifest to write. */
export class CaptureThread {
  readonly #walk: TreeWalk;
  readonly #packs: PackWriter;
  readonly #previous: PreviousPoint | null;
  readonly #waiting: WaitingDirectories;
  readonly #part: ManifestPart;
  readonly #paths: ChangedPaths;

  /** @param number tells the threads of one capture apart, from 0 on. */
  constructor(plan: CapturePlan, number: number) {
    const { layout, quarantine, packIds, contents } = plan;
    const numbers = new Int32Array(plan.counters);
    this.#waiting = new WaitingDirectories(numbers);
    this.#part = new ManifestPart(plan.draft, plan.draftEnd);
    this.#packs = new PackWriter(
      { temporary: plan.temporary, packs: layout.packs },
      `pack-${number}`,
      () => packIds.length + Atomics.add(numbers, counters.packs, 1),
    );
    this.#previous = openPrevious(plan);
    this.#paths = new ChangedPaths(plan.temporary, `paths-${number}`);
    this.#walk = new TreeWalk(
      toWalkSettings(plan, this.#previous),
      this.#packs,
      new SharedContents(layout, packIds, quarantine, contents),
      (count) => Atomics.add(numbers, counters.directories, count),
      plan.listPaths === "none" ? () => undefined : (path) => this.#paths.add(path),
    );
  }

  get done(): Done {
    return { files: this.#walk.totals.files, bytes: this.#walk.totals.bytes };
  }

  push(tasks: readonly DirectoryTask[]): void {
    this.#waiting.add(tasks);
  }

  /**
   * Reads directories for about so long, and at least one.
   *
   * @returns false when none is left.
   */
  work(milliseconds: number, donate: (tasks: readonly DirectoryTask[]) => void): boolean {
    const until = performance.now() + milliseconds;
    for (let task = this.#waiting.next(); task !== undefined; task = this.#waiting.next()) {
      this.#read(task);
      const donation = this.#waiting.takeDonation();
      if (donation !== null) donate(donation);
      if (performance.now() >= until) break;
    }
    return !this.#waiting.isEmpty;
  }

  /** Waits until everything is durable but the manifest. */
  async finish(): Promise<ThreadResult> {
    try {
      this.#paths.close();
      const blocks = this.#part.finish();
      const packs = await this.#packs.finish();
      const paths = { files: this.#paths.files, long: this.#paths.long };
      return { blocks, packs, paths, totals: this.#walk.totals };
    } finally {
      await this.close();
    }
  }

  /** Lets go of everything that is open; what is not finished is given up. */
  async close(): Promise<void> {
    this.#paths.abandon();
    await this.#packs.abandon();
    this.#part.close();
    this.#previous?.manifest.close();
  }

  #read(task: DirectoryTask): void {
    const found: DirectoryTask[] = [];
    this.#walk.read(
      task,
      (inner) => found.push(inner),
      (block, digest, inode) => this.#part.add(task.id, block, digest, inode),
    );
    this.#waiting.addFirst(found);
  }
}
