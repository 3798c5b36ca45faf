// The quickstart: a Lync-style file store, backed up every night, snapshotted now, and proven restorable.
import { join, resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { BackupSchedule, FileShareSnapshot, RestoreTarget } from "pulumi-backup-posture";

const config = new pulumi.Config("posture");
const place = resolve(__dirname, "../../.posture");
const home = config.get("home") ?? join(place, "home");
const share = resolve(config.get("share") ?? join(__dirname, "file-store"));
const store = { kind: "directory", path: join(place, "store") } as const;

const schedule = new BackupSchedule("file-store", {
  home,
  when: { cron: "0 1 * * *", timeZone: "Europe/Berlin" },
  sources: { files: { kind: "file-share", path: share, workload: "lync" } },
  store,
  keep: { daily: 14, weekly: 8, monthly: 12 },
  rpo: "26h",
  onStale: "run",
  runOnCreate: true,
  waitFor: "5m",
});

const snapshot = new FileShareSnapshot("before-migration", {
  home,
  share: { path: share, workload: "lync" },
  store: { kind: "directory", path: join(place, "snapshots") },
  verify: "content",
});

const target = new RestoreTarget("file-store-restore", {
  home,
  from: { store, schedule: schedule.id },
  to: join(place, "restore"),
  drill: { every: "90d", checks: { "has-files": { kind: "minimum-files", count: 1 } } },
  maxRestoreTime: "1h",
  onStale: "run",
  runOnCreate: true,
  waitFor: "5m",
});

export const scheduleId = schedule.id;
export const scheduleHealth = schedule.health;
export const snapshotPoint = snapshot.pointId;
export const snapshotFiles = snapshot.files;
export const restoreHealth = target.health;
export const postureHome = schedule.home;
