import { z } from "zod";
import { duration, wholeNumber } from "../declaration/primitives";
import { keepSchema, whenSchema } from "../schedule/schema";
import { limits } from "./limits";

/** Where backups are kept: in the share's own snapshots, or in the vault, with some days of snapshots for quick restores. */
const tierSchema = z.discriminatedUnion(
  "kind",
  [
    z.strictObject({ kind: z.literal("snapshot") }),
    z.strictObject({
      kind: z.literal("vault"),
      /** How many days snapshots stay in the share beside it: fewer than `keep.daily`. Default: 5, or as many as may be. */
      snapshotDays: wholeNumber(1, limits.snapshotDays).optional(),
    }),
  ],
  'must be an object whose kind is "snapshot" or "vault"',
);

/** What is backed up when, and kept how long, in the words of a BackupSchedule. */
export const azurePolicySchema = z.strictObject({
  /** Once a day, or every 4, 6, 8 or 12 hours of it, at :00 or :30. */
  when: whenSchema,
  /** `daily` is needed; `weekly`, `monthly` and `yearly` keep the last backup of each of that many. */
  keep: keepSchema,
  /** The oldest that the last backup may be. Default: not judged. */
  rpo: duration.optional(),
  /** Default: the share's snapshots. */
  tier: tierSchema.optional(),
});

/** See {@link azurePolicySchema}. */
export type AzurePolicy = z.infer<typeof azurePolicySchema>;
