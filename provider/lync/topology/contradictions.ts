import type { Topology } from "./schema";

/** What is wrong between parts of a topology that are each well formed. */
export interface Contradiction {
  readonly path: readonly string[];
  readonly message: string;
}

/** Names that nothing declares, and declarations that exclude one another. */
export function findContradictions(topology: Topology): readonly Contradiction[] {
  return [
    ...findMissingPool(topology),
    ...findUnknownReferences(topology),
    ...findRepeatedComputers(topology),
    ...findRepeatedAddresses(topology),
    ...findRepeatedPaths(topology),
  ];
}

function findMissingPool({ centralManagementStore, ...topology }: Topology): readonly Contradiction[] {
  const pools = [...Object.keys(topology.enterprisePools), ...Object.keys(topology.standardEditionServers)];
  if (pools.length === 0)
    return [{ path: ["enterprisePools"], message: "there must be an Enterprise pool or a Standard Edition server" }];
  if (pools.includes(centralManagementStore.pool)) return [];
  return [
    {
      path: ["centralManagementStore", "pool"],
      message: "must be one of enterprisePools or standardEditionServers",
    },
  ];
}

function findUnknownReferences(topology: Topology): readonly Contradiction[] {
  const { archiving, monitoring, persistentChat } = topology;
  const sql = [
    ...Object.entries(topology.enterprisePools).map(([name, pool]) =>
      reference(pool.backEnd, "enterprisePools", name, "backEnd"),
    ),
    ...(archiving.kind === "sql" ? [reference(archiving.sql, "archiving", "sql")] : []),
    ...(monitoring.kind === "sql" ? [reference(monitoring.sql, "monitoring", "sql")] : []),
    ...(persistentChat.kind === "sql" ? [reference(persistentChat.sql, "persistentChat", "sql")] : []),
  ];
  const fileStores = [
    ...Object.entries(topology.enterprisePools).map(([name, pool]) =>
      reference(pool.fileStore, "enterprisePools", name, "fileStore"),
    ),
    ...Object.entries(topology.standardEditionServers).map(([name, pool]) =>
      reference(pool.fileStore, "standardEditionServers", name, "fileStore"),
    ),
    ...(archiving.kind === "sql" ? [reference(archiving.fileStore, "archiving", "fileStore")] : []),
    ...(persistentChat.kind === "sql" ? [reference(persistentChat.fileStore, "persistentChat", "fileStore")] : []),
  ];
  return [
    ...sql
      .filter(({ name }) => !isDeclared(topology.sqlInstances, name))
      .map(({ path }) => ({ path, message: "must name one of sqlInstances" })),
    ...fileStores
      .filter(({ name }) => !isDeclared(topology.fileStores, name))
      .map(({ path }) => ({ path, message: "must name one of fileStores" })),
  ];
}

function reference(
  name: string | undefined,
  ...path: string[]
): { readonly name: string | undefined; readonly path: readonly string[] } {
  return { name, path };
}

function isDeclared(declared: Readonly<Record<string, unknown>>, name: string | undefined): boolean {
  return name === undefined || Object.hasOwn(declared, name);
}

/** A computer has one role; a pool of several computers is none itself. */
function findRepeatedComputers(topology: Topology): readonly Contradiction[] {
  const roles: (readonly [string, readonly string[]])[] = [
    ...Object.entries(topology.enterprisePools).flatMap(([name, pool]): (readonly [string, readonly string[]])[] => [
      [name, ["enterprisePools", name]],
      ...pool.frontEnds.map((computer) => [computer, ["enterprisePools", name, "frontEnds"]] as const),
    ]),
    ...Object.keys(topology.standardEditionServers).map((name) => [name, ["standardEditionServers", name]] as const),
    ...(topology.persistentChat.kind === "sql" ? topology.persistentChat.servers : [])
      .filter((name) => !Object.hasOwn(topology.standardEditionServers, name))
      .map((name) => [name, ["persistentChat", "servers"]] as const),
    ...topology.mediationServers.map((name) => [name, ["mediationServers"]] as const),
    ...topology.directors.map((name) => [name, ["directors"]] as const),
    ...topology.edgeServers.map((name) => [name, ["edgeServers"]] as const),
  ];
  const seen = new Set<string>();
  return roles.flatMap(([name, path]) => {
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    return [{ path, message: "names a computer or pool that has another role already" }];
  });
}

function findRepeatedAddresses(topology: Topology): readonly Contradiction[] {
  const seen = new Set<string>();
  return Object.entries(topology.sqlInstances).flatMap(([name, { mirror, ...primary }]) =>
    [primary, ...(mirror === undefined ? [] : [mirror])].flatMap((address, index) => {
      const path = index === 0 ? ["sqlInstances", name] : ["sqlInstances", name, "mirror"];
      if (seen.has(key(address))) return [{ path, message: "is the same instance as another one of this topology" }];
      seen.add(key(address));
      return [];
    }),
  );
}

function key({ server, instance }: { readonly server: string; readonly instance?: string | undefined }): string {
  return `${server}\\${instance ?? ""}`.toLowerCase();
}

function findRepeatedPaths({ fileStores }: Topology): readonly Contradiction[] {
  const seen = new Set<string>();
  return Object.entries(fileStores).flatMap(([name, { path }]) => {
    if (!seen.has(path.toLowerCase())) {
      seen.add(path.toLowerCase());
      return [];
    }
    return [{ path: ["fileStores", name, "path"], message: "is the path of another file store already" }];
  });
}
