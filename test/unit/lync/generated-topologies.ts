import fc from "fast-check";
import { products } from "../../../provider/lync/catalogue";
import { parseTopology, type Topology, type TopologyArgs } from "../../../provider/lync/topology";

/** Names that are allowed, and as awkward as they may be. */
const word = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,6}[a-z0-9])?$/);
const instance = fc
  .option(fc.stringMatching(/^[A-Z_][A-Z0-9_$]{0,15}$/), { nil: undefined })
  .filter((name) => name === undefined || !["DEFAULT", "MSSQLSERVER"].includes(name));
const shareFolder = fc
  .string({
    unit: fc.constantFrom(...Array.from("ab'$()`;]{}&#@!%^~ \u2018\u2019\u201a\u201b\u201c-é"), "$(calc)"),
    minLength: 1,
    maxLength: 10,
  })
  .filter((folder) => !/[. ]$/.test(folder));

const seed = fc.record({
  product: fc.constantFrom(...products),
  words: fc.uniqueArray(word, { minLength: 30, maxLength: 30 }),
  frontEnds: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }),
  mirrored: fc.array(fc.boolean(), { minLength: 2, maxLength: 2 }),
  standard: fc.integer({ min: 0, max: 2 }),
  instances: fc.array(instance, { minLength: 8, maxLength: 8 }),
  express: fc.boolean(),
  folders: fc.uniqueArray(shareFolder, { minLength: 3, maxLength: 3, selector: (folder) => folder.toLowerCase() }),
  responseGroups: fc.boolean(),
  audio: fc.boolean(),
  enhanced911: fc.boolean(),
  archiving: fc.constantFrom("not-deployed", "sql", "exchange"),
  archivingStore: fc.boolean(),
  monitoring: fc.boolean(),
  chat: fc.boolean(),
  compliance: fc.constantFrom("off", "xml", "custom", "none"),
  contactStore: fc.boolean(),
  singles: fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 3, maxLength: 3 }),
});

/** Valid deployments of every product and shape, with hostile names wherever a name may be hostile. */
export const generatedTopology: fc.Arbitrary<Topology> = seed.map((drawn) => parseTopology(toTopology(drawn)));

type Drawn = typeof seed extends fc.Arbitrary<infer T> ? T : never;

function toTopology(drawn: Drawn): TopologyArgs {
  const names = drawn.words.map((name) => `${name}.contoso.com`);
  const next = () => names.shift()!;
  const instances = [...drawn.instances];
  const sqlInstances: TopologyArgs["sqlInstances"] = {};
  const addInstance = (name: string, mirrored: boolean) => {
    sqlInstances[name] = {
      server: next(),
      ...named(instances.shift()),
      edition: drawn.express ? "express" : "standard",
      ...(mirrored ? { mirror: { server: next(), ...named(instances.shift()) } } : {}),
    };
    return name;
  };
  const pool = { fileStore: "main", responseGroups: drawn.responseGroups, applicationAudio: drawn.audio };
  const enterprisePools = Object.fromEntries(
    drawn.frontEnds.map((count, index) => [
      next(),
      {
        ...pool,
        frontEnds: Array.from({ length: count }, next),
        backEnd: addInstance(`backend-${index}`, drawn.mirrored[index] ?? false),
      },
    ]),
  );
  const standardEditionServers = Object.fromEntries(
    Array.from({ length: drawn.frontEnds.length === 0 ? Math.max(1, drawn.standard) : drawn.standard }, () => [
      next(),
      { ...pool, sqlInstance: "RTC" },
    ]),
  );
  const reporting = drawn.archiving === "sql" || drawn.monitoring ? addInstance("reporting", false) : "";
  const [main = "", archive = "", chat = ""] = drawn.folders;
  const pools = [...Object.keys(enterprisePools), ...Object.keys(standardEditionServers)];
  const server = Object.keys(standardEditionServers)[0] ?? next();
  return {
    product: drawn.product,
    centralManagementStore: { pool: pools.at(-1)! },
    sqlInstances,
    fileStores: {
      main: { path: `\\\\${server}\\share\\m${main}` },
      archive: { path: `\\\\${server}\\share\\a${archive}` },
      chat: { path: `\\\\${server}\\share\\c${chat}` },
    },
    enterprisePools,
    standardEditionServers,
    enhanced911: drawn.enhanced911,
    archiving:
      drawn.archiving === "sql"
        ? { kind: "sql", sql: reporting, ...(drawn.archivingStore ? { fileStore: "archive" } : {}) }
        : { kind: drawn.archiving === "exchange" ? "exchange" : "not-deployed" },
    monitoring: drawn.monitoring ? { kind: "sql", sql: reporting } : { kind: "not-deployed" },
    persistentChat: drawn.chat
      ? {
          kind: "sql",
          servers: [next()],
          sql: addInstance("chat", false),
          fileStore: "chat",
          compliance: drawn.compliance,
        }
      : { kind: "not-deployed" },
    exchange: { unifiedMessaging: false, unifiedContactStore: drawn.contactStore, highDefinitionPhotos: false },
    mediationServers: Array.from({ length: drawn.singles[0] ?? 0 }, next),
    directors: Array.from({ length: drawn.singles[1] ?? 0 }, next),
    edgeServers: Array.from({ length: drawn.singles[2] ?? 0 }, next),
    gateways: [],
    coexistingVersions: [],
    operationsManager: false,
  };
}

function named(instanceName: string | undefined): { instance?: string } {
  return instanceName === undefined ? {} : { instance: instanceName };
}
