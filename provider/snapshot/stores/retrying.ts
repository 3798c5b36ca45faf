import { setTimeout as delay } from "node:timers/promises";
import { PostureError } from "../../platform/errors";
import type {
  CaptureRequest,
  PointEntry,
  PointFilter,
  PointId,
  RecoveryPoint,
  RestoreRequest,
  RestoreResult,
  Store,
  Verification,
  VerificationDepth,
} from "./store";

/** How long to wait before each further attempt, in milliseconds: as many attempts as waits, and one. */
const standardWaits = [1_000, 5_000] as const;

/**
 * A store behind a network: what fails for a `transient` reason is tried again, within bounds. Every method may be repeated: a capture that
 * failed has left nothing that is listed, a restore that failed has put nothing in place. What is `unreachable`, `locked`, in `conflict` or
 * `permanent` is told at once, as trying again does not help or the store has waited already.
 */
export class RetryingStore implements Store {
  readonly kind: string;

  /**
   * @param store is asked again and again.
   * @param waits default: one second, then five.
   */
  constructor(
    readonly store: Store,
    readonly waits: readonly number[] = standardWaits,
  ) {
    this.kind = store.kind;
  }

  initialise(signal: AbortSignal): Promise<void> {
    return this.#repeat(signal, () => this.store.initialise(signal));
  }

  capture(request: CaptureRequest, signal: AbortSignal): Promise<RecoveryPoint> {
    return this.#repeat(signal, () => this.store.capture(request, signal));
  }

  list(filter: PointFilter, signal: AbortSignal): Promise<readonly RecoveryPoint[]> {
    return this.#repeat(signal, () => this.store.list(filter, signal));
  }

  verify(id: PointId, depth: VerificationDepth, signal: AbortSignal): Promise<Verification> {
    return this.#repeat(signal, () => this.store.verify(id, depth, signal));
  }

  restore(id: PointId, request: RestoreRequest, signal: AbortSignal): Promise<RestoreResult> {
    return this.#repeat(signal, () => this.store.restore(id, request, signal));
  }

  forget(ids: readonly PointId[], options: { readonly releasePinsOf?: string }, signal: AbortSignal): Promise<void> {
    return this.#repeat(signal, () => this.store.forget(ids, options, signal));
  }

  /** Tried again until the first entry has come: what was handed out is not taken back. */
  async *entries(id: PointId, signal: AbortSignal): AsyncGenerator<PointEntry> {
    const { entries, first } = await this.#repeat(signal, async () => {
      const begun = this.store.entries(id, signal)[Symbol.asyncIterator]();
      return { entries: begun, first: await begun.next() };
    });
    try {
      for (let next = first; next.done !== true; next = await entries.next()) yield next.value;
    } finally {
      await entries.return?.();
    }
  }

  async #repeat<Result>(signal: AbortSignal, attempt: () => Promise<Result>): Promise<Result> {
    for (const wait of this.waits) {
      try {
        return await attempt();
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof PostureError) || error.kind !== "transient") throw error;
        await delay(wait, undefined, { signal });
      }
    }
    return attempt();
  }
}
