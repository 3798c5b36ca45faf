import { type Command, toArgumentArray } from "../lync/commands";
import { toMilliseconds } from "../platform/durations";
import { messageOf, PostureError } from "../platform/errors";
import { type Completed, runCommand } from "../platform/processes";

/** How the commands of one source run. */
export interface CommandSurroundings {
  /** As in the sentence "user data of pool01.contoso.com: powershell ended with …". */
  readonly subject: string;
  readonly timeout: string | undefined;
  readonly signal: AbortSignal;
  readonly workingDirectory?: string;
}

const defaultTimeout = "4h";

/** How much of what a failed command printed is kept as the cause, for a terminal only. */
const keptCharacters = 4_000;

/**
 * Runs a command of Windows to its end, whatever its exit code.
 *
 * @throws PostureError `permanent` where it is not on this host's PATH, `transient` where it outlives its time limit.
 */
export async function runWindowsCommand(
  command: Command,
  product: Parameters<typeof toArgumentArray>[1],
  surroundings: CommandSurroundings,
): Promise<Completed> {
  const { subject, timeout, signal, workingDirectory } = surroundings;
  try {
    return await runCommand(toArgumentArray(command, product), {
      timeoutMilliseconds: toMilliseconds(timeout ?? defaultTimeout),
      signal,
      ...(workingDirectory === undefined ? {} : { workingDirectory }),
    });
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof PostureError)
      throw new PostureError(error.kind, `${subject}: ${messageOf(error)}`, { cause: error });
    throw error;
  }
}

/** The same, for a command that must end with exit code 0. */
export async function requireWindowsCommand(
  command: Command,
  product: Parameters<typeof toArgumentArray>[1],
  surroundings: CommandSurroundings,
): Promise<Completed> {
  const completed = await runWindowsCommand(command, product, surroundings);
  if (completed.exitCode !== 0) throw commandFailure(command, completed, surroundings.subject);
  return completed;
}

/** A failure that names program and exit code; what was printed is its cause, and reaches neither journal nor state. */
export function commandFailure(command: Command, completed: Completed, subject: string): PostureError {
  const printed = `${completed.stdout}\n${completed.stderr}`.trim().slice(-keptCharacters);
  return new PostureError(
    "permanent",
    `${subject}: ${command.program} ended with exit code ${completed.exitCode}; run backup-posture run on a terminal to see what it printed`,
    { cause: new Error(printed === "" ? "nothing was printed" : printed) },
  );
}
