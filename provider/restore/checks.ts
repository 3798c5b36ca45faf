import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { toMilliseconds } from "../platform/durations";
import { isAbsent, PostureError } from "../platform/errors";
import { runCommand } from "../platform/processes";
import { defaultCommandTimeout } from "../schedule/defaults";
import type { DrillCheck } from "./schema";

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
      return (await isPresent(join(tree.root, check.path))) ? null : "the file is not there";
    case "minimum-files":
      return tree.files >= check.count ? null : `there are ${tree.files} files, at least ${check.count} are expected`;
    case "command":
      return runCheckCommand(check, tree.root, signal);
  }
}

async function runCheckCommand(
  check: Extract<DrillCheck, { kind: "command" }>,
  root: string,
  signal: AbortSignal,
): Promise<string | null> {
  const [file, ...commandArguments] = check.command;
  if (file === undefined) return "the command names no executable";
  try {
    const timeoutMilliseconds = toMilliseconds(check.timeout ?? defaultCommandTimeout);
    const { exitCode } = await runCommand([file, ...commandArguments], {
      workingDirectory: root,
      timeoutMilliseconds,
      signal,
    });
    return exitCode === 0 ? null : `the command ended with exit code ${exitCode}`;
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
