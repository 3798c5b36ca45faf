// An Azure file share: backed up by Azure Backup, and every four hours by a snapshot that is verified file by file.
import { join } from "node:path";
import * as resources from "@pulumi/azure-native/resources";
import * as pulumi from "@pulumi/pulumi";
import { BackupSchedule, FileShareSnapshot, RestoreTarget } from "pulumi-backup-posture";
import { AzureFileShareBackup } from "pulumi-backup-posture/azure";

const config = new pulumi.Config("azure-file-share");
const home = new pulumi.Config("posture").get("home") ?? join(__dirname, ".posture");
const group = new resources.ResourceGroup("files");

const backup = new AzureFileShareBackup("files", {
  resourceGroupName: group.name,
  share: { name: "files", quota: 1024 },
  when: { cron: "30 1 * * *", timeZone: "Europe/Berlin" },
  keep: { daily: 30, weekly: 12, monthly: 12 },
  rpo: "26h",
  ...(config.getBoolean("vaultTier") === true ? { tier: { kind: "vault", snapshotDays: 7 } as const } : {}),
});

const path = pulumi.interpolate`azure-files://${backup.accountName}/${backup.shareName}`;

// The runner's account needs the role Storage File Data Privileged Contributor on the storage account.
const schedule = new BackupSchedule("files-verified", {
  home,
  when: { cron: "0 */4 * * *", timeZone: "Europe/Berlin" },
  sources: { files: { kind: "file-share", path } },
  store: backup.store,
  keep: { hourly: 12, daily: 7 },
  rpo: "6h",
});

const snapshot = new FileShareSnapshot("before-migration", { home, share: { path }, store: backup.store });

const target = new RestoreTarget("files-restore", {
  home,
  from: { store: backup.store, schedule: schedule.id },
  to: join(home, "restore"),
  drill: { every: "30d", scope: { sample: 100 } },
  maxRestoreTime: "4h",
});

export const account = backup.accountName;
export const vault = backup.vaultName;
export const scheduleHealth = schedule.health;
export const snapshotPoint = snapshot.pointId;
export const restoreHealth = target.health;
