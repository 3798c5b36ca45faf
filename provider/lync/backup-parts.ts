import { createHash } from "node:crypto";
import { posix, win32 } from "node:path";
import type { BackupItemId, TransientDataId } from "./catalogue/types";
import {
  type Command,
  exportConfiguration,
  exportLocationInformation,
  exportPersistentChat,
  exportResponseGroups,
  exportUserData,
  responseGroupService,
} from "./commands";
import {
  type Database,
  fileStorePath,
  listDatabases,
  listPools,
  type SqlInstance,
  sqlInstance,
  type Topology,
} from "./topology";

/** What one part of a recovery set is made of. */
export type BackupSubject =
  | { readonly kind: "configuration" }
  | { readonly kind: "location-information" }
  | { readonly kind: "response-groups"; readonly pool: string }
  | { readonly kind: "user-data"; readonly pool: string }
  | { readonly kind: "persistent-chat-export"; readonly instance: SqlInstance }
  | { readonly kind: "database"; readonly database: Database }
  | { readonly kind: "file-store"; readonly name: string; readonly path: string };

/** One thing to back up in this deployment: a recovery set has one recovery point of each. */
export interface BackupPart {
  /** Its name in schedules and recovery sets, unique in a deployment, and the folder that it is restored to. */
  readonly name: string;
  /** The entries of the catalogue that it covers. */
  readonly covers: readonly (BackupItemId | TransientDataId)[];
  readonly subject: BackupSubject;
  /** The one file in its folder; null for a file store, whose whole tree it is. */
  readonly file: string | null;
}

/** How Persistent Chat is backed up: by its own export, or by SQL Server, which can take up to twenty times the room. */
export type PersistentChatMethod = "export" | "sql-server";

/** Everything that is to be backed up in a deployment, in the order of a restore. */
export function listBackupParts(
  topology: Topology,
  persistentChat: PersistentChatMethod = "export",
): readonly BackupPart[] {
  const pools = listPools(topology);
  return [
    ...Object.keys(topology.fileStores)
      .sort()
      .map((name) => fileStorePart(topology, name)),
    exported("configuration", ["topology"], { kind: "configuration" }),
    ...(topology.enhanced911
      ? [exported("location-information", ["location-information"], { kind: "location-information" })]
      : []),
    ...pools.map(({ fqdn }) => exported(nameOf("user-data", fqdn), ["user-data"], { kind: "user-data", pool: fqdn })),
    ...pools
      .filter((pool) => pool.responseGroups)
      .map(({ fqdn }) =>
        exported(nameOf("response-groups", fqdn), ["response-groups"], { kind: "response-groups", pool: fqdn }),
      ),
    ...listDatabases(topology)
      .filter(({ name }) => name !== "mgc" || persistentChat === "sql-server")
      .map(databasePart),
    ...persistentChatExport(topology, persistentChat),
  ];
}

/** The command that makes a part's file, for the parts that a cmdlet makes; null for databases and file stores. */
export function exportCommand({ subject }: BackupPart, file: string): Command | null {
  switch (subject.kind) {
    case "configuration":
      return exportConfiguration(file);
    case "location-information":
      return exportLocationInformation(file);
    case "response-groups":
      return exportResponseGroups(responseGroupService(subject.pool), file);
    case "user-data":
      return exportUserData(subject.pool, file);
    case "persistent-chat-export":
      return exportPersistentChat(subject.instance, file);
    case "database":
    case "file-store":
      return null;
  }
}

/** Where a part lies once its recovery set is restored to a folder: a file, or a file store's folder. */
export function restoredPath(part: BackupPart, folder: string): string {
  return part.file === null ? joinPath(folder, part.name) : joinPath(folder, part.name, part.file);
}

/** Joins by the rules of the machine that the folder is on: a folder that begins with a slash is not on Windows. */
export function joinPath(folder: string, ...steps: readonly string[]): string {
  return (folder.startsWith("/") ? posix : win32).join(folder, ...steps);
}

function exported(name: string, covers: BackupPart["covers"], subject: BackupSubject): BackupPart {
  return { name, covers, subject, file: `${subject.kind}.zip` };
}

function databasePart(database: Database): BackupPart {
  return {
    name: nameOf("database", database.name),
    covers: [coveredBy[database.name]],
    subject: { kind: "database", database },
    file: `${database.name}.bak`,
  };
}

const coveredBy = {
  LcsLog: "archiving",
  LcsCDR: "monitoring-cdr",
  QoEMetrics: "monitoring-qoe",
  mgc: "persistent-chat",
  mgccomp: "persistent-chat-compliance",
} as const satisfies Record<Database["name"], BackupItemId | TransientDataId>;

function persistentChatExport(topology: Topology, method: PersistentChatMethod): readonly BackupPart[] {
  const { persistentChat } = topology;
  if (persistentChat.kind !== "sql" || method !== "export") return [];
  const instance = sqlInstance(topology, persistentChat.sql);
  return [exported("persistent-chat", ["persistent-chat"], { kind: "persistent-chat-export", instance })];
}

/** A file store covers what lies in it: the pools' files, and Archiving's and Persistent Chat's where they are kept there. */
function fileStorePart(topology: Topology, name: string): BackupPart {
  const { archiving, persistentChat } = topology;
  const usedByPool = listPools(topology).some((pool) => pool.fileStore === name);
  const usedByArchiving = archiving.kind === "sql" && archiving.fileStore === name;
  const usedByChat = persistentChat.kind === "sql" && persistentChat.fileStore === name;
  return {
    name: nameOf("file-store", name),
    covers: [
      ...(usedByPool || !(usedByArchiving || usedByChat) ? (["lync-file-store"] as const) : []),
      ...(usedByArchiving ? (["archiving-file-store"] as const) : []),
      ...(usedByChat ? (["persistent-chat-file-store"] as const) : []),
    ],
    subject: { kind: "file-store", name, path: fileStorePath(topology, name) },
    file: null,
  };
}

/** A name of at most 64 characters; a longer one is cut and told apart by a digest. */
function nameOf(kind: string, subject: string): string {
  const name = `${kind}-${subject}`;
  if (name.length <= 64) return name;
  const digest = createHash("sha256").update(subject).digest("hex").slice(0, 12);
  return `${name.slice(0, 51)}-${digest}`;
}
