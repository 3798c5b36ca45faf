import { writeSync } from "node:fs";

/** Writes all of the bytes at a position of a file, however many the operating system takes at a time. */
export function writeFully(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done, bytes.length - done, position + done);
}
