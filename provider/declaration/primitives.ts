import { posix } from "node:path";
import { z } from "zod";
import { type Duration, durationPattern, toMilliseconds } from "../platform/durations";

/** A hundred years: sums of a few such durations and a date are still dates. */
const longest: Duration = "36600d";

/** `<whole number><s|m|h|d|w>`, longer than zero, at most 36600d. */
export const duration = z
  .string("must be a duration such as 15m, 26h or 7d")
  .regex(durationPattern, "must be a duration such as 15m, 26h or 7d")
  .refine((value) => !durationPattern.test(value) || toMilliseconds(value) > 0, "must be longer than zero")
  .refine(isWithin("0s", longest), `must be at most ${longest}`);

/** `<whole number><s|m|h|d|w>`, zero included, at most 36600d. */
export const durationOrZero = z
  .string("must be a duration such as 0s, 15m or 26h")
  .regex(durationPattern, "must be a duration such as 0s, 15m or 26h")
  .refine(isWithin("0s", longest), `must be at most ${longest}`);

/** Whether a duration lies within bounds; true for what is none, so that it is told only once. */
export function isWithin(least: Duration, most: Duration): (value: string) => boolean {
  return (value) =>
    !durationPattern.test(value) ||
    (toMilliseconds(value) >= toMilliseconds(least) && toMilliseconds(value) <= toMilliseconds(most));
}

/** The id of one of our objects: lower-case letters, digits and hyphens, at most 63. */
export const identifier = z
  .string("must be text")
  .regex(
    /^[a-z0-9][a-z0-9-]{0,62}$/,
    "must be 1 to 63 lower-case letters, digits and hyphens, and not begin with a hyphen",
  );

/** The key of a record such as `sources`: letters, digits, dots, hyphens and underscores, at most 64. */
export const entryName = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/,
    "names are 1 to 64 letters, digits, dots, hyphens and underscores, beginning with a letter or digit",
  );

/** An absolute path of this platform, without NUL, line breaks or `..` steps. */
export const absolutePath = z
  .string("must be an absolute path")
  .max(4096, "must be at most 4096 characters")
  .refine(isAbsoluteHere, "must be an absolute path of this platform")
  .refine((value) => !/[\u0000-\u001f\u007f]/.test(value), "must not contain control characters")
  .refine((value) => !value.split(/[\\/]/).includes(".."), "must not contain '..' steps");

/** An instant in ISO 8601 with a zone, `2026-11-19T01:00:00Z`. */
export const instant = z.iso.datetime({
  offset: true,
  error: "must be an ISO 8601 instant with a zone, such as 2026-11-19T01:00:00Z",
});

/** Text of one line, at most 500 characters. */
export const sentence = z
  .string("must be text")
  .min(1, "must not be empty")
  .max(500, "must be at most 500 characters")
  .refine((value) => !/[\u0000-\u001f\u007f]/.test(value), "must be one line without control characters");

/** The name of an account of the host. */
export const accountName = z
  .string("must be the name of an account")
  .regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/, "must be the name of an account");

/** The name of an environment variable. */
export const variableName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, "must be the name of an environment variable");

/** Where a secret is to be found on the host that needs it: the name of an environment variable, or a file's path. Never the secret itself. */
export const secretReference = z.union(
  [z.strictObject({ env: variableName }), z.strictObject({ file: absolutePath })],
  'must be a reference to a secret, {env: "NAME"} or {file: "/path"}, never the secret itself',
);

/** A reference to a secret; see {@link secretReference}. */
export type SecretReference = z.infer<typeof secretReference>;

/** A command as an argument array: the executable, then its arguments. Never a shell line. */
export const commandLine = z
  .array(
    z
      .string("must be text")
      .max(32_768, "must be at most 32768 characters")
      .refine((value) => !value.includes("\0"), "must not contain NUL"),
    "must be an array: the executable, then its arguments",
  )
  .min(1, "must name an executable")
  .refine((value) => value[0] !== "", "must name an executable");

/** A whole number within bounds. */
export function wholeNumber(least: number, most: number) {
  return z
    .int(`must be a whole number from ${least} to ${most}`)
    .min(least, `must be a whole number from ${least} to ${most}`)
    .max(most, `must be a whole number from ${least} to ${most}`);
}

function isAbsoluteHere(value: string): boolean {
  if (process.platform !== "win32") return posix.isAbsolute(value);
  return /^[A-Za-z]:[\\/]/.test(value) || /^\\\\[^\\/]+[\\/]/.test(value);
}
