import type { z } from "zod";
import type { CanonicalShape } from "../declaration/canonical";
import type { Fault } from "../declaration/health";
import type { HomeView } from "../runner/home-view";
import type { Scheduler } from "../schedule/schedulers/scheduler";

/** A property bag as the engine sends and stores it. */
export type Bag = Record<string, unknown>;

/** One of our objects on a host: where it is, whose it is, and what it is meant to be. */
export interface Target<D> {
  readonly view: HomeView;
  readonly id: string;
  readonly owner: string | null;
  /** Marks this very object among all that ever had its id. */
  readonly incarnation: string;
  /** When it was first declared, ISO 8601. */
  readonly createdAt: string;
  readonly declaration: D;
  /** What it was declared as before; null for one that is being created. */
  readonly previous: D | null;
  /** What the state holds of it; empty for one that is being created. */
  readonly state: Bag;
  /** Tells the person who runs the engine. */
  readonly report: (line: string) => void;
}

/** What the engine last knew of an object. */
export interface Known<D> {
  readonly declaration: D;
  readonly createdAt: string;
  /** All that the state holds of it. */
  readonly state: Bag;
}

/** What was found of an object. */
export interface Found {
  /** Nothing of it is left, and that was seen. */
  readonly gone: boolean;
  /** Its settings as the host tells them, without id, host and home; null where the host cannot tell. */
  readonly settings: Bag | null;
  readonly owner: string | null;
  /** Of the object that stands on the host; null where that cannot be told. */
  readonly incarnation: string | null;
  readonly faults: readonly Fault[];
  /** Outputs beyond the inputs. */
  readonly outputs: Bag;
}

/** How `up` starts the installed entry of an object that has one. */
export interface Starting {
  readonly scheduler: Scheduler;
  readonly onCreate: boolean;
  readonly whenStale: boolean;
  readonly waitMilliseconds: number;
}

/** Who does the work, and where, as people name them. */
export interface Worker {
  readonly account: string;
  readonly machine: string;
}

/** What one kind of resource adds to the lifecycle that all share. */
export interface Kind<D> {
  readonly jobKind: "schedule" | "snapshot" | "drill";
  readonly schema: z.ZodType<D>;
  /** The keys of the schema. */
  readonly keys: readonly string[];
  readonly shape: CanonicalShape;
  /** Inputs that steer `up` and say nothing about the host: echoed from state, never observed. */
  readonly controls: readonly string[];
  /** Null where the declaration has no entry in a scheduler. */
  readonly starting: (view: HomeView, declaration: D) => Starting | null;
  /** The scheduler that may hold an entry of this kind; null for a kind that never has one. */
  readonly scheduler: (view: HomeView, declaration: D) => Scheduler | null;
  /** What will run where, for a declaration that is new or whose commands or sources changed; one line each. */
  readonly announce: (declaration: D, previous: D | null, worker: Worker) => readonly string[];
  /** What cannot come true of what was declared, one sentence each, with its property; unknown values are passed over. */
  readonly foresee: (inputs: Bag) => readonly string[];
  /**
   * Why a change must not be made, or undefined.
   * @throws PostureError `unreachable` where that cannot be known.
   */
  readonly refuse: (change: Change<D>) => Promise<string | undefined>;
  /** Makes the host what was declared. Idempotent. */
  readonly install: (target: Target<D>) => Promise<void>;
  /**
   * Looks.
   * @throws PostureError `unreachable`.
   */
  readonly observe: (view: HomeView, id: string, known: Known<D> | null) => Promise<Found>;
}

/** A change of an existing object, before it is made. */
export interface Change<D> {
  readonly view: HomeView;
  readonly id: string;
  readonly owner: string | null;
  readonly declaration: D;
  /** What stands: as it was last seen on the host. */
  readonly previous: D;
  /** What was declared before: what stands may have been tampered with, and putting that right is no change of the declaration. */
  readonly declaredBefore: D;
}
