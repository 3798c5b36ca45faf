import type { Bag } from "../lifecycle/kind";

/** What a look at somebody else's backup tells. */
export interface Seen {
  /** Why it will not run as declared, each in a sentence; none when it will. */
  readonly installation: readonly string[];
  /** When the last run began that succeeded; null: none is known. */
  readonly lastSuccess: Date | null;
  /** Why no success is known where one may have been; null where what is told is all there is. */
  readonly unknown: string | null;
  /** The last run failed: when it began, and how, without any output of it; null: it did not. */
  readonly failed: { readonly since: Date | null; readonly message: string } | null;
  /** Since when a run goes on; null: none does. */
  readonly running: Date | null;
  /** Settings of the watch as they really are, where those can be told. */
  readonly settings: Bag;
}

/** Nothing out of the ordinary. */
export const nothingSeen: Seen = {
  installation: [],
  lastSuccess: null,
  unknown: null,
  failed: null,
  running: null,
  settings: {},
};
