import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { canStartThread, startThread } from "../../../platform/bundle";
import type { BatchHandler, CreateHandler, ToBatchWorker } from "./batch-worker";
import { countThreads } from "./thread-count";

/** So many batches a thread are under way or waiting: enough that none is ever idle. */
const batchesPerThread = 2;

/**
 * Spreads batches over threads, which start with the first batch; or handles them here, one after the other.
 *
 * A failure of one batch is thrown by the next `add`, or by `finish`.
 */
export class BatchPool<Setup, Batch, Result> {
  readonly #workers: Worker[] = [];
  readonly #underWay = new Map<Worker, number>();
  #waiting: (() => void)[] = [];
  #failure: Error | null = null;
  #here: BatchHandler<Batch, Result> | null = null;

  /**
   * @param options.workerFile name of the worker's file in this folder, without its ending.
   * @param options.small whether the work is done sooner than threads are started.
   * @param options.onResult gets each batch's result, in no order.
   */
  constructor(
    readonly options: {
      readonly workerFile: string;
      readonly create: CreateHandler<Setup, Batch, Result>;
      readonly setup: Setup;
      readonly small: boolean;
      readonly onResult: (result: Result) => void;
    },
  ) {}

  /** Resolves when there is room for another batch. */
  async add(batch: Batch): Promise<void> {
    this.#throwFailure();
    if (this.#here === null && this.#workers.length === 0) this.#start();
    if (this.#here !== null) {
      this.options.onResult(this.#here.handle(batch));
      await new Promise(setImmediate);
      return;
    }
    this.#send(batch);
    while (this.#count() >= this.#workers.length * batchesPerThread && this.#failure === null) await this.#nextResult();
    this.#throwFailure();
  }

  /** Resolves when everything is done. */
  async finish(): Promise<void> {
    while (this.#count() > 0 && this.#failure === null) await this.#nextResult();
    this.#throwFailure();
  }

  /** Ends the threads, also in the middle of their work. Must be called in every case. */
  async close(): Promise<void> {
    this.#here?.close();
    this.#here = null;
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #start(): void {
    const { create, setup, small, workerFile } = this.options;
    const path = join(__dirname, `${workerFile}.js`);
    if (small || !canStartThread(path)) {
      this.#here = create(setup);
      return;
    }
    for (let number = countThreads(); number > 0; number -= 1) this.#startWorker(path);
  }

  #startWorker(path: string): void {
    const worker = startThread(path);
    this.#workers.push(worker);
    this.#underWay.set(worker, 0);
    worker.on("message", (result: Result) => {
      this.#underWay.set(worker, (this.#underWay.get(worker) ?? 1) - 1);
      this.options.onResult(result);
      this.#wake();
    });
    worker.once("error", (error) => {
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
      this.#wake();
    });
    this.#post(worker, { kind: "setup", setup: this.options.setup });
  }

  #send(batch: Batch): void {
    const [least] = [...this.#underWay].sort(([, one], [, other]) => one - other);
    if (least === undefined) return;
    const [worker, underWay] = least;
    this.#underWay.set(worker, underWay + 1);
    this.#post(worker, { kind: "batch", batch });
  }

  #post(worker: Worker, message: ToBatchWorker<Setup, Batch>): void {
    worker.postMessage(message);
  }

  #count(): number {
    return [...this.#underWay.values()].reduce((sum, underWay) => sum + underWay, 0);
  }

  #nextResult(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure;
  }
}
