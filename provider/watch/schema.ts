import { z } from "zod";
import type { CanonicalShape } from "../declaration/canonical";
import {
  absolutePath,
  accountName,
  commandLine,
  duration,
  durationOrZero,
  identifier,
  instant,
  sentence,
} from "../declaration/primitives";
import { defaultCommandTimeout, defaultGrace } from "../schedule/defaults";
import { resticStore } from "../snapshot/stores/schema";

/** A command that prints when the watched backup last succeeded: an ISO 8601 instant, or whole seconds since 1970. */
const lastSuccessSchema = z.strictObject(
  {
    /** Stands in the state in plain; it must change nothing, since previews run it. */
    command: commandLine,
    /** Default: `5m`. */
    timeout: duration.optional(),
  },
  "must be an object with command",
);

const oneLine = z
  .string("must be text")
  .min(1, "must not be empty")
  .max(500, "must be at most 500 characters")
  .refine((value) => !/[\u0000-\u001f\u007f]/.test(value), "must be one line without control characters");

const watchedCommand = z.strictObject({
  kind: z.literal("command"),
  ...lastSuccessSchema.shape,
});

const watchedCronLine = z
  .strictObject({
    kind: z.literal("cron"),
    /** Text that exactly one line of the table has, such as the script's path. */
    contains: oneLine,
    /** When the line runs, as it stands there: five fields, or `@daily` and the like. Another time is drift. Default: not judged. */
    time: oneLine.optional(),
    /** The account whose crontab it stands in. Default: the one that runs `pulumi`. */
    account: accountName.optional(),
    /** Absolute path of a system table instead, such as `/etc/cron.d/backup`. */
    file: absolutePath.optional(),
    lastSuccess: lastSuccessSchema,
  })
  .refine(({ account, file }) => account === undefined || file === undefined, {
    path: ["file"],
    message: "must not be given beside account",
  });

const watchedTimer = z.strictObject({
  kind: z.literal("systemd"),
  /** The timer's name, `backup.timer`. */
  timer: z
    .string("must be the name of a timer")
    .regex(/^[A-Za-z0-9:_.@\\][A-Za-z0-9:_.@\\-]{0,240}\.timer$/, "must be the name of a timer, such as backup.timer"),
  /** Default: `system`. */
  scope: z.enum(["system", "user"], 'must be "system" or "user"').optional(),
  /** Default: what systemd remembers of the service, which it does until the machine starts anew. */
  lastSuccess: lastSuccessSchema.optional(),
});

const watchedRepository = resticStore.extend({
  /** Only snapshots of this host, as restic names it. Default: any. */
  host: oneLine.optional(),
  /** Only snapshots with this tag. Default: any. */
  tag: oneLine.optional(),
  /** Only snapshots of this path. Default: any. */
  path: absolutePath.optional(),
});

/** What somebody else runs and this resource looks at, told apart by `kind`. */
const watchSchema = z.discriminatedUnion(
  "kind",
  [watchedCommand, watchedCronLine, watchedTimer, watchedRepository],
  'must be an object whose kind is "command", "cron", "systemd" or "restic"',
);

/** See {@link watchSchema}. */
export type Watch = z.infer<typeof watchSchema>;

/** What a BackupSchedule declares that only watches. */
export const watchedScheduleSchema = z.strictObject({
  /** Default: as for a managed one. A change replaces the resource. */
  id: identifier.optional(),
  /** Nothing is installed and nothing is changed: what somebody else runs is observed. A change replaces the resource. */
  manage: z.literal(false, "must be true or false"),
  watch: watchSchema,
  /** The oldest that the last good backup may be. */
  rpo: duration,
  /** How much later than that it is reported. Default: `1h`. */
  grace: durationOrZero.optional(),
  /** Until when nothing is reported as stale, and why. */
  paused: z.strictObject({ until: instant, reason: sentence }, "must be an object with until and reason").optional(),
});

/** What a BackupSchedule declares that only watches, as a plain value. */
export type WatchedDeclaration = z.infer<typeof watchedScheduleSchema>;

/** What an absent value means there. Frozen for good. */
export const watchedShape: CanonicalShape = {
  defaults: { grace: defaultGrace },
  fields: {
    watch: {
      defaults: { scope: "system", timeout: defaultCommandTimeout },
      fields: { lastSuccess: { defaults: { timeout: defaultCommandTimeout } } },
    },
  },
};

/** What is watched, in a few words for the person who runs `up`. */
export function describeWatched(watch: Watch): string {
  switch (watch.kind) {
    case "command":
      return `what ${watch.command[0] ?? "a command"} tells`;
    case "cron":
      return `a line of ${describeTable(watch)}`;
    case "systemd":
      return `${watch.timer} of systemd`;
    case "restic":
      return `the restic repository ${watch.repository}`;
  }
}

/** The table that a line of cron stands in, as people name it. */
export function describeTable({ account, file }: { account?: string | undefined; file?: string | undefined }): string {
  return file ?? (account === undefined ? "this account's crontab" : `the crontab of ${account}`);
}
