import { type FailureKind, PostureError } from "../platform/errors";

/** What the command line's exit codes mean. They do not change. */
export const exitCodes = { fine: 0, failed: 1, usage: 2, unhealthy: 3, locked: 4, unobserved: 5 } as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The exit codes as `--help` shows them. */
export const exitCodesHelp = `Exit codes:
  0  fine
  1  failed: something was tried and did not succeed
  2  usage: unknown command or option, or a value that cannot be
  3  unhealthy: what was looked at is drifted, stale, damaged or missing
  4  locked: another run holds the lock; trying again later can help
  5  unobserved: gate only; no host was looked at, so nothing is known to be well`;

/** The exit code for anything that was thrown. */
export function exitCodeOf(error: unknown): ExitCode {
  return error instanceof PostureError ? codeOfKind(error.kind) : exitCodes.failed;
}

function codeOfKind(kind: FailureKind): ExitCode {
  if (kind === "usage") return exitCodes.usage;
  return kind === "locked" ? exitCodes.locked : exitCodes.failed;
}
