import { renderCmdlet, type ServiceRole } from "./cmdlet";
import { type Command, powerShell } from "./command";

/** The roles that discovery asks for, one call each: Get-CsService takes one role switch. */
export const discoveredRoles: readonly ServiceRole[] = [
  "UserServer",
  "UserDatabase",
  "CentralManagement",
  "CentralManagementDatabase",
  "FileStore",
  "WebServer",
  "ApplicationServer",
  "ArchivingDatabase",
  "MonitoringDatabase",
  "PersistentChatServer",
  "PersistentChatDatabase",
  "PersistentChatComplianceDatabase",
  "MediationServer",
  "Director",
  "EdgeServer",
  "PstnGateway",
];

/** All pools, as JSON. */
export function queryPools(): Command {
  return asJson(renderCmdlet("Get-CsPool", {}, "none"));
}

/** All services of one role, or those of one pool, as JSON. Empty output: there are none. */
export function queryServices(role: ServiceRole, pool?: string): Command {
  return asJson(renderCmdlet("Get-CsService", { [role]: true, PoolFqdn: pool }, "none"));
}

/** Whether replicas of the Central Management store are up to date, as JSON; of one computer, or of all. */
export function queryReplication(replica?: string): Command {
  return asJson(renderCmdlet("Get-CsManagementStoreReplicationStatus", { ReplicaFqdn: replica }, "none"));
}

/** The name by which a pool's Response Groups are exported and imported. */
export function responseGroupService(pool: string): string {
  return `service:ApplicationServer:${pool}`;
}

function asJson(line: string): Command {
  return powerShell(`${line} | ConvertTo-Json -Depth 4 -Compress`);
}
