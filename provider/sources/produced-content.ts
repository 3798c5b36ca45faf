import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { PostureError } from "../platform/errors";
import { requireProducedFile } from "./produced-file";

/** What a file that a command made must be, to count. */
export interface Expectations {
  /** In bytes. Default: 1. */
  readonly minBytes?: number | undefined;
  /** What it begins with. */
  readonly startsWith?: string | undefined;
  /** What stands somewhere in it. */
  readonly contains?: string | undefined;
}

/**
 * Makes sure that a file is what was expected. Messages hold nothing of it.
 *
 * @throws PostureError `permanent` where it is not.
 */
export async function judgeProducedFile(path: string, subject: string, expectations: Expectations): Promise<void> {
  await requireProducedFile(path, subject);
  const { minBytes = 1, startsWith, contains } = expectations;
  const { size } = await stat(path);
  if (size < minBytes)
    throw new PostureError(
      "permanent",
      `${subject}: made ${size} bytes, and minBytes is ${minBytes}; see whether what it reads is whole`,
    );
  if (startsWith !== undefined && !(await beginsWith(path, Buffer.from(startsWith))))
    throw new PostureError("permanent", `${subject}: what it made does not begin as startsWith says`);
  if (contains !== undefined && !(await holds(path, Buffer.from(contains))))
    throw new PostureError("permanent", `${subject}: what it made does not hold what contains says`);
}

async function beginsWith(path: string, start: Buffer): Promise<boolean> {
  const chunks: Buffer[] = [];
  for await (const chunk of createReadStream(path, { end: start.length - 1 })) chunks.push(toBuffer(chunk));
  return Buffer.concat(chunks).equals(start);
}

/** What is looked for may lie across two pieces. */
async function holds(path: string, wanted: Buffer): Promise<boolean> {
  let rest = Buffer.alloc(0);
  for await (const chunk of createReadStream(path)) {
    const piece = Buffer.concat([rest, toBuffer(chunk)]);
    if (piece.includes(wanted)) return true;
    rest = piece.subarray(Math.max(0, piece.length - wanted.length + 1));
  }
  return false;
}

function toBuffer(chunk: unknown): Buffer {
  if (Buffer.isBuffer(chunk)) return chunk;
  throw new TypeError("a file is read as bytes");
}
