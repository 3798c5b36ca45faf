import { formatMilliseconds } from "../platform/durations";
import type { PlanStep, RestorePlan } from "../restore/plan";
import { joinPath, listBackupParts, type PersistentChatMethod } from "./backup-parts";
import { catalogue } from "./catalogue";
import { rollBackContacts } from "./commands";
import { type PlanContext, type RecoverySetView, toStep } from "./restore/context";
import { databasesOn, restoreDatabases, restorePersistentChat } from "./restore/database-steps";
import { buildComputers, reinstallComponents, restoreFileStore } from "./restore/machine-steps";
import { addMirror, replaceMirror, replacePrimary } from "./restore/mirror-steps";
import { createDatabases, restoreResponseGroups, restoreUserData } from "./restore/pool-steps";
import { restoreCentralManagementStore, restoreLocationInformation } from "./restore/settings-steps";
import { type Database, findPool, listDatabases, listPools, type Pool, type Topology } from "./topology";

export type { RecoverySetView, StoredPart } from "./restore/context";

/** What was lost. Pools and servers are named by their FQDN, file stores by their name in the topology. */
export type Failure =
  | { readonly kind: "everything" }
  | { readonly kind: "central-management-store" }
  | { readonly kind: "standard-edition-server"; readonly server: string }
  | { readonly kind: "back-end"; readonly pool: string }
  | { readonly kind: "mirror-primary"; readonly pool: string }
  | { readonly kind: "mirror"; readonly pool: string }
  | { readonly kind: "pool"; readonly pool: string }
  | { readonly kind: "server"; readonly server: string }
  | { readonly kind: "user-data"; readonly pool: string }
  | { readonly kind: "response-groups"; readonly pool: string }
  | { readonly kind: "location-information" }
  | { readonly kind: "file-store"; readonly name: string }
  | { readonly kind: "archiving" }
  | { readonly kind: "monitoring" }
  | { readonly kind: "persistent-chat" };

export interface RestorePlanOptions {
  /** How Persistent Chat was backed up. Default: `export`. */
  readonly persistentChat?: PersistentChatMethod;
  /** The posture home, for the commands that bring the files back. Default: the usual one. */
  readonly home?: string;
  /** The directory store, for the same commands, where the schedules have no jobs any more. Default: their jobs' own. */
  readonly store?: string;
  /** A share that both SQL Servers of a mirror can write. Default: none; setting up a mirror is then a step by hand. */
  readonly mirrorShare?: string;
  /** Users whose contacts were rolled back from the unified contact store after the set was taken. Default: none. */
  readonly rolledBackUsers?: readonly string[];
  /** When Active Directory was backed up last. Default: not known, and the plan warns. */
  readonly activeDirectoryBackedUpAt?: Date;
  /** How far parts of the set may lie apart, and Active Directory from the set. Default: no limit. */
  readonly maxSkewMilliseconds?: number;
}

/** Every failure that a deployment can have, the whole first. */
export function listFailures(topology: Topology): readonly Failure[] {
  const pools = listPools(topology);
  const enterprise = pools.filter((pool) => pool.edition === "enterprise");
  const { archiving, monitoring, persistentChat } = topology;
  return [
    { kind: "everything" },
    { kind: "central-management-store" },
    ...pools
      .filter((pool) => pool.edition === "standard")
      .map(({ fqdn }) => ({ kind: "standard-edition-server", server: fqdn }) as const),
    ...enterprise.flatMap(({ fqdn, backEnd }) =>
      backEnd.mirror === undefined
        ? [{ kind: "back-end", pool: fqdn } as const]
        : ([
            { kind: "back-end", pool: fqdn },
            { kind: "mirror-primary", pool: fqdn },
            { kind: "mirror", pool: fqdn },
          ] as const),
    ),
    ...enterprise.map(({ fqdn }) => ({ kind: "pool", pool: fqdn }) as const),
    ...singleServers(topology).map((server) => ({ kind: "server", server }) as const),
    ...pools.map(({ fqdn }) => ({ kind: "user-data", pool: fqdn }) as const),
    ...pools
      .filter((pool) => pool.responseGroups)
      .map(({ fqdn }) => ({ kind: "response-groups", pool: fqdn }) as const),
    ...(topology.enhanced911 ? [{ kind: "location-information" } as const] : []),
    ...Object.keys(topology.fileStores).map((name) => ({ kind: "file-store", name }) as const),
    ...(archiving.kind === "sql" ? [{ kind: "archiving" } as const] : []),
    ...(monitoring.kind === "sql" ? [{ kind: "monitoring" } as const] : []),
    ...(persistentChat.kind === "sql" ? [{ kind: "persistent-chat" } as const] : []),
  ];
}

/**
 * The ordered plan to restore a deployment, or a part of it, after a failure, from one recovery set. What the set lacks is named among
 * the warnings, and has no step.
 *
 * @throws RangeError when the topology has nothing that could fail so.
 */
export function planRestore(
  topology: Topology,
  failure: Failure,
  set: RecoverySetView,
  options: RestorePlanOptions = {},
): RestorePlan {
  if (!listFailures(topology).some((possible) => describeFailure(possible) === describeFailure(failure)))
    throw new RangeError(`this topology cannot lose ${describeFailure(failure)}: it has none`);
  const context: PlanContext = {
    topology,
    set,
    home: options.home ?? null,
    store: options.store ?? null,
    parts: listBackupParts(topology, options.persistentChat ?? "export"),
    mirrorShare: options.mirrorShare ?? null,
    rolledBackUsers: options.rolledBackUsers ?? [],
  };
  const steps = planSteps(context, failure);
  return {
    format: 1,
    title: `Restore after the loss of ${describeFailure(failure)}`,
    recoverySet: { id: set.id, startedAt: set.startedAt.toISOString() },
    preconditions: [...preconditions],
    warnings: [
      ...describeMissing(context, failure, steps),
      ...warnOfSkew(set, options),
      ...warnOfActiveDirectory(set, options),
    ],
    steps: [...bringBackFiles(context, steps), ...steps],
  };
}

/** A failure as it is typed: its kind, and, where there is one, its subject: `back-end:pool01.contoso.com`. */
export function formatFailure(failure: Failure): string {
  const subject = Object.entries(failure).find(([key]) => key !== "kind");
  return subject === undefined ? failure.kind : `${failure.kind}:${subject[1]}`;
}

/** The failure of a topology that was typed; undefined: it has none of that name. */
export function findFailure(topology: Topology, typed: string): Failure | undefined {
  return listFailures(topology).find((failure) => formatFailure(failure).toLowerCase() === typed.toLowerCase());
}

/** A failure in words, as a sentence goes on after "the loss of". */
export function describeFailure(failure: Failure): string {
  switch (failure.kind) {
    case "everything":
      return "the whole deployment";
    case "central-management-store":
      return "the Central Management store";
    case "standard-edition-server":
      return `Standard Edition server ${failure.server.toLowerCase()}`;
    case "back-end":
      return `the whole Back End of ${failure.pool.toLowerCase()}`;
    case "mirror-primary":
      return `the primary half of the mirrored Back End of ${failure.pool.toLowerCase()}`;
    case "mirror":
      return `the mirror half of the mirrored Back End of ${failure.pool.toLowerCase()}`;
    case "pool":
      return `pool ${failure.pool.toLowerCase()}`;
    case "server":
      return `server ${failure.server.toLowerCase()}`;
    case "user-data":
      return `user data of ${failure.pool.toLowerCase()}`;
    case "response-groups":
      return `Response Groups of ${failure.pool.toLowerCase()}`;
    case "location-information":
      return "location information";
    case "file-store":
      return `file store ${failure.name}`;
    case "archiving":
      return "the Archiving database";
    case "monitoring":
      return "the Monitoring databases";
    case "persistent-chat":
      return "Persistent Chat's content";
  }
}

function planSteps(context: PlanContext, failure: Failure): readonly PlanStep[] {
  const steps = planRole(context, failure);
  return withoutRepetition([...steps, ...rollBack(context, steps)]);
}

function planRole(context: PlanContext, failure: Failure): readonly PlanStep[] {
  const { topology } = context;
  switch (failure.kind) {
    case "everything":
      return planEverything(context);
    case "central-management-store":
      return [...restoreCentralManagementStore(context), ...restoreLocationInformation(context)];
    case "standard-edition-server":
      return planStandardEdition(context, findPool(topology, failure.server));
    case "back-end":
      return planBackEnd(context, findPool(topology, failure.pool));
    case "mirror-primary":
      return replacePrimary(context, findPool(topology, failure.pool));
    case "mirror":
      return replaceMirror(context, findPool(topology, failure.pool));
    case "pool":
      return planPool(context, findPool(topology, failure.pool));
    case "server":
      return [
        ...buildComputers(context, [failure.server.toLowerCase()], { sql: false }),
        ...reinstallComponents(context, [failure.server.toLowerCase()]),
      ];
    case "user-data":
      return restoreUserData(context, findPool(topology, failure.pool));
    case "response-groups":
      return restoreResponseGroups(context, findPool(topology, failure.pool));
    case "location-information":
      return restoreLocationInformation(context);
    case "file-store":
      return restoreFileStore(context, failure.name);
    case "archiving":
      return restoreReporting(context, ["LcsLog"]);
    case "monitoring":
      return restoreReporting(context, ["LcsCDR", "QoEMetrics"]);
    case "persistent-chat":
      return restorePersistentChat(context);
  }
}

/** The order of the restoration table. */
function planEverything(context: PlanContext): readonly PlanStep[] {
  const { topology } = context;
  const pools = listPools(topology);
  const instances = Object.values(topology.sqlInstances);
  const sqlServers = instances.flatMap(({ server, mirror }) => [
    server,
    ...(mirror === undefined ? [] : [mirror.server]),
  ]);
  const standard = pools.filter((pool) => pool.edition === "standard").map(({ fqdn }) => fqdn);
  return [
    ...buildComputers(context, [...new Set([...sqlServers, ...standard])], { sql: true }),
    ...buildComputers(context, singleServers(topology), { sql: false }),
    ...Object.keys(topology.fileStores).flatMap((name) => restoreFileStore(context, name)),
    ...restoreCentralManagementStore(context),
    ...instances.map((instance) => createDatabases(context, instance)),
    ...pools.flatMap((pool) => setUpMirror(context, pool)),
    ...reinstallComponents(context, [...standard, ...singleServers(topology)]),
    ...restoreLocationInformation(context),
    ...pools.flatMap((pool) => restoreUserData(context, pool)),
    ...pools.flatMap((pool) => restoreResponseGroups(context, pool)),
    ...restoreReporting(context, ["LcsLog", "LcsCDR", "QoEMetrics"]),
    ...restorePersistentChat(context),
  ];
}

function planStandardEdition(context: PlanContext, pool: Pool): readonly PlanStep[] {
  return [
    ...buildComputers(context, [pool.fqdn], { sql: true }),
    ...fileStoresOn(context.topology, pool.fqdn).flatMap((name) => restoreFileStore(context, name)),
    ...(pool.hostsCentralManagementStore ? restoreCentralManagementStore(context) : []),
    ...reinstallComponents(context, [pool.fqdn]),
    ...restoreContent(context, pool),
  ];
}

function planBackEnd(context: PlanContext, pool: Pool): readonly PlanStep[] {
  const { server, mirror } = pool.backEnd;
  return [
    ...buildComputers(context, [server, ...(mirror === undefined ? [] : [mirror.server])], { sql: true }),
    ...(pool.hostsCentralManagementStore ? restoreCentralManagementStore(context) : []),
    createDatabases(context, pool.backEnd),
    ...setUpMirror(context, pool),
    ...restoreContent(context, pool),
  ];
}

/** The Back End first, then each Front End Server, then what the pool holds. */
function planPool(context: PlanContext, pool: Pool): readonly PlanStep[] {
  const { server, mirror } = pool.backEnd;
  return [
    ...buildComputers(context, [server, ...(mirror === undefined ? [] : [mirror.server])], { sql: true }),
    ...buildComputers(context, pool.frontEnds, { sql: false }),
    ...restoreFileStore(context, pool.fileStore),
    ...(pool.hostsCentralManagementStore ? restoreCentralManagementStore(context) : []),
    createDatabases(context, pool.backEnd),
    ...setUpMirror(context, pool),
    ...reinstallComponents(context, pool.frontEnds),
    ...restoreContent(context, pool),
  ];
}

/** What a pool holds, and what lies beside it on its instance. */
function restoreContent(context: PlanContext, pool: Pool): readonly PlanStep[] {
  const collocated = databasesOn(context.topology, pool.backEnd);
  return [
    ...(pool.hostsCentralManagementStore ? restoreLocationInformation(context) : []),
    ...restoreUserData(context, pool),
    ...restoreResponseGroups(context, pool),
    ...restoreDatabases(
      context,
      collocated.filter(({ name }) => !name.startsWith("mgc")),
    ),
    ...(collocated.some(({ name }) => name.startsWith("mgc")) ? restorePersistentChat(context) : []),
  ];
}

function setUpMirror(context: PlanContext, pool: Pool): readonly PlanStep[] {
  return pool.backEnd.mirror === undefined ? [] : [addMirror(context, pool, pool.backEnd, pool.backEnd.mirror)];
}

function restoreReporting(context: PlanContext, names: readonly Database["name"][]): readonly PlanStep[] {
  return restoreDatabases(
    context,
    listDatabases(context.topology).filter(({ name }) => names.includes(name)),
  );
}

/** Contacts that were rolled back since: the second of the two scenarios of the unified contact store. */
function rollBack(context: PlanContext, steps: readonly PlanStep[]): readonly PlanStep[] {
  const importsUserData = steps.some(({ id }) => id.startsWith("import-user-data-"));
  if (!importsUserData || !context.topology.exchange.unifiedContactStore) return [];
  const scenario = catalogue.contactStoreScenarios.find(({ id }) => id === "rolled-back-since-backup");
  if (scenario === undefined) return [];
  const users = context.rolledBackUsers;
  return [
    toStep(context, {
      id: "roll-back-contacts",
      title: "Roll contacts back for users whom the recovery set still has in the unified contact store",
      row: null,
      commands: users.map(rollBackContacts),
      instructions: [
        scenario.situation,
        scenario.effect,
        ...(users.length > 0 || scenario.action === null ? [] : [scenario.action]),
      ],
      permissions: ["RTCUniversalServerAdmins"],
      before: [
        {
          text: "The user-services policy of these users no longer allows the unified contact store: otherwise their contacts return to Exchange within seven days.",
        },
      ],
      repeatable: true,
    }),
  ];
}

function bringBackFiles(context: PlanContext, steps: readonly PlanStep[]): readonly PlanStep[] {
  const read = new Set(steps.flatMap(({ reads }) => reads));
  const parts = context.set.parts.filter(({ name }) => read.has(name));
  if (parts.length === 0) return [];
  const { folder, id } = context.set;
  return [
    toStep(context, {
      id: "bring-back-files",
      title: `Bring what is needed of recovery set ${id} to ${folder}`,
      row: null,
      ownCommands: parts.map(({ name, schedule, point }) => [
        "backup-posture",
        ...(context.home === null ? [] : ["--home", context.home]),
        "restore",
        schedule,
        ...(context.store === null ? [] : ["--store", context.store]),
        "--point",
        point,
        "--to",
        joinPath(folder, name),
        "--overwrite",
      ]),
      permissions: ["local-administrator"],
      elevated: false,
      after: [{ text: `${folder} holds a folder for each part, and nothing of another set.` }],
      repeatable: true,
      pitfalls: ["All parts belong together: parts of different times do not fit one another."],
    }),
  ];
}

/** What would be in the plan if the set held everything. */
function describeMissing(context: PlanContext, failure: Failure, steps: readonly PlanStep[]): readonly string[] {
  const all = context.parts.map(({ name }) => ({ name, schedule: "", point: "", startedAt: context.set.startedAt }));
  const whole = planSteps({ ...context, set: { ...context.set, parts: all } }, failure);
  return whole
    .filter((step) => step.reads.length > 0 && !steps.some(({ id }) => id === step.id))
    .map(
      (step) =>
        `Recovery set ${context.set.id} has nothing for: ${step.title}. It stays lost unless another set has it.`,
    );
}

function warnOfSkew({ parts }: RecoverySetView, { maxSkewMilliseconds: limit }: RestorePlanOptions): readonly string[] {
  const times = parts.map(({ startedAt }) => startedAt.getTime());
  const skew = Math.max(...times) - Math.min(...times);
  if (limit === undefined || parts.length < 2 || skew <= limit) return [];
  return [
    `The parts of the recovery set were taken ${formatMilliseconds(skew)} apart, more than the ${formatMilliseconds(limit)} allowed: they may not fit one another.`,
  ];
}

function warnOfActiveDirectory(set: RecoverySetView, options: RestorePlanOptions): readonly string[] {
  const { activeDirectoryBackedUpAt: backedUpAt, maxSkewMilliseconds: limit } = options;
  if (backedUpAt === undefined)
    return [
      "It is not known when Active Directory was backed up: SIP URIs, contact objects and pointers may not fit the recovery set.",
    ];
  const distance = Math.abs(backedUpAt.getTime() - set.startedAt.getTime());
  if (limit === undefined || distance <= limit) return [];
  return [
    `Active Directory was backed up ${formatMilliseconds(distance)} ${backedUpAt < set.startedAt ? "before" : "after"} the recovery set, more than the ${formatMilliseconds(limit)} allowed: SIP URIs, contact objects and pointers may not fit.`,
  ];
}

const preconditions = [
  "Machines are clean or new, under their old fully qualified domain names.",
  "File stores have their old paths, SQL Server its old instance names, DNS its old records.",
  "Computer accounts in Active Directory were not deleted.",
  "Nothing here restores data onto a server that still has a state.",
] as const;

/** The same step is done once, where it is due first. */
function withoutRepetition(steps: readonly PlanStep[]): readonly PlanStep[] {
  return steps.filter((step, index) => steps.findIndex(({ id }) => id === step.id) === index);
}

/** Computers that hold no data of their own. */
function singleServers(topology: Topology): readonly string[] {
  const { persistentChat } = topology;
  const standard = Object.keys(topology.standardEditionServers);
  const servers = [
    ...listPools(topology)
      .filter((pool) => pool.edition === "enterprise")
      .flatMap((pool) => pool.frontEnds),
    ...(persistentChat.kind === "sql" ? persistentChat.servers : []),
    ...topology.mediationServers,
    ...topology.directors,
    ...topology.edgeServers,
  ];
  return servers.filter((server) => !standard.includes(server));
}

function fileStoresOn(topology: Topology, server: string): readonly string[] {
  return Object.entries(topology.fileStores)
    .filter(([, { path }]) => path.toLowerCase().startsWith(`\\\\${server}\\`))
    .map(([name]) => name);
}
