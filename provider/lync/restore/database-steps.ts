import type { PlanStep } from "../../restore/plan";
import {
  importPersistentChat,
  queryServerRole,
  restoreDatabase,
  startServicesTogether,
  stopServices,
  verifyDatabaseBackup,
} from "../commands";
import { type Database, formatSqlAddress, listDatabases, type SqlInstance, type Topology } from "../topology";
import { checkBy, fileIsThere, findPart, type PlanContext, toStep } from "./context";

/** Restores databases of SQL Server, each followed by a look at its role. */
export function restoreDatabases(context: PlanContext, databases: readonly Database[]): readonly PlanStep[] {
  return databases.flatMap((database) => {
    const found = findPart(
      context,
      ({ subject }) => subject.kind === "database" && subject.database.name === database.name,
    );
    if (found === null) return [];
    const address = formatSqlAddress(database.instance);
    return [
      toStep(context, {
        id: `restore-database-${database.name}`,
        reads: [found.part.name],
        title: `Restore ${database.name} on ${address}`,
        row: database.name.startsWith("mgc") ? "restore-persistent-chat" : "restore-databases",
        commands: [restoreDatabase(database, found.path)],
        permissions: ["sql-backup-operator"],
        elevated: false,
        before: [
          checkBy(
            context,
            "The backup can be read to its end, and its sums are right.",
            verifyDatabaseBackup(database, found.path),
          ),
        ],
        after: [checkBy(context, "RTCComponentUniversalServices is listed.", queryServerRole(database))],
        destroys: `what ${database.name} on ${address} holds now`,
        repeatable: true,
        pitfalls: [
          "The service account of SQL Server reads the file: the folder must be one that it can reach.",
          "Nobody may use the database meanwhile: stop the services that do.",
          ...(database.instance.mirror === undefined
            ? []
            : ["The database is mirrored: take the mirror away first, and set it up again afterwards."]),
        ],
      }),
    ];
  });
}

/** Restores what Persistent Chat keeps, while its servers are stopped. */
export function restorePersistentChat(context: PlanContext): readonly PlanStep[] {
  const { persistentChat } = context.topology;
  if (persistentChat.kind !== "sql") return [];
  const restored = [
    ...importChat(context),
    ...restoreDatabases(
      context,
      listDatabases(context.topology).filter(({ name }) => name.startsWith("mgc")),
    ),
  ];
  const [first, ...others] = persistentChat.servers;
  if (restored.length === 0 || first === undefined) return [];
  const servers = persistentChat.servers.join(", ");
  return [
    toStep(context, {
      id: "stop-persistent-chat",
      title: "Stop the services of every Persistent Chat Server",
      row: null,
      commands: [stopServices([first, ...others])],
      permissions: ["RTCUniversalServerAdmins", "local-administrator"],
      after: [{ text: `No chat service runs on ${servers}.` }],
      repeatable: true,
    }),
    ...restored,
    toStep(context, {
      id: "start-persistent-chat",
      title: "Start the services of every Persistent Chat Server together",
      row: null,
      commands: [startServicesTogether([first, ...others])],
      permissions: ["RTCUniversalServerAdmins", "local-administrator"],
      after: [{ text: "A user enters a chat room and reads messages of the time before the recovery set." }],
      repeatable: true,
    }),
  ];
}

/** The databases of a deployment that lie on one instance. */
export function databasesOn(topology: Topology, instance: SqlInstance): readonly Database[] {
  const address = formatSqlAddress(instance).toLowerCase();
  return listDatabases(topology).filter((database) => formatSqlAddress(database.instance).toLowerCase() === address);
}

function importChat(context: PlanContext): readonly PlanStep[] {
  const found = findPart(context, ({ subject }) => subject.kind === "persistent-chat-export");
  if (found?.part.subject.kind !== "persistent-chat-export") return [];
  const { instance } = found.part.subject;
  return [
    toStep(context, {
      id: "import-persistent-chat",
      reads: [found.part.name],
      title: `Restore Persistent Chat's rooms and content on ${formatSqlAddress(instance)}`,
      row: "restore-persistent-chat",
      commands: [importPersistentChat(instance, found.path)],
      permissions: ["CsPersistentChatAdministrator"],
      before: [fileIsThere(found.path), { text: "The database mgc is there, made by the topology." }],
      pitfalls: ["It brings back the state of the backup, not that of the failure."],
    }),
  ];
}
