import { findViolations } from "../declaration/check";
import { formatMilliseconds, toMilliseconds } from "../platform/durations";
import { limits, mostSnapshotDays } from "./limits";
import { type AzurePolicy, azurePolicySchema } from "./policy-schema";
import { longestGap, type PolicyFault, type RunTimes, readRunTimes } from "./run-times";
import { findWindowsZone } from "./windows-zone";

/** A policy that Azure Backup accepts as it is. */
export interface CheckedPolicy {
  readonly policy: AzurePolicy;
  readonly times: RunTimes;
  /** As Windows, and so Azure Backup, names it. */
  readonly timeZone: string;
  /** How long snapshots stay in the share beside the vault; null where they are the backups themselves. */
  readonly snapshotDays: number | null;
}

const defaultSnapshotDays = 5;
const periods = ["daily", "weekly", "monthly", "yearly"] as const;

/** Everything that is wrong with a policy, each a sentence that begins with its property and has the number of the limit; or the policy. */
export function checkPolicy(declared: object): CheckedPolicy | readonly string[] {
  const violations = findViolations(azurePolicySchema, { ...declared });
  const parsed = azurePolicySchema.safeParse(declared);
  if (violations !== undefined || !parsed.success) return [violations ?? "the policy cannot be read"];
  const policy = parsed.data;
  const times = readRunTimes(policy.when);
  const timeZone = findWindowsZone(policy.when.timeZone ?? "UTC");
  const faults = [
    ...("first" in times ? findRetentionFaults(policy, times) : times),
    ...(timeZone === null
      ? [{ property: "when.timeZone", sentence: "Windows, and so Azure Backup, has no time zone for it" }]
      : []),
  ];
  if (faults.length > 0 || timeZone === null || !("first" in times))
    return faults.map(({ property, sentence }) => `${property}: ${sentence}`);
  return { policy, times, timeZone, snapshotDays: readSnapshotDays(policy) };
}

function findRetentionFaults(policy: AzurePolicy, times: RunTimes): readonly PolicyFault[] {
  const inVault = policy.tier?.kind === "vault";
  return [
    ...findUnsayable(policy),
    ...findTooMany(policy, times),
    ...(inVault ? findVaultFaults(policy, times) : findBudgetFaults(policy, times)),
    ...findRpoFaults(policy, times),
  ];
}

function findUnsayable({ keep }: AzurePolicy): readonly PolicyFault[] {
  const other = (["last", "hourly", "atLeast"] as const)
    .filter((rule) => keep[rule] !== undefined)
    .map((rule) => ({
      property: `keep.${rule}`,
      sentence: "Azure Backup keeps by days, weeks, months and years only; say it in keep.daily",
    }));
  const missing = (keep.daily ?? 0) === 0;
  return [
    ...other,
    ...(missing ? [{ property: "keep.daily", sentence: "is needed: Azure Backup keeps at least 1 day" }] : []),
  ];
}

function findTooMany({ keep, tier }: AzurePolicy, { count }: RunTimes): readonly PolicyFault[] {
  const inVault = tier?.kind === "vault";
  return periods.flatMap((period) => {
    const most = inVault
      ? limits.vaultTier[period]
      : period === "daily"
        ? mostSnapshotDays(count)
        : limits.snapshotTier[period];
    const given = keep[period] ?? 0;
    if (given <= most) return [];
    const where = inVault
      ? "a vault"
      : count === 1
        ? "the snapshot tier"
        : `the snapshot tier with ${count} backups a day`;
    return [{ property: `keep.${period}`, sentence: `is ${given}, and ${where} keeps at most ${most}` }];
  });
}

/** The most snapshots that there are at any time: those of the last days, and of longer ago one for each week, month and year. */
export function countSnapshots({ keep }: Pick<AzurePolicy, "keep">, { count }: RunTimes): number {
  const days = keep.daily ?? 0;
  const beyond = (periodDays: number, kept = 0) => Math.max(0, kept - Math.floor(days / periodDays));
  return days * count + beyond(7, keep.weekly) + beyond(31, keep.monthly) + beyond(366, keep.yearly);
}

/** Only where each is within its own limit: together they share one budget. */
function findBudgetFaults(policy: AzurePolicy, times: RunTimes): readonly PolicyFault[] {
  if (findTooMany(policy, times).length > 0) return [];
  const snapshots = countSnapshots(policy, times);
  if (snapshots <= limits.snapshots) return [];
  return [
    {
      property: "keep",
      sentence: `adds up to ${snapshots} snapshots, and a share has at most ${limits.snapshots}; keep fewer, or declare tier {kind: "vault"}`,
    },
  ];
}

function findVaultFaults(policy: AzurePolicy, { count }: RunTimes): readonly PolicyFault[] {
  const days = readSnapshotDays(policy) ?? 0;
  const { daily = 0 } = policy.keep;
  if (daily === 0) return [];
  if (days >= daily)
    return [
      {
        property: "tier.snapshotDays",
        sentence: `is ${days}, and must be less than keep.daily, which is ${daily}${daily === 1 ? ": keep at least 2 days" : ""}`,
      },
    ];
  if (days * count <= limits.snapshots) return [];
  return [
    {
      property: "tier.snapshotDays",
      sentence: `adds up to ${days * count} snapshots, and a share has at most ${limits.snapshots}`,
    },
  ];
}

function findRpoFaults({ rpo, tier }: AzurePolicy, times: RunTimes): readonly PolicyFault[] {
  if (rpo === undefined) return [];
  const gap = longestGap(times);
  if (toMilliseconds(rpo) >= gap) return [];
  const day = tier?.kind === "vault" ? "; to the vault goes only the last of a day" : "";
  return [{ property: "rpo", sentence: `is ${rpo}, and backups lie up to ${formatMilliseconds(gap)} apart${day}` }];
}

function readSnapshotDays({ tier, keep }: AzurePolicy): number | null {
  if (tier?.kind !== "vault") return null;
  return tier.snapshotDays ?? Math.max(1, Math.min(defaultSnapshotDays, (keep.daily ?? 0) - 1));
}
