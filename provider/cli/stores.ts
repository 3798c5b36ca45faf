import { resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { parseShareAddress } from "../declaration/azure-share";
import { PostureError } from "../platform/errors";
import { parseJson } from "../platform/json";
import { type Home, requireHome } from "../runner/home";
import { findJob, type Job, requireJob, type ScheduleJob } from "../runner/job";
import { listCopies, markOf, requirePlace } from "../runner/places";
import type { PurgePlace } from "../runner/purge";
import { openStore } from "../snapshot/stores";
import { type StoreDeclaration, storeSchema } from "../snapshot/stores/schema";
import type { Store } from "../snapshot/stores/store";

/** Where the recovery points of an id lie. */
export interface StoredUnder {
  readonly store: Store;
  /** The id that the points carry: for a restore target, that of the schedule it restores from. */
  readonly schedule: string;
  readonly job: Job | null;
  /** The copy of that schedule whose store it is; null for none. */
  readonly copy: PurgePlace["copy"];
}

/** `--store` of commands that can do without a job: points outlive the declaration that took them. */
export const storeOption = [
  "--store <store>",
  "the store to look in, for an id that has no job any more: a directory, azure-files://account/share, or a declaration in JSON",
] as const;

/** `--copy` of commands that look into a schedule's own store otherwise. */
export const copyOption = ["--copy <name>", "look into this copy of the schedule, not into its own store"] as const;

/**
 * Finds where the recovery points of an id lie: in the named store, else where its job says.
 *
 * @param copyName the copy to look into, of the schedule whose id it is.
 * @throws PostureError `permanent` where there is no job and no store is named, `usage` where there is no such copy.
 */
export async function findStored(
  home: Home,
  id: string,
  storePath: string | undefined,
  copyName?: string,
): Promise<StoredUnder> {
  if (storePath !== undefined && copyName !== undefined)
    throw new PostureError("usage", `${id}: give one of --store and --copy`);
  if (storePath !== undefined) return await findNamed(home, id, readStoreOption(storePath));
  await requireHome(home);
  const found = await findJob(home, id);
  if (found.state === "absent")
    throw new PostureError(
      "permanent",
      `${id}: no such job in ${home.root}; to look at what it has left behind, name its store with --store`,
    );
  if (found.state !== "present")
    throw new PostureError("permanent", `${id}: the job file is ${found.state}: ${found.why}`);
  if (copyName !== undefined) return inCopy(await requireJob(home, id, "schedule"), copyName);
  const { store, schedule } = storedBy(found.job);
  return { store: openStore(store), schedule, job: found.job, copy: null };
}

function inCopy(job: ScheduleJob, name: string): StoredUnder {
  const { store } = requirePlace(job, name);
  return { store: openStore(store), schedule: job.id, job, copy: { name, mark: markOf(store) } };
}

/** A store that is named by its place may be that of a copy, whose journal then has to tell of what is given up there. */
async function findNamed(home: Home, id: string, store: StoreDeclaration): Promise<StoredUnder> {
  const found = await findJob(home, id);
  if (found.state === "present" && found.job.kind === "schedule") {
    const place = listCopies(found.job).find((copy) => isDeepStrictEqual(copy.store, store));
    if (place !== undefined) return inCopy(found.job, place.copy);
  }
  return { store: openStore(store), schedule: id, job: null, copy: null };
}

/**
 * What `--store` names: a store as it is declared, in JSON; an Azure file share by its address, with the credential that the environment has;
 * else a directory.
 *
 * @throws PostureError `usage` for a declaration that is none.
 */
export function readStoreOption(store: string): StoreDeclaration {
  if (store.startsWith("{")) return readDeclaration(store);
  const place = parseShareAddress(store);
  if (place !== null) return { kind: "azure-files", account: place.account, share: place.share };
  return { kind: "directory", path: resolve(store) };
}

function readDeclaration(text: string): StoreDeclaration {
  const parsed = storeSchema.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  const why = parsed.error.issues.map(({ path, message }) => [...path, message].join(" ")).join("; ");
  throw new PostureError("usage", `--store: ${why}`);
}

/** The store and the id under which the points of a job lie. */
export function storedBy(job: Job): { readonly store: StoreDeclaration; readonly schedule: string } {
  return job.kind === "drill"
    ? { store: job.declaration.from.store, schedule: job.declaration.from.schedule }
    : { store: job.declaration.store, schedule: job.id };
}
