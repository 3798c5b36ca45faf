import { showPath } from "../../../platform/display";

/**
 * Paths and names as the file system has them: bytes, which need not be UTF-8. They are held as strings in which every
 * character stands for one byte (latin1), so that comparing two strings compares their bytes, and nothing is lost.
 */
export type BytePath = string;

/** What Node's file system functions take for these bytes. */
export function toFileSystemPath(path: BytePath): string | Buffer {
  return beyondAscii.test(path) ? Buffer.from(path, "latin1") : path;
}

/** The bytes of a path that a person or a declaration wrote. */
export function fromText(text: string): BytePath {
  return beyondAscii.test(text) || beyondLatin1.test(text) ? Buffer.from(text, "utf8").toString("latin1") : text;
}

/** Whether every byte is a character of ASCII. */
export function isAscii(path: BytePath): boolean {
  return !beyondAscii.test(path);
}

/** A path as people may see it. */
export function toDisplay(path: BytePath): string {
  return showPath(Buffer.from(path, "latin1"));
}

/** A path below a directory; the tree's root is the empty path. */
export function joinPath(directory: BytePath, name: BytePath): BytePath {
  return directory === "" ? name : `${directory}/${name}`;
}

/** True for a name that stands for exactly one entry of a directory, on every platform. */
export function isPlainName(name: BytePath): boolean {
  if (name === "" || name === "." || name === ".." || name.includes("/") || name.includes("\0")) return false;
  return process.platform !== "win32" || !/[\\:]/.test(name);
}

const beyondAscii = /[\u0080-\u00ff]/;
const beyondLatin1 = /[^\u0000-\u00ff]/;
