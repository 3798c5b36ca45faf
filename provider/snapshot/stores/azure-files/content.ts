import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { readRange } from "./catalogue";
import type { ByteRange } from "./changed-ranges";
import type { Connection } from "./connection";
import type { ShareClient } from "./sdk";

const pieceBytes = 4 * 1_024 * 1_024;

/** A file of a share, or of one of its snapshots. */
export interface RemoteFile {
  readonly share: ShareClient;
  /** Relative to the share's root. */
  readonly path: string;
  readonly size: number;
}

/** What to do with a file's content as it comes. */
export interface Reading {
  readonly signal: AbortSignal;
  /** Takes each piece, in order. */
  readonly take?: (piece: Buffer, position: number) => Promise<void>;
  /** Refusals that are thrown as they are. */
  readonly pass?: (error: unknown) => boolean;
}

/** A file of this machine that was once as the remote one was at another time. */
export interface Basis {
  readonly handle: FileHandle;
  readonly size: number;
  /** Where the remote one is another since, in order. */
  readonly changed: readonly ByteRange[];
}

/**
 * Reads a file of a share to its end, piece by piece; each piece is asked for again where that can help.
 *
 * @returns the SHA-256 of what was read, in hex.
 * @throws the SDK's own error where the file is not there.
 */
export async function readContent(connection: Connection, file: RemoteFile, reading: Reading): Promise<string> {
  return await readPieces(file.size, reading, openRemote(connection, file, reading));
}

/** As `readContent`, and what has not changed since comes from this machine. What comes of it is worth its digest only. */
export async function readChangedContent(
  connection: Connection,
  file: RemoteFile,
  basis: Basis,
  reading: Reading,
): Promise<string> {
  const fetch = openRemote(connection, file, reading);
  const missing = [...basis.changed, { from: basis.size, to: file.size }];
  return await readPieces(file.size, reading, async (offset, length) => {
    const piece = Buffer.alloc(length);
    await readLocally(basis.handle, piece, offset);
    for (const { from, to } of missing) {
      const begin = Math.max(from, offset);
      const end = Math.min(to, offset + length);
      if (begin < end) (await fetch(begin, end - begin)).copy(piece, begin - offset);
    }
    return piece;
  });
}

type ReadPiece = (offset: number, length: number) => Promise<Buffer>;

async function readPieces(size: number, { take }: Reading, read: ReadPiece): Promise<string> {
  const hash = createHash("sha256");
  for (let offset = 0; offset < size; offset += pieceBytes) {
    const piece = await read(offset, Math.min(pieceBytes, size - offset));
    hash.update(piece);
    await take?.(piece, offset);
  }
  return hash.digest("hex");
}

function openRemote({ requests }: Connection, { share, path }: RemoteFile, { signal, pass }: Reading): ReadPiece {
  const file = share.rootDirectoryClient.getFileClient(path);
  return (offset, length) =>
    requests.send("read a file", signal, (abortSignal) => readRange(file, offset, length, abortSignal), pass);
}

/** As far as there is something. */
async function readLocally(handle: FileHandle, piece: Buffer, position: number): Promise<void> {
  for (let done = 0; done < piece.length; ) {
    const { bytesRead } = await handle.read(piece, done, piece.length - done, position + done);
    if (bytesRead === 0) return;
    done += bytesRead;
  }
}
