#!/usr/bin/env node
import { type Command, CommanderError } from "commander";
import { showPath } from "../platform/display";
import { messageOf, PostureError } from "../platform/errors";
import type { Report } from "./command";
import { type ExitCode, exitCodeOf, exitCodes } from "./exit-codes";
import { makeProgram } from "./program";

void main(process.argv);

/** Runs the command line and ends the process with its exit code. */
async function main(commandLine: readonly string[]): Promise<void> {
  const json = asksForJson(commandLine);
  process.stdout.on("error", endQuietly); // whoever read our output has gone
  const exitCode = await runCommandLine(commandLine, json);
  process.stdout.write("", () => process.exit(exitCode)); // even if a look at a dead mount is still under way
}

async function runCommandLine(commandLine: readonly string[], json: boolean): Promise<ExitCode> {
  let exitCode: ExitCode = exitCodes.fine;
  const deliver = (report: Report) => {
    process.stdout.write(json ? `${JSON.stringify(report.document)}\n` : `${report.text}\n`);
    exitCode = report.exitCode;
  };
  const program = makeProgram({ signal: stopOnSignals(), deliver });
  if (json) silence(program);
  try {
    await program.parseAsync(commandLine);
    return exitCode;
  } catch (error) {
    return reportFailure(error, json);
  }
}

/** Errors are told as JSON, and as nothing else. */
function silence(command: Command): void {
  command.configureOutput({ writeErr: () => undefined });
  for (const below of command.commands) silence(below);
}

function reportFailure(error: unknown, json: boolean): ExitCode {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return exitCodes.fine; // --help and --version have printed what was asked for
    if (json) printError("usage", error.message.replace(/^error: /, ""));
    return exitCodes.usage;
  }
  const kind = error instanceof PostureError ? error.kind : "permanent";
  if (json) printError(kind, messageOf(error));
  else process.stderr.write(`backup-posture: ${showPath(messageOf(error))}\n`);
  return exitCodeOf(error);
}

function printError(kind: string, message: string): void {
  process.stdout.write(`${JSON.stringify({ error: { kind, message } })}\n`);
}

/**
 * The first SIGINT or SIGTERM ends the command in good order, a second one at once. The listener stays for good: a library that
 * ends its own processes with ours takes a signal without listeners for one that nobody handles.
 */
function stopOnSignals(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(exitCodes.failed);
      stop.abort(new PostureError("transient", `stopped by ${signal}`));
    });
  return stop.signal;
}

/** Known before anything is parsed, since wrong usage too is told as JSON. */
function asksForJson(commandLine: readonly string[]): boolean {
  const end = commandLine.indexOf("--");
  return commandLine.slice(2, end === -1 ? undefined : end).includes("--json");
}

function endQuietly(error: NodeJS.ErrnoException): void {
  process.exit(error.code === "EPIPE" ? exitCodes.fine : exitCodes.failed);
}
