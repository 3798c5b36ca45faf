import { now } from "../platform/clock";
import { toMilliseconds } from "../platform/durations";
import type { Home } from "../runner/home";
import { lockJob } from "../runner/job-lock";
import { defaultEvidenceRetention } from "./defaults";
import { deleteOldestEvidence, readEvidence } from "./evidence";
import type { EvidenceRecord } from "./evidence-record";

/**
 * The oldest records whose time to be kept is over, but for the newest of all, which always stays. Each record says itself until when: a
 * shorter retention that is declared later does not reach back.
 */
export function selectExpired(records: readonly EvidenceRecord[], moment: Date): readonly EvidenceRecord[] {
  const firstKept = records.findIndex((record) => keepUntil(record) > moment.getTime());
  const expired = firstKept === -1 ? records.length : firstKept;
  return records.slice(0, Math.min(expired, records.length - 1));
}

/** The records of a target that may be deleted now. */
export async function findExpiredEvidence(home: Home, id: string): Promise<readonly EvidenceRecord[]> {
  return selectExpired((await readEvidence(home, id)).records, now());
}

/**
 * Deletes for good the records of a target whose time to be kept is over, up to a number that somebody agreed to.
 *
 * @throws PostureError `locked` while a drill goes on, `conflict` when the chain is broken.
 */
export async function deleteExpiredEvidence(home: Home, id: string, upTo: number): Promise<void> {
  const lock = await lockJob(home, id, "evidence");
  try {
    const expired = (await findExpiredEvidence(home, id)).filter(({ sequence }) => sequence <= upTo);
    await deleteOldestEvidence(home, id, expired.at(-1)?.sequence ?? 0);
  } finally {
    await lock.release();
  }
}

function keepUntil({ keepUntil: until, endedAt }: EvidenceRecord): number {
  return until === undefined
    ? new Date(endedAt).getTime() + toMilliseconds(defaultEvidenceRetention)
    : new Date(until).getTime();
}
