import { BackupSchedule, RestoreTarget } from "pulumi-backup-posture";

/** Root deploys; the account `backup`, which every Debian has, does the work and owns the home and the store. */
const scheduler = { kind: "systemd", runAs: "backup" } as const;
const store = { kind: "directory", path: "/srv/backup/files" } as const;

const files = new BackupSchedule("files", {
  scheduler,
  when: { cron: "30 2 * * *", timeZone: "Europe/Berlin", jitter: "20m" },
  sources: {
    etc: { kind: "file-share", path: "/etc" },
    www: { kind: "file-share", path: "/var/www", exclude: ["cache"] },
  },
  store,
  keep: { daily: 14, weekly: 8, monthly: 12 },
  rpo: "26h",
});

const rehearsal = new RestoreTarget("rehearsal", {
  scheduler,
  from: { store, schedule: files.id },
  to: "/srv/restore",
  drill: { every: "30d" },
  maxRestoreTime: "1h",
});

export const health = { files: files.health, rehearsal: rehearsal.health };
