import { copyFile, lstat, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { joinPath } from "../lync/backup-parts";
import { rehearseUserData, toArgumentArray, verifiedMark, verifyDatabaseBackup } from "../lync/commands";
import { toMilliseconds } from "../platform/durations";
import { isAbsent, PostureError } from "../platform/errors";
import { type Completed, runCommand } from "../platform/processes";
import { defaultCommandTimeout } from "../schedule/defaults";
import type { Staging } from "../sources/source";
import { readEveryEntry } from "../sources/zip-archive";
import type { DrillCheck } from "./schema";

const absent = "the file is not there";

/** The name of a file that is handed over, whatever it was called. */
const handedOver = "restored.bak";

/** What one declared check found. The message tells no file names and nothing that a command printed. */
export interface CheckResult {
  readonly name: string;
  readonly kind: DrillCheck["kind"];
  readonly passed: boolean;
  /** Why it did not pass; empty when it did. */
  readonly message: string;
}

/** The restored tree that checks look at. */
export interface CheckedTree {
  readonly root: string;
  /** How many files the recovery points hold, whether or not all were restored. */
  readonly files: number;
  /** For what must lie elsewhere while it is looked at. */
  readonly staging: Staging;
}

/** Runs all declared checks in order of their names, the rest too after one has failed. */
export async function runChecks(
  checks: Readonly<Record<string, DrillCheck>> | undefined,
  tree: CheckedTree,
  signal: AbortSignal,
): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = [];
  const named = Object.entries(checks ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [name, check] of named) {
    signal.throwIfAborted();
    const message = await findFault(check, tree, signal);
    results.push({ name, kind: check.kind, passed: message === null, message: message ?? "" });
  }
  return results;
}

async function findFault(check: DrillCheck, tree: CheckedTree, signal: AbortSignal): Promise<string | null> {
  switch (check.kind) {
    case "file-present":
      return (await isPresent(join(tree.root, check.path))) ? null : absent;
    case "minimum-files":
      return tree.files >= check.count ? null : `there are ${tree.files} files, at least ${check.count} are expected`;
    case "command":
      return runCheckCommand(check, tree.root, signal);
    case "zip-opens":
      return openZip(join(tree.root, check.path));
    case "sql-backup":
      return verifySqlBackup(check, tree, signal);
    case "lync-user-data":
      return rehearseImport(check, tree.root, signal);
  }
}

async function openZip(path: string): Promise<string | null> {
  if (!(await isPresent(path))) return absent;
  try {
    return (await readEveryEntry(path)).length === 0 ? "the archive is empty" : null;
  } catch {
    return "it is no whole ZIP archive";
  }
}

/** SQL Server reads with its own account, which the scratch folder is closed to: a copy goes to where it may. */
async function verifySqlBackup(
  check: Extract<DrillCheck, { kind: "sql-backup" }>,
  { root, staging }: CheckedTree,
  signal: AbortSignal,
): Promise<string | null> {
  const path = join(root, check.path);
  if (!(await isPresent(path))) return absent;
  const { server, instance, folder, folderOnServer = folder } = check;
  return tellFailure(signal, async () => {
    const own = await staging.makeFolderWithin(folder);
    try {
      await copyFile(path, join(own, handedOver));
      const onServer = joinPath(folderOnServer, basename(own), handedOver);
      const command = verifyDatabaseBackup({ instance: { server, instance, edition: "standard" } }, onServer);
      const { exitCode, stdout } = await runIt(toArgumentArray(command, "sfbse"), check.timeout, signal);
      if (exitCode === 0 && stdout.includes(verifiedMark)) return null;
      return exitCode === 0 ? "SQL Server did not find it whole" : `sqlcmd ended with exit code ${exitCode}`;
    } finally {
      await rm(own, { recursive: true, force: true });
    }
  });
}

async function rehearseImport(
  check: Extract<DrillCheck, { kind: "lync-user-data" }>,
  root: string,
  signal: AbortSignal,
): Promise<string | null> {
  const path = join(root, check.path);
  if (!(await isPresent(path))) return absent;
  const command = rehearseUserData(check.product, path);
  if (command === null) return `${check.product} cannot rehearse an import`;
  return tellFailure(signal, async () => {
    const { exitCode } = await runIt(toArgumentArray(command, check.product), check.timeout, signal);
    return exitCode === 0 ? null : `powershell ended with exit code ${exitCode}`;
  });
}

async function runCheckCommand(
  check: Extract<DrillCheck, { kind: "command" }>,
  root: string,
  signal: AbortSignal,
): Promise<string | null> {
  const [file, ...commandArguments] = check.command;
  if (file === undefined) return "the command names no executable";
  return tellFailure(signal, async () => {
    const { exitCode } = await runIt([file, ...commandArguments], check.timeout, signal, root);
    return exitCode === 0 ? null : `the command ended with exit code ${exitCode}`;
  });
}

function runIt(
  command: readonly [string, ...string[]],
  timeout: string | undefined,
  signal: AbortSignal,
  workingDirectory?: string,
): Promise<Completed> {
  return runCommand(command, {
    timeoutMilliseconds: toMilliseconds(timeout ?? defaultCommandTimeout),
    signal,
    ...(workingDirectory === undefined ? {} : { workingDirectory }),
  });
}

/** What we have worded ourselves is a finding: it names neither what was restored nor what a command printed. */
async function tellFailure(signal: AbortSignal, look: () => Promise<string | null>): Promise<string | null> {
  try {
    return await look();
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof PostureError) return error.message;
    throw error;
  }
}

async function isPresent(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}
