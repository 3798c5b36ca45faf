import { PostureError } from "../platform/errors";
import type { HomeView } from "../runner/home-view";
import { findJob, type Job } from "../runner/job";
import type { ObservedEntry } from "../schedule/schedulers/scheduler";

/** Who asks for an id, and how. */
interface Claim {
  readonly id: string;
  readonly owner: string | null;
  readonly jobKind: Job["kind"];
  readonly adopt: boolean;
}

/**
 * Makes sure that an id may be created: nothing has it, or what has it is this owner's own (left by an engine that was
 * killed), or has no owner and `adopt` is set. Another owner's object is never touched.
 *
 * @returns the object that is taken over, or null.
 * @throws PostureError `conflict`, naming the owner.
 */
export async function claimForCreate(view: HomeView, claim: Claim, entry: ObservedEntry | null): Promise<Job | null> {
  const found = await findJob(view.home, claim.id);
  if (found.state === "damaged" || found.state === "unreadable")
    throw conflict(
      claim.id,
      view,
      `its job file is ${found.state}: ${found.why}; look at it, then remove it or choose another id`,
    );
  if (found.state === "present") {
    refuseOther(view, claim, found.job.owner, found.job.kind);
    return found.job;
  }
  if (entry !== null) refuseOther(view, claim, entry.owner, claim.jobKind);
  return null;
}

/**
 * Makes sure that an id may be updated: it is still the object that the state knows, or it is gone.
 *
 * @throws PostureError `conflict`, naming the owner.
 */
export async function claimForUpdate(
  view: HomeView,
  claim: Claim,
  known: { readonly incarnation: string | undefined; readonly owner: string | undefined },
): Promise<void> {
  const found = await findJob(view.home, claim.id);
  if (found.state !== "present" || found.job.incarnation === known.incarnation) return;
  if (found.job.owner !== null && found.job.owner === known.owner) return;
  refuseOther(view, claim, found.job.owner, found.job.kind);
}

function refuseOther(view: HomeView, claim: Claim, owner: string | null, kind: Job["kind"]): void {
  if (kind !== claim.jobKind)
    throw conflict(claim.id, view, `it is a ${kind}, not a ${claim.jobKind}; choose another id`);
  if (owner !== null && owner === claim.owner) return;
  if (owner !== null)
    throw conflict(claim.id, view, `it belongs to ${owner}; choose another id, or remove it there first`);
  if (!claim.adopt)
    throw conflict(claim.id, view, "it exists and has no owner; set adopt: true to take it over, or choose another id");
}

function conflict(id: string, view: HomeView, why: string): PostureError {
  return new PostureError("conflict", `${id} in ${view.home.root}: ${why}`);
}
