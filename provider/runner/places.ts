import { createHash } from "node:crypto";
import { PostureError } from "../platform/errors";
import type { Keep } from "../schedule/schema";
import type { StoreDeclaration } from "../snapshot/stores/schema";
import type { Job, ScheduleJob } from "./job";

/** A store in which a schedule's recovery sets lie: its own, or that of a copy. */
export interface Place {
  /** The copy's name; null for the schedule's own store. */
  readonly copy: string | null;
  readonly store: StoreDeclaration;
  readonly keep: Keep | undefined;
}

/** The schedule's own store. */
export function ownPlace({ declaration: { store, keep } }: ScheduleJob): Place {
  return { copy: null, store, keep };
}

/** The stores of a schedule's copies, in order of their names. */
export function listCopies({ declaration: { copies = {} } }: ScheduleJob): readonly (Place & { copy: string })[] {
  return Object.entries(copies)
    .map(([copy, { store, keep }]) => ({ copy, store, keep }))
    .sort((one, other) => (one.copy < other.copy ? -1 : 1));
}

/** The store of a copy; of null, the schedule's own. @throws PostureError `usage` where there is no copy of this name. */
export function requirePlace(job: ScheduleJob, copy: string | null): Place {
  if (copy === null) return ownPlace(job);
  const found = listCopies(job).find((place) => place.copy === copy);
  if (found !== undefined) return found;
  const names = listCopies(job).map((place) => place.copy);
  throw new PostureError(
    "usage",
    `${job.id}: has no copy ${copy}; ${names.length === 0 ? "it has none" : `it has ${names.join(", ")}`}`,
  );
}

/** Every store that a job has to do with: those that it fills, or the one that it restores from. */
export function storesOf(job: Job): readonly StoreDeclaration[] {
  switch (job.kind) {
    case "schedule":
      return [job.declaration.store, ...listCopies(job).map(({ store }) => store)];
    case "snapshot":
      return [job.declaration.store];
    case "drill":
      return [job.declaration.from.store];
  }
}

/** Marks a store in the journal without saying where it is. */
export function markOf(store: StoreDeclaration): string {
  const settings = Object.entries(store).sort(([one], [other]) => (one < other ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(settings)).digest("hex").slice(0, 16);
}
