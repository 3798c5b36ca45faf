import { sep } from "node:path";
import { configureGlobal } from "fast-check";

const seconds = 1_000;

/** Tests of one kind share a time limit: it only ends what hangs, no test measures by it. */
const timeLimits: readonly (readonly [folder: string, milliseconds: number])[] = [
  ["engine", 600 * seconds],
  ["fault", 600 * seconds],
  ["contract", 120 * seconds],
];

const path = expect.getState().testPath ?? "";
jest.setTimeout(timeLimits.find(([folder]) => path.includes(`${sep}test${sep}${folder}${sep}`))?.[1] ?? 30 * seconds);

// fast-check prints the seed of a failure; FAST_CHECK_SEED=<seed> repeats it.
const seed = process.env.FAST_CHECK_SEED;
if (seed !== undefined) configureGlobal({ seed: Number(seed) });
