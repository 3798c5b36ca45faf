// 3-2-1: the original, a copy on tape and one at another site; drilled from the copy that is left when the site burns.
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { BackupSchedule, RestoreTarget } from "pulumi-backup-posture";

const config = new pulumi.Config("three-two-one");
const share = config.require("share");
const backup = config.require("backup");
const tape = config.require("tape");
const offsite = { kind: "directory", path: join(config.require("offsite"), "files") } as const;

/** The people who mind both the backups and the drills. */
const chat = {
  kind: "webhook",
  url: { file: "/etc/backup-posture/chat-url" },
  format: "slack",
  remind: "1d",
} as const;

const files = new BackupSchedule("files", {
  when: { cron: "0 1 * * *", timeZone: "Europe/Berlin" },
  sources: { files: { kind: "file-share", path: share } },
  store: { kind: "directory", path: join(backup, "files") },
  keep: { daily: 14, weekly: 8 },
  rpo: "26h",
  copies: {
    tape: {
      store: { kind: "directory", path: join(tape, "files") },
      keep: { monthly: 24, yearly: 10 },
      medium: "tape",
      immutable: true,
    },
    offsite: { store: offsite, keep: { daily: 30, monthly: 12 }, rpo: "50h", site: "Frankfurt", isolated: true },
  },
  notify: { chat },
});

const target = new RestoreTarget("files-from-offsite", {
  from: { store: offsite, schedule: files.id },
  to: config.require("restore"),
  drill: { every: "90d" },
  maxRestoreTime: "4h",
  notify: { chat },
});

export const scheduleId = files.id;
export const scheduleHealth = files.health;
export const restoreHealth = target.health;
