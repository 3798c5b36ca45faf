// For a team that has backups already: nothing is installed and nothing is changed. A preview shows what is stale, failing, switched off
// or moved to another hour, and exits non-zero with --expect-no-changes.
import { BackupSchedule } from "pulumi-backup-posture";

/** A script in a system table of cron, which touches a file when it has succeeded. */
new BackupSchedule("database-dump", {
  manage: false,
  watch: {
    kind: "cron",
    file: "/etc/cron.d/database-dump",
    contains: "/usr/local/bin/dump-database",
    time: "0 1 * * *",
    lastSuccess: { command: ["stat", "--format=%Y", "/var/lib/database-dump/last-success"] },
  },
  rpo: "26h",
});

/** A timer of systemd: whether it is active, and how its service ended last, systemd itself knows. */
new BackupSchedule("mail", {
  manage: false,
  watch: { kind: "systemd", timer: "mail-backup.timer" },
  rpo: "26h",
});

/** A restic repository, whoever fills it. */
new BackupSchedule("workstations", {
  manage: false,
  watch: {
    kind: "restic",
    repository: "sftp:backup@store.example.com:/srv/restic/workstations",
    password: { file: "/etc/backup-posture/restic-password" },
    tag: "nightly",
  },
  rpo: "3d",
});

/** Anything else: a command that prints when the last good backup was taken, on another host as well. */
new BackupSchedule("warehouse", {
  manage: false,
  watch: {
    kind: "command",
    command: ["ssh", "-o", "BatchMode=yes", "backup@warehouse.example.com", "cat", "/var/lib/backup/last-success"],
  },
  rpo: "26h",
  grace: "2h",
});
