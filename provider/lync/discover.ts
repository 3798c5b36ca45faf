import type { Product } from "./catalogue";
import { type JsonObject, readList, readObject, readText, readTexts } from "./powershell-json";
import type { TopologyArgs } from "./topology";

/** What was found of a deployment, and what could not be seen and was taken to be so. */
export interface Discovery {
  readonly topology: TopologyArgs;
  /** One sentence each: what to look at before the topology is relied on. */
  readonly assumptions: readonly string[];
}

/** A service as Get-CsService lists it. */
interface Service {
  readonly role: string;
  /** The FQDN after the role: a pool, a SQL Server, a file server, a gateway. */
  readonly fqdn: string;
  readonly properties: JsonObject;
}

/**
 * Makes a topology from what `Get-CsPool` and `Get-CsService` list, as ConvertTo-Json writes it. What they do not tell is assumed so
 * that rather too much is asked for than too little, and named.
 *
 * @param pools the JSON of Get-CsPool.
 * @param services the JSON of Get-CsService, of one call or of several.
 */
export function discoverTopology(product: Product, pools: unknown, services: unknown): Discovery {
  return new Discoverer(product, readPools(pools), readServices(services)).discover();
}

class Discoverer {
  private readonly assumptions: string[] = [];
  private readonly sqlInstances: TopologyArgs["sqlInstances"] = {};
  private readonly fileStores: TopologyArgs["fileStores"] = {};
  /** Names in the topology, by the server of the file store, and by the instance's address. */
  private readonly fileStoreNames = new Map<string, readonly string[]>();
  private readonly instanceNames = new Map<string, string>();

  constructor(
    private readonly product: Product,
    private readonly computers: ReadonlyMap<string, readonly string[]>,
    private readonly services: readonly Service[],
  ) {}

  discover(): Discovery {
    for (const store of this.ofRole("FileStore")) this.addFileStore(store);
    const users = this.ofRole("UserServer");
    const standard = users.filter((service) => this.isStandardEdition(service));
    const enterprise = users.filter((service) => !standard.includes(service));
    const topology: TopologyArgs = {
      product: this.product,
      centralManagementStore: { pool: this.findCentralPool(users) },
      sqlInstances: this.sqlInstances,
      fileStores: this.fileStores,
      enterprisePools: Object.fromEntries(
        enterprise.map((service) => [
          service.fqdn,
          {
            frontEnds: [...this.computersOf(service.fqdn)],
            backEnd: this.addInstance(this.databaseOf(service)),
            ...this.poolFields(service),
          },
        ]),
      ),
      standardEditionServers: Object.fromEntries(
        standard.map((service) => [
          service.fqdn,
          { sqlInstance: this.standardInstance(service), ...this.poolFields(service) },
        ]),
      ),
      enhanced911: true,
      archiving: this.readReporting("ArchivingDatabase"),
      monitoring: this.readReporting("MonitoringDatabase"),
      persistentChat: this.readPersistentChat(),
      exchange: { unifiedMessaging: true, unifiedContactStore: true, highDefinitionPhotos: true },
      mediationServers: this.serversOf("MediationServer", users),
      directors: this.serversOf("Director", users),
      edgeServers: this.serversOf("EdgeServer", users),
      gateways: [...new Set(this.ofRole("PstnGateway").map(({ fqdn }) => fqdn))],
      coexistingVersions: [],
      operationsManager: true,
    };
    this.assumptions.push(
      "enhanced911, exchange and operationsManager are taken to be in use: set to false what is not.",
      "applicationAudio is taken to be true of every pool: set it to false where there are no audio files and Call Park settings.",
      "coexistingVersions is taken to be empty: name earlier versions in the organisation.",
    );
    return { topology, assumptions: this.assumptions };
  }

  private ofRole(role: string): readonly Service[] {
    return this.services.filter((service) => service.role === role);
  }

  private computersOf(pool: string): readonly string[] {
    const computers = this.computers.get(pool) ?? [];
    return computers.length === 0 ? [pool] : computers;
  }

  /** Computers of a role that are none of a pool with users: there the role is collocated. */
  private serversOf(role: string, users: readonly Service[]): string[] {
    const taken = new Set(users.flatMap(({ fqdn }) => [fqdn, ...this.computersOf(fqdn)]));
    const servers = this.ofRole(role).flatMap(({ fqdn }) => this.computersOf(fqdn));
    return [...new Set(servers)].filter((server) => !taken.has(server));
  }

  private databaseOf(service: Service): Service {
    const databases = this.ofRole("UserDatabase");
    const named = readReference(service.properties, "UserDatabase");
    const found = databases.find(({ fqdn }) => fqdn === named) ?? databases.find(({ fqdn }) => fqdn === service.fqdn);
    const [first, ...others] = databases;
    if (found !== undefined) return found;
    if (first === undefined || others.length > 0)
      throw new RangeError(`${service.fqdn}: the services do not tell which user database it has`);
    return first;
  }

  /** A Standard Edition server is its own pool, its own computer and its own database server. */
  private isStandardEdition(service: Service): boolean {
    const computers = this.computersOf(service.fqdn);
    return computers.length === 1 && computers[0] === service.fqdn && this.databaseOf(service).fqdn === service.fqdn;
  }

  private standardInstance(service: Service): string {
    const instance = readText(this.databaseOf(service).properties, "SqlInstanceName");
    if (instance !== null) return instance;
    this.assumptions.push(`The SQL Server instance of ${service.fqdn} is taken to be RTC: check its name.`);
    return "RTC";
  }

  private poolFields(service: Service): { fileStore: string; responseGroups: boolean; applicationAudio: boolean } {
    const responseGroups = this.ofRole("ApplicationServer").some(({ fqdn }) => fqdn === service.fqdn);
    if (responseGroups)
      this.assumptions.push(
        `${service.fqdn} has an application service, and is taken to have Response Groups: set responseGroups to false if it has none.`,
      );
    return { fileStore: this.fileStoreOf(service), responseGroups, applicationAudio: true };
  }

  private fileStoreOf(service: Service): string {
    const web = this.ofRole("WebServer").find(({ fqdn }) => fqdn === service.fqdn);
    const server =
      readReference(service.properties, "FileStore") ??
      (web === undefined ? null : readReference(web.properties, "FileStore"));
    const there = server === null ? [] : (this.fileStoreNames.get(server) ?? []);
    const candidates = there.length === 0 ? Object.keys(this.fileStores) : there;
    const [first, ...others] = candidates;
    if (first === undefined) throw new RangeError(`${service.fqdn}: the services name no file store`);
    if (others.length > 0)
      this.assumptions.push(
        `${service.fqdn} is taken to use the file store ${first}: check it, it could be ${others.join(" or ")}.`,
      );
    return first;
  }

  private addFileStore({ fqdn, properties }: Service): void {
    const share = readText(properties, "ShareName");
    const path = readText(properties, "UncPath") ?? (share === null ? null : `\\\\${fqdn}\\${share}`);
    if (path === null) throw new RangeError(`${fqdn}: its file store has neither UncPath nor ShareName`);
    const name = chooseName(firstLabel(fqdn), this.fileStores);
    this.fileStores[name] = { path: path.replace(/\\+$/, "") };
    this.fileStoreNames.set(fqdn, [...(this.fileStoreNames.get(fqdn) ?? []), name]);
  }

  /** The same instance is declared once, whatever lies on it. */
  private addInstance({ fqdn, properties }: Service): string {
    const instance = readText(properties, "SqlInstanceName");
    const address = `${fqdn}\\${instance ?? ""}`.toLowerCase();
    const known = this.instanceNames.get(address);
    if (known !== undefined) return known;
    const name = chooseName(`${firstLabel(fqdn)}${instance === null ? "" : `-${instance}`}`, this.sqlInstances);
    this.instanceNames.set(address, name);
    const mirror = readText(properties, "MirrorSqlServerFqdn", "MirrorPoolFqdn");
    const mirrorInstance = readText(properties, "MirrorSqlInstanceName");
    this.sqlInstances[name] = {
      server: fqdn,
      ...(instance === null ? {} : { instance }),
      edition: "express",
      ...(mirror === null
        ? {}
        : {
            mirror: { server: mirror.toLowerCase(), ...(mirrorInstance === null ? {} : { instance: mirrorInstance }) },
          }),
    };
    this.assumptions.push(
      `The edition of ${name} is taken to be express, whose backups are not compressed: set the right one.`,
    );
    return name;
  }

  private readReporting(
    role: "ArchivingDatabase" | "MonitoringDatabase",
  ): { kind: "not-deployed" } | { kind: "sql"; sql: string } {
    const [database, ...others] = this.ofRole(role);
    if (database === undefined) {
      if (role === "ArchivingDatabase")
        this.assumptions.push(
          'There is no Archiving database: set archiving to {kind: "exchange"} if it is kept in Exchange.',
        );
      return { kind: "not-deployed" };
    }
    if (others.length > 0)
      this.assumptions.push(`There are ${others.length + 1} of ${role}; only that on ${database.fqdn} was taken.`);
    return { kind: "sql", sql: this.addInstance(database) };
  }

  private readPersistentChat(): TopologyArgs["persistentChat"] {
    const [database] = this.ofRole("PersistentChatDatabase");
    const [server] = this.ofRole("PersistentChatServer");
    if (database === undefined || server === undefined) return { kind: "not-deployed" };
    const [compliance] = this.ofRole("PersistentChatComplianceDatabase");
    if (compliance !== undefined)
      this.assumptions.push("Persistent Chat's compliance is taken to have no adapter: name the one that it has.");
    return {
      kind: "sql",
      servers: [...new Set(this.ofRole("PersistentChatServer").flatMap(({ fqdn }) => this.computersOf(fqdn)))],
      sql: this.addInstance(database),
      fileStore: this.fileStoreOf(server),
      compliance: compliance === undefined ? "off" : "none",
    };
  }

  private findCentralPool(users: readonly Service[]): string {
    const managers = [...this.ofRole("CentralManagement"), ...this.ofRole("ManagementServer")];
    const manager = users.find(({ fqdn }) => managers.some((service) => service.fqdn === fqdn));
    const [store] = this.ofRole("CentralManagementDatabase");
    const beside = users.find((service) => store !== undefined && this.databaseOf(service).fqdn === store.fqdn);
    const pool = manager ?? beside;
    if (pool === undefined)
      throw new RangeError("the services do not tell which pool hosts the Central Management store");
    return pool.fqdn;
  }
}

/** Computers by pool. */
function readPools(pools: unknown): ReadonlyMap<string, readonly string[]> {
  return new Map(
    readList(pools).flatMap((element): readonly (readonly [string, readonly string[]])[] => {
      const object = readObject(element);
      const fqdn = object === null ? null : readText(object, "Fqdn", "Identity");
      if (object === null || fqdn === null) return [];
      return [[withoutRole(fqdn), readTexts(object, "Computers").map(withoutRole)]];
    }),
  );
}

/** Services, each once, in the order listed. */
function readServices(services: unknown): readonly Service[] {
  const found = new Map<string, Service>();
  for (const element of readList(services)) {
    const properties = readObject(element);
    const identity = properties === null ? null : readText(properties, "Identity");
    const [, role, fqdn] = /^(?:\d+-)?(\w+):(.+)$/.exec(identity ?? "") ?? [];
    if (properties === null || role === undefined || fqdn === undefined) continue;
    const key = `${role}:${fqdn}`.toLowerCase();
    const place = readText(properties, "SqlInstanceName", "UncPath", "ShareName") ?? "";
    found.set(`${key}:${place}`, { role, fqdn: fqdn.toLowerCase(), properties });
  }
  return [...found.values()];
}

function readReference(properties: JsonObject, name: string): string | null {
  const text = readText(properties, name);
  return text === null ? null : withoutRole(text);
}

/** `UserDatabase:sql01.contoso.com` is `sql01.contoso.com`. */
function withoutRole(identity: string): string {
  return identity.replace(/^\w+:/, "").toLowerCase();
}

function firstLabel(fqdn: string): string {
  return fqdn.split(".")[0] ?? fqdn;
}

/** A name that nothing has yet. */
function chooseName(wanted: string, taken: Readonly<Record<string, unknown>>): string {
  const name = wanted.replace(/[^A-Za-z0-9_.-]/g, "-").slice(0, 56);
  if (!Object.hasOwn(taken, name)) return name;
  let number = 2;
  while (Object.hasOwn(taken, `${name}-${number}`)) number += 1;
  return `${name}-${number}`;
}
