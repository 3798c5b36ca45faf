import { z } from "zod";

/** An instant, ISO 8601 in UTC. */
const moment = z.iso.datetime();
const count = z.int().min(0);
const length = z.number().min(0);

const faultSchema = z.object({ kind: z.string(), sentence: z.string(), remedy: z.string() });

/** What every job tells of itself. */
const itemFields = {
  id: z.string(),
  /** The name of the resource that declares it; its id where none does. */
  name: z.string(),
  /** The Pulumi URN that declares it. */
  owner: z.string().nullable(),
  /** `healthy`, or the worst that is wrong, as `pulumi preview --refresh` shows it. */
  health: z.string(),
  /** The worst first. */
  faults: z.array(faultSchema),
  /** What controls read of its declaration; see docs/controls.md. */
  declared: z.record(z.string(), z.unknown()),
};

/** What a store holds of one source of a schedule. */
const sourceInCopySchema = z.object({
  /** When the capture of its newest good recovery point began. */
  newest: moment.nullable(),
  points: count,
  damaged: count,
  files: count,
  bytes: length,
  /** Files that the newest point had to leave out. */
  skipped: count,
  /** Whether the newest point keeps owners and access rights; null where there is none. */
  keepsRights: z.boolean().nullable(),
  encrypted: z.boolean().nullable(),
});

/** One store that holds recovery points of a schedule. */
const copySchema = z.object({
  /** `primary`, or the copy's name in the declaration. */
  name: z.string(),
  place: z.string(),
  /** What is declared of where it lies: `site Basel`, `tape`, `immutable`. */
  traits: z.array(z.string()),
  /** The oldest that its newest recovery set may be. */
  rpoMilliseconds: length,
  /** Why it could not be looked at; null where it was. */
  unreachable: z.string().nullable(),
  points: count,
  /** Complete recovery sets. */
  sets: count,
  oldest: moment.nullable(),
  /** What all its points added to the store, in bytes. */
  addedBytes: length,
  sources: z.record(z.string(), sourceInCopySchema),
});

/** One bar of the sizes and durations over time: one run, or those of a 52nd of the time shown. */
const measureSchema = z.object({ at: moment, runs: count, milliseconds: length, bytes: length, addedBytes: length });

/** The median of 30 days, and of the 30 days before. */
const trendSchema = z.object({ before: length, now: length });

const historySchema = z.object({
  from: moment,
  to: moment,
  succeeded: count,
  failed: count,
  interrupted: count,
  /** Starts that were due, and that nothing made, since `missedFrom`. */
  missed: count,
  /** Since when that is known: earlier calendars are not. Null where nothing is due. */
  missedFrom: moment.nullable(),
  /**
   * One letter a day in UTC, of the worst: `f` a run failed, `l` a start was missed or the last backup was older than rpo and grace, `b` both,
   * `s` a run succeeded, `.` nothing.
   */
  days: z.string(),
  /** The newest failures and misses, newest first, at most 10. */
  troubles: z.array(z.object({ at: moment, what: z.enum(["failed", "interrupted", "missed"]), message: z.string() })),
  last: z
    .object({
      at: moment,
      outcome: z.string(),
      message: z.string(),
      milliseconds: length,
      bytes: length,
      addedBytes: length,
    })
    .nullable(),
  /** Of runs that succeeded, oldest first, at most 52. */
  measures: z.array(measureSchema),
  trend: z.object({ milliseconds: trendSchema.nullable(), bytes: trendSchema.nullable() }),
});

const retentionSchema = z.object({
  /** As declared, in words. */
  rule: z.string(),
  /** How old the sets that are kept now are, youngest first, in milliseconds; at most 200. */
  agesNow: z.array(length),
  /** Sets that the next run lets go. */
  leaving: count,
  suspended: z.string().nullable(),
  /** The same after a year of runs that all succeed, by simulation; null where nothing is foretold of it. */
  afterYear: z.object({ sets: count, ages: z.array(length), stillGrowing: z.boolean() }).nullable(),
});

const scheduleReportSchema = z.object({
  ...itemFields,
  kind: z.literal("schedule"),
  when: z.string(),
  nextDue: moment.nullable(),
  paused: z.object({ until: z.string(), reason: z.string() }).nullable(),
  rpoMilliseconds: length,
  graceMilliseconds: length,
  /** When the capture of the last good recovery set began; null where there is none, or none is known. */
  lastSuccess: moment.nullable(),
  /** What is backed up, by name, in words. */
  sources: z.record(z.string(), z.string()),
  copies: z.array(copySchema),
  history: historySchema,
  retention: retentionSchema,
});

const drillSchema = z.object({
  startedAt: moment,
  endedAt: moment,
  verdict: z.enum(["passed", "failed"]),
  message: z.string(),
  account: z.string(),
  host: z.string(),
  scope: z.string(),
  points: count,
  files: count,
  bytes: length,
  compared: count,
  differences: count,
  checksPassed: count,
  checks: count,
  restoreMilliseconds: length,
  digest: z.string(),
});

const targetReportSchema = z.object({
  ...itemFields,
  kind: z.literal("target"),
  /** The id of what it restores. */
  of: z.string(),
  place: z.string(),
  /** How often it is drilled; null: never. */
  everyMilliseconds: length.nullable(),
  limitMilliseconds: length.nullable(),
  nextDue: moment.nullable(),
  passed: count,
  failed: count,
  /** Why the evidence cannot be believed; null where it stands as it was written. */
  broken: z.string().nullable(),
  /** Who vouches for the evidence, in words. */
  attestation: z.string(),
  /** The newest first, at most ten. */
  drills: z.array(drillSchema),
});

const snapshotReportSchema = z.object({
  ...itemFields,
  kind: z.literal("snapshot"),
  source: z.string(),
  store: z.string(),
  takenAt: moment.nullable(),
  files: count,
  bytes: length,
  maxAgeMilliseconds: length.nullable(),
});

/** Something of which no job tells what it is. */
const unknownReportSchema = z.object({ ...itemFields, kind: z.literal("unknown") });

const itemReportSchema = z.discriminatedUnion("kind", [
  scheduleReportSchema,
  targetReportSchema,
  snapshotReportSchema,
  unknownReportSchema,
]);

/** All that one look at one posture home tells. */
export const homeReportSchema = z.object({
  format: z.literal(1),
  host: z.string(),
  home: z.string(),
  observedAt: moment,
  /** Whether what is due there is fired: false where entries wait for an agent, and none runs. */
  fired: z.boolean(),
  items: z.array(itemReportSchema),
});

/** See {@link homeReportSchema}. */
export type HomeReport = z.infer<typeof homeReportSchema>;
export type ItemReport = z.infer<typeof itemReportSchema>;
export type ScheduleReport = z.infer<typeof scheduleReportSchema>;
export type TargetReport = z.infer<typeof targetReportSchema>;
export type SnapshotReport = z.infer<typeof snapshotReportSchema>;
export type Drill = z.infer<typeof drillSchema>;
export type Copy = z.infer<typeof copySchema>;
export type SourceInCopy = z.infer<typeof sourceInCopySchema>;
export type History = z.infer<typeof historySchema>;
export type Measure = z.infer<typeof measureSchema>;
export type Retention = z.infer<typeof retentionSchema>;
export type Trend = z.infer<typeof trendSchema>;
