import { counters } from "./capture-plan";
import type { DirectoryTask } from "./walk";

/** The directories that a thread still has to read, the next one last. It gives half of them away when another thread has none. */
export class WaitingDirectories {
  readonly #tasks: DirectoryTask[] = [];

  /** @param counters those of the capture's plan. */
  constructor(readonly counters: Int32Array) {}

  get isEmpty(): boolean {
    return this.#tasks.length === 0;
  }

  next(): DirectoryTask | undefined {
    return this.#tasks.pop();
  }

  add(tasks: readonly DirectoryTask[]): void {
    for (const task of tasks) this.#tasks.push(task);
  }

  /** Puts directories before all others, the first of them first. */
  addFirst(tasks: readonly DirectoryTask[]): void {
    for (let at = tasks.length - 1; at >= 0; at -= 1) {
      const task = tasks[at];
      if (task !== undefined) this.#tasks.push(task);
    }
  }

  /** What another thread gets; null when none wants anything, or there is nothing to spare. */
  takeDonation(): readonly DirectoryTask[] | null {
    if (this.#tasks.length < 2 || Atomics.compareExchange(this.counters, counters.wanted, 1, 0) !== 1) return null;
    return this.#tasks.splice(0, this.#tasks.length >> 1);
  }
}
