import { entryOf } from "../platform/records";
import type { Product } from "./catalogue/types";
import { findContradictions } from "./topology/contradictions";
import { type Topology, wellFormedTopology } from "./topology/schema";

export type { Topology, TopologyArgs } from "./topology/schema";

/** A topology whose parts are well formed and fit together. Faults carry their paths, and no values. */
export const topologySchema = wellFormedTopology.superRefine((topology, context) => {
  for (const { path, message } of findContradictions(topology))
    context.addIssue({ code: "custom", path: [...path], message });
});

/** The address of an instance of SQL Server; without `instance` the default one. */
export interface SqlAddress {
  readonly server: string;
  readonly instance?: string | undefined;
}

/** An instance of SQL Server with all that a backup or a restore asks of it. */
export interface SqlInstance extends SqlAddress {
  readonly edition: "express" | "standard" | "enterprise";
  readonly mirror?: SqlAddress | undefined;
}

/** An Enterprise pool, or a Standard Edition server, which is a pool of one. */
export interface Pool {
  readonly fqdn: string;
  readonly edition: "enterprise" | "standard";
  /** Computers whose services stop and start together; of a Standard Edition server, itself. */
  readonly frontEnds: readonly string[];
  readonly backEnd: SqlInstance;
  readonly fileStore: string;
  readonly responseGroups: boolean;
  readonly applicationAudio: boolean;
  readonly hostsCentralManagementStore: boolean;
}

/** A database that SQL Server backs up. */
export interface Database {
  /** As SQL Server knows it. */
  readonly name: "LcsLog" | "LcsCDR" | "QoEMetrics" | "mgc" | "mgccomp";
  readonly instance: SqlInstance;
}

/** A topology as users wrote it, checked. Throws a ZodError that names every fault by its path, and no value. */
export function parseTopology(value: unknown): Topology {
  return topologySchema.parse(value);
}

/** All pools, those of Enterprise Edition first, each group by FQDN. */
export function listPools(topology: Topology): readonly Pool[] {
  const { pool: central } = topology.centralManagementStore;
  const enterprise = Object.entries(topology.enterprisePools).map(
    ([fqdn, pool]): Pool => ({
      ...pool,
      fqdn,
      edition: "enterprise",
      backEnd: sqlInstance(topology, pool.backEnd),
      hostsCentralManagementStore: fqdn === central,
    }),
  );
  const standard = Object.entries(topology.standardEditionServers).map(
    ([fqdn, { sqlInstance: instance, ...pool }]): Pool => ({
      ...pool,
      fqdn,
      edition: "standard",
      frontEnds: [fqdn],
      backEnd: { server: fqdn, instance, edition: "express" },
      hostsCentralManagementStore: fqdn === central,
    }),
  );
  return [...enterprise.sort(byFqdn), ...standard.sort(byFqdn)];
}

/** The pool of that FQDN. @throws RangeError when there is none. */
export function findPool(topology: Topology, fqdn: string): Pool {
  const pool = listPools(topology).find((candidate) => candidate.fqdn === fqdn.toLowerCase());
  if (pool === undefined) throw new RangeError(`${fqdn}: not a pool of this topology`);
  return pool;
}

/** The instance that holds the Central Management store. */
export function centralManagementInstance(topology: Topology): SqlInstance {
  return findPool(topology, topology.centralManagementStore.pool).backEnd;
}

/** The databases that are backed up by SQL Server, in the catalogue's order; mgccomp only where no adapter empties it. */
export function listDatabases(topology: Topology): readonly Database[] {
  const { archiving, monitoring, persistentChat } = topology;
  const databases: Database[] = [];
  if (archiving.kind === "sql") databases.push({ name: "LcsLog", instance: sqlInstance(topology, archiving.sql) });
  if (monitoring.kind === "sql") {
    const instance = sqlInstance(topology, monitoring.sql);
    databases.push({ name: "LcsCDR", instance }, { name: "QoEMetrics", instance });
  }
  if (persistentChat.kind === "sql") {
    const instance = sqlInstance(topology, persistentChat.sql);
    databases.push({ name: "mgc", instance });
    if (persistentChat.compliance === "none") databases.push({ name: "mgccomp", instance });
  }
  return databases;
}

/** An instance by its name in the topology. @throws RangeError when there is none. */
export function sqlInstance(topology: Topology, name: string): SqlInstance {
  const instance = entryOf(topology.sqlInstances, name);
  if (instance === undefined) throw new RangeError(`${name}: not a SQL Server instance of this topology`);
  return instance;
}

/** A file store's path by its name in the topology. @throws RangeError when there is none. */
export function fileStorePath(topology: Topology, name: string): string {
  const store = entryOf(topology.fileStores, name);
  if (store === undefined) throw new RangeError(`${name}: not a file store of this topology`);
  return store.path;
}

/** `server\instance`, or `server` for the default instance: how sqlcmd and Persistent Chat's cmdlets name it. */
export function formatSqlAddress({ server, instance }: SqlAddress): string {
  return instance === undefined ? server : `${server}\\${instance}`;
}

/** What a reviewer should know of a topology that is valid. */
export function adviseOnTopology(topology: Topology): readonly string[] {
  const advice: string[] = [];
  if (topology.product === "lync2013") advice.push("Lync Server 2013 is out of support.");
  if (topology.persistentChat.kind === "sql" && hasNoPersistentChat(topology.product))
    advice.push(
      "Persistent Chat is commonly known to have ended with Skype for Business Server 2015; check that it is deployed.",
    );
  if (topology.persistentChat.kind === "sql" && topology.persistentChat.compliance === "none")
    advice.push(
      "Persistent Chat compliance is on without an adapter that reads its database: mgccomp holds what exists nowhere else, and is to be backed up.",
    );
  for (const [name, { mirror }] of Object.entries(topology.sqlInstances))
    if (mirror !== undefined)
      advice.push(
        `SQL Server instance ${name} is mirrored, so its databases are in the full recovery model: without log backups their logs grow without bounds.`,
      );
  return advice;
}

function hasNoPersistentChat(product: Product): boolean {
  return product === "sfb2019" || product === "sfbse";
}

function byFqdn(left: Pool, right: Pool): number {
  return left.fqdn < right.fqdn ? -1 : 1;
}
