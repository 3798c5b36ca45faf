import { parentPort } from "node:worker_threads";

/** Does one kind of work, batch by batch, in whichever thread it was made. */
export interface BatchHandler<Batch, Result> {
  handle(batch: Batch): Result;
  close(): void;
}

/** Makes a handler from what can be sent to a thread. */
export type CreateHandler<Setup, Batch, Result> = (setup: Setup) => BatchHandler<Batch, Result>;

/** The whole of a worker's file: it answers each batch with its result. */
export function serveBatches<Setup, Batch, Result>(create: CreateHandler<Setup, Batch, Result>): void {
  let handler: BatchHandler<Batch, Result> | null = null;
  parentPort?.on("message", (message: ToBatchWorker<Setup, Batch>) => {
    if (message.kind === "setup") handler = create(message.setup);
    else if (handler !== null) parentPort?.postMessage(handler.handle(message.batch));
  });
}

export type ToBatchWorker<Setup, Batch> =
  | { readonly kind: "setup"; readonly setup: Setup }
  | { readonly kind: "batch"; readonly batch: Batch };
