import type { Home } from "../runner/home";
import { findGap, readSealedEvidence, readSetAside } from "./evidence";
import { type EvidenceRecord, isSameRecord, type SealedRecord } from "./evidence-record";
import { verifySignature } from "./evidence-signature";
import { readSinkFolder, type SinkContent } from "./evidence-sink";

/** Against what evidence is verified, beside itself. */
export interface VerificationBasis {
  /** Path of the file with those who may sign, as `ssh-keygen(1)` describes it; null: signatures must be good, whoever made them. */
  readonly allowedSigners: string | null;
  /** Path of the sink's folder; null: none is looked at. */
  readonly sink: string | null;
}

/** What verifying the evidence of one target found. */
export interface EvidenceVerdict {
  readonly id: string;
  readonly records: number;
  /** When the drills of the first and the newest record ended; null where there is none. */
  readonly from: string | null;
  readonly to: string | null;
  /** How many records have a good signature, and who made them, as the file of allowed signers names them. */
  readonly signed: number;
  readonly signers: readonly string[];
  /** How many records the sink holds as they are here; null where none was looked at. */
  readonly inSink: number | null;
  /** What beside the home's own account vouches for the evidence; none: it is self-attested. */
  readonly attestedBy: readonly ("allowed signers" | "sink")[];
  /** Everything that is not as it should be, in sentences without names of users' files; none: it stands as it was written. */
  readonly faults: readonly string[];
}

/**
 * Verifies all evidence of a target: the chain, its signatures, and that the sink holds the same.
 *
 * @throws PostureError `unreachable` where evidence or sink cannot be read, `permanent` where signatures cannot be verified on this host.
 */
export async function verifyEvidence(
  home: Home,
  id: string,
  basis: VerificationBasis,
  signal: AbortSignal,
): Promise<EvidenceVerdict> {
  const { sealed, chain, prunedUpTo } = await readSealedEvidence(home, id);
  const signatures = await verifySignatures(sealed, basis.allowedSigners, signal);
  const sink = basis.sink === null ? null : await readSinkFolder(basis.sink, id);
  const known = [...sealed, ...(sink === null ? [] : await readSetAside(home, id))];
  return describeVerdict(id, sealed, signatures, {
    inSink: sink === null ? null : countSame(sealed, sink),
    faults: [
      ...(chain.state === "ok" ? [] : [chain.why]),
      ...signatures.faults,
      ...(sink === null ? [] : findSinkFaults(sealed, known, sink, prunedUpTo)),
    ],
    basis,
  });
}

/**
 * Verifies what a sink's folder holds by itself: each chain from its first record on, and its signatures. For whoever keeps the sink.
 *
 * @param id of one target only; null: of all.
 */
export async function verifySink(
  path: string,
  id: string | null,
  allowedSigners: string | null,
  signal: AbortSignal,
): Promise<readonly EvidenceVerdict[]> {
  const { records, damaged } = await readSinkFolder(path, id);
  const ids = [...new Set(records.map(({ record }) => record.id))];
  const verdicts: EvidenceVerdict[] = [];
  for (const each of ids) {
    const sealed = records.filter(({ record }) => record.id === each);
    const chains = splitChains(sealed);
    const signatures = await verifySignatures(sealed, allowedSigners, signal);
    const faults = chains.flatMap((chain) => findGap(chain) ?? []);
    verdicts.push(
      describeVerdict(each, sealed, signatures, {
        inSink: sealed.length,
        faults: [...faults, ...signatures.faults],
        basis: { allowedSigners, sink: path },
      }),
    );
  }
  return damaged.length === 0 ? verdicts : [...verdicts, describeDamage(damaged)];
}

/** What became of verifying signatures. */
export interface Signatures {
  /** How many records have a good one. */
  readonly good: number;
  /** Who made those, as the file of allowed signers names them. */
  readonly principals: readonly string[];
  /** What is wrong, each in a sentence that names its record. */
  readonly faults: readonly string[];
}

/**
 * Verifies the signatures of the newest records alone.
 *
 * @throws PostureError `unreachable` where the evidence cannot be read, `permanent` where signatures cannot be verified on this host.
 */
export async function verifyNewest(
  home: Home,
  id: string,
  count: number,
  allowedSigners: string,
  signal: AbortSignal,
): Promise<Signatures> {
  const { sealed } = await readSealedEvidence(home, id);
  return verifySignatures(sealed.slice(-count), allowedSigners, signal);
}

/**
 * Where it is said who may sign, the newest record must be signed, and each that follows a signed one: what is older is held by the chain.
 */
async function verifySignatures(
  sealed: readonly SealedRecord[],
  allowedSigners: string | null,
  signal: AbortSignal,
): Promise<Signatures> {
  const principals = new Set<string>();
  const faults: string[] = [];
  let good = 0;
  for (const each of sealed) {
    const { record } = each;
    if (record.signer === undefined) {
      const isLast = each === sealed.at(-1);
      if (allowedSigners !== null && (good > 0 || isLast)) faults.push(`record ${record.sequence}: it is not signed`);
      continue;
    }
    const verdict = await verifySignature(each, allowedSigners, signal);
    if (!verdict.good) {
      faults.push(`record ${record.sequence}: ${verdict.why}`);
      continue;
    }
    good += 1;
    if (verdict.principal !== null) principals.add(verdict.principal);
  }
  return { good, principals: [...principals], faults };
}

/**
 * A sink holds all that is here, byte for byte, and nothing that is not: records that somebody has taken away here are still there.
 *
 * @param known beside those in the chain, also records that were set aside.
 */
function findSinkFaults(
  sealed: readonly SealedRecord[],
  known: readonly SealedRecord[],
  sink: SinkContent,
  prunedUpTo: number,
): readonly string[] {
  const here = new Set(known.map(({ record }) => record.digest));
  const gone = sink.records.filter(({ record }) => !here.has(record.digest) && record.sequence > prunedUpTo);
  const absent = sealed.length - countSame(sealed, sink);
  const faults: string[] = [];
  if (gone.length > 0)
    faults.push(
      `the sink holds ${countRecords(gone.length)} of ${describeTimes(gone.map(({ record }) => record))} that ${gone.length === 1 ? "is" : "are"} not here`,
    );
  if (absent > 0)
    faults.push(`the sink does not hold ${countRecords(absent)} as ${absent === 1 ? "it is" : "they are"} here`);
  if (sink.damaged.length > 0)
    faults.push(`${countRecords(sink.damaged.length)} of the sink ${sink.damaged.length === 1 ? "is" : "are"} damaged`);
  return faults;
}

function countSame(sealed: readonly SealedRecord[], sink: SinkContent): number {
  const there = new Map(sink.records.map((each) => [each.record.digest, each]));
  return sealed.filter((each) => {
    const found = there.get(each.record.digest);
    return found !== undefined && isSameRecord(found, each);
  }).length;
}

/** A chain that was begun anew stands beside the one before it: each record belongs to that of the record it names. */
function splitChains(sealed: readonly SealedRecord[]): readonly (readonly SealedRecord[])[] {
  const chains: SealedRecord[][] = [];
  for (const each of sealed) {
    const chain = chains.find((candidate) => candidate.at(-1)?.record.digest === each.record.previous);
    if (chain === undefined) chains.push([each]);
    else chain.push(each);
  }
  return chains;
}

function describeVerdict(
  id: string,
  sealed: readonly SealedRecord[],
  signatures: Signatures,
  found: { readonly inSink: number | null; readonly faults: readonly string[]; readonly basis: VerificationBasis },
): EvidenceVerdict {
  const { inSink, faults, basis } = found;
  const records = sealed.map(({ record }) => record);
  const isAll = (count: number | null) => count === records.length && count > 0;
  return {
    id,
    records: records.length,
    from: records[0]?.endedAt ?? null,
    to: records.at(-1)?.endedAt ?? null,
    signed: signatures.good,
    signers: signatures.principals,
    inSink,
    attestedBy: [
      ...(basis.allowedSigners !== null && signatures.good > 0 && signatures.faults.length === 0
        ? (["allowed signers"] as const)
        : []),
      ...(isAll(inSink) && faults.length === 0 ? (["sink"] as const) : []),
    ],
    faults,
  };
}

function describeDamage(damaged: readonly string[]): EvidenceVerdict {
  return {
    id: "",
    records: 0,
    from: null,
    to: null,
    signed: 0,
    signers: [],
    inSink: 0,
    attestedBy: [],
    faults: damaged.map((name) => `${name}: holds no whole record`),
  };
}

function describeTimes(records: readonly EvidenceRecord[]): string {
  const times = records.map(({ endedAt }) => endedAt).sort();
  const [first = ""] = times;
  const last = times.at(-1) ?? first;
  return first === last ? first : `${first} to ${last}`;
}

function countRecords(count: number): string {
  return `${count} ${count === 1 ? "record" : "records"}`;
}
