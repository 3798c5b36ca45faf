import { posix } from "node:path";
import type { PointEntry, PointId, RecoveryPoint, Store } from "../snapshot/stores/store";
import { type FileKey, keyOfFile } from "./drilled-files";
import type { EvidenceRecord } from "./evidence-record";
import type { RestoreTargetDeclaration } from "./schema";
import { needOf, type SpaceNeed } from "./space-guard";
import { StratifiedSample } from "./stratified-sample";

/** What of the recovery points a drill restores. */
export interface RestoreScope {
  /** As the evidence tells it. */
  readonly recorded: EvidenceRecord["scope"];
  /** The paths to restore of each point; undefined: everything. */
  readonly only?: ReadonlyMap<PointId, readonly string[]>;
  /** How much space that takes. */
  readonly need: SpaceNeed;
  /** The files that were drawn, for the drills to come; none where everything is restored. */
  readonly drawn: readonly FileKey[];
}

interface Candidate {
  readonly point: PointId;
  readonly path: string;
  readonly size: number;
  readonly key: FileKey;
  readonly isFresh: boolean;
}

/**
 * Decides what a drill restores: everything, or so many files drawn from all points together, and beside them what its checks want to
 * see. The same seed draws the same files from the same points, as long as the same ones were drilled before.
 *
 * @param drilled the files that earlier drills have restored.
 */
export async function planScope(
  drill: RestoreTargetDeclaration["drill"],
  seed: string,
  points: readonly RecoveryPoint[],
  store: Store,
  drilled: ReadonlySet<FileKey>,
  signal: AbortSignal,
): Promise<RestoreScope> {
  const scope = drill?.scope ?? "full";
  if (scope === "full") return { recorded: "full", need: needOf(points), drawn: [] };
  const sample = new StratifiedSample<Candidate>(scope.sample, seed);
  const wanted = new Set(
    Object.values(drill?.checks ?? {}).flatMap((check) => ("path" in check ? [posix.normalize(check.path)] : [])),
  );
  const needed: Candidate[] = [];
  for (const point of points)
    for await (const entry of store.entries(point.id, signal)) {
      const path = readText(entry.path);
      if (entry.kind !== "file" || path === null) continue;
      const key = keyOfFile(point.source, entry);
      const isFresh = !drilled.has(key);
      const candidate = { point: point.id, path, size: entry.size, key, isFresh };
      const age = point.startedAt.getTime() - Number(entry.modifiedAt / 1_000_000n);
      sample.offer(candidate, { size: entry.size, age, drilled: !isFresh });
      if (wanted.has(points.length === 1 ? path : posix.join(point.source, path))) needed.push(candidate);
    }
  const chosen = [...new Set([...sample.draw(), ...needed])];
  const restored = chosen.filter(({ isFresh }) => isFresh).length;
  const only = new Map(
    points.map((point) => [point.id, chosen.filter((each) => each.point === point.id).map(({ path }) => path)]),
  );
  return {
    recorded: { ...scope, seed, neverDrilled: { restored, left: sample.fresh - restored } },
    only,
    need: { bytes: chosen.reduce((sum, { size }) => sum + size, 0), entries: chosen.length },
    drawn: chosen.map(({ key }) => key),
  };
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
