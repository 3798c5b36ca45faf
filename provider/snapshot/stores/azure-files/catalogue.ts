import { PostureError } from "../../../platform/errors";
import { BrokenAnswer, isNotThere, readRefusal } from "./answers";
import type { Connection } from "./connection";
import { firstOf } from "./requests";
import type { ShareFileClient } from "./sdk";

/** The folders of the share that holds the manifests. */
export const folders = {
  /** `<point>.json`, the header of a recovery point, and `<point>.manifest`, what it holds. */
  points: "points",
  /** `<point>.json`: a capture that goes on, or was killed. While it is here, the point does not count. */
  captures: "captures",
  /** `<schedule>.<source>.json`: the digests that a capture which did not come to its end had found out. */
  checkpoints: "checkpoints",
} as const;

const marker = "store.json";
const format = "backup-posture azure-files store";
const pieceBytes = 4 * 1_024 * 1_024;
const quotaGibibytes = 100;

/**
 * Makes the share of the manifests, and the marker in it, where they are not there yet. Idempotent.
 *
 * @throws PostureError `conflict` where it belongs to another share.
 */
export async function initialiseCatalogue(connection: Connection, signal: AbortSignal): Promise<void> {
  const { catalogue, requests } = connection;
  await requests.send("make the share of the manifests", signal, (abortSignal) =>
    catalogue.createIfNotExists({ abortSignal, quota: quotaGibibytes }),
  );
  for (const folder of Object.values(folders))
    await requests.send("make a folder for manifests", signal, (abortSignal) =>
      catalogue.getDirectoryClient(folder).createIfNotExists({ abortSignal }),
    );
  const text = describeMarker(connection);
  const found = await readCatalogueFile(connection, marker, signal);
  if (found === null) await writeCatalogueFile(connection, marker, Buffer.from(text), signal);
  else requireOurs(connection, found.toString("utf8"));
}

/**
 * Makes sure that a store is there before anything is believed about it.
 *
 * @throws PostureError `unreachable` otherwise.
 */
export async function requireCatalogue(connection: Connection, signal: AbortSignal): Promise<void> {
  const { subject, catalogue } = connection;
  const found = await readCatalogueFile(connection, marker, signal);
  if (found === null)
    throw new PostureError(
      "unreachable",
      `${subject}: no store is there: the share ${catalogue.name} holds no ${marker}; restore it if it was deleted; pulumi up makes a new one where the store is declared anew`,
    );
  requireOurs(connection, found.toString("utf8"));
}

function requireOurs(connection: Connection, text: string): void {
  if (text === describeMarker(connection)) return;
  throw new PostureError(
    "unreachable",
    `${connection.subject}: ${marker} in the share ${connection.catalogue.name} is not that of this store; declare another catalogue, or restore the file`,
  );
}

function describeMarker({ share }: Connection): string {
  return `${JSON.stringify({ format, version: 1, share: share.name })}\n`;
}

/** The names and sizes of the files of a folder. */
export async function listCatalogue(
  connection: Connection,
  folder: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  const directory = connection.catalogue.getDirectoryClient(folder);
  let continuationToken = "";
  do {
    const settings = continuationToken === "" ? {} : { continuationToken };
    const page = await connection.requests.send("list the manifests", signal, (abortSignal) =>
      firstOf(directory.listFilesAndDirectories({ abortSignal }).byPage(settings)),
    );
    for (const { name, properties } of page?.segment.fileItems ?? []) found.set(name, properties.contentLength);
    continuationToken = page?.continuationToken ?? "";
  } while (continuationToken !== "");
  return found;
}

/** A whole file; null where there is none. */
export async function readCatalogueFile(
  connection: Connection,
  path: string,
  signal: AbortSignal,
): Promise<Buffer | null> {
  const file = fileAt(connection, path);
  const what = "read what is known of its recovery points";
  try {
    const properties = await connection.requests.send(
      what,
      signal,
      (abortSignal) => file.getProperties({ abortSignal }),
      isAbsentFile,
    );
    const pieces: Buffer[] = [];
    const size = properties.contentLength ?? 0;
    for (let offset = 0; offset < size; offset += pieceBytes) {
      const length = Math.min(pieceBytes, size - offset);
      pieces.push(
        await connection.requests.send(what, signal, (abort) => readRange(file, offset, length, abort), isAbsentFile),
      );
    }
    return Buffer.concat(pieces);
  } catch (error) {
    if (isAbsentFile(error)) return null;
    throw error;
  }
}

/** Writes a whole file. It is not written in one step: what must be seen whole is guarded by the capture's own file. */
export async function writeCatalogueFile(
  connection: Connection,
  path: string,
  content: Buffer,
  signal: AbortSignal,
): Promise<void> {
  const file = fileAt(connection, path);
  const what = "write what is known of its recovery points";
  await connection.requests.send(what, signal, (abortSignal) => file.create(content.length, { abortSignal }));
  for (let offset = 0; offset < content.length; offset += pieceBytes) {
    const piece = content.subarray(offset, offset + pieceBytes);
    await connection.requests.send(what, signal, (abortSignal) =>
      file.uploadRange(piece, offset, piece.length, { abortSignal }),
    );
  }
}

/** Absent is success. */
export async function removeCatalogueFile(connection: Connection, path: string, signal: AbortSignal): Promise<void> {
  const file = fileAt(connection, path);
  await connection.requests.send("delete what was known of a recovery point", signal, (abortSignal) =>
    file.deleteIfExists({ abortSignal }),
  );
}

/** One range of a file, which must be as long as it was asked for. */
export async function readRange(
  file: ShareFileClient,
  offset: number,
  length: number,
  abortSignal: AbortSignal,
): Promise<Buffer> {
  const { readableStreamBody } = await file.download(offset, length, { abortSignal, maxRetryRequests: 0 });
  const content = await readWhole(readableStreamBody ?? []);
  if (content.length !== length) throw new BrokenAnswer(null);
  return content;
}

async function readWhole(stream: AsyncIterable<Buffer | string> | readonly never[]): Promise<Buffer> {
  const pieces: Buffer[] = [];
  try {
    for await (const piece of stream) pieces.push(Buffer.from(piece));
  } catch (cause) {
    throw new BrokenAnswer(cause);
  }
  return Buffer.concat(pieces);
}

function fileAt({ catalogue }: Connection, path: string): ShareFileClient {
  const cut = path.lastIndexOf("/");
  return catalogue.getDirectoryClient(path.slice(0, Math.max(0, cut))).getFileClient(path.slice(cut + 1));
}

/** A share that is not there is no share without the file. */
function isAbsentFile(error: unknown): boolean {
  return isNotThere(error) || (readRefusal(error)?.status === 404 && readRefusal(error)?.code === "");
}
