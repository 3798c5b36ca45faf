import { createHash } from "node:crypto";
import { z } from "zod";
import type { Keep } from "../schedule/schema";
import { compareRetention } from "../snapshot/retention";

const duration = z.object({ retentionDuration: z.object({ count: z.number() }) }).optional();

const retentionSchema = z.object({
  dailySchedule: duration,
  weeklySchedule: duration,
  monthlySchedule: duration,
  yearlySchedule: duration,
});

const propertiesSchema = z.object({
  schedulePolicy: z
    .object({
      hourlySchedule: z.object({ interval: z.number(), scheduleWindowDuration: z.number() }).optional(),
    })
    .optional(),
  retentionPolicy: retentionSchema.optional(),
  vaultRetentionPolicy: z.object({ vaultRetention: retentionSchema, snapshotRetentionInDays: z.number() }).optional(),
});

/** What an update of a policy is to, as the engine tells it. */
export interface PolicyUpdate {
  readonly urn: string;
  readonly oldInputs?: Readonly<Record<string, unknown>> | undefined;
  readonly newInputs?: Readonly<Record<string, unknown>> | undefined;
}

/** What of the recovery points that a policy keeps goes with its next clean-up, once the policy is another. */
export interface RetentionLoss {
  /** The most that there can be: as many as a policy that stood for long enough has. */
  readonly points: number;
  /** Accepts exactly this. */
  readonly token: string;
}

/**
 * What a change of a policy deletes: Azure Backup applies a shorter retention to the recovery points that there are. Null where it deletes
 * none, or the engine does not tell what stood before.
 */
export function findRetentionLoss(update: PolicyUpdate, now: Date): RetentionLoss | null {
  const before = readRetention(update.oldInputs);
  const after = readRetention(update.newInputs);
  if (before === null || after === null) return null;
  const points = countLost(before, after, now);
  return points === 0 ? null : { points, token: makeToken(update.urn, before, after, points) };
}

/** Why an update must not be made, or undefined. */
export function refuseRetentionLoss(
  update: PolicyUpdate,
  acknowledged: string | undefined,
  now: Date,
): string | undefined {
  const loss = findRetentionLoss(update, now);
  if (loss === null || loss.token === acknowledged) return undefined;
  const another = acknowledged === undefined ? "" : "; the token in acknowledgeDataLoss is that of another change";
  return `this retention would delete up to ${loss.points} existing recovery points at Azure Backup's next clean-up; to accept exactly this, set acknowledgeDataLoss: "${loss.token}"${another}`;
}

interface ReadRetention {
  readonly keep: Keep;
  readonly runsADay: number;
  /** Null where the snapshots are the backups. */
  readonly snapshotDays: number | null;
}

function readRetention(inputs: Readonly<Record<string, unknown>> | undefined): ReadRetention | null {
  const parsed = propertiesSchema.safeParse(inputs?.properties);
  const retention = parsed.data?.vaultRetentionPolicy?.vaultRetention ?? parsed.data?.retentionPolicy;
  if (!parsed.success || retention === undefined) return null;
  const hourly = parsed.data.schedulePolicy?.hourlySchedule;
  const countOf = (period: z.infer<typeof duration>) => period?.retentionDuration.count ?? 0;
  return {
    keep: {
      daily: countOf(retention.dailySchedule),
      weekly: countOf(retention.weeklySchedule),
      monthly: countOf(retention.monthlySchedule),
      yearly: countOf(retention.yearlySchedule),
    },
    runsADay: hourly === undefined ? 1 : Math.floor(hourly.scheduleWindowDuration / hourly.interval) + 1,
    snapshotDays: parsed.data.vaultRetentionPolicy?.snapshotRetentionInDays ?? null,
  };
}

/** In a vault there is one a day; in the share there are all of them, and those that lie beside a vault go sooner. */
function countLost(before: ReadRetention, after: ReadRetention, now: Date): number {
  const movesOut = before.snapshotDays !== null && after.snapshotDays === null;
  const kept = movesOut ? { last: 1 } : after.keep;
  const daysBefore = before.snapshotDays ?? before.keep.daily ?? 0;
  const daysAfter = after.snapshotDays ?? after.keep.daily ?? 0;
  const others = Math.max(0, daysBefore - daysAfter) * (before.runsADay - 1);
  const besideVault = before.snapshotDays === null ? 0 : Math.max(0, daysBefore - daysAfter);
  return countLostDays(before.keep, kept, now) + others + besideVault;
}

const millisecondsPerDay = 86_400_000;

/** Of a policy that has stood for as long as it keeps anything, with one backup a day. */
function countLostDays(before: Keep, after: Keep, now: Date): number {
  const { daily = 0, weekly = 0, monthly = 0, yearly = 0 } = before;
  const days = Math.max(daily, weekly * 7, monthly * 31, yearly * 366);
  const sets = Array.from({ length: days }, (_, at) => ({
    id: `${at}`,
    startedAt: new Date(now.getTime() - at * millisecondsPerDay),
    complete: true,
    pinned: false,
  }));
  return compareRetention(sets, before, after, { timeZone: "UTC", now }).length;
}

function makeToken(urn: string, before: ReadRetention, after: ReadRetention, points: number): string {
  const digest = createHash("sha256")
    .update(JSON.stringify([urn, before, after]))
    .digest("hex");
  return `delete-${points}-${digest.slice(0, 16)}`;
}
