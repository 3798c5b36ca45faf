import type { BackupPart, BackupSubject } from "./backup-parts";

/** What is backed up together: parts of one tier make one recovery set. */
export const tiers = ["settings", "userData", "responseGroups", "archiving", "monitoring", "persistentChat"] as const;

export type Tier = (typeof tiers)[number];

/** When a tier is backed up where nothing else is said; null: regulation decides, and nothing is assumed. */
export const defaultTimes = {
  settings: { cron: "0 1 * * *" },
  userData: { cron: "30 */6 * * *" },
  responseGroups: { cron: "0 2 * * *" },
  archiving: null,
  monitoring: null,
  persistentChat: { cron: "15 3 * * *" },
} as const satisfies Record<Tier, { readonly cron: string } | null>;

/** The ending of a tier's resource names. */
export const tierNames = {
  settings: "settings",
  userData: "user-data",
  responseGroups: "response-groups",
  archiving: "archiving",
  monitoring: "monitoring",
  persistentChat: "persistent-chat",
} as const satisfies Record<Tier, string>;

/** The tier that a part belongs to. File stores go with the settings, as the pages ask: with the regular backups. */
export function tierOf({ subject }: BackupPart): Tier {
  switch (subject.kind) {
    case "configuration":
    case "location-information":
    case "file-store":
      return "settings";
    case "user-data":
      return "userData";
    case "response-groups":
      return "responseGroups";
    case "persistent-chat-export":
      return "persistentChat";
    case "database":
      return tierOfDatabase(subject);
  }
}

function tierOfDatabase({ database }: Extract<BackupSubject, { kind: "database" }>): Tier {
  switch (database.name) {
    case "LcsLog":
      return "archiving";
    case "LcsCDR":
    case "QoEMetrics":
      return "monitoring";
    case "mgc":
    case "mgccomp":
      return "persistentChat";
  }
}

/** Files that a restored tier must hold, by the name of a check. What a pool may rightly lack is not among them. */
export function listExpectedFiles(parts: readonly BackupPart[]): Readonly<Record<string, string>> {
  const alone = parts.length === 1;
  return Object.fromEntries(
    parts.flatMap(({ name, file, subject }) =>
      file === null || subject.kind === "response-groups" ? [] : [[name, alone ? file : `${name}/${file}`]],
    ),
  );
}
