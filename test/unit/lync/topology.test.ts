import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ZodError } from "zod";
import {
  adviseOnTopology,
  centralManagementInstance,
  fileStorePath,
  findPool,
  formatSqlAddress,
  listDatabases,
  listPools,
  parseTopology,
  sqlInstance,
  topologySchema,
} from "../../../provider/lync/topology";

const example = (name: string): Record<string, unknown> =>
  JSON.parse(
    readFileSync(join(__dirname, `../../../examples/lync-enterprise-pool/topologies/${name}.json`), "utf8"),
  ) as Record<string, unknown>;

const faultsOf = (value: unknown): readonly string[] => {
  const result = topologySchema.safeParse(value);
  return result.success
    ? []
    : (result.error as ZodError).issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
};

/** The example with one value set at a path. */
function change(name: string, path: readonly (string | number)[], value: unknown): unknown {
  const whole = structuredClone(example(name));
  let part: unknown = whole;
  for (const step of path.slice(0, -1)) part = (part as Record<string | number, unknown>)[step];
  (part as Record<string | number, unknown>)[path.at(-1)!] = value;
  return whole;
}

describe("the example topologies", () => {
  it.each(["standard-edition", "enterprise-pool", "two-pools-mirrored"])("%s is valid", (name) => {
    expect(faultsOf(example(name))).toEqual([]);
  });

  it("a Standard Edition server is a pool of one, with its own instance", () => {
    const topology = parseTopology(example("standard-edition"));
    expect(listPools(topology)).toMatchObject([
      {
        fqdn: "se01.contoso.com",
        edition: "standard",
        frontEnds: ["se01.contoso.com"],
        backEnd: { server: "se01.contoso.com", instance: "RTC", edition: "express" },
        hostsCentralManagementStore: true,
      },
    ]);
    expect(listDatabases(topology)).toEqual([]);
    expect(formatSqlAddress(centralManagementInstance(topology))).toBe("se01.contoso.com\\RTC");
  });

  it("pools come Enterprise Edition first, databases in the catalogue's order", () => {
    const topology = parseTopology(example("two-pools-mirrored"));
    expect(listPools(topology).map((pool) => pool.fqdn)).toEqual([
      "pool01.contoso.com",
      "pool02.contoso.com",
      "se01.contoso.com",
    ]);
    expect(listDatabases(topology).map(({ name, instance }) => `${formatSqlAddress(instance)} ${name}`)).toEqual([
      "sql21.contoso.com LcsLog",
      "sql21.contoso.com LcsCDR",
      "sql21.contoso.com QoEMetrics",
      "sql21.contoso.com\\CHAT mgc",
    ]);
    expect(findPool(topology, "POOL02.contoso.com").backEnd.mirror?.server).toBe("sql12.contoso.com");
    expect(() => findPool(topology, "pool03.contoso.com")).toThrow("not a pool");
    expect(fileStorePath(topology, "archive")).toBe("\\\\fs01.contoso.com\\LyncArchive");
    expect(() => fileStorePath(topology, "none")).toThrow("not a file store");
    expect(() => sqlInstance(topology, "none")).toThrow("not a SQL Server instance");
  });

  it("without an adapter the compliance database is to be backed up, and advice says so", () => {
    const topology = parseTopology(change("two-pools-mirrored", ["persistentChat", "compliance"], "none"));
    expect(listDatabases(topology).map(({ name }) => name)).toContain("mgccomp");
    expect(adviseOnTopology(topology).join(" ")).toContain("mgccomp holds what exists nowhere else");
  });

  it("advises on mirrored instances, old products and Persistent Chat where it has ended", () => {
    expect(adviseOnTopology(parseTopology(example("two-pools-mirrored")))).toEqual([
      "Lync Server 2013 is out of support.",
      expect.stringContaining("backend-east is mirrored"),
      expect.stringContaining("backend-west is mirrored"),
    ]);
    expect(adviseOnTopology(parseTopology(change("two-pools-mirrored", ["product"], "sfbse")))[0]).toContain(
      "have ended",
    );
    expect(adviseOnTopology(parseTopology(example("enterprise-pool")))).toEqual([]);
  });

  it("keeps names of computers in lower case", () => {
    const topology = parseTopology(change("standard-edition", ["edgeServers"], ["EDGE01.Contoso.com"]));
    expect(topology.edgeServers).toEqual(["edge01.contoso.com"]);
  });
});

describe("faults, each by its path", () => {
  const pool = ["enterprisePools", "pool01.contoso.com"];
  const se = { sqlInstance: "RTC", fileStore: "east", responseGroups: false, applicationAudio: false };
  it.each<[string, readonly string[], unknown, string]>([
    ["product", ["product"], "lync2010", "product: must be one of"],
    ["a missing answer", ["enhanced911"], undefined, "enhanced911: must be true or false"],
    ["an unknown key", ["extra"], 1, "Unrecognized key"],
    [
      "no such pool",
      ["centralManagementStore", "pool"],
      "pool09.contoso.com",
      "centralManagementStore.pool: must be one of",
    ],
    [
      "no such instance",
      [...pool, "backEnd"],
      "elsewhere",
      "enterprisePools.pool01.contoso.com.backEnd: must name one of sqlInstances",
    ],
    ["no such file store", [...pool, "fileStore"], "elsewhere", "fileStore: must name one of fileStores"],
    ["inherited name", [...pool, "fileStore"], "toString", "fileStore: must name one of fileStores"],
    ["archiving instance", ["archiving", "sql"], "elsewhere", "archiving.sql: must name one of sqlInstances"],
    [
      "archiving file store",
      ["archiving", "fileStore"],
      "elsewhere",
      "archiving.fileStore: must name one of fileStores",
    ],
    ["chat instance", ["persistentChat", "sql"], "elsewhere", "persistentChat.sql: must name one of"],
    ["no front end", [...pool, "frontEnds"], [], "frontEnds: must name at least one"],
    ["a front end twice", [...pool, "frontEnds"], ["fe01.contoso.com", "FE01.contoso.com"], "must not repeat"],
    [
      "a front end of another pool",
      [...pool, "frontEnds"],
      ["fe11.contoso.com"],
      "enterprisePools.pool02.contoso.com.frontEnds: names a computer or pool that has another role",
    ],
    ["the pool as its own front end", [...pool, "frontEnds"], ["pool01.contoso.com"], "has another role"],
    ["a director that is a mediation server", ["directors"], ["med01.contoso.com"], "directors: names a computer"],
    ["one instance twice", ["sqlInstances", "chat", "instance"], undefined, "sqlInstances.chat: is the same instance"],
    [
      "its own mirror",
      ["sqlInstances", "backend-east", "mirror"],
      { server: "sql01.contoso.com", instance: "rtc" },
      "sqlInstances.backend-east.mirror: is the same",
    ],
    [
      "one path twice",
      ["fileStores", "west", "path"],
      "\\\\FS01.contoso.com\\lyncshare",
      "fileStores.west.path: is the path of another",
    ],
    [
      "both editions",
      ["standardEditionServers", "pool01.contoso.com"],
      se,
      "standardEditionServers.pool01.contoso.com: names a computer or pool",
    ],
    ["an edition of SQL Server", ["sqlInstances", "chat", "edition"], "developer", "edition: must be"],
    ["a way of archiving", ["archiving", "kind"], "tape", "archiving.kind: must be an object whose kind is"],
  ])("%s", (_, path, value, fault) => {
    expect(faultsOf(change("two-pools-mirrored", path, value)).join("\n")).toContain(fault);
  });

  it("needs a pool at all", () => {
    expect(faultsOf(change("standard-edition", ["standardEditionServers"], {}))).toEqual([
      "enterprisePools: there must be an Enterprise pool or a Standard Edition server",
    ]);
  });
});

const hostile = [
  "a'b.contoso.com",
  "$(calc).contoso.com",
  "a`b.contoso.com",
  "a;b.contoso.com",
  "a\nb.contoso.com",
  "a].contoso.com",
  "a\u2019b.contoso.com",
  "a b.contoso.com",
  "-a.contoso.com",
  "contoso",
  "contoso.",
  ".contoso.com",
  "a..com",
  "192.0.2.1",
  `${"a".repeat(64)}.com`,
  `${"a.".repeat(130)}com`,
  "ａ.com",
  "",
  7,
];

describe.each<[string, readonly string[], (value: unknown) => unknown]>([
  ["a server", ["sqlInstances", "chat", "server"], (value) => value],
  ["an edge server", ["edgeServers"], (value) => [value]],
])("%s is a fully qualified domain name", (_, path, wrap) => {
  it.each(hostile)("not %j, and the fault does not show it", (value) => {
    const faults = faultsOf(change("two-pools-mirrored", path, wrap(value))).join("\n");
    expect(faults).toContain("must be a fully qualified domain name");
    if (typeof value === "string" && !"such as fe01.contoso.com".includes(value)) expect(faults).not.toContain(value);
  });
});

describe("an instance of SQL Server", () => {
  it.each(["RTC", "_x", "A$1", "abcdefghijklmnop"])("may be %j", (name) => {
    expect(faultsOf(change("two-pools-mirrored", ["sqlInstances", "chat", "instance"], name))).toEqual([]);
  });
  it.each([
    "",
    "1RTC",
    "RT C",
    "RTC'",
    "RTC]",
    "RTC;",
    "RTC\\x",
    "$x",
    "abcdefghijklmnopq",
    "Default",
    "mssqlserver",
    "R\nTC",
    "RTC\u2019",
  ])("may not be %j", (name) => {
    expect(faultsOf(change("two-pools-mirrored", ["sqlInstances", "chat", "instance"], name))).not.toEqual([]);
  });
});

describe("a file store's path", () => {
  it.each(["\\\\fs01\\share", "\\\\fs01.contoso.com\\share$\\a b\\ü", "\\\\fs01\\it's\\$(x)"])("may be %j", (path) => {
    expect(faultsOf(change("two-pools-mirrored", ["fileStores", "west", "path"], path))).toEqual([]);
  });
  it.each([
    "",
    "D:\\share",
    "/mnt/share",
    "\\\\fs01",
    "\\\\fs01\\",
    "\\\\fs01\\share\\",
    "\\\\fs01\\a|b",
    '\\\\fs01\\a"b',
    "\\\\fs01\\a\\..\\b",
    "\\\\fs01\\a\nb",
    "\\\\?\\C:\\a",
    "\\\\fs01\\a*",
    "\\\\fs01\\a ",
    "\\\\fs01\\a.\\b",
    "\\\\f s\\a",
    "\\\\$(x)\\a",
  ])("may not be %j", (path) => {
    expect(faultsOf(change("two-pools-mirrored", ["fileStores", "west", "path"], path))).not.toEqual([]);
  });
});

describe("a gateway", () => {
  it.each(["192.0.2.10", "gw01.contoso.com"])("may be %j", (name) => {
    expect(faultsOf(change("enterprise-pool", ["gateways"], [name]))).toEqual([]);
  });
  it.each(["192.0.2.256", "192.0.2", "1.2.3.4.5", "gw", "gw;x.contoso.com"])("may not be %j", (name) => {
    expect(faultsOf(change("enterprise-pool", ["gateways"], [name]))).not.toEqual([]);
  });
});
