import { setTimeout as delay } from "node:timers/promises";

/**
 * Waits for work that cannot be stopped itself, such as a look at a mount whose server is gone, and gives up on it after a time
 * or when the signal says so. The work may go on unseen.
 *
 * @throws what the work throws, the signal's reason, or what `explain` makes of the time limit.
 */
export async function withinTime<T>(
  work: Promise<T>,
  milliseconds: number,
  explain: () => Error,
  signal?: AbortSignal,
): Promise<T> {
  const decided = new AbortController();
  const stopped = signal === undefined ? decided.signal : AbortSignal.any([signal, decided.signal]);
  const timeLimit = delay(milliseconds, undefined, { signal: stopped }).then(() => {
    throw explain();
  });
  try {
    return await Promise.race([work, timeLimit]);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    decided.abort();
  }
}
