import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { BytePath } from "./byte-path";
import { longestPath } from "./directory-handle";

const pathsPerFile = 20_000;
const bufferSize = 64 * 1024;

/** Writes paths, each ended by a NUL, into files that a command can take its arguments from. */
export class ChangedPaths {
  readonly files: string[] = [];
  /** Paths that are too long to be given to a command. */
  readonly long: BytePath[] = [];
  #file: number | null = null;
  #count = 0;
  #buffered = "";

  /** @param name the files are `<name>-0`, `<name>-1`, … in the directory. */
  constructor(
    readonly directory: string,
    readonly name: string,
  ) {}

  add(path: BytePath): void {
    if (path.length > longestPath) {
      this.long.push(path);
      return;
    }
    if (this.#count === pathsPerFile) this.close();
    this.#file ??= this.#open();
    this.#count += 1;
    this.#buffered += `${path === "" ? "." : path}\0`;
    if (this.#buffered.length >= bufferSize) this.#flush(this.#file);
  }

  close(): void {
    if (this.#file === null) return;
    this.#flush(this.#file);
    closeSync(this.#file);
    this.#file = null;
    this.#count = 0;
  }

  /** Lets go of what is open; what was not written yet is given up. */
  abandon(): void {
    if (this.#file !== null) closeSync(this.#file);
    this.#file = null;
  }

  #open(): number {
    const path = join(this.directory, `${this.name}-${this.files.length}`);
    this.files.push(path);
    return openSync(path, "wx", 0o600);
  }

  #flush(file: number): void {
    const bytes = Buffer.from(this.#buffered, "latin1");
    for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
    this.#buffered = "";
  }
}
