import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copiedHere, copyFileStoreHere, lookAtFileStore, readCopyOutcome } from "../lync/commands";
import { isAbsent, PostureError } from "../platform/errors";
import type { SourceDeclaration } from "./schema";
import type { Gathered, Source, Staging } from "./source";
import { commandFailure, runWindowsCommand } from "./windows-command";

type LyncFileStore = Extract<SourceDeclaration, { kind: "lync-file-store" }>;

/** A file store on a Windows share, copied by robocopy with its security descriptors, and without `Meeting.Active`. */
export function openLyncFileStore(declaration: LyncFileStore): Source {
  return {
    kind: "lync-file-store",
    probe: (signal) => probe(declaration, signal),
    gather: (staging, signal) => gather(declaration, staging, signal),
  };
}

async function gather(declaration: LyncFileStore, staging: Staging, signal: AbortSignal): Promise<Gathered> {
  const folder = await staging.makeFolder();
  await run(declaration, copyFileStoreHere(declaration.path), folder, signal);
  const root = join(folder, copiedHere.folder);
  if (!(await isDirectory(root)))
    throw new PostureError("permanent", `${subjectOf(declaration)}: robocopy reported success and copied nothing`);
  return { tree: { root, exclude: [] } };
}

async function probe(declaration: LyncFileStore, signal: AbortSignal): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "backup-posture-"));
  try {
    await run(declaration, lookAtFileStore(declaration.path), folder, signal);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function run(
  declaration: LyncFileStore,
  command: Parameters<typeof runWindowsCommand>[0],
  workingDirectory: string,
  signal: AbortSignal,
): Promise<void> {
  const subject = subjectOf(declaration);
  // The product decides which module PowerShell loads, and robocopy is none of its commands.
  const completed = await runWindowsCommand(command, "sfbse", {
    subject,
    timeout: declaration.timeout,
    signal,
    workingDirectory,
  });
  const outcome = readCopyOutcome(completed.exitCode);
  if (outcome.succeeded) return;
  throw new PostureError("permanent", `${subject}: ${outcome.message} (exit code ${completed.exitCode})`, {
    cause: commandFailure(command, completed, subject),
  });
}

function subjectOf({ path }: LyncFileStore): string {
  return `file store ${path}`;
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}
