import { formatInstant } from "../platform/clock";
import { formatMilliseconds } from "../platform/durations";
import type { Evidence, ProbedEvidence, Waiver } from "./assurances";
import { type BackupPart, listBackupParts, type PersistentChatMethod } from "./backup-parts";
import {
  type BackupItem,
  type BackupItemId,
  catalogue,
  type OutsideRequirement,
  type OutsideRequirementId,
  type TransientData,
} from "./catalogue";
import { listPools, type Topology } from "./topology";

/** A schedule as far as coverage goes. */
export interface CoveringSchedule {
  readonly name: string;
  /** Names of its sources: the names of the parts that it backs up. */
  readonly sources: readonly string[];
}

/** All that is declared about a deployment's backups. */
export interface DeclaredPosture {
  readonly topology: Topology;
  readonly persistentChat: PersistentChatMethod;
  readonly schedules: readonly CoveringSchedule[];
  readonly evidence: Readonly<Record<string, Evidence | ProbedEvidence>>;
  readonly waivers: Readonly<Record<string, Waiver>>;
  /** How far Active Directory's backup may be from the recovery set; null: not said. */
  readonly maxSkewMilliseconds: number | null;
}

/** What is true of one item of the catalogue, in one place of the deployment. */
export interface CoverageRow {
  readonly item: string;
  readonly title: string;
  /** The pool, database or file store; null where there is only one, or none. */
  readonly subject: string | null;
  readonly state: CoverageState;
  /** What a reviewer should know, whatever the state. */
  readonly warnings: readonly string[];
}

export type CoverageState =
  | { readonly kind: "covered"; readonly by: readonly string[] }
  | { readonly kind: "not-needed"; readonly because: string }
  | { readonly kind: "outside"; readonly evidence: string; readonly at: string; readonly until: string }
  | { readonly kind: "waived"; readonly by: string; readonly reason: string; readonly until: string | null }
  | { readonly kind: "uncovered"; readonly why: string };

/**
 * What becomes of every item of the catalogue in a deployment: each has at least one row.
 *
 * @param moment the present, by which evidence and waivers expire; null: whether they have is not judged here, since what a program says
 * must not depend on when it runs.
 * @param setStartedAt when the newest recovery set was begun; null: not known, and Active Directory's distance to it is not judged.
 */
export function judgeCoverage(
  posture: DeclaredPosture,
  moment: Date | null,
  setStartedAt: Date | null = null,
): readonly CoverageRow[] {
  const parts = listBackupParts(posture.topology, posture.persistentChat);
  return [
    ...catalogue.backupItems.flatMap((item) => judgeBackupItem(posture, item, parts, moment)),
    ...catalogue.transientData.map((item) => judgeTransientData(posture, item, parts, moment)),
    ...catalogue.outsideRequirements.map((item) => judgeOutside(posture, item, moment, setStartedAt)),
  ];
}

/** The rows that leave something without a backup, or that nobody stands for any more. */
export function listUncovered(rows: readonly CoverageRow[]): readonly CoverageRow[] {
  return rows.filter(({ state }) => state.kind === "uncovered");
}

/** A row in one sentence. */
export function describeCoverage({ title, subject, state }: CoverageRow): string {
  return `${title}${subject === null ? "" : ` (${subject})`}: ${describeState(state)}`;
}

/** A state in words, as they follow a colon. */
export function describeState(state: CoverageState): string {
  switch (state.kind) {
    case "covered":
      return `covered by ${state.by.join(", ")}`;
    case "not-needed":
      return `not needed: ${state.because}`;
    case "outside":
      return `outside, of ${state.at}, until ${state.until}: ${state.evidence}`;
    case "waived":
      return `waived by ${state.by}${state.until === null ? "" : ` until ${state.until}`}: ${state.reason}`;
    case "uncovered":
      return `uncovered: ${state.why}`;
  }
}

function judgeBackupItem(
  posture: DeclaredPosture,
  item: BackupItem,
  parts: readonly BackupPart[],
  moment: Date | null,
): readonly CoverageRow[] {
  const own = parts.filter(({ covers }) => covers.includes(item.id));
  if (own.length === 0) return [row(item, null, { kind: "not-needed", because: whyAbsent(posture.topology, item.id) })];
  return own.map((part) => {
    const subject = subjectOf(part);
    return row(item, subject, judgePart(posture, part, item.id, subject, moment));
  });
}

function judgeTransientData(
  posture: DeclaredPosture,
  item: TransientData,
  parts: readonly BackupPart[],
  moment: Date | null,
): CoverageRow {
  const part = parts.find(({ covers }) => covers.includes(item.id));
  if (part !== undefined) {
    const state = judgePart(posture, part, item.id, null, moment);
    return row(item, null, state, ["No adapter reads the compliance database: it holds what exists nowhere else."]);
  }
  const { persistentChat } = posture.topology;
  if (item.condition === null) return row(item, null, { kind: "not-needed", because: item.reason });
  if (persistentChat.kind === "not-deployed")
    return row(item, null, { kind: "not-needed", because: "Persistent Chat is not deployed." });
  if (persistentChat.compliance === "off")
    return row(item, null, { kind: "not-needed", because: "Compliance of Persistent Chat is off." });
  return row(item, null, {
    kind: "not-needed",
    because: `Transient: the ${persistentChat.compliance} adapter reads it and converts it to another format.`,
  });
}

function judgeOutside(
  posture: DeclaredPosture,
  item: OutsideRequirement,
  moment: Date | null,
  setStartedAt: Date | null,
): CoverageRow {
  const evidence = posture.evidence[item.id];
  if (evidence !== undefined && "command" in evidence)
    return row(item, null, {
      kind: "outside",
      evidence: evidence.what,
      at: "what its probe tells",
      until: `${evidence.maxAge} after that`,
    });
  if (evidence !== undefined && holds(evidence, moment))
    return row(
      item,
      null,
      { kind: "outside", evidence: evidence.what, at: evidence.at, until: evidence.until },
      item.sameTime ? judgeDistance(posture, evidence, setStartedAt) : [],
    );
  const waiver = findWaiver(posture, item.id, null, moment);
  if (waiver.state !== null) return row(item, null, waiver.state);
  const absent = whyNotRequired(posture.topology, item.id);
  if (absent !== null) return row(item, null, { kind: "not-needed", because: absent });
  if (evidence === undefined && item.need === "optional")
    return row(item, null, { kind: "not-needed", because: `Optional. ${item.notes.join(" ")}` });
  return row(item, null, { kind: "uncovered", why: waiver.fault ?? describeNoEvidence(evidence, moment) });
}

function holds({ at, until }: Evidence, moment: Date | null): boolean {
  return moment === null || (new Date(until) > moment && new Date(at) <= moment);
}

function describeNoEvidence(evidence: Evidence | undefined, moment: Date | null): string {
  if (evidence === undefined) return "nobody has given evidence of its backup";
  if (moment !== null && new Date(evidence.at) > moment) return `its evidence is of the future, ${evidence.at}`;
  return `its evidence expired at ${evidence.until}`;
}

/** Active Directory must be of the same time as the set, or its contact objects and SIP URIs do not fit. */
function judgeDistance(
  { maxSkewMilliseconds: limit }: DeclaredPosture,
  evidence: Evidence,
  setStartedAt: Date | null,
): readonly string[] {
  if (setStartedAt === null || limit === null) return [];
  const distance = new Date(evidence.at).getTime() - setStartedAt.getTime();
  if (Math.abs(distance) <= limit) return [];
  return [
    `Backed up ${formatMilliseconds(Math.abs(distance))} ${distance < 0 ? "before" : "after"} the recovery set of ${formatInstant(setStartedAt)}; maxSkew is ${formatMilliseconds(limit)}.`,
  ];
}

function judgePart(
  posture: DeclaredPosture,
  part: BackupPart,
  id: string,
  subject: string | null,
  moment: Date | null,
): CoverageState {
  const by = posture.schedules.filter(({ sources }) => sources.includes(part.name)).map(({ name }) => name);
  if (by.length > 0) return { kind: "covered", by };
  const waiver = findWaiver(posture, id, subject, moment);
  return waiver.state ?? { kind: "uncovered", why: waiver.fault ?? "no schedule backs it up" };
}

/** The waiver for one subject goes before that for all of them. */
function findWaiver(
  { waivers }: DeclaredPosture,
  id: string,
  subject: string | null,
  moment: Date | null,
): { readonly state: CoverageState | null; readonly fault: string | null } {
  const waiver = (subject === null ? undefined : waivers[`${id}:${subject}`]) ?? waivers[id];
  if (waiver === undefined) return { state: null, fault: null };
  if (waiver.until !== undefined && moment !== null && new Date(waiver.until) <= moment)
    return { state: null, fault: `the waiver by ${waiver.by} expired at ${waiver.until}` };
  const { by, reason, until = null } = waiver;
  return { state: { kind: "waived", by, reason, until }, fault: null };
}

function whyAbsent({ archiving }: Topology, id: BackupItemId): string {
  switch (id) {
    case "location-information":
      return "Enhanced 9-1-1 is not used.";
    case "response-groups":
      return "No pool has Response Groups.";
    case "archiving":
      return archiving.kind === "exchange"
        ? "It is kept in Exchange: see archiving data in Exchange."
        : "Archiving is not deployed.";
    case "archiving-file-store":
      return archiving.kind === "sql"
        ? "Archiving has no file store of its own."
        : "Archiving in SQL Server is not deployed.";
    case "monitoring-cdr":
    case "monitoring-qoe":
      return "Monitoring is not deployed.";
    case "persistent-chat":
    case "persistent-chat-file-store":
      return "Persistent Chat is not deployed.";
    case "topology":
    case "user-data":
    case "lync-file-store":
      return "The topology has none.";
  }
}

/** Null: it is required, or optional. */
function whyNotRequired(topology: Topology, id: OutsideRequirementId): string | null {
  switch (id) {
    case "pstn-gateways":
      return topology.gateways.length === 0 ? "There are no gateways." : null;
    case "coexisting-versions":
      return topology.coexistingVersions.length === 0 ? "No earlier version coexists." : null;
    case "exchange":
      return usesExchange(topology) ? null : "Nothing is kept in Exchange, and Unified Messaging is not used.";
    case "high-definition-photos":
      return topology.exchange.highDefinitionPhotos ? null : "High definition photos are not used.";
    case "unified-contact-store":
      return topology.exchange.unifiedContactStore ? null : "The unified contact store is not used.";
    case "exchange-archiving":
      return topology.archiving.kind === "exchange" ? null : "Archiving data is not kept in Exchange.";
    case "application-audio":
      return listPools(topology).some((pool) => pool.applicationAudio)
        ? null
        : "No pool has audio files or Call Park settings of its own.";
    case "operations-manager":
      return topology.operationsManager ? null : "System Center Operations Manager does not monitor the deployment.";
    case "active-directory":
    case "certificates":
    case "infrastructure":
      return null;
  }
}

function usesExchange({ exchange, archiving }: Topology): boolean {
  return Object.values(exchange).some(Boolean) || archiving.kind === "exchange";
}

function subjectOf({ subject }: BackupPart): string | null {
  switch (subject.kind) {
    case "response-groups":
    case "user-data":
      return subject.pool;
    case "file-store":
      return subject.name;
    case "configuration":
    case "location-information":
    case "persistent-chat-export":
    case "database":
      return null;
  }
}

function row(
  { id, title }: { readonly id: string; readonly title: string },
  subject: string | null,
  state: CoverageState,
  warnings: readonly string[] = [],
): CoverageRow {
  return { item: id, title, subject, state, warnings };
}
