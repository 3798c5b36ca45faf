import { z } from "zod";
import {
  absolutePath,
  accountName,
  commandLine,
  duration,
  durationOrZero,
  entryName,
  identifier,
  instant,
  isWithin,
  secretReference,
  sentence,
  variableName,
  wholeNumber,
} from "../declaration/primitives";
import { releasePattern } from "../declaration/release";
import { hostSchema } from "../hosts/schema";
import { notifierSchema } from "../notify/schema";
import { storeSchema } from "../snapshot/stores/schema";
import { changeProbeSchema, sourceSchema } from "../sources/schema";
import { findCronFault, isTimeZone } from "./calendar";

const timeOfDay = z
  .string("must be a time of day, HH:MM")
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, "must be a time of day, HH:MM");

/** When a schedule fires: exactly one of `cron` and `every`. */
export const whenSchema = z
  .strictObject(
    {
      /** Five cron fields: minute, hour, day of month, month, day of week. */
      cron: z
        .string("must be a cron expression of five fields")
        .superRefine((expression, context) => {
          const fault = findCronFault(expression);
          if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
        })
        .optional(),
      /** Fires at whole multiples of this since 1970-01-01T00:00Z. At least one minute, at most ten years. */
      every: duration.refine(isWithin("1m", "3660d"), "must be from 1m to 3660d").optional(),
      /** IANA name of the zone in which `cron` and `window` are read. Default: `UTC`. */
      timeZone: z
        .string("must be an IANA time zone such as Europe/Berlin")
        .refine(isTimeZone, "must be an IANA time zone such as Europe/Berlin")
        .optional(),
      /** Spreads starts over this long; the same schedule always gets the same delay for the same due time. At most one day. Default: `0s`. */
      jitter: durationOrZero.refine(isWithin("0s", "1d"), "must be at most 1d").optional(),
      /** Whether a run that was missed (the machine was off) is made up for, once. Default: true. */
      catchUp: z.boolean("must be true or false").optional(),
      /** Starts are held back until this window of the day is open; it may span midnight. Default: always open. */
      window: z
        .strictObject({ from: timeOfDay, to: timeOfDay }, "must be an object with from and to")
        .refine(({ from, to }) => from !== to, "must not be empty: from and to are equal")
        .optional(),
    },
    "must be an object with cron or every",
  )
  .refine(
    ({ cron, every }) => (cron === undefined) !== (every === undefined),
    "must have exactly one of cron and every",
  );

/** When a schedule fires. */
export type When = z.infer<typeof whenSchema>;

const count = wholeNumber(0, 10_000).optional();

/** How many recovery sets are kept: the newest of each of the last n periods that have one. Absent altogether: nothing is ever pruned. */
export const keepSchema = z
  .strictObject(
    {
      /** The newest n sets. */
      last: count,
      hourly: count,
      daily: count,
      weekly: count,
      monthly: count,
      yearly: count,
      /** Nothing younger than this is pruned, whatever the counts say. */
      atLeast: duration.optional(),
    },
    "must be an object of counts",
  )
  .refine(
    (keep) =>
      Object.values(keep).every((value) => value === undefined) ||
      Object.values(keep).some((value) => value !== 0 && value !== undefined),
    "must keep something: a retention of nothing would delete every recovery point",
  );

/** Retention: what is kept. */
export type Keep = z.infer<typeof keepSchema>;

const yesOrNo = z.boolean("must be true or false").optional();

/** A further store, into which recovery sets are copied once they stand in the schedule's own. */
export const copySchema = z.strictObject(
  {
    /** Another store than the schedule's own and than those of its other copies. */
    store: storeSchema,
    /** Its own retention. Default: nothing in it is ever pruned. */
    keep: keepSchema.optional(),
    /** The oldest that the newest set in it may be, counted from the start of its capture. Default: what holds for the schedule. */
    rpo: duration.optional(),
    /** The name of the site where it lies, if that is another than the original's: it then counts as off-site. Default: the original's. */
    site: sentence.optional(),
    /** What it lies on: `disk`, `tape`, `object-storage`, … Default: `disk`. */
    medium: sentence.optional(),
    /** Nobody can change or delete what lies there before its time, or it is offline. Default: false. */
    immutable: yesOrNo,
    /** Whoever holds all rights where the original lies holds none there. Default: false. */
    isolated: yesOrNo,
    /** Whoever takes its disks away cannot read them. Default: what its store does. */
    encrypted: yesOrNo,
    /** Nobody can delete recovery points there by hand, or it can be undone. Default: false. */
    deletionGuarded: yesOrNo,
  },
  "must be an object with store",
);

/** See {@link copySchema}. */
export type Copy = z.infer<typeof copySchema>;

/** A command that runs around a backup, on the schedule's host, as the schedule's account. */
export const hookSchema = z.strictObject(
  {
    /** `before` (its failure fails the run before anything is captured), `after` a success, or on `failure`. */
    at: z.enum(["before", "after", "failure"], 'must be "before", "after" or "failure"'),
    /** Stands in the job in plain, and in the host's list of processes while it runs: secrets belong into `environment`. */
    command: commandLine,
    /** Default: `5m`. */
    timeout: duration.optional(),
    /** Environment variables with secrets, by reference. */
    environment: z
      .record(variableName, secretReference, "must be an object of references to secrets by variable")
      .optional(),
  },
  "must be an object with at and command",
);

/** See {@link hookSchema}. */
export type Hook = z.infer<typeof hookSchema>;

/**
 * What a restore needs beside this schedule's recovery points, and somebody else backs up, told apart by `kind`: evidence that it was, a
 * command that tells when, or a decision to go without.
 */
export const outsideSchema = z.discriminatedUnion(
  "kind",
  [
    z
      .strictObject({
        kind: z.literal("evidence"),
        /** When it was backed up. */
        at: instant,
        /** From then on it no longer counts. */
        until: instant,
        /** How far it may lie from the last recovery set of this schedule. Default: not judged. */
        within: duration.optional(),
      })
      .refine(({ at, until }) => !(new Date(at) >= new Date(until)), {
        path: ["until"],
        message: "must be later than at",
      }),
    z.strictObject({
      kind: z.literal("probe"),
      /** Prints the ISO 8601 instant at which it was backed up last. */
      command: commandLine,
      /** Default: `5m`. */
      timeout: duration.optional(),
      /** The oldest that it may be. */
      maxAge: duration,
      within: duration.optional(),
    }),
    z.strictObject({
      kind: z.literal("waiver"),
      /** From then on the decision no longer counts. */
      until: instant,
    }),
  ],
  'must be an object whose kind is "evidence", "probe" or "waiver"',
);

/** See {@link outsideSchema}. */
export type Outside = z.infer<typeof outsideSchema>;

/** What `up` does about staleness: say so, or start the installed entry and wait up to `waitFor`. */
export const onStaleSchema = z.enum(["report", "run"], 'must be "report" or "run"');

const windowsAccountFault =
  'must be "SYSTEM", a group managed service account such as CONTOSO\\backup$, or an object with user and password';

/** What fires the entry. Default: `embedded`, the jobs that `backup-posture agent` fires. */
export const schedulerSchema = z.discriminatedUnion(
  "kind",
  [
    z.strictObject({ kind: z.literal("embedded") }),
    z.strictObject({
      kind: z.literal("cron"),
      /** The account whose crontab it stands in, and as whom it runs: the one that deploys, and owns the posture home. */
      runAs: accountName,
    }),
    z.strictObject({
      kind: z.literal("systemd"),
      /** The account as whom it runs, and who owns the posture home. Of the system's manager any; of a user's own the one that deploys. */
      runAs: accountName,
      /** Whose timers: the system's, for which root deploys, or the account's own. Default: `system`. */
      scope: z.enum(["system", "user"], 'must be "system" or "user"').optional(),
    }),
    z.strictObject({
      kind: z.literal("windows-task"),
      runAs: z.union(
        [
          /** `SYSTEM`, or a group managed service account, whose name ends with `$`. */
          z
            .string()
            .regex(
              /^(SYSTEM|[A-Za-z0-9][A-Za-z0-9.-]{0,62}\\[A-Za-z0-9_][A-Za-z0-9_. -]{0,61}\$)$/,
              windowsAccountFault,
            ),
          z.strictObject({
            /** `DOMAIN\name`; the name of the computer stands for the domain of its own accounts. */
            user: z
              .string()
              .regex(/^[A-Za-z0-9][A-Za-z0-9.-]{0,62}\\[A-Za-z0-9_][A-Za-z0-9_. -]{0,61}$/, "must be DOMAIN\\name"),
            /** Where the account that deploys finds its password. Absent: none is kept, and its runs have no network. */
            password: secretReference.optional(),
          }),
        ],
        windowsAccountFault,
      ),
    }),
  ],
  'must be an object whose kind is "embedded", "cron", "systemd" or "windows-task"',
);

/** See {@link schedulerSchema}. */
export type SchedulerDeclaration = z.infer<typeof schedulerSchema>;

/** Inputs that every kind has, as `check` stores them. */
export const placementFields = {
  /** Default: a slug of the resource's name and twelve hex digits of its owner's SHA-256. A change replaces the resource. */
  id: identifier.optional(),
  /** A change replaces the resource. Default: this machine. */
  host: hostSchema.optional(),
  /** Absolute path of the posture home on the host. A change replaces the resource. Default: `posture:home`, else the platform's. */
  home: absolutePath.optional(),
  /**
   * The release of the runner that a remote host must have at least. It is put there by `up`, and a newer release of this package alone does
   * not change it. Default: the one that the state knows, and for a new resource the one that this package carries.
   */
  runner: z
    .string("must be a release such as 1.2.0")
    .regex(releasePattern, "must be a release such as 1.2.0")
    .optional(),
  /** Takes over an object of this id that has no owner. Default: false. */
  adopt: z.boolean("must be true or false").optional(),
};

/** What a BackupSchedule declares. */
export const scheduleSchema = z.strictObject({
  ...placementFields,
  scheduler: schedulerSchema.optional(),
  /** Default: true. With false nothing is installed, and what somebody else runs is watched: see `WatchedScheduleArgs`. A change replaces the resource. */
  manage: z.literal(true, "must be true or false").optional(),
  when: whenSchema,
  /** What is backed up, by name: each run takes one recovery point of each, which together are its recovery set. */
  sources: z
    .record(entryName, sourceSchema, "must be an object of sources by name")
    .refine((sources) => Object.keys(sources).length > 0, "must name at least one source"),
  store: storeSchema,
  keep: keepSchema.optional(),
  /** Further stores, by name: each recovery set is copied there, never read from the sources again. */
  copies: z.record(entryName, copySchema, "must be an object of copies by name").optional(),
  /** The oldest that the last good backup may be. Default: the worst case that `when` and `expectedDuration` lead to. */
  rpo: duration.optional(),
  /** How much later than that it is reported. Default: `1h`. */
  grace: durationOrZero.optional(),
  /** The most that the starts of a set's captures may lie apart; a run beyond it fails. Default: no limit. */
  maxSkew: duration.optional(),
  /** The most that a run is expected to take: counts into the worst-case RPO, and one that takes longer than this plus `grace` is unhealthy. Default: `0s`, no such limit. */
  expectedDuration: durationOrZero.optional(),
  /**
   * Probes, by name, that tell whether something has changed since the last backup: a difference is told as health, and `onStale: "run"`
   * starts a run. Judged once a run has succeeded with the probe declared.
   */
  afterChange: z.record(entryName, changeProbeSchema, "must be an object of probes by name").optional(),
  /** What others back up and a restore needs, by name: told as health when it expires, or lies too far from the last recovery set. */
  outside: z.record(entryName, outsideSchema, "must be an object by name").optional(),
  /** Commands around each run, by name; several of one kind run in order of their names. */
  hooks: z.record(entryName, hookSchema, "must be an object of hooks by name").optional(),
  /** Who is told when something goes wrong, comes right again, or gets too old, by name. */
  notify: z.record(entryName, notifierSchema, "must be an object of notifiers by name").optional(),
  /** Until when nothing fires, and why. Staleness counts from its end. */
  paused: z.strictObject({ until: instant, reason: sentence }, "must be an object with until and reason").optional(),
  /** Whether creating it starts the installed entry once. Default: false. */
  runOnCreate: z.boolean("must be true or false").optional(),
  /** What `up` does when the last backup is stale, failed, interrupted or lost. Default: `report`. */
  onStale: onStaleSchema.optional(),
  /** How long `up` waits for a run that it started. Default: `0s`. */
  waitFor: durationOrZero.optional(),
  /** The token that preview printed for this very change of retention, store, copies or sources. */
  acknowledgeDataLoss: z
    .string("must be the token that preview printed")
    .regex(/^(delete|unprotect)-\d{1,9}-until-\d{8}T\d{6}Z-[0-9a-f]{16}$/, "must be the token that preview printed")
    .optional(),
});

/** What a BackupSchedule declares, as a plain value. */
export type ScheduleDeclaration = z.infer<typeof scheduleSchema>;
