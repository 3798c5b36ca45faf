import { quoteSqlIdentifier, quoteSqlText } from "../quoting/transact-sql";
import { type Database, formatSqlAddress, type SqlAddress, type SqlInstance } from "../topology";
import type { Command } from "./command";

/** Any database of SQL Server; `Database` is one of the product's own. */
export interface SqlDatabase {
  readonly name: string;
  readonly instance: SqlAddress & Pick<SqlInstance, "edition">;
}

/** Backs a database up into one file, apart from the chain of backups that the database's administrators keep. */
export function backUpDatabase({ name, instance }: SqlDatabase, file: string): Command {
  const options = [
    "COPY_ONLY",
    "INIT",
    "CHECKSUM",
    ...(instance.edition === "express" ? [] : ["COMPRESSION"]),
    "STATS=10",
  ];
  return sqlcmd(
    instance,
    `BACKUP DATABASE ${quoteSqlIdentifier(name)} TO DISK=${quoteSqlText(file)} WITH ${options.join(", ")}`,
  );
}

/** What `verifyDatabaseBackup` prints when, and only when, nothing was wrong, whatever language the server speaks. */
export const verifiedMark = "backup-posture: verified";

/** Reads a backup and checks its sums. It is no restore: nothing is brought back. */
export function verifyDatabaseBackup({ instance }: Pick<SqlDatabase, "instance">, file: string): Command {
  return sqlcmd(
    instance,
    `RESTORE VERIFYONLY FROM DISK=${quoteSqlText(file)} WITH CHECKSUM; IF @@ERROR = 0 PRINT ${quoteSqlText(verifiedMark)}`,
  );
}

/** Tells whether a database is there: prints its name. */
export function queryDatabase({ name, instance }: SqlDatabase): Command {
  return sqlcmd(instance, `SET NOCOUNT ON; SELECT name FROM sys.databases WHERE name = ${quoteSqlText(name)}`);
}

/** Restores a database from one file, over the one that is there. */
export function restoreDatabase({ name, instance }: Database, file: string): Command {
  return sqlcmd(
    instance,
    `RESTORE DATABASE ${quoteSqlIdentifier(name)} FROM DISK=${quoteSqlText(file)} WITH REPLACE, CHECKSUM, RECOVERY, STATS=10`,
  );
}

/** Lists who has the role ServerRole in a database: RTCComponentUniversalServices must. */
export function queryServerRole({ name, instance }: Database): Command {
  const database = quoteSqlIdentifier(name);
  return sqlcmd(
    instance,
    [
      `SELECT member.name FROM ${database}.sys.database_role_members AS membership`,
      `JOIN ${database}.sys.database_principals AS role ON role.principal_id = membership.role_principal_id`,
      `JOIN ${database}.sys.database_principals AS member ON member.principal_id = membership.member_principal_id`,
      `WHERE role.name = ${quoteSqlText("ServerRole")}`,
    ].join(" "),
  );
}

/** `-b`: errors end with an exit code; `-x`: `$(name)` in a path stays what it is. */
function sqlcmd(instance: SqlAddress, query: string): Command {
  return { program: "sqlcmd", arguments: ["-S", formatSqlAddress(instance), "-E", "-b", "-x", "-Q", query] };
}
