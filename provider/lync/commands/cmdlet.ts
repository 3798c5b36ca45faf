import { quotePowerShell } from "../quoting/powershell";

/**
 * The cmdlets that are ever generated. Those that delete what they copy (Export-CsArchivingData -Purge) or publish an empty topology
 * (Publish-CsTopology -FinalizeUninstall) are not among them.
 */
type CmdletName =
  | "Enable-CsTopology"
  | "Export-CsConfiguration"
  | "Export-CsLisConfiguration"
  | "Export-CsPersistentChatData"
  | "Export-CsRgsConfiguration"
  | "Export-CsUserData"
  | "Get-CsManagementStoreReplicationStatus"
  | "Get-CsPool"
  | ResponseGroupQuery
  | "Get-CsService"
  | "Import-CsConfiguration"
  | "Import-CsLisConfiguration"
  | "Import-CsPersistentChatData"
  | "Import-CsRgsConfiguration"
  | "Import-CsUserData"
  | "Install-CsDatabase"
  | "Install-CsMirrorDatabase"
  | "Invoke-CsDatabaseFailover"
  | "Invoke-CsUcsRollback"
  | "Set-CsConfigurationStoreLocation"
  | "Start-CsWindowsService"
  | "Stop-CsWindowsService"
  | "Uninstall-CsMirrorDatabase"
  | "Update-CsUserData";

/** The cmdlets that list what Response Groups are made of. */
export type ResponseGroupQuery =
  | "Get-CsRgsAgentGroup"
  | "Get-CsRgsHolidaySet"
  | "Get-CsRgsHoursOfBusiness"
  | "Get-CsRgsQueue"
  | "Get-CsRgsWorkflow";

/** Parameters with a value. */
type ValueParameter =
  | "ComputerName"
  | "DatabaseType"
  | "DBInstance"
  | "Destination"
  | "FileName"
  | "FileShare"
  | "ForInstance"
  | "Identity"
  | "MirrorSqlInstanceName"
  | "MirrorSqlServerFqdn"
  | "NewPrincipal"
  | "PoolFqdn"
  | "ReplicaFqdn"
  | "Source"
  | "SqlInstanceName"
  | "SqlServerFqdn";

/** Parameters that are switched on. The role switches of Get-CsService are among them. */
type SwitchParameter =
  | "AsBytes"
  | "CentralManagementDatabase"
  | "Clean"
  | "ConfiguredDatabases"
  | "DropExistingDatabasesOnMirror"
  | "Force"
  | "ForDefaultInstance"
  | "LocalStore"
  | "NoWait"
  | "OverwriteOwner"
  | "ReplaceExistingRgsSettings"
  | "TestMode"
  | ServiceRole;

/** Roles that discovery asks Get-CsService for. */
export type ServiceRole =
  | "ApplicationServer"
  | "ArchivingDatabase"
  | "CentralManagement"
  | "CentralManagementDatabase"
  | "Director"
  | "EdgeServer"
  | "FileStore"
  | "MediationServer"
  | "MonitoringDatabase"
  | "PersistentChatComplianceDatabase"
  | "PersistentChatDatabase"
  | "PersistentChatServer"
  | "PstnGateway"
  | "UserDatabase"
  | "UserServer"
  | "WebServer";

/** The parameters of one call; what is undefined or false is left out. */
export type Parameters = Partial<
  Record<ValueParameter, string | undefined> & Record<SwitchParameter, boolean | undefined>
>;

/**
 * One call of a cmdlet as a line of PowerShell. Errors always end it: those that PowerShell would go on after look like success.
 *
 * @param confirmation `none`: the cmdlet has no -Confirm, and giving one is an error of its own; `suppressed`: it has, and nobody is there to answer.
 */
export function renderCmdlet(name: CmdletName, parameters: Parameters, confirmation: "none" | "suppressed"): string {
  const words = Object.entries(parameters).flatMap(([parameter, value]) => {
    if (value === undefined || value === false) return [];
    return value === true ? [`-${parameter}`] : [`-${parameter} ${quotePowerShell(value)}`];
  });
  if (confirmation === "suppressed") words.push("-Confirm:$false");
  return [name, ...words, "-ErrorAction Stop"].join(" ");
}
