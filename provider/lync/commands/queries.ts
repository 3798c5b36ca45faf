import { type ResponseGroupQuery, renderCmdlet, type ServiceRole } from "./cmdlet";
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

/** What Response Groups are made of. */
const responseGroupQueries: readonly [ResponseGroupQuery, ...ResponseGroupQuery[]] = [
  "Get-CsRgsAgentGroup",
  "Get-CsRgsQueue",
  "Get-CsRgsWorkflow",
  "Get-CsRgsHoursOfBusiness",
  "Get-CsRgsHolidaySet",
];

/** Everything that the Response Groups of one application service are made of, as lines of JSON. No output: there are none. */
export function queryResponseGroups(service: string): Command {
  const [first, ...others] = responseGroupQueries.map(
    (query) => `${renderCmdlet(query, { Identity: service }, "none")} | ConvertTo-Json -Depth 6 -Compress`,
  );
  if (first === undefined) throw new RangeError("there are no cmdlets to ask");
  return powerShell(first, ...others);
}

/** The name by which a pool's Response Groups are exported and imported. */
export function responseGroupService(pool: string): string {
  return `service:ApplicationServer:${pool}`;
}

function asJson(line: string): Command {
  return powerShell(`${line} | ConvertTo-Json -Depth 4 -Compress`);
}
