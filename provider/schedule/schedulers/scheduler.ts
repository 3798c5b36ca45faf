import type { When } from "../schema";

/** What a scheduler's entry starts: the runner, with a verb and an id. */
export type EntryVerb = "run" | "drill";

/** The folders that an entry's work reads, and those that it writes beside the posture home. */
export interface EntryNeeds {
  readonly reads: readonly string[];
  readonly writes: readonly string[];
}

export interface ScheduleEntry {
  readonly id: string;
  readonly verb: EntryVerb;
  readonly when: When;
  /** The Pulumi URN that declares it, or null: an entry whose job is lost still tells whose it is. */
  readonly owner: string | null;
  /** Marks the object that `create` made, so that a delete never removes a successor. */
  readonly incarnation: string;
  /** An ISO 8601 instant until which the entry must not fire; null: not paused. */
  readonly pausedUntil: string | null;
  /** For a scheduler that can keep the work from all else; null, and absent, where commands of the user's run, of which nobody knows what they need. */
  readonly needs?: EntryNeeds | null;
}

/** An entry as it stands in the scheduler, ours or changed by somebody. */
export interface ObservedEntry extends Omit<ScheduleEntry, "needs"> {
  readonly enabled: boolean;
  /** Why it cannot be relied on (cannot be parsed, starts something else), or null. */
  readonly damage: string | null;
}

/** What fires schedules. All methods throw PostureError `unreachable` when the scheduler cannot be looked at. */
export interface Scheduler {
  readonly kind: string;
  /** Idempotent: the same entry again changes nothing. */
  install(entry: ScheduleEntry, signal: AbortSignal): Promise<void>;
  /** One look for all ids; an id without an entry is absent from the map. */
  observe(ids: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, ObservedEntry>>;
  /** All entries of ours that start the runner of this posture home, orphans included. */
  list(signal: AbortSignal): Promise<readonly ObservedEntry[]>;
  /** Absent is success. */
  remove(id: string, signal: AbortSignal): Promise<void>;
  /** Starts the installed entry now, under its own account, and does not wait for it. An absent one is an error. */
  start(id: string, signal: AbortSignal): Promise<void>;
}
