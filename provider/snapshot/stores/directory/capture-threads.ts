import { type Dirent, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Worker } from "node:worker_threads";
import { canStartThread, startThread } from "../../../platform/bundle";
import { type BytePath, toFileSystemPath } from "./byte-path";
import {
  type CapturePlan,
  counters,
  type Done,
  type FromCaptureWorker,
  type ThreadResult,
  type ToCaptureWorker,
} from "./capture-plan";
import { CaptureThread } from "./capture-thread";
import { countThreads } from "./thread-count";
import type { DirectoryTask } from "./tree-walk";

type OnProgress = (done: Done) => void;

/** Reads the tree with as many threads as pay; what each of them did, in no order. */
export async function runCaptureThreads(
  plan: CapturePlan,
  signal: AbortSignal,
  onProgress: OnProgress,
): Promise<readonly ThreadResult[]> {
  const threads = countThreads();
  const root: DirectoryTask = { id: 0, path: "", previous: plan.previous === null ? null : 0, seen: null };
  Atomics.store(new Int32Array(plan.counters), counters.directories, 1);
  if (!canStartThread(workerFile) || isSmall(plan.root)) return [await runHere(plan, root, signal, onProgress)];
  return await new CaptureThreads(plan, threads, onProgress).run(root, signal);
}

const workerFile = join(__dirname, "capture-worker.js");
const turnMilliseconds = 25;

const smallEntries = 2_000;
const smallBytes = 32 * 1024 * 1024;

/** Whether a tree is read sooner than threads are started. Looks at no more than it takes to tell. */
function isSmall(root: BytePath): boolean {
  let entries = 0;
  let bytes = 0;
  const waiting = [root];
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    for (const entry of listOrNothing(directory)) {
      entries += 1;
      if (entries > smallEntries) return false;
      const path = `${directory}/${entry.name}`;
      if (entry.isDirectory()) waiting.push(path);
      else if (entry.isFile()) bytes += lstatSync(toFileSystemPath(path), { throwIfNoEntry: false })?.size ?? 0;
      if (bytes > smallBytes) return false;
    }
  }
  return true;
}

/** A directory that cannot be looked at is no matter here: the capture reports it. */
function listOrNothing(directory: BytePath): readonly Dirent[] {
  try {
    return readdirSync(toFileSystemPath(directory), { withFileTypes: true, encoding: "latin1" });
  } catch {
    return [];
  }
}

async function runHere(
  plan: CapturePlan,
  root: DirectoryTask,
  signal: AbortSignal,
  onProgress: OnProgress,
): Promise<ThreadResult> {
  const thread = new CaptureThread(plan, 0);
  try {
    thread.push([root]);
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
  return await thread.finish();
}

/** Hands directories to threads, and moves work from busy ones to idle ones. */
class CaptureThreads {
  readonly #workers: Worker[] = [];
  readonly #idle = new Set<Worker>();
  readonly #done = new Map<Worker, Done>();
  readonly #results = new Map<Worker, ThreadResult>();
  readonly #queue: (readonly DirectoryTask[])[] = [];
  readonly #counters: Int32Array;

  constructor(
    readonly plan: CapturePlan,
    readonly threads: number,
    readonly onProgress: OnProgress,
  ) {
    this.#counters = new Int32Array(plan.counters);
  }

  async run(root: DirectoryTask, signal: AbortSignal): Promise<readonly ThreadResult[]> {
    signal.throwIfAborted();
    try {
      await new Promise<void>((resolve, reject) => {
        signal.addEventListener("abort", () => reject(toError(signal.reason)), { once: true });
        for (let number = 0; number < this.threads; number += 1) this.#start(number, resolve, reject);
        this.#queue.push([root]);
        this.#deal();
      });
      return [...this.#results.values()];
    } finally {
      await Promise.all(this.#workers.map((worker) => worker.terminate()));
    }
  }

  #start(number: number, resolve: () => void, reject: (error: Error) => void): void {
    const worker = startThread(workerFile);
    this.#workers.push(worker);
    this.#idle.add(worker);
    worker.once("error", (error) => reject(toError(error)));
    worker.once("exit", () => {
      if (!this.#results.has(worker)) reject(new Error("a thread of the capture ended too early"));
    });
    worker.on("message", (message: FromCaptureWorker) => {
      this.#receive(worker, message);
      if (this.#results.size === this.threads) resolve();
    });
    send(worker, { kind: "begin", plan: this.plan, number });
  }

  #receive(worker: Worker, message: FromCaptureWorker): void {
    if (message.kind === "finished") {
      this.#results.set(worker, message.result);
      return;
    }
    if (message.kind === "donation") this.#queue.push(message.tasks);
    else this.#report(worker, message.done);
    if (message.kind === "idle") this.#idle.add(worker);
    this.#deal();
    if (this.#idle.size === this.threads) for (const idle of this.#workers) send(idle, { kind: "finish" });
  }

  #deal(): void {
    for (const worker of this.#idle) {
      const tasks = this.#queue.shift();
      if (tasks === undefined) break;
      this.#idle.delete(worker);
      send(worker, { kind: "tasks", tasks });
    }
    if (this.#idle.size > 0) Atomics.store(this.#counters, counters.wanted, 1);
  }

  #report(worker: Worker, done: Done): void {
    this.#done.set(worker, done);
    let files = 0;
    let bytes = 0;
    for (const each of this.#done.values()) {
      files += each.files;
      bytes += each.bytes;
    }
    this.onProgress({ files, bytes });
  }
}

function send(worker: Worker, message: ToCaptureWorker): void {
  worker.postMessage(message);
}

function toError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
