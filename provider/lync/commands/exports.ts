import { quotePowerShell } from "../quoting/powershell";
import { formatSqlAddress, type SqlAddress } from "../topology";
import { renderCmdlet } from "./cmdlet";
import { type Command, powerShell } from "./command";

/** Exports topology, policies and configuration. With `localStore` from this computer's replica, for when the store cannot be reached. */
export function exportConfiguration(fileName: string, options: { readonly localStore?: boolean } = {}): Command {
  return powerShell(
    renderCmdlet("Export-CsConfiguration", { FileName: fileName, LocalStore: options.localStore }, "none"),
  );
}

/** Exports location information on this computer. */
export function exportLocationInformation(fileName: string): Command {
  return powerShell(renderCmdlet("Export-CsLisConfiguration", { FileName: fileName }, "none"));
}

/** Exports location information on another computer, where only bytes can be had, and writes them to a file here. */
export function exportLocationInformationFrom(computer: string, fileName: string): Command {
  const remotely = renderCmdlet("Export-CsLisConfiguration", { AsBytes: true }, "none");
  return powerShell(
    `$bytes = Invoke-Command -ComputerName ${quotePowerShell(computer)} -ErrorAction Stop -ScriptBlock { ${remotely} }`,
    `[System.IO.File]::WriteAllBytes(${quotePowerShell(fileName)}, [byte[]]$bytes)`,
  );
}

/** Exports the Response Groups of one application service; see `responseGroupService`. */
export function exportResponseGroups(service: string, fileName: string): Command {
  return powerShell(renderCmdlet("Export-CsRgsConfiguration", { Source: service, FileName: fileName }, "none"));
}

/** Exports persistent user data and conference IDs of one pool. */
export function exportUserData(pool: string, fileName: string): Command {
  return powerShell(renderCmdlet("Export-CsUserData", { PoolFqdn: pool, FileName: fileName }, "none"));
}

/** Exports Persistent Chat's rooms and their content. */
export function exportPersistentChat(instance: SqlAddress, fileName: string): Command {
  return powerShell(
    renderCmdlet("Export-CsPersistentChatData", { DBInstance: formatSqlAddress(instance), FileName: fileName }, "none"),
  );
}
