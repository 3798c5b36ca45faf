// A share that is backed up every night, and two rehearsals of its restore: a sample of any night of a month each week, all of it each year.
import * as pulumi from "@pulumi/pulumi";
import { BackupSchedule, RestoreTarget } from "pulumi-backup-posture";

const config = new pulumi.Config("drills");
const share = config.get("share") ?? "/srv/files";
const place = config.get("place") ?? "/srv/restore";
const store = { kind: "directory", path: config.get("store") ?? "/backup/files" } as const;

const files = new BackupSchedule("files", {
  when: { cron: "0 1 * * *", timeZone: "Europe/Berlin" },
  sources: { files: { kind: "file-share", path: share } },
  store,
  keep: { daily: 35, monthly: 12 },
  rpo: "26h",
});

/** Signed with the drills' key, and sent to a host where their account can only add; see README.md. */
const evidence = {
  evidenceSigning: { key: { file: config.get("key") ?? "/etc/backup-posture/drills" } },
  evidenceSink: {
    kind: "command" as const,
    command: ["ssh", "-o", "BatchMode=yes", config.get("vault") ?? "evidence@vault"],
  },
};

const sampled = new RestoreTarget("files-sampled", {
  from: { store, schedule: files.id },
  to: `${place}/sampled`,
  drill: {
    every: "7d",
    scope: { sample: 500 },
    point: { randomWithin: "30d" },
    compareWithSource: true,
    limit: { bytesPerSecond: 20_000_000 },
  },
  maxRestoreTime: "15m",
  ...evidence,
});

const whole = new RestoreTarget("files-whole", {
  from: { store, schedule: files.id },
  to: `${place}/whole`,
  drill: {
    every: "365d",
    checks: {
      "has-files": { kind: "minimum-files", count: 1 },
      "has-content": { kind: "command", command: ["sh", "-c", 'test -n "$(find . -type f -size +0 -print -quit)"'] },
    },
  },
  maxRestoreTime: "8h",
  ...evidence,
});

export const sampledHealth = sampled.health;
export const wholeHealth = whole.health;
/** What the state knows of the evidence: whoever takes records away in the home shows up against it. */
export const sampledEvidence = sampled.evidence;
