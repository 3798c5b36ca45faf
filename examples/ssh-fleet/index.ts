// A fleet: every machine of a list backs up its own data at night, into a store of its own, and rehearses the restore each quarter.
// The machines need Node 20.19 or later and an account `backup`; see docs/hosts.md for the lines of its authorized_keys.
import * as pulumi from "@pulumi/pulumi";
import { BackupSchedule, RestoreTarget } from "pulumi-backup-posture";

const knownHostsFile = new pulumi.Config("ssh-fleet").require("knownHostsFile");

/** What each machine holds. */
const machines: Readonly<Record<string, string>> = {
  "files1.example.com": "/srv/files",
  "files2.example.com": "/srv/files",
  "wiki.example.com": "/var/lib/wiki",
};

const scheduler = { kind: "cron", runAs: "backup" } as const;

for (const [address, path] of Object.entries(machines)) {
  const name = address.split(".")[0] ?? address;
  const host = {
    kind: "ssh",
    address,
    // Two keys of one account: the first is bound to looking, and all that a pull request's pipeline has.
    observe: { user: "backup", identityFile: "/etc/backup-posture/observe" },
    apply: { user: "backup", identityFile: "/etc/backup-posture/apply" },
    knownHostsFile,
  } as const;
  const schedule = new BackupSchedule(name, {
    host,
    scheduler,
    when: { cron: "0 1 * * *", timeZone: "Europe/Berlin", jitter: "30m" },
    sources: { data: { kind: "file-share", path } },
    store: { kind: "directory", path: "/backup/posture" },
    keep: { daily: 14, weekly: 8, monthly: 12 },
    rpo: "26h",
  });
  new RestoreTarget(`${name}-restore`, {
    host,
    scheduler,
    from: { store: schedule.store, schedule: schedule.id },
    to: "/backup/restore",
    drill: { every: "90d" },
  });
}
