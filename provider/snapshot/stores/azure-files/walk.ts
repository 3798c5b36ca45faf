import { PostureError } from "../../../platform/errors";
import { fromText } from "../directory/byte-path";
import { toExclusion } from "../directory/exclude";
import { isNotThere } from "./answers";
import type { Connection } from "./connection";
import { firstOf } from "./requests";
import type { ShareClient, ShareDirectoryClient } from "./sdk";

/** What a snapshot holds at one place, as its list tells. */
export interface Listed {
  readonly kind: "file" | "directory";
  /** Relative to the folder that is walked; empty for that folder itself. */
  readonly path: string;
  readonly modified: number;
  readonly size: number;
  readonly version: string;
}

/**
 * Everything below a folder of a share: the folder itself, then each directory followed by all that is below it, siblings in the order of
 * their names' bytes.
 *
 * @throws PostureError `permanent` where the folder is not there.
 */
export async function* walkShare(
  connection: Connection,
  share: ShareClient,
  { folder, exclude }: { readonly folder: string; readonly exclude: readonly string[] },
  signal: AbortSignal,
): AsyncGenerator<Listed> {
  const isExcluded = toExclusion(exclude);
  const root = share.getDirectoryClient(folder);
  const properties = await requireFolder(connection, root, folder, signal);
  yield { kind: "directory", path: "", modified: properties.fileLastWriteOn?.getTime() ?? 0, size: 0, version: "" };
  const open = [await listFolder(connection, root, "", isExcluded, signal)];
  for (let siblings = open.at(-1); siblings !== undefined; siblings = open.at(-1)) {
    const next = siblings.shift();
    if (next === undefined) open.pop();
    else {
      yield next;
      if (next.kind === "directory")
        open.push(await listFolder(connection, root.getDirectoryClient(next.path), next.path, isExcluded, signal));
    }
  }
}

async function requireFolder(
  connection: Connection,
  directory: ShareDirectoryClient,
  folder: string,
  signal: AbortSignal,
) {
  try {
    return await connection.requests.send(
      "look at its files",
      signal,
      (abortSignal) => directory.getProperties({ abortSignal }),
      isNotThere,
    );
  } catch (error) {
    if (!isNotThere(error)) throw error;
    throw new PostureError(
      "permanent",
      `${connection.subject}: ${folder === "" ? "its root" : "the declared folder"} is not there; correct the path, or see who deleted it`,
      { cause: error },
    );
  }
}

/** What is directly in a folder, in order. */
async function listFolder(
  connection: Connection,
  directory: ShareDirectoryClient,
  path: string,
  isExcluded: ReturnType<typeof toExclusion>,
  signal: AbortSignal,
): Promise<Listed[]> {
  const found: Listed[] = [];
  const options = { includeTimestamps: true, includeEtag: true, includeExtendedInfo: true };
  let continuationToken = "";
  do {
    const settings = continuationToken === "" ? {} : { continuationToken };
    const page = await connection.requests.send("list its files", signal, (abortSignal) =>
      firstOf(directory.listFilesAndDirectories({ ...options, abortSignal }).byPage(settings)),
    );
    for (const { name, properties } of page?.segment.directoryItems ?? [])
      found.push({
        kind: "directory",
        path: join(path, name),
        modified: properties?.lastWriteTime?.getTime() ?? 0,
        size: 0,
        version: "",
      });
    for (const { name, properties, fileId } of page?.segment.fileItems ?? [])
      found.push({
        kind: "file",
        path: join(path, name),
        modified: properties.lastWriteTime?.getTime() ?? 0,
        size: properties.contentLength,
        version: describeVersion(properties.etag, properties.changeTime, fileId),
      });
    continuationToken = page?.continuationToken ?? "";
  } while (continuationToken !== "");
  return found
    .filter((each) => !isExcluded(fromText(path), fromText(nameOf(each.path))))
    .sort((one, other) => (fromText(one.path) < fromText(other.path) ? -1 : 1));
}

/** A file of which the service does not tell all of it is read every time. */
function describeVersion(etag: string | undefined, changed: Date | undefined, fileId: string | undefined): string {
  if (etag === undefined || changed === undefined || fileId === undefined) return "";
  return `${etag} ${changed.getTime()} ${fileId}`;
}

function join(folder: string, name: string): string {
  return folder === "" ? name : `${folder}/${name}`;
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
