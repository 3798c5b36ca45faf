import type { RetainableSet } from "./retention";
import type { RecoveryPoint } from "./stores/store";

/** The recovery points of one run of a schedule. */
export interface RecoverySet {
  /** The run's id. */
  readonly id: string;
  readonly schedule: string;
  /** When the first of its captures began: the age of the backup counts from here. */
  readonly startedAt: Date;
  readonly completedAt: Date;
  /** In order of their sources' names. */
  readonly points: readonly RecoveryPoint[];
  /** The sources of the run that have no point here; none in a complete set. */
  readonly missing: readonly string[];
  /** The first damage among its points, seen from their manifests; null when nothing was found. */
  readonly damage: string | null;
}

/** The recovery sets that points belong to, oldest first by `startedAt`, then by id. */
export function groupSets(points: readonly RecoveryPoint[]): readonly RecoverySet[] {
  const groups = new Map<string, RecoveryPoint[]>();
  for (const point of points) {
    const key = JSON.stringify([point.schedule, point.set.id === "" ? point.id : point.set.id]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [point]);
    else group.push(point);
  }
  return [...groups.values()]
    .flatMap(toSet)
    .sort((a, b) => a.startedAt.getTime() - b.startedAt.getTime() || compareText(a.id, b.id));
}

/** The sets that can be restored as a whole: nothing missing, no damage seen. */
export function selectWhole(sets: readonly RecoverySet[]): readonly RecoverySet[] {
  return sets.filter((set) => set.missing.length === 0 && set.damage === null);
}

/** The recovery sets that points belong to, as retention judges them: a damaged set is not complete. */
export function groupRetainable(points: readonly RecoveryPoint[]): readonly (RecoverySet & RetainableSet)[] {
  return groupSets(points).map((set) => ({
    ...set,
    complete: set.missing.length === 0 && set.damage === null,
    pinned: set.points.some((point) => point.pinnedBy !== null),
  }));
}

/** How far apart the starts of captures lie, in milliseconds. */
export function measureSkew(points: readonly Pick<RecoveryPoint, "startedAt">[]): number {
  const starts = points.map((point) => point.startedAt.getTime());
  return starts.length === 0 ? 0 : Math.max(...starts) - Math.min(...starts);
}

function toSet(group: readonly RecoveryPoint[]): readonly RecoverySet[] {
  const points = [...group].sort((a, b) => compareText(a.source, b.source) || compareText(a.id, b.id));
  const [first] = points;
  if (first === undefined) return [];
  const present = new Set(points.map((point) => point.source));
  const expected = [...new Set(points.flatMap((point) => point.set.sources))].sort(compareText);
  return [
    {
      id: first.set.id === "" ? first.id : first.set.id,
      schedule: first.schedule,
      startedAt: new Date(Math.min(...points.map((point) => point.startedAt.getTime()))),
      completedAt: new Date(Math.max(...points.map((point) => point.completedAt.getTime()))),
      points,
      missing: expected.filter((source) => !present.has(source)),
      damage: points.find((point) => point.damage !== null)?.damage ?? null,
    },
  ];
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
