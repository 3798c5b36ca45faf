import { createHash } from "node:crypto";
import { readRange } from "./catalogue";
import type { Connection } from "./connection";
import type { ShareClient } from "./sdk";

const pieceBytes = 4 * 1_024 * 1_024;

/**
 * Reads a file of a share to its end, piece by piece; each piece is asked for again where that can help.
 *
 * @param path relative to the share's root.
 * @returns the SHA-256 of what was read, in hex.
 * @throws the SDK's own error where the file is not there.
 */
export async function readContent(
  { requests }: Connection,
  share: ShareClient,
  path: string,
  size: number,
  signal: AbortSignal,
  take: (piece: Buffer, position: number) => Promise<void> = async () => undefined,
  pass?: (error: unknown) => boolean,
): Promise<string> {
  const file = share.rootDirectoryClient.getFileClient(path);
  const hash = createHash("sha256");
  for (let offset = 0; offset < size; offset += pieceBytes) {
    const length = Math.min(pieceBytes, size - offset);
    const piece = await requests.send(
      "read a file",
      signal,
      (abortSignal) => readRange(file, offset, length, abortSignal),
      pass,
    );
    hash.update(piece);
    await take(piece, offset);
  }
  return hash.digest("hex");
}
