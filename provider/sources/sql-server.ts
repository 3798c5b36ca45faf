import { basename, join } from "node:path";
import { joinPath } from "../lync/backup-parts";
import {
  backUpDatabase,
  type Command,
  queryDatabase,
  type SqlDatabase,
  verifiedMark,
  verifyDatabaseBackup,
} from "../lync/commands";
import { PostureError } from "../platform/errors";
import { requireProducedFile } from "./produced-file";
import type { SourceDeclaration } from "./schema";
import type { Gathered, Source, Staging } from "./source";
import { requireWindowsCommand } from "./windows-command";

type SqlServer = Extract<SourceDeclaration, { kind: "sql-server" }>;

/**
 * One database of SQL Server, by a backup of its own that leaves the administrators' chain alone. SQL Server writes the file with its own
 * account, into a folder that both sides reach; it counts only once SQL Server has read it to its end and found its sums right.
 */
export function openSqlServer(declaration: SqlServer): Source {
  return {
    kind: "sql-server",
    probe: (signal) => probe(declaration, signal),
    gather: (staging, signal) => gather(declaration, staging, signal),
  };
}

async function gather(declaration: SqlServer, staging: Staging, signal: AbortSignal): Promise<Gathered> {
  const subject = subjectOf(declaration);
  const database = databaseOf(declaration);
  const folder = await staging.makeFolderWithin(declaration.folder);
  const file = fileNameOf(declaration);
  const onServer = joinPath(declaration.folderOnServer ?? declaration.folder, basename(folder), file);
  await run(declaration, backUpDatabase(database, onServer), signal);
  await requireProducedFile(join(folder, file), subject);
  const { stdout } = await run(declaration, verifyDatabaseBackup(database, onServer), signal);
  if (!stdout.includes(verifiedMark))
    throw new PostureError("permanent", `${subject}: SQL Server did not find the backup whole when it read it again`);
  return { tree: { root: folder, exclude: [] } };
}

async function probe(declaration: SqlServer, signal: AbortSignal): Promise<void> {
  const { stdout } = await run(declaration, queryDatabase(databaseOf(declaration)), signal);
  if (!stdout.toLowerCase().includes(declaration.database.toLowerCase()))
    throw new PostureError(
      "permanent",
      `${subjectOf(declaration)}: is not there, or this account may not see it; correct the name, or grant it a login`,
    );
}

function run(declaration: SqlServer, command: Command, signal: AbortSignal): ReturnType<typeof requireWindowsCommand> {
  // The product decides which module PowerShell loads, and sqlcmd is none of its commands.
  return requireWindowsCommand(command, "sfbse", {
    subject: subjectOf(declaration),
    timeout: declaration.timeout,
    signal,
  });
}

function databaseOf(declaration: SqlServer): SqlDatabase {
  const { server, instance, edition, database } = declaration;
  return { name: database, instance: { server, instance, edition } };
}

/** As restore plans look for it; characters that files cannot have in their names are replaced. */
function fileNameOf({ database }: SqlServer): string {
  return `${database.replace(/[^\w.-]/g, "_")}.bak`;
}

function subjectOf({ database, server }: SqlServer): string {
  return `database ${database} on ${server}`;
}
