import { parentPort } from "node:worker_threads";
import type { FromCaptureWorker, ToCaptureWorker } from "./capture-plan";
import { CaptureThread } from "./capture-thread";

/** A thread of a capture. It tells when it has nothing to do, gives work away when another thread has none, and ends when told to finish. */
const turnMilliseconds = 25;

let thread: CaptureThread | null = null;
let working = false;
let received = 0;

parentPort?.on("message", (message: ToCaptureWorker) => {
  if (message.kind === "begin") thread = new CaptureThread(message.plan, message.number);
  else if (message.kind === "tasks") take(message.tasks);
  else void finish();
});

function take(tasks: Extract<ToCaptureWorker, { kind: "tasks" }>["tasks"]): void {
  received += 1;
  thread?.push(tasks);
  if (working) return;
  working = true;
  work();
}

/** Between turns, messages arrive and packs that became durable get their names. */
function work(): void {
  if (thread === null) return;
  const more = thread.work(turnMilliseconds, (tasks) => send({ kind: "donation", tasks }));
  working = more;
  send(more ? { kind: "progress", done: thread.done } : { kind: "idle", done: thread.done, received });
  if (more) setImmediate(work);
}

async function finish(): Promise<void> {
  if (thread === null) return;
  send({ kind: "finished", result: await thread.finish() });
  parentPort?.close();
}

function send(message: FromCaptureWorker): void {
  parentPort?.postMessage(message);
}
