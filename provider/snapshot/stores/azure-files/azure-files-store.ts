import type {
  CaptureRequest,
  PointEntry,
  PointFilter,
  PointId,
  RecoveryPoint,
  RestoreRequest,
  RestoreResult,
  Store,
  StoreConcern,
  Verification,
  VerificationDepth,
} from "../store";
import { capturePoint } from "./capture";
import { initialiseCatalogue, requireCatalogue } from "./catalogue";
import { findConcerns } from "./concerns";
import { type Connection, connect } from "./connection";
import { forgetPoints } from "./forget";
import { listEntries } from "./point-content";
import { takeInventory } from "./points";
import type { Patience } from "./requests";
import { restorePoint } from "./restore";
import type { AzureFilesDeclaration } from "./schema";
import { listSnapshots } from "./share-snapshots";
import { verifyPoint } from "./verify";

/**
 * An Azure file share's own snapshots as recovery points. Each says in its metadata whose it is; what it holds, with the digest of every
 * file, stands in another share of the same account. Snapshots of others count into the budget of 200 and are never touched.
 */
export class AzureFilesStore implements Store {
  readonly kind = "azure-files";
  readonly #declaration: AzureFilesDeclaration;
  readonly #patience: Partial<Patience>;
  #connection: Promise<Connection> | null = null;

  /** @param patience default: six attempts, with pauses of up to a minute. */
  constructor(declaration: AzureFilesDeclaration, patience: Partial<Patience> = {}) {
    this.#declaration = declaration;
    this.#patience = patience;
  }

  /** The share itself must be there: only that of the manifests is made. */
  async initialise(signal: AbortSignal): Promise<void> {
    const connection = await this.#connect();
    await listSnapshots(connection, signal);
    await initialiseCatalogue(connection, signal);
  }

  async capture(request: CaptureRequest, signal: AbortSignal): Promise<RecoveryPoint> {
    return await capturePoint(await this.#open(signal), this.#declaration, request, signal);
  }

  async list(filter: PointFilter, signal: AbortSignal): Promise<readonly RecoveryPoint[]> {
    const { points } = await takeInventory(await this.#open(signal), signal);
    return points
      .map(({ point }) => point)
      .filter((point) => filter.schedule === undefined || point.schedule === filter.schedule);
  }

  async verify(id: PointId, depth: VerificationDepth, signal: AbortSignal): Promise<Verification> {
    return await verifyPoint(await this.#open(signal), id, depth, signal);
  }

  async restore(id: PointId, request: RestoreRequest, signal: AbortSignal): Promise<RestoreResult> {
    return await restorePoint(await this.#open(signal), id, request, signal);
  }

  async *entries(id: PointId, signal: AbortSignal): AsyncGenerator<PointEntry> {
    yield* listEntries(await this.#open(signal), id, signal);
  }

  async forget(
    ids: readonly PointId[],
    options: { readonly releasePinsOf?: string },
    signal: AbortSignal,
  ): Promise<void> {
    await forgetPoints(await this.#open(signal), ids, options.releasePinsOf, signal);
  }

  async findConcerns(schedule: string, signal: AbortSignal): Promise<readonly StoreConcern[]> {
    return findConcerns(await listSnapshots(await this.#open(signal), signal), schedule);
  }

  async #open(signal: AbortSignal): Promise<Connection> {
    signal.throwIfAborted();
    const connection = await this.#connect();
    await requireCatalogue(connection, signal);
    return connection;
  }

  #connect(): Promise<Connection> {
    this.#connection ??= connect(this.#declaration, this.#patience);
    return this.#connection;
  }
}
