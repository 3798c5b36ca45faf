import { lstatSync } from "node:fs";
import { toFileSystemPath } from "./byte-path";
import { type CapturePlan, counters, type Done, openPrevious, type ThreadResult, toWalkSettings } from "./capture-plan";
import { DirectoryKeeper, toSeen } from "./directory-keeper";
import { BlockWriter } from "./manifest-format";
import { ManifestPart } from "./manifest-part";
import { SharedContents } from "./shared-contents";
import { WaitingDirectories } from "./waiting-directories";
import { type DirectoryTask, emptyTotals, type PreviousPoint } from "./walk";

/**
 * The part of a capture that the main thread does: it keeps directories in which nothing changed, and refuses all others. So it never
 * reads files, and is never busy for long.
 */
export class KeepingThread {
  readonly #waiting: WaitingDirectories;
  readonly #previous: PreviousPoint | null;
  readonly #part: ManifestPart;
  readonly #keeper: DirectoryKeeper;
  readonly #totals = emptyTotals();
  #hasRefused = false;

  constructor(plan: CapturePlan) {
    const numbers = new Int32Array(plan.counters);
    this.#waiting = new WaitingDirectories(numbers);
    this.#previous = openPrevious(plan);
    this.#part = new ManifestPart(plan.draft, plan.draftEnd);
    this.#keeper = new DirectoryKeeper(toWalkSettings(plan, this.#previous), {
      known: new SharedContents(plan.layout, plan.packIds, plan.quarantine, plan.contents),
      writer: new BlockWriter(),
      totals: this.#totals,
      allocateDirectories: (count) => Atomics.add(numbers, counters.directories, count),
    });
  }

  get done(): Done {
    return { files: this.#totals.files, bytes: this.#totals.bytes };
  }

  /** Whether anything was found to have changed. */
  get hasRefused(): boolean {
    return this.#hasRefused;
  }

  push(tasks: readonly DirectoryTask[]): void {
    this.#waiting.add(tasks);
  }

  /**
   * Keeps directories for about so long.
   *
   * @param donate gets what others asked for.
   * @param refuse gets what others have to do.
   * @returns false when none is left.
   */
  work(
    milliseconds: number,
    donate: (tasks: readonly DirectoryTask[]) => void,
    refuse: (tasks: readonly DirectoryTask[]) => void,
  ): boolean {
    const until = performance.now() + milliseconds;
    const refused: DirectoryTask[] = [];
    while (performance.now() < until) {
      const task = this.#waiting.next();
      if (task === undefined) break;
      if (!this.#keep(task)) refused.push({ ...task, isChanged: true });
      const donation = this.#waiting.takeDonation();
      if (donation !== null) donate(donation);
    }
    if (refused.length > 0) {
      this.#hasRefused = true;
      refuse(refused);
    }
    return !this.#waiting.isEmpty;
  }

  finish(): ThreadResult {
    return { blocks: this.#part.finish(), packs: [], paths: { files: [], long: [] }, totals: this.#totals };
  }

  close(): void {
    this.#part.close();
    this.#previous?.manifest.close();
  }

  #keep(task: DirectoryTask): boolean {
    const found: DirectoryTask[] = [];
    const kept = this.#keeper.keep(
      task.seen === null ? this.#lookAtRoot(task) : task,
      (inner) => found.push(inner),
      (block, digest, inode) => this.#part.add(task.id, block, digest, inode),
    );
    this.#waiting.addFirst(found);
    return kept;
  }

  /** Where it cannot be looked at, whoever reads it reports that. */
  #lookAtRoot(task: DirectoryTask): DirectoryTask {
    const stats = lstatSync(toFileSystemPath(this.#keeper.settings.root), { throwIfNoEntry: false });
    return stats === undefined ? task : { ...task, seen: toSeen(stats, null) };
  }
}
