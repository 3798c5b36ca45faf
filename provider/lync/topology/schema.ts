import { z } from "zod";
import { products } from "../catalogue/types";
import { fqdn, fqdnOrAddress, instanceName, notAnObject, referenceName, uncPath } from "./names";

const yesOrNo = z.boolean("must be true or false");

/** Computers of one role, without repetition. */
const computers = z
  .array(fqdn, "must be an array of fully qualified domain names")
  .refine((names) => new Set(names).size === names.length, "must not repeat a name");

const sqlAddress = {
  server: fqdn,
  /** Left out: the default instance. */
  instance: instanceName.optional(),
};

/** An instance of SQL Server. */
const sqlInstanceSchema = z.strictObject(
  {
    ...sqlAddress,
    /** Express has no compressed backups. */
    edition: z.enum(["express", "standard", "enterprise"], 'must be "express", "standard" or "enterprise"'),
    /** The mirror of its databases, where they are mirrored. */
    mirror: z.strictObject(sqlAddress, notAnObject("must be an object with server")).optional(),
  },
  notAnObject("must be an object with server and edition"),
);

/** What is asked of every pool, whatever its edition. */
const poolFields = {
  /** The name of its file store. */
  fileStore: referenceName,
  /** Whether Response Groups are deployed in it. */
  responseGroups: yesOrNo,
  /** Whether it has Call Park settings, music on hold or announcements of its own. */
  applicationAudio: yesOrNo,
};

const enterprisePoolSchema = z.strictObject(
  {
    frontEnds: computers.min(1, "must name at least one Front End Server"),
    /** The name of the SQL Server instance with its Back End databases. */
    backEnd: referenceName,
    ...poolFields,
  },
  notAnObject("must be an object that describes an Enterprise pool"),
);

const standardEditionSchema = z.strictObject(
  {
    /** The instance of SQL Server Express on the server itself; an input, since the name may differ. */
    sqlInstance: instanceName,
    ...poolFields,
  },
  notAnObject("must be an object that describes a Standard Edition server"),
);

const notDeployed = z.strictObject({ kind: z.literal("not-deployed") });

const archivingSchema = z.discriminatedUnion(
  "kind",
  [
    notDeployed,
    z.strictObject({
      kind: z.literal("sql"),
      /** The name of the SQL Server instance with LcsLog. */
      sql: referenceName,
      /** The name of the Archiving file store, where it has one of its own. */
      fileStore: referenceName.optional(),
    }),
    z.strictObject({ kind: z.literal("exchange") }),
  ],
  'must be an object whose kind is "not-deployed", "sql" or "exchange"',
);

const monitoringSchema = z.discriminatedUnion(
  "kind",
  [
    notDeployed,
    z.strictObject({
      kind: z.literal("sql"),
      /** The name of the SQL Server instance with LcsCDR and QoEMetrics. */
      sql: referenceName,
    }),
  ],
  'must be an object whose kind is "not-deployed" or "sql"',
);

const persistentChatSchema = z.discriminatedUnion(
  "kind",
  [
    notDeployed,
    z.strictObject({
      kind: z.literal("sql"),
      servers: computers.min(1, "must name at least one Persistent Chat Server"),
      /** The name of the SQL Server instance with mgc. */
      sql: referenceName,
      /** The name of the file store with posted files, usually the pool's. */
      fileStore: referenceName,
      /**
       * Compliance of chat rooms: `off`, or on, with the adapter that reads its database: `xml` (shipped), `custom`, or `none`, which leaves
       * data in MgcComp that exists nowhere else.
       */
      compliance: z.enum(["off", "xml", "custom", "none"], 'must be "off", "xml", "custom" or "none"'),
    }),
  ],
  'must be an object whose kind is "not-deployed" or "sql"',
);

/** What Lync Server keeps in Exchange, or uses of it. */
const exchangeSchema = z.strictObject(
  { unifiedMessaging: yesOrNo, unifiedContactStore: yesOrNo, highDefinitionPhotos: yesOrNo },
  notAnObject("must be an object with unifiedMessaging, unifiedContactStore and highDefinitionPhotos"),
);

/**
 * A deployment of Lync Server or Skype for Business Server. What may or may not be deployed is asked for, never assumed: an omission
 * would look like something that needs no backup. Here each part is well formed; whether they fit together, `topologySchema` tells.
 */
export const wellFormedTopology = z.strictObject(
  {
    product: z.enum(products, `must be one of ${products.join(", ")}`),
    /** The pool or Standard Edition server that hosts the Central Management store. */
    centralManagementStore: z.strictObject({ pool: fqdn }, notAnObject("must be an object with pool")),
    /** SQL Server instances by name, those of Standard Edition servers apart. */
    sqlInstances: z.record(referenceName, sqlInstanceSchema, "must be an object of SQL Server instances by name"),
    /** File stores by name. */
    fileStores: z.record(
      referenceName,
      z.strictObject({ path: uncPath }, notAnObject("must be an object with path")),
      "must be an object of file stores by name",
    ),
    /** Enterprise pools by FQDN. */
    enterprisePools: z.record(fqdn, enterprisePoolSchema, "must be an object of Enterprise pools by FQDN"),
    /** Standard Edition servers by FQDN. */
    standardEditionServers: z.record(
      fqdn,
      standardEditionSchema,
      "must be an object of Standard Edition servers by FQDN",
    ),
    /** Whether Enhanced 9-1-1 location information is kept. */
    enhanced911: yesOrNo,
    archiving: archivingSchema,
    monitoring: monitoringSchema,
    persistentChat: persistentChatSchema,
    exchange: exchangeSchema,
    mediationServers: computers,
    directors: computers,
    edgeServers: computers,
    /** PSTN gateways and Survivable Branch Appliances. */
    gateways: z
      .array(fqdnOrAddress, "must be an array of fully qualified domain names or IPv4 addresses")
      .refine((names) => new Set(names).size === names.length, "must not repeat a name"),
    /** Earlier versions in the same organisation. */
    coexistingVersions: z
      .array(z.enum(["lync2010", "ocs2007r2"], 'must be "lync2010" or "ocs2007r2"'), "must be an array")
      .refine((versions) => new Set(versions).size === versions.length, "must not repeat a version"),
    /** Whether System Center Operations Manager monitors the deployment. */
    operationsManager: yesOrNo,
  },
  notAnObject("must be an object that describes a topology"),
);

/** A deployment, names of computers in lower case. */
export type Topology = z.infer<typeof wellFormedTopology>;

/** A topology as it is written. */
export type TopologyArgs = z.input<typeof wellFormedTopology>;
