import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { canStartThread, startThread } from "../../../platform/bundle";
import {
  type CapturePlan,
  counters,
  type Done,
  type FromCaptureWorker,
  type ThreadResult,
  type ToCaptureWorker,
} from "./capture-plan";
import { CaptureThread } from "./capture-thread";
import { KeepingThread } from "./keeping-thread";
import { countThreads } from "./thread-count";
import type { DirectoryTask } from "./walk";

export interface CaptureRun {
  readonly plan: CapturePlan;
  readonly onProgress: (done: Done) => void;
  /** Called when this thread has nothing to do while others still read what changed. */
  readonly onSpareTime: () => void;
}

const turnMilliseconds = 25;
/** While other threads may wait to be given something. */
const shortTurnMilliseconds = 5;

/** Captures in this thread alone: for small trees that is over before others are started. */
export async function captureHere(
  { plan, onProgress }: CaptureRun,
  signal: AbortSignal,
): Promise<readonly ThreadResult[]> {
  const thread = new CaptureThread(plan, 0);
  try {
    thread.push([toRootTask(plan)]);
    while (thread.work(turnMilliseconds, (tasks) => thread.push(tasks))) {
      onProgress(thread.done);
      await new Promise(setImmediate);
      signal.throwIfAborted();
    }
  } catch (error) {
    await thread.close();
    throw error;
  }
  onProgress(thread.done);
  return [await thread.finish()];
}

/** Gives the root its number. */
function toRootTask(plan: CapturePlan): DirectoryTask {
  Atomics.store(new Int32Array(plan.counters), counters.directories, 1);
  return { id: 0, path: "", previous: plan.previous === null ? null : 0, seen: null, isChanged: false };
}

const workerFile = join(__dirname, "capture-worker.js");

/** When there was nothing more to keep for so long, and others are not done yet, another thread takes part in our place. */
const patienceMilliseconds = 500;

/**
 * Reads a tree with as many threads as there are cores, and moves work from busy ones to idle ones. Where there is a previous point, this
 * thread is one of them: it keeps what did not change.
 */
export class CaptureThreads {
  readonly #workers: Worker[] = [];
  readonly #idle = new Set<Worker>();
  readonly #done = new Map<Worker | KeepingThread, Done>();
  readonly #results = new Map<Worker, ThreadResult>();
  /** What no thread has taken yet. */
  readonly #queue: (readonly DirectoryTask[])[] = [];
  readonly #outcome: Promise<void>;
  #succeed: () => void = () => undefined;
  #fail: (error: Error) => void = () => undefined;
  /** How many messages with tasks each has been sent. */
  readonly #sent = new Map<Worker, number>();
  #handedOn = 0;
  #finishing = false;
  #ended = false;
  #run: CaptureRun | null = null;
  #keeper: KeepingThread | null = null;
  #isKeeperBusy = false;
  #patience: NodeJS.Timeout | undefined;

  /** Whether there is what makes threads. */
  static get canStart(): boolean {
    return canStartThread(workerFile);
  }

  /**
   * Starts threads, which takes a while, before it is known what they are to do.
   *
   * @param keeping whether there is a previous point.
   */
  constructor(readonly keeping: boolean) {
    this.#outcome = new Promise((resolve, reject) => {
      this.#succeed = resolve;
      this.#fail = reject;
    });
    // A failure is seen by whoever awaits `run`; until then it must not count as unhandled.
    this.#outcome.catch(() => undefined);
    const count = keeping ? Math.max(1, countThreads() - 1) : countThreads();
    for (let number = 0; number < count; number += 1) this.#start();
  }

  /** What each thread did, in no order. */
  async run(run: CaptureRun, signal: AbortSignal): Promise<readonly ThreadResult[]> {
    signal.throwIfAborted();
    this.#run = run;
    const onAbort = (): void => this.#fail(toError(signal.reason));
    signal.addEventListener("abort", onAbort);
    try {
      this.#keeper = this.keeping ? new KeepingThread(run.plan) : null;
      this.#workers.forEach((worker, number) => send(worker, { kind: "begin", plan: run.plan, number }));
      this.#begin(toRootTask(run.plan));
      await this.#outcome;
      return [...this.#results.values(), ...(this.#keeper === null ? [] : [this.#keeper.finish()])];
    } finally {
      this.#ended = true;
      clearTimeout(this.#patience);
      signal.removeEventListener("abort", onAbort);
      this.#keeper?.close();
    }
  }

  /** Ends the threads, also in the middle of their work. Must be called in every case. */
  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #begin(root: DirectoryTask): void {
    if (this.#keeper === null) this.#queue.push([root]);
    else this.#giveToKeeper(this.#keeper, [root]);
    this.#deal();
  }

  #start(): Worker {
    const worker = startThread(workerFile);
    this.#workers.push(worker);
    this.#idle.add(worker);
    worker.once("error", (error) => this.#fail(toError(error)));
    worker.once("exit", () => {
      if (!this.#results.has(worker)) this.#fail(new Error("a thread of the capture ended too early"));
    });
    worker.on("message", (message: FromCaptureWorker) => this.#receive(worker, message));
    return worker;
  }

  #receive(worker: Worker, message: FromCaptureWorker): void {
    if (message.kind === "finished") {
      this.#results.set(worker, message.result);
      if (this.#results.size === this.#workers.length) this.#succeed();
      return;
    }
    if (message.kind === "donation") this.#place(message.tasks);
    else this.#report(worker, message.done);
    if (message.kind === "idle" && message.received === this.#sent.get(worker)) this.#idle.add(worker);
    this.#deal();
  }

  #place(tasks: readonly DirectoryTask[]): void {
    if (this.#keeper !== null && !this.#isKeeperBusy && this.#idle.size === 0) this.#giveToKeeper(this.#keeper, tasks);
    else this.#queue.push(tasks);
  }

  #deal(): void {
    for (const worker of this.#idle) {
      const tasks = this.#queue.shift();
      if (tasks === undefined) break;
      this.#give(worker, tasks);
    }
    const isKeeperIdle = this.#keeper !== null && !this.#isKeeperBusy;
    if (this.#idle.size > 0 || (isKeeperIdle && this.#queue.length === 0)) this.#want();
    if (this.#idle.size === this.#workers.length && !this.#isKeeperBusy) this.#finish();
  }

  #finish(): void {
    if (this.#finishing) return;
    this.#finishing = true;
    for (const worker of this.#workers) send(worker, { kind: "finish" });
  }

  /** Gives what changed to the threads that read, in turn, so that it is not what is left at the end. */
  #handOn(tasks: readonly DirectoryTask[]): void {
    const worker = this.#workers[this.#handedOn++ % this.#workers.length];
    if (worker !== undefined) this.#give(worker, tasks);
  }

  #give(worker: Worker, tasks: readonly DirectoryTask[]): void {
    this.#idle.delete(worker);
    this.#sent.set(worker, (this.#sent.get(worker) ?? 0) + 1);
    send(worker, { kind: "tasks", tasks });
  }

  /** Has a thread that has enough give something away. */
  #want(): void {
    if (this.#run !== null) Atomics.store(new Int32Array(this.#run.plan.counters), counters.wanted, 1);
  }

  #giveToKeeper(keeper: KeepingThread, tasks: readonly DirectoryTask[]): void {
    clearTimeout(this.#patience);
    keeper.push(tasks);
    this.#isKeeperBusy = true;
    setImmediate(() => this.#keep(keeper));
  }

  #keep(keeper: KeepingThread): void {
    if (this.#ended) return;
    try {
      this.#isKeeperBusy = keeper.work(
        shortTurnMilliseconds,
        (tasks) => {
          this.#queue.push(tasks);
          this.#deal();
        },
        (tasks) => this.#handOn(tasks),
      );
    } catch (error) {
      this.#fail(toError(error));
      return;
    }
    this.#report(keeper, keeper.done);
    this.#deal();
    if (this.#isKeeperBusy) setImmediate(() => this.#keep(keeper));
    else this.#rest(keeper);
  }

  /** There is nothing to keep just now. */
  #rest(keeper: KeepingThread): void {
    if (this.#finishing) return;
    if (keeper.hasRefused) this.#run?.onSpareTime();
    if (this.#workers.length < countThreads())
      this.#patience = setTimeout(() => this.#startAnother(), patienceMilliseconds);
  }

  #startAnother(): void {
    if (this.#run === null || this.#finishing || this.#ended) return;
    const number = this.#workers.length;
    send(this.#start(), { kind: "begin", plan: this.#run.plan, number });
    this.#deal();
  }

  #report(thread: Worker | KeepingThread, done: Done): void {
    this.#done.set(thread, done);
    let files = 0;
    let bytes = 0;
    for (const each of this.#done.values()) {
      files += each.files;
      bytes += each.bytes;
    }
    this.#run?.onProgress({ files, bytes });
  }
}

function send(worker: Worker, message: ToCaptureWorker): void {
  worker.postMessage(message);
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
