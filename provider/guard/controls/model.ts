import type { PlaceFacts, PlacesByPath } from "./settings";

/** What is known of a place that holds recovery points. */
export interface Place {
  /** A path, or a vault's name. */
  readonly label: string;
  readonly medium: string;
  readonly encrypted: boolean;
  readonly offSite: boolean;
  readonly immutable: boolean;
  readonly isolated: boolean;
  readonly deletionGuarded: boolean;
}

/** Something that is backed up again and again, and what its declaration says of it. Null: not known before `up`. */
export interface Protection {
  readonly urn: string;
  readonly name: string;
  /** Its id, by which restore targets name it. */
  readonly id: string | null;
  /** What it protects, in a few words each. */
  readonly sources: readonly string[];
  /** The longest between two runs while no clocks are changed, in milliseconds. */
  readonly interval: number | null;
  /** How old a backup may get before it is reported, in milliseconds. */
  readonly noticedAfter: number | null;
  readonly pausedUntil: string | null;
  /** How far its recovery points reach back after a year, in milliseconds; infinity where nothing is ever pruned. */
  readonly lookBack: number | null;
  readonly store: unknown;
  readonly places: readonly Place[];
  /** Whether a RestoreTarget can prove it: what Azure protects, none can. */
  readonly canBeDrilled: boolean;
}

/** A place to restore to. */
export interface Target {
  readonly urn: string;
  readonly name: string;
  /** The id of what it restores; null: not known before `up`. */
  readonly of: string | null;
  readonly store: unknown;
  /** How often it is drilled, in milliseconds; undefined: never; null: not known before `up`. */
  readonly drilledEvery: number | null | undefined;
  /** In milliseconds; undefined: no limit; null: not known before `up`. */
  readonly maxRestoreTime: number | null | undefined;
}

/** A single recovery point that is kept. */
export interface Snapshot {
  readonly urn: string;
  readonly name: string;
  readonly path: string | null;
  readonly readBack: boolean | null;
}

/** Something that nothing protects, as far as the stack tells. */
export interface Gap {
  readonly urn: string;
  readonly name: string;
  readonly what: string;
}

/** All that a stack declares about backups, in the controls' words. */
export interface Posture {
  readonly protections: readonly Protection[];
  readonly targets: readonly Target[];
  readonly snapshots: readonly Snapshot[];
  readonly gaps: readonly Gap[];
}

/** Of the longest path that holds the label. */
export function findFacts(label: string, places: PlacesByPath): PlaceFacts {
  const [nearest] = Object.keys(places)
    .filter((path) => label === path || label.startsWith(`${path}/`) || label.startsWith(`${path}\\`))
    .sort((left, right) => right.length - left.length);
  return nearest === undefined ? {} : (places[nearest] ?? {});
}
