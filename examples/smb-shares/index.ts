// Shares of a Windows file server and a database's dump, every night, from a Linux host.
import * as pulumi from "@pulumi/pulumi";
import { BackupSchedule, RestoreTarget } from "pulumi-backup-posture";

const config = new pulumi.Config("shares");
const server = config.get("server") ?? "fs01.contoso.com";
const names = config.getObject<string[]>("names") ?? ["departments", "projects"];
const credentials = { file: config.get("credentials") ?? "/etc/backup-posture/fs01" };
const store = { kind: "directory", path: config.get("store") ?? "/backup/files" } as const;

const shares = new BackupSchedule("shares", {
  when: { cron: "0 1 * * *", timeZone: "Europe/Berlin" },
  sources: Object.fromEntries(
    names.map((name) => [
      name,
      { kind: "smb-share" as const, share: `//${server}/${name}`, credentials, exclude: ["~$*", "Thumbs.db"] },
    ]),
  ),
  store,
  keep: { daily: 14, weekly: 8, monthly: 12 },
  rpo: "26h",
});

const database = new BackupSchedule("database", {
  when: { every: "6h" },
  sources: {
    crm: {
      kind: "command",
      command: ["pg_dump", "--format=custom", "--file={output}", "crm"],
      output: { file: "crm.dump" },
      startsWith: "PGDMP",
      minBytes: 1000,
      environment: { PGPASSWORD: { file: "/etc/backup-posture/postgresql" } },
    },
  },
  store,
  keep: { hourly: 8, daily: 14 },
  rpo: "8h",
});

for (const [name, schedule] of Object.entries({ shares, database }))
  new RestoreTarget(`${name}-restore`, {
    from: { store: schedule.store, schedule: schedule.id },
    to: `/srv/restore/${name}`,
    drill: { every: "90d" },
    maxRestoreTime: "4h",
  });
