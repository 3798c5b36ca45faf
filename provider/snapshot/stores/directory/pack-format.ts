/**
 * A pack is: the contents of files, one after the other, an index of them, and a closing. Its id, by which its file is named, is
 * the SHA-256 of the index; the index holds the SHA-256 of every content: so the name vouches for all of it.
 */
export const packMagic = Buffer.from("BPPACK01", "latin1");
/** Index record: SHA-256 of the content, offset u64, length u64. */
export const indexRecordSize = 48;
/** Closing: count of the index u64, magic. */
export const packClosingSize = 16;

/** A pack is closed when it has grown to this many bytes. A larger file makes a larger pack. */
export const packTarget = 64 * 1024 * 1024;

export function packFileName(id: string): string {
  return `${id}.pack`;
}

/** The id in the name of a pack's file, or null for any other file. */
export function packIdOf(fileName: string): string | null {
  return /^[0-9a-f]{64}\.pack$/.test(fileName) ? fileName.slice(0, 64) : null;
}
