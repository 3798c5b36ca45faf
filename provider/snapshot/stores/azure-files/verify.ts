import { showPath } from "../../../platform/display";
import type { PointId, Verification, VerificationDepth } from "../store";
import { isNotThere } from "./answers";
import { inFolder } from "./capture";
import type { Connection } from "./connection";
import { readContent } from "./content";
import { inParallel } from "./in-parallel";
import type { ManifestEntry } from "./manifest";
import { openPoint } from "./point-content";
import { at } from "./share-snapshots";
import { type Listed, walkShare } from "./walk";

const mostDamaged = 1_000;

/** Compares a snapshot with the manifest: what it lists, and, in depth, the content of every file. */
export async function verifyPoint(
  connection: Connection,
  id: PointId,
  depth: VerificationDepth,
  signal: AbortSignal,
): Promise<Verification> {
  const { snapshot, header, manifest } = await openPoint(connection, id, signal);
  const damaged: { path: string; why: string }[] = [];
  const counts = { files: 0, bytes: 0, damagedFiles: 0 };
  const damage = (path: string, why: string) => {
    counts.damagedFiles += 1;
    if (damaged.length < mostDamaged) damaged.push({ path: path === "" ? "." : showPath(path), why });
  };
  if ("damage" in manifest || header === null)
    damage("", "damage" in manifest ? manifest.damage : "its header is lost");
  else {
    const share = at(connection, snapshot.taken);
    const found = await listAll(connection, header.folder, snapshot.taken, signal);
    await inParallel(manifest.entries, async (entry) => {
      const why =
        findDifference(entry, found.get(entry.path)) ??
        (depth === "metadata" || entry.kind === "directory" ? null : await findContentDamage(entry));
      if (why !== null) damage(entry.path, why);
      else if (entry.kind === "file") {
        counts.files += 1;
        counts.bytes += entry.size;
      }
    });
    async function findContentDamage(entry: ManifestEntry): Promise<string | null> {
      try {
        const path = inFolder(header?.folder ?? "", entry.path);
        const digest = await readContent(connection, { share, path, size: entry.size }, { signal, pass: isNotThere });
        return digest === entry.digest ? null : "its content is not what it was";
      } catch (error) {
        if (isNotThere(error)) return "is missing from the snapshot";
        throw error;
      }
    }
  }
  return { point: id, depth, ...counts, damaged };
}

async function listAll(
  connection: Connection,
  folder: string,
  taken: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Listed>> {
  const found = new Map<string, Listed>();
  for await (const listed of walkShare(connection, at(connection, taken), { folder, exclude: [] }, signal))
    found.set(listed.path, listed);
  return found;
}

function findDifference(entry: ManifestEntry, found: Listed | undefined): string | null {
  if (found === undefined) return "is missing from the snapshot";
  if (found.kind !== entry.kind) return `is a ${found.kind} and was a ${entry.kind}`;
  return entry.kind === "file" && found.size !== entry.size ? "does not have the size it had" : null;
}
