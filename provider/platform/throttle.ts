import { setTimeout as delay } from "node:timers/promises";

/** Holds back the movement of bytes to so many a second, over all threads that it is sent to. */
export interface Throttle {
  readonly bytesPerSecond: number;
  /** Until when what was let through takes, in microseconds of the process's monotonic clock. */
  readonly busyUntil: BigInt64Array;
}

/** At most so many bytes a second, from now on. */
export function makeThrottle(bytesPerSecond: number): Throttle {
  return { bytesPerSecond, busyUntil: new BigInt64Array(new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT)) };
}

/** Waits as long as so many bytes take, after all that went before. */
export async function awaitTurn(throttle: Throttle, bytes: number, signal: AbortSignal): Promise<void> {
  await delay(reserve(throttle, bytes), undefined, { signal });
}

/** The same, and holds this thread meanwhile: for threads that do nothing else. */
export function blockForTurn(throttle: Throttle, bytes: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)), 0, 0, reserve(throttle, bytes));
}

/** Takes the next turn, and says when it is over: in how many milliseconds. */
function reserve({ bytesPerSecond, busyUntil }: Throttle, bytes: number): number {
  const takes = BigInt(Math.ceil((bytes * 1_000_000) / bytesPerSecond));
  for (;;) {
    const before = Atomics.load(busyUntil, 0);
    const now = process.hrtime.bigint() / 1_000n;
    const after = (before > now ? before : now) + takes;
    if (Atomics.compareExchange(busyUntil, 0, before, after) === before) return Number(after - now) / 1_000;
  }
}
