import { createHash } from "node:crypto";
import { PassThrough, type Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { PostureError } from "../../../platform/errors";
import type { PointEntry, PointId } from "../store";
import { toAttributeBytes } from "./access-lists";
import type { Header } from "./header";
import { isSpecial, listNodes, type Node, readNodes, toNanoseconds, toPermissions } from "./nodes";
import type { Restic } from "./restic";
import { requireStored } from "./snapshots";
import { readTar, type TarEntry } from "./tar";

/**
 * Everything that a point holds. restic lists attributes but no digests, and its archive has contents but times in seconds and no kinds of special
 * files: both are read side by side, in the one order of the snapshot's trees. Contents are hashed as they come, so this reads all of them.
 */
export async function* listEntries(restic: Restic, id: PointId, signal: AbortSignal): AsyncGenerator<PointEntry> {
  const { header, point } = await requireStored(restic, id, signal);
  if (header === null || point.damage !== null) throw describeDamage(restic, id, point.damage ?? "", undefined);
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const list = new PassThrough();
  const archive = new PassThrough();
  const running = [
    listNodes(restic, id, (output) => pipeline(output, list), both),
    dump(restic, id, (output) => pipeline(output, archive), both),
  ].map((command) => command.catch((error: unknown) => fail(error, list, archive)));
  try {
    yield toRoot(header);
    const entries = readTar(archive);
    for await (const node of readNodes(list)) {
      const next = await entries.next();
      if (next.done === true) throw new RangeError("the archive ends before the list");
      const entry = await toEntry(node, next.value);
      if (entry !== null) yield entry;
    }
    if ((await entries.next()).done !== true) throw new RangeError("the list ends before the archive");
    await Promise.all(running);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof PostureError && error.kind !== "permanent") throw error;
    throw describeDamage(restic, id, "its files cannot be read", error);
  } finally {
    stop.abort();
    await Promise.allSettled(running);
  }
}

async function dump(
  restic: Restic,
  id: PointId,
  onOutput: (output: Readable) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const command = ["dump", "--archive", "tar", id, "/"];
  await restic.run({ what: `reading ${id.slice(0, 8)}`, arguments: command, lock: "reading", onOutput }, signal);
}

/** Who waits for the streams learns why there will be no more. */
function fail(error: unknown, ...streams: readonly PassThrough[]): void {
  for (const stream of streams) stream.destroy(error instanceof Error ? error : new Error(String(error)));
}

function toRoot({ root }: Header): PointEntry {
  return {
    path: Buffer.alloc(0),
    kind: "directory",
    mode: root.mode,
    owner: { user: root.user, group: root.group },
    modifiedAt: BigInt(root.modifiedAt),
    extendedAttributes: [],
    size: 0,
    digest: "",
    target: null,
  };
}

/** Null for special files. */
async function toEntry(node: Node, entry: TarEntry): Promise<PointEntry | null> {
  const path = Buffer.from(entry.name.replace(/^\/+/, ""), "latin1");
  if (`/${path.toString("utf8")}` !== node.path) throw new RangeError("the archive and the list differ");
  if (isSpecial(node)) return null;
  const common = {
    path,
    mode: toPermissions(node.mode),
    owner: { user: node.uid, group: node.gid },
    modifiedAt: toNanoseconds(node.mtime),
    extendedAttributes: toAttributes(entry.records),
  };
  if (node.type === "dir") return { ...common, kind: "directory", size: 0, digest: "", target: null };
  if (node.type === "symlink")
    return { ...common, kind: "link", size: 0, digest: "", target: Buffer.from(entry.target, "latin1") };
  const hash = createHash("sha256");
  for await (const part of entry.content) hash.update(part);
  return { ...common, kind: "file", size: entry.size, digest: hash.digest("hex"), target: null };
}

const attributePrefix = "SCHILY.xattr.";
const accessLists: ReadonlyMap<string, string> = new Map([
  ["SCHILY.acl.access", "system.posix_acl_access"],
  ["SCHILY.acl.default", "system.posix_acl_default"],
]);

function toAttributes(records: ReadonlyMap<string, string>): readonly string[] {
  return [...records].flatMap(([key, value]) => {
    const list = accessLists.get(key);
    if (list !== undefined) return [`${list}=0s${toAttributeBytes(value).toString("base64")}`];
    if (!key.startsWith(attributePrefix)) return [];
    return [`${key.slice(attributePrefix.length)}=0s${Buffer.from(value, "latin1").toString("base64")}`];
  });
}

function describeDamage(restic: Restic, id: PointId, why: string, cause: unknown): PostureError {
  return new PostureError(
    "permanent",
    `${restic.subject}: recovery point ${id} is damaged: ${why}; backup-posture verify names what is affected`,
    { cause },
  );
}
