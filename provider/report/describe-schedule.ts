import { stat } from "node:fs/promises";
import { join } from "node:path";
import { simulateRetention } from "../guard/simulate";
import { isSimulated } from "../guard/warnings";
import { formatInstant } from "../platform/clock";
import { toMilliseconds } from "../platform/durations";
import { isAbsent } from "../platform/errors";
import type { HomeView } from "../runner/home-view";
import type { ScheduleJob } from "../runner/job";
import { findLiveRun } from "../runner/job-lock";
import { streamJournal } from "../runner/journal";
import type { JobHealth } from "../runner/observe-home";
import { defaultGrace } from "../schedule/defaults";
import { effectiveRpo, findLastSuccess } from "../schedule/health";
import type { Keep, When } from "../schedule/schema";
import { selectRetained } from "../snapshot/retention";
import { groupRetainable } from "../snapshot/sets";
import type { RecoveryPoint } from "../snapshot/stores/store";
import { describeSource } from "../sources/schema";
import { describeCopy, describeTraits } from "./describe-copy";
import { sumUpRuns, yearUntil } from "./history";
import { listPoints } from "./listed-points";
import type { Copy, Retention, ScheduleReport } from "./model";

const mostAges = 200;

/** What only a schedule tells of itself. */
type OfSchedule = Omit<ScheduleReport, "id" | "name" | "owner" | "health" | "faults" | "declared">;

/** Describes a schedule as it is at a moment: its promises, its stores, its last year and its retention. */
export async function describeSchedule(
  view: HomeView,
  job: ScheduleJob,
  { nextDue }: JobHealth,
  moment: Date,
): Promise<OfSchedule> {
  const { declaration, id } = job;
  const primary = await listPoints(view, declaration.store, id);
  const rpoMilliseconds = effectiveRpo(declaration);
  const graceMilliseconds = toMilliseconds(declaration.grace ?? defaultGrace);
  const sources = Object.keys(declaration.sources);
  const sets = groupRetainable(primary.points);
  const lastSuccess = findLastSuccess({
    now: moment,
    sets: sets
      .filter(({ missing }) => missing.length === 0)
      .map(({ startedAt, damage }) => ({ startedAt, damaged: damage === null ? 0 : 1 })),
  });
  const { paused = null } = declaration;
  return {
    kind: "schedule",
    when: describeWhen(declaration.when),
    nextDue,
    paused,
    rpoMilliseconds,
    graceMilliseconds,
    lastSuccess: lastSuccess === null ? null : formatInstant(lastSuccess),
    sources: Object.fromEntries(
      Object.entries(declaration.sources).map(([name, source]) => [name, describeSource(source)]),
    ),
    copies: [
      describeCopy({ name: "primary", store: declaration.store, traits: [], rpoMilliseconds }, primary, sources),
      ...(await describeCopies(view, job, rpoMilliseconds)),
    ],
    history: await sumUpRuns(
      streamJournal(view.home, id),
      {
        id,
        when: paused === null ? declaration.when : null,
        calendarSince: await findCalendarSince(view, job),
        allowedMilliseconds: paused === null ? rpoMilliseconds + graceMilliseconds : Number.POSITIVE_INFINITY,
        running: (await findLiveRun(view.home, id)) !== null,
      },
      yearUntil(moment),
    ),
    retention: describeRetention(job, primary.points, moment),
  };
}

async function describeCopies(
  view: HomeView,
  { id, declaration: { copies = {}, sources } }: ScheduleJob,
  usualRpo: number,
): Promise<Copy[]> {
  const described: Copy[] = [];
  for (const [name, copy] of Object.entries(copies).sort(([one], [other]) => (one < other ? -1 : 1))) {
    const rpoMilliseconds = copy.rpo === undefined ? usualRpo : toMilliseconds(copy.rpo);
    const declared = { name, store: copy.store, traits: describeTraits(copy), rpoMilliseconds };
    described.push(describeCopy(declared, await listPoints(view, copy.store, id), Object.keys(sources)));
  }
  return described;
}

/** `0 1 * * *, Europe/Berlin`, `every 6h`. */
function describeWhen({ cron, every, timeZone = "UTC", window }: When): string {
  const open = window === undefined ? "" : `, from ${window.from} to ${window.to}`;
  return every === undefined ? `${cron ?? ""}, ${timeZone}${open}` : `every ${every}${open}`;
}

/** The job is written whenever anything of it changes: its calendar holds since then at least. */
async function findCalendarSince({ home }: HomeView, { id, createdAt }: ScheduleJob): Promise<Date> {
  try {
    const { mtime } = await stat(join(home.jobs, `${id}.json`));
    return mtime > new Date(createdAt) ? mtime : new Date(createdAt);
  } catch (error) {
    if (isAbsent(error)) return new Date(createdAt);
    throw error;
  }
}

function describeRetention({ declaration }: ScheduleJob, points: readonly RecoveryPoint[], moment: Date): Retention {
  const { keep, when } = declaration;
  const sets = groupRetainable(points);
  const { kept, dropped, suspended } = selectRetained(sets, keep, { timeZone: when.timeZone ?? "UTC", now: moment });
  return {
    rule: describeKeep(keep),
    agesNow: kept.slice(0, mostAges).map(({ set }) => Math.max(0, moment.getTime() - set.startedAt.getTime())),
    leaving: dropped.length,
    suspended,
    afterYear: isSimulated(declaration) ? foretell(declaration) : null,
  };
}

function foretell(declaration: ScheduleJob["declaration"]): Retention["afterYear"] {
  const { sets, ages, stillGrowing } = simulateRetention(declaration);
  return { sets, ages: ages.slice(0, mostAges), stillGrowing };
}

/** `14 daily, 8 weekly, 12 monthly`. */
function describeKeep(keep: Keep | undefined): string {
  const { atLeast, ...counts } = keep ?? {};
  const rules = Object.entries(counts).flatMap(([rule, count]) =>
    count === undefined || count === 0 ? [] : [rule === "last" ? `the last ${count}` : `${count} ${rule}`],
  );
  const all = atLeast === undefined ? rules : [...rules, `all younger than ${atLeast}`];
  return all.length === 0 ? "everything: nothing is ever pruned" : all.join(", ");
}
