import * as pulumi from "@pulumi/pulumi";
import { findViolations } from "../declaration/check";
import type { DeepInput } from "../resource/inputs";
import { RestoreTarget, type RestoreTargetArgs } from "../restore/resource";
import { BackupSchedule, type BackupScheduleArgs } from "../schedule/resource";
import type { Outside } from "../schedule/schema";
import type { ChangeProbe, SourceDeclaration } from "../sources/schema";
import { type Evidence, evidenceByIdSchema, type ProbedEvidence, type Waiver, waiversSchema } from "./assurances";
import { type BackupPart, listBackupParts, type PersistentChatMethod } from "./backup-parts";
import { catalogue, type OutsideRequirementId } from "./catalogue";
import { type CoverageRow, type DeclaredPosture, describeCoverage, judgeCoverage, listUncovered } from "./coverage";
import { listNeededPermissions } from "./permissions-needed";
import { renderRunbook } from "./runbook";
import { defaultTimes, listExpectedFiles, type Tier, tierNames, tierOf, tiers } from "./tiers";
import { adviseOnTopology, parseTopology, type Topology, type TopologyArgs, topologySchema } from "./topology";

/** What every tier's schedule may say for itself; see BackupSchedule for units and defaults. */
export type LyncTierArgs = Partial<
  Pick<
    BackupScheduleArgs,
    | "acknowledgeDataLoss"
    | "copies"
    | "expectedDuration"
    | "grace"
    | "hooks"
    | "keep"
    | "maxSkew"
    | "notify"
    | "onStale"
    | "paused"
    | "rpo"
    | "runOnCreate"
    | "scheduler"
    | "store"
    | "waitFor"
    | "when"
  >
>;

/** The arguments of a LyncBackupPosture. What decides which resources there are is plain; the rest may be outputs. */
export interface LyncBackupPostureArgs {
  /** The deployment; `backup-posture lync discover` writes it. */
  readonly topology: TopologyArgs;
  /** Where recovery points live, for tiers that name no store of their own. */
  readonly store: BackupScheduleArgs["store"];
  /** Absolute path of the posture home. Default: `posture:home`, else the platform's. */
  readonly home?: pulumi.Input<string>;
  /** What holds for every tier that says nothing else. */
  readonly defaults?: LyncTierArgs;
  /**
   * What holds for one tier; `"none"`: it is not backed up. Defaults: settings and file stores at 01:00, user data every six hours, Response Groups
   * at 02:00, Persistent Chat at 03:15. Archiving and Monitoring have none: regulation decides, and without a tier they are uncovered.
   */
  readonly tiers?: Partial<Record<Tier, LyncTierArgs | "none">>;
  /** Paths at which file stores are mounted on the host, by their names in the topology. Default: each is copied by robocopy from its UNC path. */
  readonly mounts?: Readonly<Record<string, pulumi.Input<string>>>;
  /** A folder that both the runner and the service accounts of SQL Server can write; needed where databases are backed up. */
  readonly databases?: { readonly folder: pulumi.Input<string>; readonly folderOnServer?: pulumi.Input<string> };
  /** Default: `export`. By SQL Server it can take up to twenty times the room. */
  readonly persistentChat?: PersistentChatMethod;
  /** The computer that exports location information through a remote session. Default: the one that the runner is on. */
  readonly locationInformationFrom?: string;
  /** FQDN of the runner's computer, whose replica is exported where the Central Management store fails. Default: none is. */
  readonly replica?: string;
  /** Whether changes of settings and of Response Groups since the last backup are told as health. Default: true. */
  readonly afterChange?: boolean;
  /** Evidence of what others back up, by the catalogue's ids. Expired evidence is drift of the settings' schedule. */
  readonly evidence?: Partial<Record<OutsideRequirementId, Evidence | ProbedEvidence>>;
  /** What is knowingly left without a backup, by the catalogue's id, or `id:subject` for one of several. */
  readonly waivers?: Readonly<Record<string, Waiver>>;
  /** How far apart the captures of one set, and Active Directory's backup from the settings, may lie. Default: not judged. */
  readonly maxSkew?: string;
  /** Where restores of each tier are rehearsed, in a folder of its own. Default: there are no drills. */
  readonly restore?: {
    readonly to: pulumi.Input<string>;
    /** Default: `90d`. */
    readonly every?: string;
    readonly scope?: "full" | { readonly sample: number };
  } & Partial<Pick<RestoreTargetArgs, "grace" | "maxRestoreTime" | "onStale" | "runOnCreate" | "waitFor">>;
  /** Whether an uncovered item is an error; otherwise it is a warning. Default: false. */
  readonly strict?: boolean;
}

/** What the account that runs a schedule must have. */
export interface SchedulePermission {
  readonly schedule: string;
  readonly permission: string;
  readonly sources: readonly string[];
}

/**
 * The complete backup posture of a Lync Server or Skype for Business Server deployment: a BackupSchedule for each tier, a RestoreTarget for each
 * where restores are rehearsed, and what becomes of every item that the product's documentation names. Whether evidence and decisions still
 * hold is told as health of the settings' schedule, on its host's clock: nothing here depends on the time of the preview.
 *
 * @example
 * new LyncBackupPosture("lync", {
 *   topology: JSON.parse(readFileSync("topology.json", "utf8")),
 *   store: { kind: "directory", path: "D:\\backup" },
 *   databases: { folder: "\\\\backup01.contoso.com\\handover" },
 *   tiers: { archiving: { when: { cron: "0 4 * * *" }, keep: { yearly: 10 } } },
 * });
 */
export class LyncBackupPosture extends pulumi.ComponentResource {
  /** Each item of the catalogue in each place of the deployment: covered by which schedules, not needed, outside, waived, or uncovered. */
  public readonly coverage: pulumi.Output<readonly CoverageRow[]>;
  /** What the account that runs each schedule must have. */
  public readonly permissions: pulumi.Output<readonly SchedulePermission[]>;
  /** The runbook as Markdown. */
  public readonly runbook: pulumi.Output<string>;
  /** The ids of the schedules by their names, as `backup-posture restore plan --from` takes them. */
  public readonly scheduleIds: pulumi.Output<Readonly<Record<string, string>>>;

  /** @throws Error that names everything that is wrong with the plain arguments, and, under `strict`, everything that is uncovered. */
  constructor(name: string, args: LyncBackupPostureArgs, options?: pulumi.ComponentResourceOptions) {
    super("backup-posture:lync:LyncBackupPosture", name, {}, options);
    const topology = readTopology(name, args);
    const planned = planTiers(name, args, topology);
    const posture = toPosture(args, topology, planned);
    const rows = judgeCoverage(posture, null);
    this.#tellUncovered(name, rows, args.strict ?? false);
    for (const advice of adviseOnTopology(topology)) void pulumi.log.warn(advice, this);
    const schedules = planned.map((tier) => [tier, this.#declareSchedule(args, topology, tier)] as const);
    for (const [tier, schedule] of schedules) this.#declareRestoreTarget(args, tier, schedule);
    this.coverage = pulumi.output<readonly CoverageRow[]>([...rows]);
    this.permissions = pulumi.output<readonly SchedulePermission[]>(planned.flatMap(listPermissions));
    this.runbook = pulumi.output(renderRunbook(posture, rows));
    this.scheduleIds = pulumi.output(Object.fromEntries(schedules.map(([tier, schedule]) => [tier.name, schedule.id])));
    this.registerOutputs({
      coverage: this.coverage,
      permissions: this.permissions,
      runbook: this.runbook,
      scheduleIds: this.scheduleIds,
    });
  }

  #tellUncovered(name: string, rows: readonly CoverageRow[], strict: boolean): void {
    const uncovered = listUncovered(rows).map(describeCoverage);
    if (strict && uncovered.length > 0)
      throw new Error(`${name}: ${uncovered.length} items are uncovered: ${uncovered.join("; ")}`);
    for (const sentence of uncovered) void pulumi.log.warn(sentence, this);
  }

  #declareSchedule(args: LyncBackupPostureArgs, topology: Topology, tier: PlannedTier): BackupSchedule {
    const { store = args.store, maxSkew = args.maxSkew, ...own } = tier.own;
    return new BackupSchedule(
      tier.name,
      {
        ...own,
        home: args.home,
        maxSkew,
        when: tier.when,
        sources: Object.fromEntries(tier.parts.map((part) => [part.name, toSource(args, topology, part)])),
        store,
        afterChange: args.afterChange === false ? undefined : toProbes(topology, tier),
        ...(tier.tier === "settings" ? { outside: toOutside(args) } : {}),
      },
      { parent: this },
    );
  }

  #declareRestoreTarget(args: LyncBackupPostureArgs, tier: PlannedTier, schedule: BackupSchedule): void {
    if (args.restore === undefined) return;
    const { to, every = "90d", scope, ...own } = args.restore;
    const checks = Object.entries(listExpectedFiles(tier.parts)).map(
      ([part, path]) => [part, { kind: "file-present", path }] as const,
    );
    new RestoreTarget(
      `${tier.name}-restore`,
      {
        ...own,
        home: args.home,
        from: { store: tier.own.store ?? args.store, schedule: schedule.id },
        to: pulumi.interpolate`${to}/${tierNames[tier.tier]}`,
        drill: { every, scope, checks: Object.fromEntries(checks) },
      },
      { parent: this },
    );
  }
}

/** One schedule to be. */
interface PlannedTier {
  readonly tier: Tier;
  /** The name of its schedule. */
  readonly name: string;
  readonly parts: readonly BackupPart[];
  readonly when: BackupScheduleArgs["when"];
  readonly own: LyncTierArgs;
}

function readTopology(name: string, { topology, evidence = {}, waivers = {} }: LyncBackupPostureArgs): Topology {
  const violations = [
    ["topology", findViolations(topologySchema, { ...topology })],
    ["evidence", findViolations(evidenceByIdSchema, evidence)],
    ["waivers", findViolations(waiversSchema, { ...waivers })],
  ].flatMap(([property, found]) => (found === undefined ? [] : [`${property}: ${found}`]));
  if (violations.length > 0) throw new Error(`${name}: ${violations.join("; ")}`);
  return parseTopology(topology);
}

function planTiers(name: string, args: LyncBackupPostureArgs, topology: Topology): readonly PlannedTier[] {
  const parts = listBackupParts(topology, args.persistentChat ?? "export");
  return tiers.flatMap((tier): readonly PlannedTier[] => {
    const own = parts.filter((part) => tierOf(part) === tier);
    const declared = args.tiers?.[tier];
    const settings = { ...args.defaults, ...(declared === "none" ? {} : declared) };
    const when = settings.when ?? defaultTimes[tier];
    const wanted = declared !== undefined || defaultTimes[tier] !== null;
    if (own.length === 0 || declared === "none" || !wanted) return [];
    if (when === null)
      throw new Error(`${name}: tiers.${tier}.when: is missing: regulation decides, and nothing is assumed`);
    if (args.databases === undefined && own.some(({ subject }) => subject.kind === "database"))
      throw new Error(`${name}: databases: is missing: SQL Server needs a folder to write the backups of ${tier} into`);
    return [{ tier, name: `${name}-${tierNames[tier]}`, parts: own, when, own: settings }];
  });
}

function toPosture(args: LyncBackupPostureArgs, topology: Topology, planned: readonly PlannedTier[]): DeclaredPosture {
  return {
    topology,
    persistentChat: args.persistentChat ?? "export",
    schedules: planned.map(({ name, parts }) => ({ name, sources: parts.map((part) => part.name) })),
    evidence: { ...args.evidence },
    waivers: { ...args.waivers },
    maxSkewMilliseconds: null,
  };
}

function toSource(
  args: LyncBackupPostureArgs,
  { product }: Topology,
  { subject }: BackupPart,
): DeepInput<SourceDeclaration> {
  switch (subject.kind) {
    case "configuration":
      return { kind: "lync-export", product, export: { kind: subject.kind, replica: args.replica } };
    case "location-information":
      return {
        kind: "lync-export",
        product,
        export: { kind: subject.kind, computer: args.locationInformationFrom },
      };
    case "response-groups":
      return { kind: "lync-export", product, export: { kind: subject.kind, pool: subject.pool } };
    case "user-data":
      return { kind: "lync-export", product, export: { kind: subject.kind, pool: subject.pool } };
    case "persistent-chat-export": {
      const { server, instance } = subject.instance;
      return { kind: "lync-export", product, export: { kind: "persistent-chat", server, instance } };
    }
    case "database": {
      const { name: database, instance: address } = subject.database;
      const { folder, folderOnServer } = args.databases ?? { folder: "" };
      return {
        kind: "sql-server",
        server: address.server,
        edition: address.edition,
        database,
        folder,
        instance: address.instance,
        folderOnServer,
      };
    }
    case "file-store": {
      const path = args.mounts?.[subject.name];
      return path === undefined
        ? { kind: "lync-file-store", path: subject.path }
        : { kind: "file-share", path, workload: "lync" };
    }
  }
}

/** The pages ask for a backup after each change of topology and policies, and of Response Groups. */
function toProbes({ product }: Topology, { tier, parts }: PlannedTier): Record<string, ChangeProbe> | undefined {
  if (tier === "settings") return { settings: { kind: "lync-settings", product } };
  if (tier !== "responseGroups") return undefined;
  return Object.fromEntries(
    parts.flatMap(({ name, subject }) =>
      "pool" in subject ? [[name, { kind: "lync-response-groups" as const, product, pool: subject.pool }]] : [],
    ),
  );
}

/** Everything whose time runs out, as the settings' schedule is to watch it. */
function toOutside({ evidence = {}, waivers = {}, maxSkew }: LyncBackupPostureArgs): Record<string, Outside> {
  const watched: [string, Outside][] = [];
  for (const { id, sameTime } of catalogue.outsideRequirements) {
    const given = evidence[id];
    if (given !== undefined) watched.push([id, { ...watch(given), ...(sameTime ? { within: maxSkew } : {}) }]);
  }
  for (const [item, { until }] of Object.entries(waivers))
    if (until !== undefined) watched.push([nameOfWaiver(item), { kind: "waiver", until }]);
  return Object.fromEntries(watched);
}

function watch(given: Evidence | ProbedEvidence): Outside {
  if (!("command" in given)) return { kind: "evidence", at: given.at, until: given.until };
  return { kind: "probe", command: [...given.command], maxAge: given.maxAge, timeout: given.timeout };
}

/** Subjects may hold characters that names of a schedule's entries may not. */
function nameOfWaiver(item: string): string {
  return `waiver-${item.replace(/[^\w.-]/g, "-")}`.slice(0, 64);
}

function listPermissions({ name, parts }: PlannedTier): readonly SchedulePermission[] {
  return listNeededPermissions(parts).map(({ permission, parts: sources }) => ({
    schedule: name,
    permission: permission.title,
    sources,
  }));
}
