import { createWriteStream } from "node:fs";
import { access, constants } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import type { Readable } from "node:stream";
import { finished, pipeline } from "node:stream/promises";
import { toMilliseconds } from "../platform/durations";
import { PostureError, systemCodeOf } from "../platform/errors";
import { hasExecutable } from "../platform/find-executable";
import { streamCommand } from "../platform/processes";
import { resolveSecret } from "../platform/secrets";
import { judgeProducedFile } from "./produced-content";
import type { SourceDeclaration } from "./schema";
import type { Gathered, Source, Staging } from "./source";

type CommandDeclaration = Extract<SourceDeclaration, { kind: "command" }>;

const defaultTimeout = "4h";
/** In an argument: the path of the file that the command is to make. */
const placeholder = "{output}";

/**
 * The output of a command, such as a database's dump: what it prints, or the file that it makes. It counts only where the command says so by its exit
 * code, and where the file is as large as it must be and holds what it must hold.
 */
export function openCommand(declaration: CommandDeclaration): Source {
  return {
    kind: "command",
    probe: (signal) => probe(declaration, signal),
    gather: (staging, signal) => gather(declaration, staging, signal),
  };
}

async function probe(declaration: CommandDeclaration, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const [file = ""] = declaration.command;
  if (!isAbsolute(file) && !/[\\/]/.test(file)) {
    if (process.platform === "win32" || hasExecutable(file)) return;
    throw new PostureError("unreachable", `command ${file}: is not on PATH; install it, or name it by its whole path`);
  }
  try {
    await access(file, constants.X_OK);
  } catch (error) {
    throw new PostureError(
      "unreachable",
      `command ${file}: cannot be executed by this account (${systemCodeOf(error) ?? "unknown error"}); install it, or correct the path`,
      { cause: error },
    );
  }
}

async function gather(declaration: CommandDeclaration, staging: Staging, signal: AbortSignal): Promise<Gathered> {
  await probe(declaration, signal);
  const environment = await resolveEnvironment(declaration);
  const folder = await staging.makeFolder();
  const { output, exitCodes = [0] } = declaration;
  const path = join(folder, "stdout" in output ? output.stdout : output.file);
  const [file = "", ...rest] = declaration.command.map((argument) => argument.replaceAll(placeholder, path));
  const exitCode = await run([file, ...rest], environment, declaration, "stdout" in output ? path : null, signal);
  if (!exitCodes.includes(exitCode))
    throw new PostureError(
      "permanent",
      `command ${file}: ended with exit code ${exitCode}; run it by hand as the runner's account to see why`,
    );
  await judgeProducedFile(path, `command ${file}`, declaration);
  return { tree: { root: folder, exclude: [] } };
}

async function run(
  command: readonly [string, ...string[]],
  environment: Readonly<Record<string, string>>,
  { timeout = defaultTimeout }: CommandDeclaration,
  target: string | null,
  signal: AbortSignal,
): Promise<number> {
  const [file] = command;
  const timeoutMilliseconds = toMilliseconds(timeout);
  try {
    return await streamCommand(command, { environment, timeoutMilliseconds, signal }, { stdout: keepIn(target) });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof PostureError) throw new PostureError(error.kind, `command ${error.message}`, { cause: error });
    const code = systemCodeOf(error);
    if (code === undefined) throw error;
    throw new PostureError(
      code === "ENOSPC" || code === "EDQUOT" ? "transient" : "permanent",
      `command ${file}: what it printed could not be kept (${code}); see whether the disk of the posture home is full`,
      { cause: error },
    );
  }
}

function keepIn(target: string | null): (output: Readable) => Promise<void> {
  if (target !== null) return (output) => pipeline(output, createWriteStream(target, { flags: "wx", mode: 0o600 }));
  return async (output) => {
    output.resume();
    await finished(output);
  };
}

async function resolveEnvironment({ command, environment = {} }: CommandDeclaration): Promise<Record<string, string>> {
  const resolved: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) if (value !== undefined) resolved[name] = value;
  for (const [name, reference] of Object.entries(environment))
    resolved[name] = await resolveSecret(reference, `command ${command[0] ?? ""}, variable ${name}`);
  return resolved;
}
