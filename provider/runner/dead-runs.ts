import { formatInstant, now } from "../platform/clock";
import { groupSets } from "../snapshot/sets";
import type { Store } from "../snapshot/stores/store";
import type { Home } from "./home";
import { appendRecord, type JournalRecord, type RunEnded, type RunStarted, readJournal } from "./journal";

/**
 * Writes the end of every run that began and never ended: their processes are dead, since each held the lock of its id to its last
 * record. Only the holder of that lock may call this.
 */
export async function closeDeadRuns(home: Home, id: string): Promise<void> {
  for (const started of findOpenRuns(await readJournal(home, id)))
    await appendRecord(home, id, describeInterruption(started));
}

/**
 * Forgets what runs of this journal that did not succeed have left behind: the points of sets that never became whole. Sets that
 * a run completed stay, even if somebody has removed one of their points since, and so do sets of runs that this journal does not know.
 */
export async function forgetUnfinishedSets(home: Home, id: string, store: Store, signal: AbortSignal): Promise<void> {
  const unfinished = await findUnfinishedRuns(home, id);
  const sets = groupSets(await store.list({ schedule: id }, signal)).filter(
    (set) => unfinished.has(set.id) && set.missing.length > 0,
  );
  const points = sets.flatMap((set) => set.points).filter((point) => point.pinnedBy === null);
  if (points.length > 0)
    await store.forget(
      points.map((point) => point.id),
      {},
      signal,
    );
}

/** Runs since the last success that ended without points of theirs. A run that succeeded has cleaned up after all before it. */
async function findUnfinishedRuns(home: Home, id: string): Promise<ReadonlySet<string>> {
  const ended = (await readJournal(home, id)).filter((record) => record.event === "ended");
  const lastSuccess = ended.findLastIndex((record) => record.outcome === "succeeded");
  return new Set(ended.slice(lastSuccess + 1).flatMap((record) => (record.points.length === 0 ? [record.run] : [])));
}

function findOpenRuns(records: readonly JournalRecord[]): readonly RunStarted[] {
  const ended = new Set(records.flatMap((record) => (record.event === "ended" ? [record.run] : [])));
  return records.flatMap((record) => (record.event === "started" && !ended.has(record.run) ? [record] : []));
}

function describeInterruption(started: RunStarted): RunEnded {
  return {
    event: "ended",
    run: started.run,
    at: formatInstant(now()),
    verb: started.verb,
    outcome: "interrupted",
    message: `the ${started.verb} that started ${started.at} was ended from outside before it was complete`,
    points: [],
    bytes: 0,
    addedBytes: 0,
    durationMilliseconds: 0,
    skewMilliseconds: 0,
    skipped: 0,
    pruned: 0,
    pruneSuspended: null,
  };
}
