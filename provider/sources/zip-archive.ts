import { pipeline } from "node:stream/promises";
import { crc32 } from "node:zlib";
import { type Entry, openPromise, type ZipFile } from "yauzl";
import { PostureError } from "../platform/errors";

/**
 * Reads a ZIP archive to its end: every entry must unpack to the size and the sum that the archive says.
 *
 * @param mustHold the name of a file that must be in it, in whatever folder; null: any file will do.
 * @throws PostureError `permanent` that begins with the subject; it names no entries.
 */
export async function checkZipArchive(path: string, subject: string, mustHold: string | null): Promise<void> {
  let names: readonly string[];
  try {
    names = await readEveryEntry(path);
  } catch (cause) {
    throw new PostureError("permanent", `${subject}: what was exported is no whole ZIP archive`, { cause });
  }
  if (names.length === 0) throw new PostureError("permanent", `${subject}: the archive that was exported is empty`);
  if (mustHold !== null && !names.some((name) => baseOf(name) === mustHold.toLowerCase()))
    throw new PostureError("permanent", `${subject}: the archive that was exported does not hold ${mustHold}`);
}

/** The names of all files in an archive, each read and found whole. @throws whatever keeps one from being so. */
export async function readEveryEntry(path: string): Promise<readonly string[]> {
  const archive = await openPromise(path, { strictFileNames: false, validateEntrySizes: true });
  const names: string[] = [];
  try {
    for await (const entry of archive.eachEntry()) {
      if (entry.fileName.endsWith("/")) continue;
      await checkSum(archive, entry);
      names.push(entry.fileName);
    }
  } finally {
    archive.close();
  }
  return names;
}

async function checkSum(archive: ZipFile, entry: Entry): Promise<void> {
  const content = await archive.openReadStreamPromise(entry);
  let sum = 0;
  await pipeline(content, async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) sum = crc32(chunk, sum);
  });
  if (sum !== entry.crc32) throw new Error("an entry's sum is wrong");
}

function baseOf(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1).toLowerCase();
}
