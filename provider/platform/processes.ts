import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { Options } from "execa";
import { PostureError } from "./errors";

/** A finished command. A non-zero `exitCode` is a result, not an exception. */
export interface Completed {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** The command's standard input, as text or as bytes that come by and by; default: none. */
  readonly input?: string | Readable;
  /** How text stands for bytes, in input and output; with `latin1` every character is one byte. Default: `utf8`. */
  readonly encoding?: "utf8" | "latin1";
  /** Whether the last line break of the output is kept. Default: false. */
  readonly keepLastLineBreak?: boolean;
  /** The command's whole environment; default: this process's. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Working directory; default: this process's. */
  readonly workingDirectory?: string;
  /** The command is killed after this long. */
  readonly timeoutMilliseconds: number;
  readonly signal: AbortSignal;
}

/**
 * Runs one command from an argument array, never through a shell, and waits for it.
 *
 * @throws PostureError `permanent` when it cannot be started or is killed by a signal, `transient` when it outlives its
 * time limit. Messages name the executable only: arguments and output may hold what must not be shown.
 */
export async function runCommand(command: readonly [string, ...string[]], options: CommandOptions): Promise<Completed> {
  const { execa } = await import("execa");
  const [file, ...commandArguments] = command;
  const result = await execa(file, commandArguments, toExecaOptions(options));
  const exitCode = requireExitCode(file, result, options);
  return { exitCode, stdout: text(result.stdout), stderr: text(result.stderr) };
}

/** What there is to know of how a command ended. */
interface Ended {
  readonly timedOut: boolean;
  readonly exitCode?: number | undefined;
  readonly code?: string | undefined;
  readonly signal?: string | undefined;
  readonly cause?: unknown;
}

function requireExitCode(file: string, ended: Ended, { timeoutMilliseconds }: { timeoutMilliseconds: number }): number {
  if (ended.timedOut)
    throw new PostureError("transient", `${file}: stopped after ${timeoutMilliseconds / 1_000} s, its time limit`);
  if (ended.exitCode === undefined)
    throw new PostureError("permanent", `${file}: ${describeEnd(ended.code, ended.signal)}`, { cause: ended.cause });
  return ended.exitCode;
}

export interface StreamOptions extends Omit<CommandOptions, "encoding" | "keepLastLineBreak"> {
  /** The signal that asks the command to end, where ending cleanly takes another than SIGTERM. */
  readonly stopSignal?: "SIGINT";
}

/** Who reads what a command writes while it runs. A reader that throws, or ends early, ends the command. */
export interface StreamReaders {
  readonly stdout: (output: Readable) => Promise<void>;
  /** Default: nobody. */
  readonly stderr?: (output: Readable) => Promise<void>;
}

/**
 * As {@link runCommand}, for output that is too much to hold, or that tells how far the command has come.
 *
 * @returns the exit code.
 * @throws what a reader throws, before what the command itself has done wrong.
 */
export async function streamCommand(
  command: readonly [string, ...string[]],
  options: StreamOptions,
  readers: StreamReaders,
): Promise<number> {
  const { execa } = await import("execa");
  const [file, ...commandArguments] = command;
  const { stopSignal, ...rest } = options;
  const child = execa(file, commandArguments, {
    ...toExecaOptions(rest),
    buffer: false,
    ...(stopSignal === undefined ? {} : { killSignal: stopSignal }),
    ...(readers.stderr === undefined ? { stderr: "ignore" as const } : {}),
  });
  const reading = Promise.all([
    read(child.stdout, readers.stdout),
    ...(readers.stderr === undefined ? [] : [read(child.stderr, readers.stderr)]),
  ]).catch((error: unknown) => {
    child.kill();
    throw error;
  });
  const [outcome, ended] = await Promise.allSettled([reading, child]);
  options.signal.throwIfAborted();
  if (outcome.status === "rejected") throw outcome.reason;
  if (ended.status === "rejected") throw ended.reason;
  return requireExitCode(file, ended.value, options);
}

async function read(output: Readable | null, reader: (output: Readable) => Promise<void>): Promise<void> {
  if (output !== null) await reader(output);
}

/** This process's own environment, for a command that gets more. */
export function inheritedEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** Has ready what the first command would have to wait for. */
export async function prepareCommands(): Promise<void> {
  await import("execa");
}

/** A command that runs beside this process and talks with it, line by line. It ends with this process at the latest. */
export interface Conversation {
  /** Writes one line to its standard input. Of one that has ended, `ended` tells. */
  send(line: string): void;
  /** Ends its standard input: it has been said everything. */
  finish(): void;
  kill(): void;
  /** How it ended; null where it could not be started or a signal ended it. */
  readonly ended: Promise<{ readonly exitCode: number | null; readonly stderr: string }>;
}

/**
 * Starts a command from an argument array, never through a shell, and talks with it.
 *
 * @param onLine gets every line of its standard output, without its line break.
 */
export async function converse(
  command: readonly [string, ...string[]],
  onLine: (line: string) => void,
): Promise<Conversation> {
  const { execa } = await import("execa");
  const [file, ...commandArguments] = command;
  const child = execa(file, commandArguments, { reject: false, buffer: { stdout: false, stderr: true } });
  createInterface({ input: child.stdout, crlfDelay: Number.POSITIVE_INFINITY }).on("line", onLine);
  child.stdin.on("error", () => undefined); // it has ended, which is told by its end
  return {
    send: (line) => void child.stdin.write(`${line}\n`),
    finish: () => child.stdin.end(),
    kill: () => child.kill("SIGKILL"),
    ended: child.then(({ exitCode, stderr, code }) => ({
      exitCode: exitCode ?? null,
      stderr: code === "ENOENT" ? `${file}: ${describeEnd(code, undefined)}` : text(stderr),
    })),
  };
}

/** A process that outlives this one. */
export interface DetachedProcess {
  /** Its exit code once it has ended, null where a signal ended it. Waiting for it keeps nothing alive. */
  readonly ended: Promise<number | null>;
}

/** Starts a command that outlives this process, with no terminal and no output, and does not wait for it. */
export async function startDetached(
  command: readonly [string, ...string[]],
  environment: Readonly<Record<string, string>> = {},
): Promise<DetachedProcess> {
  const { execa } = await import("execa");
  const [file, ...commandArguments] = command;
  const child = execa(file, commandArguments, {
    detached: true,
    stdio: "ignore",
    cleanup: false,
    reject: false,
    env: { ...environment },
  });
  child.unref();
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (cause) => reject(new PostureError("permanent", `${file}: could not be started`, { cause })));
  });
  return { ended: child.then(({ exitCode }) => exitCode ?? null) };
}

function toExecaOptions(options: CommandOptions): Options & { reject: false; encoding: "utf8" | "latin1" } {
  return {
    reject: false,
    encoding: options.encoding ?? "utf8",
    timeout: options.timeoutMilliseconds,
    cancelSignal: options.signal,
    forceKillAfterDelay: 2_000,
    stripFinalNewline: options.keepLastLineBreak !== true,
    stdin: options.input === undefined ? "ignore" : "pipe",
    ...(options.input === undefined ? {} : { input: toInput(options.input, options.encoding) }),
    ...(options.environment === undefined ? {} : { env: { ...options.environment }, extendEnv: false }),
    ...(options.workingDirectory === undefined ? {} : { cwd: options.workingDirectory }),
  };
}

function toInput(input: string | Readable, encoding: CommandOptions["encoding"]): Uint8Array | Readable {
  return typeof input === "string" ? Buffer.from(input, encoding) : input;
}

function describeEnd(code: string | undefined, signal: string | undefined): string {
  if (code === "ENOENT") return "not found on this host; install it or correct the path";
  if (code === "EACCES") return "may not be executed by this account";
  return signal === undefined ? "could not be started" : `ended by ${signal}`;
}

function text(output: unknown): string {
  return typeof output === "string" ? output : "";
}
