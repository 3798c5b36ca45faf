import { lstatSync, readlinkSync, type Stats } from "node:fs";
import { type BytePath, isAscii, toFileSystemPath } from "./byte-path";
import { longestPath } from "./directory-handle";

const options = { throwIfNoEntry: false } as const;

/**
 * Looks at the entries of one directory by their paths, which takes less time than through the open directory. What is seen so proves
 * nothing but that it is there: wherever the path leads by now.
 */
export class QuickLook {
  readonly #prefix: BytePath;
  readonly #isAscii: boolean;

  private constructor(prefix: BytePath) {
    this.#prefix = prefix;
    this.#isAscii = isAscii(prefix);
  }

  /** Null where the paths would be too long, or are used anyway. */
  static at(root: BytePath, directory: BytePath): QuickLook | null {
    if (process.platform !== "linux") return null;
    const prefix = directory === "" ? `${root}/` : `${root}/${directory}/`;
    return prefix.length <= longestPath ? new QuickLook(prefix) : null;
  }

  /** Null for whatever is wrong: it shows again, and is reported, when the entry is looked at through its open directory. */
  at(name: BytePath): Stats | null {
    try {
      return lstatSync(this.#toPath(name), options) ?? null;
    } catch {
      return null;
    }
  }

  /** Null as well. */
  targetOf(name: BytePath): BytePath | null {
    try {
      return readlinkSync(this.#toPath(name), { encoding: "latin1" });
    } catch {
      return null;
    }
  }

  #toPath(name: BytePath): string | Buffer {
    const path = this.#prefix + name;
    return this.#isAscii && isAscii(name) ? path : toFileSystemPath(path);
  }
}
