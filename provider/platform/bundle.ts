import { existsSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { z } from "zod";

const threadSchema = z.object({ thread: z.string() });

/** What one bundled file can start as: the command line, or one of the threads, by the names of their files without endings. */
interface Parts {
  readonly main: () => Promise<unknown>;
  readonly threads: Readonly<Record<string, () => Promise<unknown>>>;
}

/** The one file that all of this is in, as it was when this process began: it may be replaced meanwhile. */
let bundle: { readonly file: string; readonly source: string } | null = null;

/** Begins the bundled file: as the command line, or, within a thread that `startThread` made, as that thread. */
export async function startBundle(file: string, parts: Parts): Promise<void> {
  if (isMainThread) {
    bundle = { file, source: readFileSync(file, "utf8") };
    await parts.main();
    return;
  }
  await parts.threads[threadSchema.parse(workerData).thread]?.();
}

/** Whether a thread can be started: its file is there, or all is in one file. */
export function canStartThread(path: string): boolean {
  return bundle !== null || existsSync(path);
}

/** Starts a thread from its file, or from the one file that all is in. */
export function startThread(path: string): Worker {
  if (bundle === null) return new Worker(path);
  return new Worker(bundle.source, { eval: true, workerData: { thread: basename(path, ".js") } });
}

/** The file that starts the command line: the one file that all is in, or else the one named. */
export function commandLineFile(usual: string): string {
  return bundle?.file ?? usual;
}

/** The command line, as it is called on this machine. */
export function nameCommand(): string {
  return bundle?.file ?? "backup-posture";
}

/** The one file that this process runs from, as it was when it began; null where it does not. */
export function findOwnBundle(): { readonly file: string; readonly source: string } | null {
  return bundle;
}
