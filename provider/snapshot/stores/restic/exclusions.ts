import { opendir } from "node:fs/promises";
import { isAbsent, systemCodeOf } from "../../../platform/errors";
import { toExclusion } from "../directory/exclude";

/** Globs that mean the same to restic as to every other store. */
const sharedGlob = /^[A-Za-z0-9 ._+=@~#/*?-]+$/;

/**
 * What is left out, as lines of a restic exclude file: globs that restic reads as we do, anchored at the root, and the found paths for all others.
 *
 * @param root the tree's real path, as text.
 */
export async function listExclusions(root: string, globs: readonly string[], signal: AbortSignal): Promise<Buffer> {
  const plain = globs.map((glob) => glob.replace(/\/+$/, "")).filter((glob) => glob !== "");
  const translated = plain.filter(isShared).map((glob) => anchor(root, glob));
  const others = plain.filter((glob) => !isShared(glob));
  const found = others.length === 0 ? [] : await findExcluded(root, others, signal);
  const lines = [...translated.map((line) => Buffer.from(line)), ...found];
  return Buffer.concat(lines.flatMap((line) => [line, Buffer.from("\n")]));
}

function isShared(glob: string): boolean {
  return sharedGlob.test(glob) && !glob.includes("**") && !glob.includes("//") && !/ $/.test(glob);
}

function anchor(root: string, glob: string): string {
  const base = root === "/" ? "" : escapeForFile(Buffer.from(root)).toString();
  return glob.includes("/") ? `${base}/${glob.replace(/^\.?\//, "")}` : `${base}/**/${glob}`;
}

async function findExcluded(root: string, globs: readonly string[], signal: AbortSignal): Promise<readonly Buffer[]> {
  const isExcluded = toExclusion(globs);
  const found: Buffer[] = [];
  const folders = [""];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    signal.throwIfAborted();
    for (const { name, isFolder } of await listFolder(root, folder)) {
      const path = folder === "" ? name : `${folder}/${name}`;
      if (isExcluded(folder, name)) found.push(escapeForFile(locate(root, path)));
      else if (isFolder) folders.push(path);
    }
  }
  return found;
}

/** Names are bytes, each a character. What cannot be listed is left to restic, which tells of it. */
async function listFolder(
  root: string,
  folder: string,
): Promise<readonly { readonly name: string; readonly isFolder: boolean }[]> {
  const listed: { name: string; isFolder: boolean }[] = [];
  try {
    for await (const entry of await opendir(locate(root, folder), { encoding: "latin1" }))
      listed.push({ name: entry.name, isFolder: entry.isDirectory() });
  } catch (error) {
    const code = systemCodeOf(error);
    if (!isAbsent(error) && code !== "EACCES" && code !== "EPERM") throw error;
  }
  return listed;
}

function locate(root: string, path: string): Buffer {
  const base = Buffer.from(root === "/" ? "" : root);
  return path === "" ? Buffer.from(root) : Buffer.concat([base, Buffer.from("/"), Buffer.from(path, "latin1")]);
}

/** A path as a pattern that matches nothing else, on a line of its own: restic trims lines, and replaces `$NAME`. */
function escapeForFile(path: Buffer): Buffer {
  const text = path.toString("latin1");
  const escaped = text.replace(/[*?[\]\\ $\n\r\t]/g, (character) => {
    switch (character) {
      case "$":
        return "$$";
      case "\n":
        return "[\t-\v]";
      case " ":
      case "\r":
      case "\t":
        return `[${character}]`;
      default:
        return `\\${character}`;
    }
  });
  return Buffer.from(escaped, "latin1");
}
