// File shares, every night into an encrypted restic repository on another host, proven restorable every quarter.
import * as pulumi from "@pulumi/pulumi";
import { BackupSchedule, RestoreTarget } from "pulumi-backup-posture";

const config = new pulumi.Config("offsite");

const schedule = new BackupSchedule("files", {
  when: { cron: "0 1 * * *", timeZone: "Europe/Berlin" },
  sources: { files: { kind: "file-share", path: config.get("share") ?? "/srv/files" } },
  store: {
    kind: "restic",
    repository: config.get("repository") ?? "sftp:backup@offsite.example.com:/srv/restic",
    password: { file: config.get("passwordFile") ?? "/etc/backup-posture/restic-password" },
  },
  keep: { daily: 14, weekly: 8, monthly: 12 },
  rpo: "26h",
});

new RestoreTarget("files-restore", {
  from: { store: schedule.store, schedule: schedule.id },
  to: config.get("restore") ?? "/srv/restore",
  drill: { every: "90d" },
  maxRestoreTime: "4h",
});

export const scheduleId = schedule.id;
