import { quoteRobocopyFolder } from "../quoting/robocopy";
import type { Command } from "./command";

/**
 * Copies a file store, security descriptors included, without `Meeting.Active`, which is locked while a meeting takes place. Nothing is
 * deleted in the destination. Two retries, five seconds apart: robocopy's own default is a million, half a minute apart.
 */
export function copyFileStore(from: string, to: string, log: string): Command {
  return copy(from, quoteRobocopyFolder(to), quoteRobocopyFolder(log));
}

/** Where `copyFileStoreHere` puts things, in the folder that it is run in. */
export const copiedHere = { folder: "files", log: "robocopy.log" } as const;

/** The same copy, into the folder that the command is run in. */
export function copyFileStoreHere(from: string): Command {
  return copy(from, copiedHere.folder, copiedHere.log);
}

/** Looks whether a file store can be read, one level deep, and copies nothing. */
export function lookAtFileStore(from: string): Command {
  return {
    program: "robocopy",
    arguments: [quoteRobocopyFolder(from), copiedHere.folder, "/L", "/LEV:1", "/XJ", "/R:0", "/W:0", "/NP"],
  };
}

function copy(from: string, to: string, log: string): Command {
  return {
    program: "robocopy",
    arguments: [
      quoteRobocopyFolder(from),
      to,
      "/E",
      "/COPY:DATS",
      "/DCOPY:T",
      "/XJ",
      "/XF",
      "Meeting.Active",
      "/R:2",
      "/W:5",
      "/NP",
      `/UNILOG:${log}`,
    ],
  };
}

/** What robocopy's exit code says. */
export interface CopyOutcome {
  readonly succeeded: boolean;
  /** One sentence. */
  readonly message: string;
}

/** Reads robocopy's exit code, a sum of 1 copied, 2 extra, 4 mismatched, 8 failed, 16 fatal: from 8 on it is a failure. */
export function readCopyOutcome(exitCode: number): CopyOutcome {
  const known = Number.isInteger(exitCode) && exitCode >= 0 && exitCode < 32;
  if (!known) return { succeeded: false, message: `robocopy ended with the unknown exit code ${exitCode}` };
  if ((exitCode & 16) !== 0) return { succeeded: false, message: "robocopy could not begin: nothing was copied" };
  if ((exitCode & 8) !== 0) return { succeeded: false, message: "robocopy could not copy some files" };
  return { succeeded: true, message: describeSuccess(exitCode) };
}

function describeSuccess(exitCode: number): string {
  if (exitCode === 0) return "nothing had to be copied";
  const parts = [
    ...((exitCode & 1) === 0 ? [] : ["files were copied"]),
    ...((exitCode & 2) === 0 ? [] : ["the destination holds files that the source does not"]),
    ...((exitCode & 4) === 0 ? [] : ["some files and folders of one name differ in kind"]),
  ];
  return parts.join("; ");
}
