import type { PlanCheck, PlanCommand, PlanStep } from "../../restore/plan";
import { type BackupPart, restoredPath } from "../backup-parts";
import { type PermissionId, permission, type RestorationStepId, restorationStep } from "../catalogue";
import { type Command, displayArguments, displayCommand, readCopyOutcome, toArgumentArray } from "../commands";
import { listPools, type Pool, type Topology } from "../topology";

/** The recovery set that a plan restores from, as it lies ready to be read. */
export interface RecoverySetView {
  readonly id: string;
  readonly startedAt: Date;
  /** The absolute path of the folder to which its parts are restored, each to a folder of its name. */
  readonly folder: string;
  readonly parts: readonly StoredPart[];
}

/** One recovery point of a set. */
export interface StoredPart {
  /** The part's name, which is also its source's. */
  readonly name: string;
  /** The id of the schedule that took it. */
  readonly schedule: string;
  readonly point: string;
  /** When its capture began. */
  readonly startedAt: Date;
}

/** What the steps of a plan are made from. */
export interface PlanContext {
  readonly topology: Topology;
  readonly set: RecoverySetView;
  /** Everything that a complete set of this deployment has. */
  readonly parts: readonly BackupPart[];
  /** The posture home, and the directory store, where the files are to be looked for in others than the usual ones. */
  readonly home: string | null;
  readonly store: string | null;
  /** A share that both SQL Servers of a mirror can write; null: none is known. */
  readonly mirrorShare: string | null;
  /** SIP addresses of users whose contacts were rolled back from the unified contact store after the set was taken. */
  readonly rolledBackUsers: readonly string[];
}

/** What a step is, beyond the row of the catalogue that it follows. */
export interface StepFacts {
  readonly id: string;
  readonly title: string;
  readonly row: RestorationStepId | null;
  readonly commands?: readonly Command[];
  /** Commands of our own command line, as argument arrays. */
  readonly ownCommands?: readonly (readonly [string, ...string[]])[];
  readonly instructions?: readonly string[];
  readonly computer?: string | null;
  readonly permissions: readonly PermissionId[];
  readonly elevated?: boolean;
  readonly before?: readonly PlanCheck[];
  readonly after?: readonly PlanCheck[];
  readonly destroys?: string;
  readonly reads?: readonly string[];
  readonly repeatable?: boolean;
  readonly pitfalls?: readonly string[];
}

/** A step of a plan, with the catalogue's notes on its row among its pitfalls. */
export function toStep(context: PlanContext, facts: StepFacts): PlanStep {
  const commands = [
    ...(facts.ownCommands ?? []).map(toOwnCommand),
    ...(facts.commands ?? []).map((command) => toPlanCommand(context, command)),
  ];
  return {
    id: facts.id,
    title: facts.title,
    kind: commands.length === 0 ? "manual" : "automated",
    commands,
    instructions: [...(facts.instructions ?? [])],
    computer: facts.computer ?? null,
    permissions: facts.permissions.map((id) => permission(id).title),
    elevated: facts.elevated ?? true,
    before: [...(facts.before ?? [])],
    after: [...(facts.after ?? [])],
    destroys: facts.destroys ?? null,
    reads: [...(facts.reads ?? [])],
    repeatable: facts.repeatable ?? false,
    pitfalls: [...(facts.row === null ? [] : restorationStep(facts.row).notes), ...(facts.pitfalls ?? [])],
  };
}

/** A check that a command answers. */
export function checkBy(context: PlanContext, text: string, command: Command): PlanCheck {
  const { display, arguments: commandArguments } = toPlanCommand(context, command);
  return { text, command: { display, arguments: commandArguments } };
}

/** The part of the deployment that a predicate picks, with where it lies; null when the set, or the deployment, lacks it. */
export function findPart(
  context: PlanContext,
  matches: (part: BackupPart) => boolean,
): { readonly part: BackupPart; readonly path: string } | null {
  const part = context.parts.find(matches);
  if (part === undefined || !context.set.parts.some(({ name }) => name === part.name)) return null;
  return { part, path: restoredPath(part, context.set.folder) };
}

/** The pool whose computers manage the deployment. */
export function centralPool({ topology }: PlanContext): Pool {
  const pool = listPools(topology).find((candidate) => candidate.hostsCentralManagementStore);
  if (pool === undefined) throw new RangeError("no pool hosts the Central Management store");
  return pool;
}

/** That a file can be used. */
export function fileIsThere(path: string): PlanCheck {
  return { text: `${path} is there, is not empty and opens as a ZIP archive.` };
}

const goodCopyExitCodes = Array.from({ length: 32 }, (_, code) => code).filter(
  (code) => readCopyOutcome(code).succeeded,
);

function toOwnCommand(ownArguments: readonly [string, ...string[]]): PlanCommand {
  return { display: displayArguments(ownArguments), arguments: [...ownArguments], succeedsWith: [0] };
}

function toPlanCommand({ topology }: PlanContext, command: Command): PlanCommand {
  return {
    display: displayCommand(command),
    arguments: [...toArgumentArray(command, topology.product)],
    succeedsWith: command.program === "robocopy" ? goodCopyExitCodes : [0],
  };
}
