import { posix } from "node:path";
import type { PointEntry, PointId, RecoveryPoint, Store } from "../snapshot/stores/store";
import type { EvidenceRecord } from "./evidence";
import { Sample, seedDraw } from "./sample";
import type { RestoreTargetDeclaration } from "./schema";

/** What of the recovery points a drill restores. */
export interface RestoreScope {
  /** As the evidence tells it. */
  readonly recorded: EvidenceRecord["scope"];
  /** The paths to restore of each point; undefined: everything. */
  readonly only?: ReadonlyMap<PointId, readonly string[]>;
  /** How much space that takes, in bytes. */
  readonly bytes: number;
}

interface Candidate {
  readonly point: PointId;
  readonly path: string;
  readonly size: number;
}

/**
 * Decides what a drill restores: everything, or so many files drawn from all points together, each as likely as any other, and
 * beside them what its checks want to see. The same seed draws the same files from the same points.
 */
export async function planScope(
  drill: RestoreTargetDeclaration["drill"],
  seed: string,
  points: readonly RecoveryPoint[],
  store: Store,
  signal: AbortSignal,
): Promise<RestoreScope> {
  const scope = drill?.scope ?? "full";
  if (scope === "full") return { recorded: "full", bytes: points.reduce((sum, point) => sum + point.bytes, 0) };
  const sample = new Sample<Candidate>(scope.sample, seedDraw(seed));
  const wanted = new Set(
    Object.values(drill?.checks ?? {}).flatMap((check) =>
      check.kind === "file-present" ? [posix.normalize(check.path)] : [],
    ),
  );
  const needed: Candidate[] = [];
  for (const point of points)
    for await (const entry of store.entries(point.id, signal)) {
      const path = readText(entry.path);
      if (entry.kind !== "file" || path === null) continue;
      const candidate = { point: point.id, path, size: entry.size };
      sample.offer(candidate);
      if (wanted.has(points.length === 1 ? path : posix.join(point.source, path))) needed.push(candidate);
    }
  const chosen = [...sample.kept, ...needed];
  const only = new Map(
    points.map((point) => [
      point.id,
      [...new Set(chosen.filter((each) => each.point === point.id).map(({ path }) => path))],
    ]),
  );
  return { recorded: { ...scope, seed }, only, bytes: chosen.reduce((sum, { size }) => sum + size, 0) };
}

/** The entries of the paths that were restored; all of them when no paths are given. */
export async function* pickEntries(
  entries: AsyncIterable<PointEntry>,
  only: readonly string[] | undefined,
): AsyncIterable<PointEntry> {
  const wanted = only === undefined ? null : new Set(only);
  for await (const entry of entries) {
    if (wanted === null || wanted.has(entry.path.toString("utf8"))) yield entry;
  }
}

/** A path as text, or null where its bytes are not UTF-8: a restore of single paths cannot name it. */
function readText(path: Buffer): string | null {
  const text = path.toString("utf8");
  return Buffer.from(text, "utf8").equals(path) ? text : null;
}
