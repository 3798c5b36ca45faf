import { availableParallelism } from "node:os";

/** More threads than this only wait for the disk, and each takes memory. */
const mostThreads = 8;

/** How many threads read and write at once: one for each core. */
export function countThreads(): number {
  return Math.max(1, Math.min(mostThreads, availableParallelism()));
}
