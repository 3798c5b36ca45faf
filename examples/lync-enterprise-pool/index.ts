// A Lync Server or Skype for Business Server deployment: everything that its documentation asks for, declared by one component.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { LyncBackupPosture, type TopologyArgs } from "pulumi-backup-posture";

const config = new pulumi.Config("lync");
const topologyFile = join(__dirname, "topologies", `${config.get("topology") ?? "enterprise-pool"}.json`);
const topology = JSON.parse(readFileSync(topologyFile, "utf8")) as TopologyArgs;

const posture = new LyncBackupPosture("lync", {
  topology,
  store: { kind: "directory", path: config.require("store") },
  databases: { folder: config.require("handover") },
  mounts: config.getObject<Record<string, string>>("mounts") ?? {},
  maxSkew: "6h",
  defaults: { keep: { daily: 14, weekly: 8, monthly: 12 }, grace: "2h" },
  tiers: {
    userData: { when: { cron: "30 */4 * * *", timeZone: "Europe/Berlin" }, keep: { hourly: 12, daily: 14 } },
    archiving: { when: { cron: "0 4 * * *", timeZone: "Europe/Berlin" }, keep: { daily: 31, monthly: 12, yearly: 10 } },
    monitoring: { when: { cron: "30 4 * * 0", timeZone: "Europe/Berlin" }, keep: { weekly: 8 } },
  },
  evidence: {
    "active-directory": {
      what: "nightly system state backup of the domain controllers",
      command: config.requireObject<string[]>("activeDirectoryBackupTime"),
      maxAge: "26h",
    },
    certificates: {
      what: "exportable certificates and keys in the vault of the platform team",
      at: "2026-10-01T09:00:00Z",
      until: "2027-10-01T09:00:00Z",
    },
    infrastructure: {
      what: "firewall, load balancer, DNS and DHCP are declared in the network team's repository",
      at: "2026-10-01T09:00:00Z",
      until: "2027-10-01T09:00:00Z",
    },
    "pstn-gateways": {
      what: "gateway exports on the file server",
      at: "2026-11-01T09:00:00Z",
      until: "2027-05-01T09:00:00Z",
    },
    "application-audio": {
      what: "original recordings and Call Park settings on the file server",
      at: "2026-11-01T09:00:00Z",
      until: "2027-05-01T09:00:00Z",
    },
  },
  waivers: {
    exchange: { by: "head of messaging", reason: "backed up by the messaging team under its own posture" },
    "operations-manager": { by: "head of operations", reason: "its records are not restored during recovery" },
  },
  restore: { to: config.require("restore"), every: "90d", maxRestoreTime: "8h" },
});

export const coverage = posture.coverage;
export const permissions = posture.permissions;
export const runbook = posture.runbook;
export const scheduleIds = posture.scheduleIds;
