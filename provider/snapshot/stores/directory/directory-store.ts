import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { Lock } from "../../../platform/lock";
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
} from "../store";
import { adoptPoint } from "./adopt";
import { capturePoint } from "./capture";
import { listEntries } from "./entries";
import { forgetPoints } from "./forget";
import { initialiseStore, layOut, requireStore, type StoreLayout } from "./layout";
import { listPoints } from "./point-header";
import { restorePoint } from "./restore";
import { explainStoreFailure } from "./store-failure";
import { holdExclusive, holdForReading, holdShared, type Patience, sweepDeadSessions } from "./store-lock";
import { verifyPoint } from "./verify";

const defaultPatience: Patience = { shared: 600_000, exclusive: 30_000 };

/**
 * Recovery points in a directory: content by its SHA-256, many files to a pack, a manifest and a header a point.
 * Captures, verifications and restores may run beside each other; a prune runs alone.
 */
export class DirectoryStore implements Store {
  readonly kind = "directory";
  readonly limitsRestores = true;
  readonly #layout: StoreLayout;
  readonly #patience: Patience;

  /**
   * @param path absolute path of the store.
   * @param patience default: captures, verifications and restores wait 10 minutes for a prune, a prune waits 30 seconds for them.
   */
  constructor(path: string, patience: Partial<Patience> = {}) {
    this.#layout = layOut(path);
    this.#patience = { ...defaultPatience, ...patience };
  }

  async initialise(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await initialiseStore(this.#layout);
  }

  async capture(request: CaptureRequest, signal: AbortSignal): Promise<RecoveryPoint> {
    const session = randomUUID();
    const what = `a capture of ${request.schedule}/${request.source}`;
    return await this.#writing(what, async () => {
      const held = await holdShared(this.#layout, session, what, this.#patience, signal);
      return await whileHeld(held, async () => {
        await sweepDeadSessions(this.#layout);
        return await capturePoint(this.#layout, session, request, signal);
      });
    });
  }

  /** Of another directory store only. */
  async adopt(from: Store, id: PointId, signal: AbortSignal): Promise<RecoveryPoint | undefined> {
    if (!(from instanceof DirectoryStore)) return undefined;
    const session = randomUUID();
    const what = `a copy of ${id}`;
    return await from.#reading(what, signal, () =>
      this.#writing(what, async () => {
        const held = await holdShared(this.#layout, session, what, this.#patience, signal);
        return await whileHeld(held, async () => {
          await sweepDeadSessions(this.#layout);
          return await adoptPoint({ from: from.#layout, to: this.#layout, session, id }, signal);
        });
      }),
    );
  }

  async list(filter: PointFilter, signal: AbortSignal): Promise<readonly RecoveryPoint[]> {
    await requireStore(this.#layout);
    signal.throwIfAborted();
    const points = listPoints(this.#layout);
    return filter.schedule === undefined ? points : points.filter((point) => point.schedule === filter.schedule);
  }

  async verify(id: PointId, depth: VerificationDepth, signal: AbortSignal): Promise<Verification> {
    return await this.#reading(`a verification of ${id}`, signal, () => verifyPoint(this.#layout, id, depth, signal));
  }

  async restore(id: PointId, request: RestoreRequest, signal: AbortSignal): Promise<RestoreResult> {
    return await this.#reading(`a restore of ${id}`, signal, () => restorePoint(this.#layout, id, request, signal));
  }

  async *entries(id: PointId, signal: AbortSignal): AsyncGenerator<PointEntry> {
    await requireStore(this.#layout);
    yield* listEntries(this.#layout, id, signal);
  }

  async forget(
    ids: readonly PointId[],
    options: { readonly releasePinsOf?: string },
    signal: AbortSignal,
  ): Promise<void> {
    await this.#writing("a prune", async () => {
      const held = await holdExclusive(this.#layout, "a prune", this.#patience, signal);
      await whileHeld(held, async () => {
        await sweepDeadSessions(this.#layout);
        await forgetPoints(
          this.#layout,
          join(this.#layout.temporary, randomUUID()),
          ids,
          options.releasePinsOf,
          signal,
        );
      });
    });
  }

  async #writing<Result>(what: string, action: () => Promise<Result>): Promise<Result> {
    await requireStore(this.#layout);
    try {
      return await action();
    } catch (error) {
      throw explainStoreFailure(this.#layout, what, error);
    }
  }

  async #reading<Result>(what: string, signal: AbortSignal, action: () => Promise<Result>): Promise<Result> {
    await requireStore(this.#layout);
    const held = await holdForReading(this.#layout, randomUUID(), what, this.#patience, signal);
    return await whileHeld(held, action);
  }
}

async function whileHeld<Result>(lock: Lock, action: () => Promise<Result>): Promise<Result> {
  try {
    return await action();
  } finally {
    await lock.release();
  }
}
