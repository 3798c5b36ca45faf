import { toMilliseconds } from "../platform/durations";
import type { EvidenceRecord } from "../restore/evidence";
import { type ObservedEvidence, observeEvidence } from "../restore/evidence-observation";
import type { RestoreTargetDeclaration } from "../restore/schema";
import type { HomeView } from "../runner/home-view";
import type { DrillJob } from "../runner/job";
import type { JobHealth } from "../runner/observe-home";
import type { Drill, TargetReport } from "./model";

const mostDrills = 10;

/** What only a restore target tells of itself. */
type OfTarget = Omit<TargetReport, "id" | "name" | "owner" | "health" | "faults" | "declared">;

/** Describes a restore target, and what its drills have proved. No file is named: the evidence on the host does. */
export async function describeTarget(
  view: HomeView,
  { id, declaration }: DrillJob,
  { nextDue }: JobHealth,
): Promise<OfTarget> {
  const evidence = await observeEvidence(view.home, id, declaration.evidenceSink, null);
  const { records, chain } = evidence;
  const passed = records.filter(({ verdict }) => verdict === "passed").length;
  const { drill, maxRestoreTime, from, to } = declaration;
  return {
    kind: "target",
    of: from.schedule,
    place: to,
    everyMilliseconds: drill === undefined ? null : toMilliseconds(drill.every),
    limitMilliseconds: maxRestoreTime === undefined ? null : toMilliseconds(maxRestoreTime),
    nextDue,
    passed,
    failed: records.length - passed,
    broken: chain.state === "broken" ? chain.why : null,
    attestation: describeAttestation(declaration, evidence),
    drills: records.slice(-mostDrills).reverse().map(describeDrill),
  };
}

/** Who beside the home's own account vouches for the newest record; a signature is not verified here, since the keys to trust are not known. */
function describeAttestation(
  { evidenceSink }: RestoreTargetDeclaration,
  { records, undelivered }: ObservedEvidence,
): string {
  const signer = records.at(-1)?.signer;
  const ways = [
    ...(signer === undefined ? [] : [`signed by ${signer}, not verified here`]),
    ...(evidenceSink === undefined || undelivered !== null || records.length === 0 ? [] : ["in its sink"]),
  ];
  const late = undelivered === null ? "" : `; not in its sink: ${undelivered}`;
  return `${ways.length === 0 ? "self-attested" : ways.join(", ")}${late}`;
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
