/** See {@link FailureKind}. */
export const failureKinds = ["usage", "conflict", "locked", "unreachable", "transient", "permanent"] as const;

/**
 * What kind of failure happened, so that callers and exit codes can tell them apart.
 *
 * - `usage`: the caller asked for something that cannot be.
 * - `conflict`: somebody else's object, or an object in use, stands in the way.
 * - `locked`: another run holds the lock; trying again later can help.
 * - `unreachable`: a host, home or store could not be looked at, so nothing is known about it.
 * - `transient`: trying again can help.
 * - `permanent`: trying again will not help.
 */
export type FailureKind = (typeof failureKinds)[number];

/**
 * A failure worded for people: what was being done, to what, what happened and what to do next.
 * The message never holds a secret or raw output of a command; `cause` keeps the original.
 */
export class PostureError extends Error {
  override readonly name = "PostureError";

  constructor(
    readonly kind: FailureKind,
    message: string,
    options?: { readonly cause?: unknown },
  ) {
    super(message, options);
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The operating system's error code (`ENOENT`, …) of anything that was thrown, if it has one. */
export function systemCodeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** True when the file or directory that was asked for is not there. */
export function isAbsent(error: unknown): boolean {
  const code = systemCodeOf(error);
  return code === "ENOENT" || code === "ENOTDIR";
}
