/**
 * What Azure Backup and Azure Files allow for a file share; sources: the support matrix of Azure file share backup, and the scale targets of
 * Azure Files. Each is told with its number where a declaration goes beyond it.
 */
export const limits = {
  /** Snapshots of one share, those of all policies, tools and people counted. */
  snapshots: 200,
  /** Hours between two backups of a day. */
  intervals: [4, 6, 8, 12],
  runsADay: 6,
  /** Minutes past the hour at which a backup can begin. */
  minutes: [0, 30],
  /** How many of each the snapshots of the share can be kept. */
  snapshotTier: { daily: 200, weekly: 200, monthly: 120, yearly: 10 },
  /** How many of each the vault can keep. */
  vaultTier: { daily: 9_999, weekly: 5_163, monthly: 1_188, yearly: 99 },
  /** How long snapshots stay in the share where a vault keeps the backups, in days; and less than the daily ones. */
  snapshotDays: 30,
  /** How large a share can be whose backups a vault keeps, in GiB. */
  vaultTierGibibytes: 10_240,
  /** How many shares of a vault are protected in a day. */
  sharesOfVault: 200,
  /** How long a deleted share, or backup, can be brought back, in days. */
  shareSoftDeleteDays: { least: 1, most: 365 },
  vaultSoftDeleteDays: { least: 14, most: 180 },
} as const;

/** How many days of backups the snapshot tier can keep, by how many there are in a day. */
export function mostSnapshotDays(runsADay: number): number {
  return runsADay === 1 ? limits.snapshotTier.daily : Math.floor(limits.snapshots / runsADay) - 1;
}
