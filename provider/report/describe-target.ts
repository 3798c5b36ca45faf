import type { Fault } from "../declaration/health";
import { toMilliseconds } from "../platform/durations";
import type { EvidenceRecord } from "../restore/evidence";
import { type ObservedEvidence, observeEvidence } from "../restore/evidence-observation";
import { type Signatures, verifyNewest } from "../restore/evidence-verify";
import type { RestoreTargetDeclaration } from "../restore/schema";
import type { HomeView } from "../runner/home-view";
import type { DrillJob } from "../runner/job";
import type { JobHealth } from "../runner/observe-home";
import type { Drill, TargetReport } from "./model";

const mostDrills = 10;

/** What only a restore target tells of itself. */
type OfTarget = Omit<TargetReport, "id" | "name" | "owner" | "health" | "faults" | "declared">;

/** A restore target, and what is wrong with the signatures of its evidence. */
export interface DescribedTarget {
  readonly own: OfTarget;
  readonly faults: readonly Fault[];
}

/**
 * Describes a restore target, and what its drills have proved. No file is named: the evidence on the host does.
 *
 * @param allowedSigners path of the file with those who may sign; null: signatures are not verified.
 */
export async function describeTarget(
  view: HomeView,
  { id, declaration }: DrillJob,
  { nextDue }: JobHealth,
  allowedSigners: string | null,
): Promise<DescribedTarget> {
  const evidence = await observeEvidence(view.home, id, declaration.evidenceSink, null);
  const { records, chain } = evidence;
  const passed = records.filter(({ verdict }) => verdict === "passed").length;
  const { drill, maxRestoreTime, from, to } = declaration;
  const isSigned = records.slice(-mostDrills).some(({ signer }) => signer !== undefined);
  const signatures =
    allowedSigners === null || !isSigned
      ? null
      : await verifyNewest(view.home, id, mostDrills, allowedSigners, view.signal);
  const own: OfTarget = {
    kind: "target",
    of: from.schedule,
    place: to,
    everyMilliseconds: drill === undefined ? null : toMilliseconds(drill.every),
    limitMilliseconds: maxRestoreTime === undefined ? null : toMilliseconds(maxRestoreTime),
    nextDue,
    passed,
    failed: records.length - passed,
    broken: chain.state === "broken" ? chain.why : (signatures?.faults[0] ?? null),
    attestation: describeAttestation(declaration, evidence, signatures),
    drills: records.slice(-mostDrills).reverse().map(describeDrill),
  };
  return { own, faults: (signatures?.faults ?? []).map(toFault) };
}

function toFault(sentence: string): Fault {
  return {
    kind: "evidence broken",
    sentence: `evidence broken: ${sentence}`,
    remedy: "find out who signed it: backup-posture evidence verify --allowed-signers tells of all records",
    mendedByRun: false,
  };
}

/** Who beside the home's own account vouches for the newest record. Without the keys to trust a signature cannot be verified. */
function describeAttestation(
  { evidenceSink }: RestoreTargetDeclaration,
  { records, undelivered }: ObservedEvidence,
  signatures: Signatures | null,
): string {
  const signer = records.at(-1)?.signer;
  const ways = [
    ...(signer === undefined ? [] : [describeSigner(signer, signatures)]),
    ...(evidenceSink === undefined || undelivered !== null || records.length === 0 ? [] : ["in its sink"]),
  ];
  const late = undelivered === null ? "" : `; not in its sink: ${undelivered}`;
  return `${ways.length === 0 ? "self-attested" : ways.join(", ")}${late}`;
}

function describeSigner(fingerprint: string, signatures: Signatures | null): string {
  if (signatures === null) return `signed by ${fingerprint}, not verified here`;
  return signatures.faults.length === 0
    ? `signed by ${signatures.principals.join(", ")}, verified`
    : `signed by ${fingerprint}, not as it should be`;
}

function describeDrill(record: EvidenceRecord): Drill {
  const { startedAt, endedAt, verdict, message, account, host, files, bytes, compared, digest } = record;
  return {
    startedAt,
    endedAt,
    verdict,
    message,
    account,
    host,
    scope: record.scope === "full" ? "everything" : `${record.scope.sample} files, drawn by ${record.scope.seed}`,
    points: record.points.length,
    files,
    bytes,
    compared,
    differences: record.differences.count,
    checksPassed: record.checks.filter(({ passed }) => passed).length,
    checks: record.checks.length,
    restoreMilliseconds: record.restoreMilliseconds,
    digest,
  };
}
