import { messageOf } from "../platform/errors";
import { openStore } from "../snapshot/stores";
import type { StoreDeclaration } from "../snapshot/stores/schema";
import { type FoundEntry, findEntries } from "./entries";
import { type Home, requireHome } from "./home";
import { findJob, type Job, listJobIds } from "./job";
import { storesOf } from "./places";

/** Something of ours on a host that no stack owns. */
export interface Orphan {
  readonly kind: "job" | "entry" | "points";
  readonly id: string;
  /** The URN that it names; null: none. */
  readonly owner: string | null;
  /** What it is, without any path. */
  readonly what: string;
  /** What to do about it. */
  readonly remedy: string;
}

/** What was found, and what could not be looked at. */
export interface Orphans {
  readonly orphans: readonly Orphan[];
  readonly faults: readonly string[];
}

/** What is known of owners: the stack that a URN belongs to, and all that it owns. */
export interface KnownStack {
  /** How every URN of it begins, `urn:pulumi:<stack>::<project>::`. */
  readonly prefix: string;
  readonly owned: ReadonlySet<string>;
}

/**
 * Finds jobs, scheduler entries and recovery points that no stack owns: jobs that name no owner, or one of a known stack that does not have it
 * any more; entries without a job; recovery points whose schedule or snapshot has no job, in every store that a job of the home names.
 * What other stacks own is theirs, whatever became of it.
 *
 * @param more stores to look in besides.
 * @throws PostureError `unreachable` where the home or its scheduler cannot be looked at.
 */
export async function findOrphans(
  home: Home,
  stack: KnownStack | null,
  more: readonly StoreDeclaration[],
  signal: AbortSignal,
): Promise<Orphans> {
  await requireHome(home);
  const ids = await listJobIds(home);
  const read = await Promise.all(ids.map(async (id) => ({ id, job: await findJob(home, id) })));
  const jobs = read.flatMap(({ job }) => (job.state === "present" ? [job.job] : []));
  const found = await findEntries(home, jobs, signal);
  const points = await findPoints([...jobs.flatMap(storesOf), ...more], new Set(ids), signal);
  const orphans = [
    ...jobs.filter(({ owner }) => isOrphaned(owner, stack)).map(describeJob),
    ...found.entries.filter(({ entry }) => !ids.includes(entry.id)).map(describeEntry),
    ...points.orphans,
  ];
  return { orphans, faults: [...found.faults, ...points.faults] };
}

function isOrphaned(owner: string | null, stack: KnownStack | null): boolean {
  if (owner === null) return true;
  return stack !== null && owner.startsWith(stack.prefix) && !stack.owned.has(owner);
}

function describeJob({ id, kind, owner }: Job): Orphan {
  const whose = owner === null ? "names no owner" : "names an owner that its stack does not have any more";
  const remedy =
    owner === null
      ? `declare it with id: "${id}" and adopt: true, or remove its job and entry`
      : "declare it again, or remove its job and entry by hand; its recovery points stay";
  return { kind: "job", id, owner, what: `job ${id} (${kind}) ${whose}`, remedy };
}

function describeEntry({ scheduler, entry: { id, owner } }: FoundEntry): Orphan {
  return {
    kind: "entry",
    id,
    owner,
    what: `scheduler entry ${id}${scheduler.kind === "embedded" ? "" : ` in ${scheduler.kind}`} has no job, and fails whenever it fires`,
    remedy: "pulumi up --refresh of its stack writes the job anew; where no stack declares it, remove the entry",
  };
}

async function findPoints(
  stores: readonly StoreDeclaration[],
  ids: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Orphans> {
  const orphans: Orphan[] = [];
  const faults: string[] = [];
  for (const key of new Set(stores.map((store) => JSON.stringify(store)))) {
    const store = stores.find((each) => JSON.stringify(each) === key);
    if (store === undefined) continue;
    try {
      const points = (await openStore(store).list({}, signal)).filter(({ schedule }) => !ids.has(schedule));
      for (const id of new Set(points.map(({ schedule }) => schedule))) {
        const own = points.filter(({ schedule }) => schedule === id);
        const count = `${own.length} recovery point${own.length === 1 ? "" : "s"}`;
        const remedy = `backup-posture list ${id} --store <path> shows them; backup-posture purge deletes them for good`;
        orphans.push({
          kind: "points",
          id,
          owner: own[0]?.owner ?? null,
          what: `${count} of ${id}, which has no job`,
          remedy,
        });
      }
    } catch (error) {
      signal.throwIfAborted();
      faults.push(messageOf(error));
    }
  }
  return { orphans, faults };
}
