import { resolve } from "node:path";
import { parseShareAddress } from "../declaration/azure-share";
import { PostureError } from "../platform/errors";
import { type Home, requireHome } from "../runner/home";
import { findJob, type Job } from "../runner/job";
import { openStore } from "../snapshot/stores";
import type { StoreDeclaration } from "../snapshot/stores/schema";
import type { Store } from "../snapshot/stores/store";

/** Where the recovery points of an id lie. */
export interface StoredUnder {
  readonly store: Store;
  /** The id that the points carry: for a restore target, that of the schedule it restores from. */
  readonly schedule: string;
  readonly job: Job | null;
}

/** `--store` of commands that can do without a job: points outlive the declaration that took them. */
export const storeOption = [
  "--store <path>",
  "the store to look in, for an id that has no job any more: a directory, or azure-files://account/share",
] as const;

/**
 * Finds where the recovery points of an id lie: in the named store, else where its job says.
 *
 * @throws PostureError `permanent` where there is no job and no store is named.
 */
export async function findStored(home: Home, id: string, storePath: string | undefined): Promise<StoredUnder> {
  if (storePath !== undefined) return { store: openStore(readStoreOption(storePath)), schedule: id, job: null };
  await requireHome(home);
  const found = await findJob(home, id);
  if (found.state === "absent")
    throw new PostureError(
      "permanent",
      `${id}: no such job in ${home.root}; to look at what it has left behind, name its store with --store`,
    );
  if (found.state !== "present")
    throw new PostureError("permanent", `${id}: the job file is ${found.state}: ${found.why}`);
  const { store, schedule } = storedBy(found.job);
  return { store: openStore(store), schedule, job: found.job };
}

/** What `--store` names: an Azure file share by its address, with the credential that the environment has, else a directory. */
export function readStoreOption(store: string): StoreDeclaration {
  const place = parseShareAddress(store);
  if (place !== null) return { kind: "azure-files", account: place.account, share: place.share };
  return { kind: "directory", path: resolve(store) };
}

/** The store and the id under which the points of a job lie. */
export function storedBy(job: Job): { readonly store: StoreDeclaration; readonly schedule: string } {
  return job.kind === "drill"
    ? { store: job.declaration.from.store, schedule: job.declaration.from.schedule }
    : { store: job.declaration.store, schedule: job.id };
}
