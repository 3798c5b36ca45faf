import { z } from "zod";
import {
  absolutePath,
  commandLine,
  duration,
  durationOrZero,
  entryName,
  identifier,
  isWithin,
  wholeNumber,
} from "../declaration/primitives";
import type { Product } from "../lync/catalogue/types";
import { notifierSchema } from "../notify/schema";
import { onStaleSchema, placementFields, schedulerSchema } from "../schedule/schema";
import { storeSchema } from "../snapshot/stores/schema";
import { sqlServerAddress, sqlServerHandover } from "../sources/schema";

/** The shortest time between two drills. */
const leastBetweenDrills = "1h";

const restoredPath = z
  .string("must be a path relative to the restored tree")
  .min(1, "must not be empty")
  .max(4096, "must be at most 4096 characters")
  .refine(
    (value) => !value.startsWith("/") && !value.split(/[\\/]/).includes("..") && !value.includes("\0"),
    "must be a path relative to the restored tree, without '..' steps",
  );

/** Those whose `Update-CsUserData` has `-TestMode`. */
const productsThatRehearse = ["sfb2015", "sfb2019", "sfbse"] as const satisfies readonly Product[];

/** Something that must hold in the restored tree. */
export const drillCheckSchema = z.discriminatedUnion(
  "kind",
  [
    z.strictObject({ kind: z.literal("file-present"), path: restoredPath }),
    z.strictObject({ kind: z.literal("minimum-files"), count: wholeNumber(1, 1_000_000_000) }),
    z.strictObject({
      kind: z.literal("command"),
      /** Runs in the restored tree's root; exit code 0 passes. */
      command: commandLine,
      /** Default: `5m`. */
      timeout: duration.optional(),
    }),
    /** Every file in the archive unpacks to the size and the sum that the archive says. */
    z.strictObject({ kind: z.literal("zip-opens"), path: restoredPath }),
    /** SQL Server reads a backup to its end and finds its sums right, by `RESTORE VERIFYONLY … WITH CHECKSUM`. It restores nothing. */
    z.strictObject({
      kind: z.literal("sql-backup"),
      path: restoredPath,
      ...sqlServerAddress,
      /** The file is copied there for SQL Server to read, and removed again. */
      ...sqlServerHandover,
      /** Default: `5m`. */
      timeout: duration.optional(),
    }),
    /** An export of user data could be imported, by `Update-CsUserData -TestMode`, which writes nothing. Lync Server 2013 does not have it. */
    z.strictObject({
      kind: z.literal("lync-user-data"),
      path: restoredPath,
      product: z.enum(productsThatRehearse, `must be one of ${productsThatRehearse.join(", ")}`),
      /** Default: `5m`. */
      timeout: duration.optional(),
    }),
  ],
  'must be an object whose kind is "file-present", "minimum-files", "command", "zip-opens", "sql-backup" or "lync-user-data"',
);

/** See {@link drillCheckSchema}. */
export type DrillCheck = z.infer<typeof drillCheckSchema>;

/** How often a restore is rehearsed, how much of it, and what must hold afterwards. */
export const drillSchema = z.strictObject(
  {
    /** A drill older than this is expired evidence; the scheduler starts one this often. At least one hour. */
    every: duration.refine(isWithin(leastBetweenDrills, "3660d"), `must be from ${leastBetweenDrills} to 3660d`),
    /**
     * `full`, or a sample of so many files, drawn anew each time: some of each class of size and age, and first of what no drill has restored
     * yet. Default: `full`.
     */
    scope: z
      .union(
        [z.literal("full"), z.strictObject({ sample: wholeNumber(1, 10_000_000) })],
        'must be "full" or {sample: n}',
      )
      .optional(),
    /** A recovery set drawn anew each time, among those taken within so long. Default: what `from.point` says. */
    point: z
      .strictObject(
        { randomWithin: duration.refine(isWithin("1h", "36600d"), "must be from 1h to 36600d") },
        "must be {randomWithin: duration}",
      )
      .optional(),
    /**
     * Whether files are compared with the source as well, as far as those have not changed since the capture. Reads them under the drill's
     * account, from the schedule that this home has; only file shares can be. Default: false.
     */
    compareWithSource: z.boolean("must be true or false").optional(),
    /** Bounds on what a drill takes of its host. */
    limit: z
      .strictObject(
        {
          /** How fast it restores and compares, in bytes a second. Default: no limit. */
          bytesPerSecond: wholeNumber(1_024, 1_000_000_000_000).optional(),
          /** What stays free in the place, in bytes: a drill does not start, or stops, below it. Default: a hundredth of its file system. */
          leaveFree: wholeNumber(0, 1_000_000_000_000_000).optional(),
        },
        "must be an object with bytesPerSecond or leaveFree",
      )
      .optional(),
    checks: z.record(entryName, drillCheckSchema, "must be an object of checks by name").optional(),
  },
  "must be an object with every",
);

/**
 * Where the evidence of drills is written to as well, under an account that the drills' own cannot act as. A sink that is ours to change
 * proves nothing beyond what the home does.
 */
const evidenceSinkSchema = z.discriminatedUnion(
  "kind",
  [
    /** A folder in which this account can make files, and neither change nor remove any: one file a record. */
    z.strictObject({ kind: z.literal("directory"), path: absolutePath }),
    /**
     * Gets one record on its standard input, its name in `BACKUP_POSTURE_NAME`; exit code 0 says that it is kept. It is told a record again
     * where it was interrupted.
     */
    z.strictObject({
      kind: z.literal("command"),
      command: commandLine,
      /** Default: `5m`. */
      timeout: duration.optional(),
    }),
  ],
  'must be an object whose kind is "directory" or "command"',
);

/** See {@link evidenceSinkSchema}. */
export type EvidenceSink = z.infer<typeof evidenceSinkSchema>;

/** What a RestoreTarget declares. */
export const restoreTargetSchema = z.strictObject({
  ...placementFields,
  scheduler: schedulerSchema.optional(),
  from: z.strictObject(
    {
      store: storeSchema,
      /** The id of the schedule or snapshot whose recovery points are restored. */
      schedule: identifier,
      /** `latest`, or the id of one recovery point. Default: `latest`. */
      point: z
        .string("must be latest or a recovery point's id")
        .regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$/, "must be latest or a recovery point's id")
        .optional(),
    },
    "must be an object with store and schedule",
  ),
  /** Absolute path of the place to restore to. Created when missing; drills use a scratch folder in it. */
  to: absolutePath,
  drill: drillSchema.optional(),
  /** The longest that the drill's restore may take. Default: no limit. */
  maxRestoreTime: duration.optional(),
  /** How much later than `drill.every` expired evidence is reported. Default: `1h`. */
  grace: durationOrZero.optional(),
  /** Where evidence is written to as well. Default: nowhere, and it is self-attested. */
  evidenceSink: evidenceSinkSchema.optional(),
  /** What evidence is signed with, by `ssh-keygen -Y sign`. Default: it is not signed. */
  evidenceSigning: z
    .strictObject(
      {
        /** The path of an SSH key that needs no passphrase, or of a public key whose private half is in the account's ssh-agent. */
        key: z.strictObject({ file: absolutePath }, 'must be a reference to a key, {file: "/path"}'),
      },
      "must be an object with key",
    )
    .optional(),
  /** How long each record of evidence is kept, also when the resource is gone. At least one day. Default: `2557d`, seven years. */
  evidenceRetention: duration.refine(isWithin("1d", "36600d"), "must be from 1d to 36600d").optional(),
  /** Who is told when a drill fails, evidence expires, something else is wrong, or all is well again, by name. Default: nobody. */
  notify: z.record(entryName, notifierSchema, "must be an object of notifiers by name").optional(),
  /** Whether creating it starts the first drill. Default: false. */
  runOnCreate: z.boolean("must be true or false").optional(),
  /** What `up` does when evidence has expired or a drill failed. Default: `report`. */
  onStale: onStaleSchema.optional(),
  /** How long `up` waits for a drill that it started. Default: `0s`. */
  waitFor: durationOrZero.optional(),
});

/** What a RestoreTarget declares, as a plain value. */
export type RestoreTargetDeclaration = z.infer<typeof restoreTargetSchema>;
