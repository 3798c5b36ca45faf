import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { discoverTopology } from "../../../provider/lync/discover";
import { listPools, parseTopology, sqlInstance, type Topology } from "../../../provider/lync/topology";
import { generatedTopology } from "./generated-topologies";

type Json = Record<string, unknown>;

const example = (name: string): Topology =>
  parseTopology(
    JSON.parse(readFileSync(join(__dirname, `../../../examples/lync-enterprise-pool/topologies/${name}.json`), "utf8")),
  );

/** How ConvertTo-Json may write a list. */
const shapes = {
  array: (list: unknown[]): unknown => list,
  single: (list: unknown[]): unknown => (list.length === 1 ? list[0] : list),
  counted: (list: unknown[]): unknown => ({ value: list, Count: list.length }),
};

/** What the cmdlets list of a deployment. */
function list(topology: Topology, shape: (list: unknown[]) => unknown): { pools: unknown; services: unknown } {
  const services: Json[] = [];
  const pools: Json[] = [];
  const add = (role: string, fqdn: string, properties: Json = {}) =>
    services.push({ Identity: `${role}:${fqdn}`, PoolFqdn: fqdn, Role: role, Version: 6, ...properties });
  const addPool = (fqdn: string, computers: readonly string[]) =>
    pools.push({ Identity: fqdn, Fqdn: fqdn, Computers: shape([...computers]), Site: "Site:HQ" });
  const addDatabase = (role: string, name: string) => {
    const { server, instance, mirror } = sqlInstance(topology, name);
    add(role, server, {
      SqlInstanceName: instance ?? "",
      ...(mirror === undefined
        ? {}
        : { MirrorSqlServerFqdn: mirror.server, MirrorSqlInstanceName: mirror.instance ?? null }),
    });
  };
  const fileServer = (name: string) => /^\\\\([^\\]+)/.exec(topology.fileStores[name]!.path)![1]!;
  for (const pool of listPools(topology)) {
    addPool(pool.fqdn, pool.frontEnds);
    add("UserServer", pool.fqdn, {
      UserDatabase: `UserDatabase:${pool.backEnd.server}`,
      FileStore: { Identity: `FileStore:${fileServer(pool.fileStore)}` },
    });
    if (pool.responseGroups) add("ApplicationServer", pool.fqdn);
    if (pool.hostsCentralManagementStore) add("CentralManagement", pool.fqdn);
    if (pool.edition === "standard") add("UserDatabase", pool.fqdn, { SqlInstanceName: pool.backEnd.instance });
  }
  for (const pool of Object.values(topology.enterprisePools)) addDatabase("UserDatabase", pool.backEnd);
  for (const [name, { path }] of Object.entries(topology.fileStores))
    add("FileStore", fileServer(name), { UncPath: path });
  if (topology.archiving.kind === "sql") addDatabase("ArchivingDatabase", topology.archiving.sql);
  if (topology.monitoring.kind === "sql") addDatabase("MonitoringDatabase", topology.monitoring.sql);
  if (topology.persistentChat.kind === "sql") {
    const { servers, sql, compliance, fileStore } = topology.persistentChat;
    addPool("chat.contoso.com", servers);
    add("PersistentChatServer", "chat.contoso.com", { FileStore: `FileStore:${fileServer(fileStore)}` });
    addDatabase("PersistentChatDatabase", sql);
    if (compliance !== "off") addDatabase("PersistentChatComplianceDatabase", sql);
  }
  for (const [role, servers] of [
    ["MediationServer", topology.mediationServers],
    ["Director", topology.directors],
    ["EdgeServer", topology.edgeServers],
  ] as const)
    for (const server of servers) {
      addPool(server, [server]);
      add(role, server);
    }
  for (const gateway of topology.gateways) add("PstnGateway", gateway);
  return { pools: shape(pools), services: shape(services) };
}

function discover(topology: Topology, shape: (list: unknown[]) => unknown) {
  const { pools, services } = JSON.parse(JSON.stringify(list(topology, shape))) as {
    pools: unknown;
    services: unknown;
  };
  const found = discoverTopology(topology.product, pools, services);
  return { topology: parseTopology(found.topology), assumptions: found.assumptions };
}

/** What the cmdlets tell of a deployment, without the names that a topology gives to things. */
function gist(topology: Topology) {
  const where = (name: string) => {
    const { server, instance, mirror } = sqlInstance(topology, name);
    return { server, instance, mirror };
  };
  const { archiving, monitoring, persistentChat } = topology;
  return {
    product: topology.product,
    central: topology.centralManagementStore.pool,
    pools: listPools(topology).map(({ fqdn, edition, frontEnds, backEnd, responseGroups }) => ({
      fqdn,
      edition,
      frontEnds,
      backEnd: { server: backEnd.server, instance: backEnd.instance, mirror: backEnd.mirror },
      responseGroups,
    })),
    archiving: archiving.kind === "sql" ? where(archiving.sql) : null,
    monitoring: monitoring.kind === "sql" ? where(monitoring.sql) : null,
    chat:
      persistentChat.kind === "sql"
        ? [persistentChat.servers, where(persistentChat.sql), persistentChat.compliance !== "off"]
        : null,
    fileStores: Object.values(topology.fileStores)
      .map(({ path }) => path)
      .sort(),
    singles: [topology.mediationServers, topology.directors, topology.edgeServers, topology.gateways],
  };
}

describe("discovery", () => {
  it.each(["standard-edition", "enterprise-pool", "two-pools-mirrored"])(
    "finds the example %s, in every shape of JSON",
    (name) => {
      const topology = example(name);
      for (const shape of Object.values(shapes))
        expect(gist(discover(topology, shape).topology)).toEqual(gist(topology));
    },
  );

  it("finds generated deployments", () => {
    fc.assert(
      fc.property(generatedTopology, fc.constantFrom(...Object.values(shapes)), (topology, shape) => {
        expect(gist(discover(topology, shape).topology)).toEqual(gist(topology));
      }),
      { numRuns: 60 },
    );
  });

  it("assumes rather too much than too little, and names it", () => {
    const { topology, assumptions } = discover(example("enterprise-pool"), shapes.array);
    expect(topology.enhanced911).toBe(true);
    expect(topology.exchange).toEqual({
      unifiedMessaging: true,
      unifiedContactStore: true,
      highDefinitionPhotos: true,
    });
    expect(topology.sqlInstances["sql01-RTC"]?.edition).toBe("express");
    expect(assumptions.join("\n")).toContain("enhanced911");
    expect(assumptions.filter((line) => line.includes("is taken to be express"))).toHaveLength(2);
  });

  it("takes the shares of file stores that name no path", () => {
    const services = [
      { Identity: "UserServer:se01.contoso.com" },
      { Identity: "UserDatabase:se01.contoso.com" },
      { Identity: "CentralManagementDatabase:se01.contoso.com" },
      { Identity: "FileStore:se01.contoso.com", ShareName: "Share" },
    ];
    const { topology, assumptions } = discoverTopology("sfb2015", null, services);
    expect(topology.fileStores).toEqual({ se01: { path: "\\\\se01.contoso.com\\Share" } });
    expect(topology.standardEditionServers["se01.contoso.com"]?.sqlInstance).toBe("RTC");
    expect(assumptions.join("\n")).toContain("taken to be RTC");
  });

  it.each([
    ["nothing at all", null, "which pool hosts"],
    ["no user database", [{ Identity: "UserServer:p.contoso.com" }], "which user database"],
    ["a file store without a place", [{ Identity: "FileStore:fs.contoso.com" }], "neither UncPath nor ShareName"],
    ["things that are no services", [1, "x", { Name: "y" }, { Identity: "Site:HQ" }], "which pool hosts"],
  ])("says what is missing: %s", (_, services, message) => {
    expect(() => discoverTopology("sfb2015", [], services)).toThrow(message);
  });
});
