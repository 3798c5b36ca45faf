import type { Product } from "../catalogue/types";
import { formatSqlAddress, type SqlAddress, type SqlInstance } from "../topology";
import { renderCmdlet } from "./cmdlet";
import { type Command, powerShell } from "./command";
import { responseGroupService } from "./queries";

/** Creates the databases of the Central Management store. `clean` deletes those that are there. */
export function installCentralManagementDatabase(instance: SqlAddress, options: { readonly clean: boolean }): Command {
  return powerShell(
    renderCmdlet(
      "Install-CsDatabase",
      {
        CentralManagementDatabase: true,
        Clean: options.clean,
        SqlServerFqdn: instance.server,
        SqlInstanceName: instance.instance,
      },
      "suppressed",
    ),
  );
}

/** Creates all databases that the topology has on an instance; those that are there stay. */
export function installConfiguredDatabases(instance: SqlAddress): Command {
  return powerShell(
    renderCmdlet(
      "Install-CsDatabase",
      {
        ConfiguredDatabases: true,
        SqlServerFqdn: instance.server,
        ForInstance: instance.instance,
        ForDefaultInstance: instance.instance === undefined,
      },
      "suppressed",
    ),
  );
}

/** Points Active Directory at the Central Management store. Safe to run again. */
export function setStoreLocation(instance: SqlInstance): Command {
  return powerShell(
    renderCmdlet(
      "Set-CsConfigurationStoreLocation",
      {
        SqlServerFqdn: instance.server,
        SqlInstanceName: instance.instance,
        MirrorSqlServerFqdn: instance.mirror?.server,
        MirrorSqlInstanceName: instance.mirror?.instance,
      },
      "suppressed",
    ),
  );
}

/** Brings topology, policies and configuration back. */
export function importConfiguration(fileName: string): Command {
  return powerShell(renderCmdlet("Import-CsConfiguration", { FileName: fileName }, "none"));
}

/** Enables the last published topology. */
export function enableTopology(): Command {
  return powerShell(renderCmdlet("Enable-CsTopology", {}, "suppressed"));
}

/** Merges location information: what is newer than the backup stays. */
export function importLocationInformation(fileName: string): Command {
  return powerShell(renderCmdlet("Import-CsLisConfiguration", { FileName: fileName }, "none"));
}

/** Brings user data back. The services of all Front End Servers of the pool must be stopped meanwhile. */
export function importUserData(pool: string, fileName: string): Command {
  return powerShell(renderCmdlet("Import-CsUserData", { PoolFqdn: pool, FileName: fileName }, "none"));
}

/** Rehearses a restore of user data without writing any; null for Lync Server 2013, which cannot. */
export function rehearseUserData(product: Product, fileName: string): Command | null {
  if (product === "lync2013") return null;
  return powerShell(renderCmdlet("Update-CsUserData", { FileName: fileName, TestMode: true }, "suppressed"));
}

/** Brings Response Groups back into a pool that has none, its settings and default music included. */
export function importResponseGroups(pool: string, fileName: string): Command {
  return powerShell(
    renderCmdlet(
      "Import-CsRgsConfiguration",
      {
        Destination: responseGroupService(pool),
        FileName: fileName,
        OverwriteOwner: true,
        ReplaceExistingRgsSettings: true,
      },
      "none",
    ),
  );
}

/** Brings Persistent Chat's rooms and their content back from an export. */
export function importPersistentChat(instance: SqlAddress, fileName: string): Command {
  return powerShell(
    renderCmdlet(
      "Import-CsPersistentChatData",
      { DBInstance: formatSqlAddress(instance), FileName: fileName },
      "suppressed",
    ),
  );
}

/** Stops the services of computers, one after the other. */
export function stopServices(computers: readonly [string, ...string[]]): Command {
  const [first, ...others] = computers;
  return powerShell(stop(first), ...others.map(stop));
}

/** Starts the services of computers together: none waits for another to have started. */
export function startServicesTogether(computers: readonly [string, ...string[]]): Command {
  const [first, ...others] = computers;
  return powerShell(start(first), ...others.map(start));
}

/** Makes the mirror of a pool's user databases the principal, though the old one cannot be reached. */
export function failOverToMirror(pool: string): Command {
  return powerShell(
    renderCmdlet(
      "Invoke-CsDatabaseFailover",
      { PoolFqdn: pool, DatabaseType: "User", NewPrincipal: "Mirror", Force: true },
      "none",
    ),
  );
}

/** Takes a mirror of the user databases away. */
export function uninstallMirror(instance: SqlAddress): Command {
  return powerShell(
    renderCmdlet(
      "Uninstall-CsMirrorDatabase",
      { DatabaseType: "User", SqlServerFqdn: instance.server, SqlInstanceName: instance.instance },
      "suppressed",
    ),
  );
}

/** Mirrors the databases that the topology has on an instance, through a share that both SQL Servers can write. */
export function installMirror(instance: SqlAddress, share: string): Command {
  return powerShell(
    renderCmdlet(
      "Install-CsMirrorDatabase",
      {
        ConfiguredDatabases: true,
        FileShare: share,
        SqlServerFqdn: instance.server,
        ForInstance: instance.instance,
        ForDefaultInstance: instance.instance === undefined,
        DropExistingDatabasesOnMirror: true,
      },
      "suppressed",
    ),
  );
}

/** Brings one user's contacts back from Exchange. */
export function rollBackContacts(user: string): Command {
  return powerShell(renderCmdlet("Invoke-CsUcsRollback", { Identity: user }, "suppressed"));
}

function stop(computer: string): string {
  return renderCmdlet("Stop-CsWindowsService", { ComputerName: computer }, "suppressed");
}

function start(computer: string): string {
  return renderCmdlet("Start-CsWindowsService", { ComputerName: computer, NoWait: true }, "suppressed");
}
