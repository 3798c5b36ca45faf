import type { types } from "@pulumi/azure-native";
import type { Keep } from "../schedule/schema";
import type { CheckedPolicy } from "./policy-check";
import { windowHours } from "./run-times";

type PolicyProperties = types.input.recoveryservices.AzureFileShareProtectionPolicyArgs;
type Schedule = types.input.recoveryservices.SimpleSchedulePolicyArgs;
type Retention = types.input.recoveryservices.LongTermRetentionPolicyArgs;

/** A checked policy as Azure Backup's own interface has it. */
export function toPolicyProperties({ policy, times, timeZone, snapshotDays }: CheckedPolicy): PolicyProperties {
  const start = toTime(times.first);
  const retention = toRetention(policy.keep, start);
  return {
    backupManagementType: "AzureStorage",
    workLoadType: "AzureFileShare",
    timeZone,
    schedulePolicy: toSchedule({ times, start }),
    ...(snapshotDays === null
      ? { retentionPolicy: retention }
      : { vaultRetentionPolicy: { snapshotRetentionInDays: snapshotDays, vaultRetention: retention } }),
  };
}

function toSchedule({ times, start }: Pick<CheckedPolicy, "times"> & { readonly start: string }): Schedule {
  if (times.interval === null)
    return { schedulePolicyType: "SimpleSchedulePolicy", scheduleRunFrequency: "Daily", scheduleRunTimes: [start] };
  return {
    schedulePolicyType: "SimpleSchedulePolicy",
    scheduleRunFrequency: "Hourly",
    hourlySchedule: {
      interval: times.interval,
      scheduleWindowStartTime: start,
      scheduleWindowDuration: windowHours(times),
    },
  };
}

/**
 * Of a week, a month and a year the last backup is kept, as everywhere else: that of Sunday, of the last day of the month, and of the last
 * day of December.
 */
function toRetention({ daily, weekly, monthly, yearly }: Keep, time: string): Retention {
  const retentionTimes = [time];
  const lastDay = { daysOfTheMonth: [{ date: 0, isLast: true }] };
  const byDay = { retentionScheduleFormatType: "Daily", retentionScheduleDaily: lastDay, retentionTimes } as const;
  return {
    retentionPolicyType: "LongTermRetentionPolicy",
    dailySchedule: { retentionTimes, retentionDuration: { count: daily ?? 0, durationType: "Days" } },
    ...(isKept(weekly)
      ? {
          weeklySchedule: {
            daysOfTheWeek: ["Sunday"],
            retentionTimes,
            retentionDuration: { count: weekly, durationType: "Weeks" },
          },
        }
      : {}),
    ...(isKept(monthly)
      ? { monthlySchedule: { ...byDay, retentionDuration: { count: monthly, durationType: "Months" } } }
      : {}),
    ...(isKept(yearly)
      ? {
          yearlySchedule: {
            ...byDay,
            monthsOfYear: ["December"],
            retentionDuration: { count: yearly, durationType: "Years" },
          },
        }
      : {}),
  };
}

function isKept(count: number | undefined): count is number {
  return count !== undefined && count > 0;
}

/** Azure reads the time of day only; the date is any. */
function toTime(minutes: number): string {
  return new Date(Date.UTC(2020, 0, 1) + minutes * 60_000).toISOString();
}
