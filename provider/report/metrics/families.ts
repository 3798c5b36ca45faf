import { healthy } from "../../declaration/health";
import type { Copy, HomeReport, ItemReport, ScheduleReport, TargetReport } from "../model";

/** One number, and what it is of. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric: its name, what it means, and its samples of one look at a home. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly sample: (home: HomeReport) => readonly Sample[];
}

const ofItem = ["id", "name"] as const;

/**
 * Everything that is told to Prometheus. Times are instants, never ages: an age goes on growing where nobody looks any more. What is not
 * known has no sample.
 */
export const families: readonly Family[] = [
  {
    name: "backup_posture_observed_timestamp_seconds",
    help: "When the posture home was looked at.",
    labelNames: [],
    sample: ({ observedAt }) => [{ labels: {}, value: toSeconds(observedAt) }],
  },
  {
    name: "backup_posture_fired",
    help: "1 where what is due fires; 0 where entries wait for an agent and none runs.",
    labelNames: [],
    sample: ({ fired }) => [{ labels: {}, value: Number(fired) }],
  },
  {
    name: "backup_posture_healthy",
    help: "1 where a job is as declared, as pulumi preview --refresh sees it.",
    labelNames: [...ofItem, "kind"],
    sample: ({ items }) =>
      items.map((item) => ({ labels: { ...labelsOf(item), kind: item.kind }, value: Number(item.health === healthy) })),
  },
  {
    name: "backup_posture_fault",
    help: "1 for each kind of fault that a job has.",
    labelNames: [...ofItem, "kind", "fault"],
    sample: ({ items }) =>
      items.flatMap((item) =>
        [...new Set(item.faults.map(({ kind }) => kind))].map((fault) => ({
          labels: { ...labelsOf(item), kind: item.kind, fault },
          value: 1,
        })),
      ),
  },
  ofSchedules(
    "rpo_seconds",
    "The oldest that the last good backup may be.",
    ({ rpoMilliseconds }) => rpoMilliseconds / 1_000,
  ),
  ofSchedules(
    "grace_seconds",
    "How much later than that it is reported.",
    ({ graceMilliseconds }) => graceMilliseconds / 1_000,
  ),
  ofSchedules("paused", "1 while nothing fires it, as declared.", ({ paused }) => Number(paused !== null)),
  ofSchedules(
    "last_success_timestamp_seconds",
    "When the capture of the last good recovery set began.",
    ({ lastSuccess }) => toSecondsOrNull(lastSuccess),
  ),
  ofSchedules("next_start_timestamp_seconds", "When its next start is due.", ({ nextDue }) => toSecondsOrNull(nextDue)),
  ofSchedules("last_run_timestamp_seconds", "When its last run began.", ({ history: { last } }) =>
    toSecondsOrNull(last?.at ?? null),
  ),
  ofSchedules("last_run_succeeded", "1 where its last run succeeded.", ({ history: { last } }) =>
    last === null ? null : Number(last.outcome === "succeeded"),
  ),
  ofSchedules("last_run_duration_seconds", "How long its last run took.", ({ history: { last } }) =>
    last === null ? null : last.milliseconds / 1_000,
  ),
  ofSchedules("last_run_bytes", "What its last run captured.", ({ history: { last } }) => last?.bytes ?? null),
  ofSchedules(
    "last_run_added_bytes",
    "What its last run added to the store.",
    ({ history: { last } }) => last?.addedBytes ?? null,
  ),
  ofCopies("copy_reachable", "1 where a store could be looked at.", ({ unreachable }) => Number(unreachable === null)),
  ofCopies("recovery_points", "How many recovery points a store holds.", ({ unreachable, points }) =>
    unreachable === null ? points : null,
  ),
  ofCopies("recovery_sets", "How many complete recovery sets a store holds.", ({ unreachable, sets }) =>
    unreachable === null ? sets : null,
  ),
  ofCopies(
    "copy_newest_timestamp_seconds",
    "When the newest good recovery point began, of the source that is furthest behind.",
    ({ sources }) => {
      const newest = Object.values(sources).map((source) => source.newest);
      return newest.includes(null) || newest.length === 0 ? null : Math.min(...newest.map((at) => toSeconds(at ?? "")));
    },
  ),
  ofTargets("drill_last_timestamp_seconds", "When the newest drill ended.", ({ drills: [drill] }) =>
    toSecondsOrNull(drill?.endedAt ?? null),
  ),
  ofTargets("drill_passed", "1 where the newest drill passed.", ({ drills: [drill] }) =>
    drill === undefined ? null : Number(drill.verdict === "passed"),
  ),
  ofTargets("drill_every_seconds", "How old the newest drill may be.", ({ everyMilliseconds }) =>
    everyMilliseconds === null ? null : everyMilliseconds / 1_000,
  ),
  ofTargets("drill_restore_seconds", "How long the restore of the newest drill took.", ({ drills: [drill] }) =>
    drill === undefined ? null : drill.restoreMilliseconds / 1_000,
  ),
  ofTargets("drill_restore_limit_seconds", "How long it may take.", ({ limitMilliseconds }) =>
    limitMilliseconds === null ? null : limitMilliseconds / 1_000,
  ),
  ofTargets("drill_evidence_intact", "1 where the evidence stands as it was written.", ({ broken }) =>
    Number(broken === null),
  ),
  {
    name: "backup_posture_snapshot_timestamp_seconds",
    help: "When the recovery point of a snapshot was begun.",
    labelNames: ofItem,
    sample: ({ items }) =>
      items.flatMap((item) =>
        item.kind === "snapshot" && item.takenAt !== null
          ? [{ labels: labelsOf(item), value: toSeconds(item.takenAt) }]
          : [],
      ),
  },
];

/** A metric of every schedule of which it is known. */
function ofSchedules(name: string, help: string, measure: (schedule: ScheduleReport) => number | null): Family {
  return {
    name: `backup_posture_${name}`,
    help,
    labelNames: ofItem,
    sample: ({ items }) =>
      items.flatMap((item) => (item.kind === "schedule" ? sampleOf(labelsOf(item), measure(item)) : [])),
  };
}

/** A metric of every store of every schedule. */
function ofCopies(name: string, help: string, measure: (copy: Copy) => number | null): Family {
  return {
    name: `backup_posture_${name}`,
    help,
    labelNames: [...ofItem, "copy"],
    sample: ({ items }) =>
      items.flatMap((item) =>
        item.kind === "schedule"
          ? item.copies.flatMap((copy) => sampleOf({ ...labelsOf(item), copy: copy.name }, measure(copy)))
          : [],
      ),
  };
}

/** A metric of every restore target of which it is known. */
function ofTargets(name: string, help: string, measure: (target: TargetReport) => number | null): Family {
  return {
    name: `backup_posture_${name}`,
    help,
    labelNames: ofItem,
    sample: ({ items }) =>
      items.flatMap((item) => (item.kind === "target" ? sampleOf(labelsOf(item), measure(item)) : [])),
  };
}

function sampleOf(labels: Sample["labels"], value: number | null): readonly Sample[] {
  return value === null ? [] : [{ labels, value }];
}

function labelsOf({ id, name }: ItemReport): { readonly id: string; readonly name: string } {
  return { id, name };
}

function toSeconds(instant: string): number {
  return Date.parse(instant) / 1_000;
}

function toSecondsOrNull(instant: string | null): number | null {
  return instant === null ? null : toSeconds(instant);
}
