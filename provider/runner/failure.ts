import { PostureError, systemCodeOf } from "../platform/errors";

const longest = 500;

/**
 * A failure in one sentence for journal, health and state. It holds no names of users' files, no output of commands and
 * no secrets: only messages that were worded by us are repeated, of others no more than their kind is told.
 */
export function describeFailure(error: unknown): string {
  if (error instanceof PostureError) return shorten(error.message);
  const code = systemCodeOf(error);
  if (code !== undefined) return `${explainCode(code)} (${code})`;
  return `an unexpected ${error instanceof Error ? error.name : "failure"}`;
}

function explainCode(code: string): string {
  return explanations.get(code) ?? "the operating system refused";
}

const explanations: ReadonlyMap<string, string> = new Map([
  ["ENOSPC", "no space is left on the device"],
  ["EDQUOT", "the disk quota is used up"],
  ["EROFS", "the file system is read-only"],
  ["EACCES", "this account may not do that"],
  ["EPERM", "this account may not do that"],
  ["EIO", "the device failed to read or write"],
  ["EMFILE", "this process has too many files open"],
  ["ENFILE", "this host has too many files open"],
]);

function shorten(message: string): string {
  const line = message.replace(/\s+/g, " ").trim();
  return line.length <= longest ? line : `${line.slice(0, longest - 1)}…`;
}
