import type * as pulumi from "@pulumi/pulumi";
import { warnOfForecast } from "../guard/preview-warnings";
import type { ArgsOf } from "../resource/inputs";
import { LookUp, PostureResource, type Where } from "../resource/stub";
import type { WatchedDeclaration } from "../watch/schema";
import type { ScheduleDeclaration } from "./schema";

/** What a BackupSchedule declares; see the members of the declaration for units and defaults. */
export type BackupScheduleArgs = ArgsOf<ScheduleDeclaration>;

/**
 * What a BackupSchedule declares that only watches what somebody else runs: a line of cron, a timer of systemd, a restic repository, or
 * whatever a command tells the last success of.
 */
export type WatchedScheduleArgs = ArgsOf<WatchedDeclaration>;

const outputs = ["when", "sources", "store", "keep", "rpo", "incarnation"] as const;

/**
 * Sources + when + store + retention + RPO, installed in a scheduler on a host.
 *
 * Creating it writes a job to the posture home and an entry to the scheduler; the scheduler moves the data. Its `health` is
 * always declared as `healthy`; a refresh puts what was seen in its place, so that a stale, failing or missing backup is a
 * difference in the preview. Removing it takes away job and entry and keeps every recovery point.
 *
 * @example
 * new BackupSchedule("files", {
 *   when: { cron: "0 1 * * *", timeZone: "Europe/Berlin" },
 *   sources: { files: { kind: "file-share", path: "/srv/files" } },
 *   store: { kind: "directory", path: "/backup/files" },
 *   keep: { daily: 14, weekly: 8 },
 *   rpo: "26h",
 * });
 *
 * @example
 * // What somebody else runs: nothing is installed and nothing is changed, and its staleness is a difference in the preview all the same.
 * new BackupSchedule("database-dump", {
 *   manage: false,
 *   watch: { kind: "restic", repository: "/backup/dumps", password: { file: "/etc/backup/password" } },
 *   rpo: "26h",
 * });
 */
export class BackupSchedule extends PostureResource {
  /** `healthy`, or the worst of what is wrong in one sentence: times, never ages. */
  declare public readonly health: pulumi.Output<string>;
  declare public readonly when: pulumi.Output<ScheduleDeclaration["when"]>;
  declare public readonly sources: pulumi.Output<ScheduleDeclaration["sources"]>;
  declare public readonly store: pulumi.Output<ScheduleDeclaration["store"]>;
  declare public readonly keep: pulumi.Output<ScheduleDeclaration["keep"]>;
  declare public readonly rpo: pulumi.Output<ScheduleDeclaration["rpo"]>;
  /** Marks this very object among all that ever had its id. */
  declare public readonly incarnation: pulumi.Output<string>;

  /** An existing schedule, by its id; it is observed, not managed. */
  public static get(
    name: string,
    id: pulumi.Input<pulumi.ID>,
    where: Where = {},
    options: pulumi.CustomResourceOptions = {},
  ): BackupSchedule {
    return new BackupSchedule(name, new LookUp(where), { ...options, id });
  }

  /** What is wrong with the arguments is told by `preview`, all at once, before anything is touched. */
  constructor(
    name: string,
    args: BackupScheduleArgs | WatchedScheduleArgs | LookUp,
    options?: pulumi.CustomResourceOptions,
  ) {
    super("BackupSchedule", name, args, outputs, options);
    if (!(args instanceof LookUp)) warnOfForecast(this, name, args);
  }
}
