import { PostureError } from "../../../platform/errors";
import type { PointEntry, PointId } from "../store";
import { folders, readCatalogueFile } from "./catalogue";
import type { Connection } from "./connection";
import { type ManifestEntry, type ReadManifest, readManifest } from "./manifest";
import { type FoundPoint, requirePoint } from "./points";

/** A point whose manifest was read. */
export interface OpenPoint extends FoundPoint {
  readonly manifest: ReadManifest;
}

/** @throws PostureError `permanent` for an unknown point; damage is a result. */
export async function openPoint(connection: Connection, id: PointId, signal: AbortSignal): Promise<OpenPoint> {
  return await readManifestOf(connection, await requirePoint(connection, id, signal), signal);
}

/** Reads the manifest of a point; damage is a result. */
export async function readManifestOf(
  connection: Connection,
  found: FoundPoint,
  signal: AbortSignal,
): Promise<OpenPoint> {
  const { header, point } = found;
  if (header === null) return { ...found, manifest: { damage: point.damage ?? "its header is lost" } };
  const content = await readCatalogueFile(connection, `${folders.points}/${point.id}.manifest`, signal);
  const manifest = content === null ? { damage: "its manifest is lost" } : await readManifest(content, header.digest);
  return { ...found, manifest };
}

/** What a point holds, of one that can be trusted. @throws PostureError `permanent`. */
export function requireEntries({ subject }: Connection, { point, manifest }: OpenPoint): readonly ManifestEntry[] {
  if ("entries" in manifest) return manifest.entries;
  throw new PostureError(
    "permanent",
    `${subject}: recovery point ${point.id} is damaged: ${manifest.damage}; its files can still be had from the snapshot of the share, in the portal or by Previous Versions`,
  );
}

/** What is the same in every share: modes and owners are not told by the service. */
const fileMode = 0o644;
const directoryMode = 0o755;

export async function* listEntries(
  connection: Connection,
  id: PointId,
  signal: AbortSignal,
): AsyncGenerator<PointEntry> {
  for (const entry of requireEntries(connection, await openPoint(connection, id, signal)))
    yield {
      path: Buffer.from(entry.path),
      kind: entry.kind,
      mode: entry.kind === "file" ? fileMode : directoryMode,
      owner: null,
      modifiedAt: BigInt(entry.modified) * 1_000_000n,
      extendedAttributes: [],
      size: entry.size,
      digest: entry.digest,
      target: null,
    };
}
