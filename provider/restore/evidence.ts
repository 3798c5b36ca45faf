import { randomBytes } from "node:crypto";
import { readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { ensureDirectory, syncDirectory, writeFileAtomically } from "../platform/atomic-file";
import { formatInstant, now } from "../platform/clock";
import { isAbsent, PostureError, systemCodeOf } from "../platform/errors";
import type { Home } from "../runner/home";
import { type RunEnded, readJournal } from "../runner/journal";
import {
  type EvidenceFindings,
  type EvidenceRecord,
  hashOf,
  parseExactly,
  parseRecord,
  type SealedRecord,
  seal,
  serialise,
} from "./evidence-record";
import type { Signer } from "./evidence-signature";

export type { EvidenceFindings, EvidenceRecord } from "./evidence-record";

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().min(0);

const headSchema = z.strictObject({
  format: z.literal(1),
  /** The number of the newest record, its digest, and SHA-256 of its signature; absent where it is not signed. */
  count,
  digest: digest.nullable(),
  signature: digest.optional(),
  /** When the chain was begun anew in place of a broken one, and how many drills had passed until then; null for the first. */
  restarted: z.strictObject({ at: z.iso.datetime(), after: count }).nullable(),
  /** The newest record that was deleted since its time to be kept was over; absent for none. */
  pruned: z.strictObject({ sequence: count, run: z.string(), digest, signature: digest.optional() }).optional(),
});

type Head = z.infer<typeof headSchema>;

/** The evidence of a restore target: all records that can be read, oldest first, and whether they stand as they were written. */
export interface Evidence {
  readonly records: readonly EvidenceRecord[];
  readonly chain: { readonly state: "ok" } | { readonly state: "broken"; readonly why: string };
}

/** Evidence with the very bytes of its files. */
export interface SealedEvidence extends Evidence {
  /** Those of `records`. */
  readonly sealed: readonly SealedRecord[];
  /** The number of the newest record that was deleted since its time was over; 0 for none. */
  readonly prunedUpTo: number;
  /** When this chain was begun in place of a broken one; null for the first. */
  readonly restartedAt: string | null;
}

const headName = "head.json";
const pendingName = "pending.json";
const emptyHead: Head = { format: 1, count: 0, digest: null, restarted: null };

/**
 * Reads all evidence and checks the chain: every byte of every record and signature is as it was written, each names the one before it,
 * and the head names the newest. A record that is changed, removed, put in or moved is found; so is the removal of all, as long as the
 * journal tells of a drill that passed.
 *
 * Whoever may write to all of the home could forge a whole chain: it shows that nothing was changed by accident or in part. Signatures, a
 * sink and the state of the stack tell more: see `verifyEvidence`.
 *
 * @throws PostureError `unreachable` where it is there and cannot be read.
 */
export async function readEvidence(home: Home, id: string): Promise<Evidence> {
  const { records, chain } = await readSealedEvidence(home, id);
  return { records, chain };
}

/** The same, with the bytes of all files. */
export async function readSealedEvidence(home: Home, id: string): Promise<SealedEvidence> {
  const folder = await readFolder(folderOf(home, id));
  const sealed = sealedOf(folder);
  const records = sealed.map(({ record }) => record);
  const why = findBreak(id, folder, sealed) ?? (await findLoss(home, id, folder.head ?? emptyHead, records));
  return {
    records,
    sealed,
    chain: why === null ? { state: "ok" } : { state: "broken", why },
    prunedUpTo: folder.head?.pruned?.sequence ?? 0,
    restartedAt: folder.head?.restarted?.at ?? null,
  };
}

/** The ids that have evidence here, sorted: also of restore targets that are gone. */
export async function listEvidence(home: Home): Promise<readonly string[]> {
  return (await listNames(home.evidence)).filter((name) => !name.includes("."));
}

/** The records of chains that were set aside as broken, as far as they can still be read. */
export async function readSetAside(home: Home, id: string): Promise<readonly SealedRecord[]> {
  const names = (await listNames(home.evidence)).filter((name) => name.startsWith(`${id}.set-aside-`));
  const folders = await Promise.all(names.map((name) => readFolder(join(home.evidence, name))));
  return folders.flatMap(sealedOf);
}

/**
 * Adds a record to the chain, signed where there is a signer. A crash leaves the chain with or without it, never broken. Only the holder
 * of the id's lock may call this.
 *
 * @throws PostureError `conflict` when the chain is broken: evidence after a break would hide it; `permanent` when it cannot be signed.
 */
export async function appendEvidence(
  home: Home,
  id: string,
  findings: EvidenceFindings,
  signer: Signer | null = null,
): Promise<EvidenceRecord> {
  await refuseBroken(home, id);
  const path = folderOf(home, id);
  await ensureDirectory(path);
  await settlePending(path);
  const head = (await readFolder(path)).head ?? emptyHead;
  const record = seal({
    ...findings,
    format: 1,
    sequence: head.count + 1,
    ...(signer === null ? {} : { signer: signer.fingerprint }),
    previous: head.digest,
    ...(head.signature === undefined ? {} : { previousSignature: head.signature }),
  });
  const bytes = serialise(record);
  // Until the record is pending, nobody looks at its signature.
  if (signer !== null) await writeFileAtomically(join(path, signatureNameOf(record)), await signer.sign(bytes));
  await writeFileAtomically(join(path, pendingName), bytes);
  await settlePending(path);
  await syncDirectory(home.evidence);
  return record;
}

/**
 * Sets broken evidence aside, beside the folder and for good, and begins a new chain. Only the holder of the id's lock may call this.
 *
 * @returns where the old evidence stands now, or null where there was none.
 */
export async function restartEvidence(home: Home, id: string): Promise<string | null> {
  const at = formatInstant(now());
  const aside = `${folderOf(home, id)}.set-aside-${at.replace(/[-:]/g, "")}-${randomBytes(2).toString("hex")}`;
  const moved = await moveIfPresent(folderOf(home, id), aside);
  const head: Head = {
    ...emptyHead,
    restarted: { at, after: (await listEndedDrills(home, id)).filter(hasPassed).length },
  };
  await ensureDirectory(folderOf(home, id));
  await writeFileAtomically(join(folderOf(home, id), headName), serialise(head));
  await syncDirectory(home.evidence);
  return moved ? aside : null;
}

/**
 * Deletes the oldest records for good, up to a number, but for the newest of all; the chain then begins after them. A crash leaves the
 * chain whole. Only the holder of the id's lock may call this.
 *
 * @throws PostureError `conflict` when the chain is broken.
 */
export async function deleteOldestEvidence(home: Home, id: string, upTo: number): Promise<void> {
  await refuseBroken(home, id);
  const path = folderOf(home, id);
  await settlePending(path);
  const folder = await readFolder(path);
  const gone = sealedOf(folder).filter(
    ({ record }) => record.sequence <= upTo && record.digest !== folder.head?.digest,
  );
  const last = gone.at(-1);
  if (last === undefined) return;
  const { sequence, run, digest: lastDigest } = last.record;
  const pruned = { sequence, run, digest: lastDigest, ...signatureOf(last) };
  await writeFileAtomically(join(path, headName), serialise({ ...(folder.head ?? emptyHead), pruned }));
  for (const { record } of gone) {
    await rm(join(path, nameOf(record)), { force: true });
    await rm(join(path, signatureNameOf(record)), { force: true });
  }
  await syncDirectory(path);
}

/** @throws PostureError `conflict` when the chain is broken. */
export async function refuseBroken(home: Home, id: string): Promise<void> {
  const { chain } = await readEvidence(home, id);
  if (chain.state === "ok") return;
  throw new PostureError(
    "conflict",
    `${id}: its evidence is broken: ${chain.why}; keep it for whoever must know, then begin anew: backup-posture drill ${id} --restart-evidence`,
  );
}

/** The name of a record's file in the evidence of its target. */
export function nameOf(record: EvidenceRecord): string {
  return `${record.run}.json`;
}

/** Where a target's evidence lies. */
export function folderOf(home: Home, id: string): string {
  return join(home.evidence, id);
}

interface EvidenceFile {
  readonly name: string;
  /** Null for a file that is no record, or not byte for byte what its record is written as. */
  readonly sealed: SealedRecord | null;
}

interface EvidenceFolder {
  /** `undefined`: not there; `null`: not readable as a head. */
  readonly head: Head | null | undefined;
  /** In the order of their names. A record that is about to be added is among them. */
  readonly files: readonly EvidenceFile[];
  readonly pending: EvidenceRecord | null | undefined;
}

async function readFolder(path: string): Promise<EvidenceFolder> {
  const names = (await listNames(path)).filter(
    (name) => name.endsWith(".json") && name !== headName && name !== pendingName,
  );
  const files: EvidenceFile[] = [];
  for (const name of names) files.push({ name, sealed: await readSealed(join(path, name)) });
  const head = await readBytes(join(path, headName));
  const pending = await readBytes(join(path, pendingName));
  return {
    head: head && parseExactly(head, headSchema),
    pending: pending && parseRecord(pending),
    files,
  };
}

async function readSealed(path: string): Promise<SealedRecord | null> {
  const bytes = await readBytes(path);
  const record = bytes ? parseRecord(bytes) : null;
  if (!bytes || record === null) return null;
  return { record, bytes, signature: (await readBytes(`${path}${signatureEnding}`)) ?? null };
}

/** In the order of the chain. */
function sealedOf({ files }: EvidenceFolder): readonly SealedRecord[] {
  return files
    .flatMap(({ sealed }) => (sealed === null ? [] : [sealed]))
    .sort((a, b) => a.record.sequence - b.record.sequence);
}

/** The first thing in the folder that is not as it was written, or null. */
function findBreak(id: string, folder: EvidenceFolder, sealed: readonly SealedRecord[]): string | null {
  if (folder.head === null) return "the head of the chain was changed";
  const changed = folder.files.filter(
    ({ name, sealed: file }) => file?.record.id !== id || name !== nameOf(file.record),
  ).length;
  if (changed > 0) return `${changed} ${changed === 1 ? "record was" : "records were"} changed`;
  return findGap(sealed, folder.head?.pruned) ?? findHeadFault(folder, sealed);
}

/** What a chain follows that does not begin with its first record. */
interface Anchor {
  readonly sequence: number;
  readonly digest: string;
  readonly signature?: string | undefined;
}

/**
 * The first record of a chain that is missing, does not follow the one before it, or whose signature is not as it was; or null. The
 * newest one's signature is named by nothing in the chain.
 *
 * @param sealed in the order of the chain.
 * @param anchor the newest record that was deleted; where deleting was cut off it is still there, with some before it.
 */
export function findGap(sealed: readonly SealedRecord[], anchor?: Anchor): string | null {
  let previous = findStart(sealed, anchor);
  for (const each of sealed) {
    const { record, signature } = each;
    const sequence = previous.sequence + 1;
    if (record.sequence !== sequence) return `record ${sequence} is missing`;
    if (record.previous !== previous.digest) return `record ${sequence} does not follow the one before it`;
    if (record.previousSignature !== previous.signature) return `the signature of record ${sequence - 1} was changed`;
    if ((record.signer === undefined) !== (signature === null))
      return `the signature of record ${sequence} ${signature === null ? "is missing" : "was put in"}`;
    if (anchor?.sequence === sequence && anchor.digest !== record.digest) return `record ${sequence} was exchanged`;
    previous = { sequence, digest: record.digest, ...signatureOf(each) };
  }
  return null;
}

/** What the first record must follow. */
function findStart(
  [first]: readonly SealedRecord[],
  anchor: Anchor | undefined,
): { readonly sequence: number; readonly digest: string | null; readonly signature?: string | undefined } {
  if (anchor === undefined || first === undefined) return { sequence: 0, digest: null };
  const { sequence, previous, previousSignature } = first.record;
  if (sequence > anchor.sequence) return anchor;
  return { sequence: sequence - 1, digest: previous, signature: previousSignature };
}

/** The head names the newest record, except while one is being added: then the pending file holds that one. */
function findHeadFault({ head = emptyHead, pending }: EvidenceFolder, sealed: readonly SealedRecord[]): string | null {
  if (head === null || pending === null) return "a record that was being added was changed";
  const newest = sealed.at(-1);
  const last = newest?.record.sequence ?? head.pruned?.sequence ?? 0;
  const matches = head.count === last && head.digest === (newest?.record.digest ?? head.pruned?.digest ?? null);
  const isBeingAdded =
    pending !== undefined &&
    newest !== undefined &&
    pending.digest === newest.record.digest &&
    head.count === last - 1 &&
    head.digest === newest.record.previous;
  if (isBeingAdded) return null;
  if (!matches)
    return head.count > last ? "the newest records are missing" : "the head of the chain does not fit the records";
  if (newest !== undefined && head.signature !== signatureOf(newest).signature)
    return `the signature of record ${last} was changed`;
  return null;
}

/** Drills that passed, as the journal tells, and whose evidence is not there. */
async function findLoss(
  home: Home,
  id: string,
  head: Head,
  records: readonly EvidenceRecord[],
): Promise<string | null> {
  const known = new Set(records.map((record) => record.run));
  const drills = await listEndedDrills(home, id);
  const afterDeleted = drills.slice(drills.findLastIndex(({ run }) => run === head.pruned?.run) + 1);
  const passed = afterDeleted.filter(hasPassed).slice(head.pruned === undefined ? (head.restarted?.after ?? 0) : 0);
  const lost = passed.filter(({ run }) => !known.has(run)).length;
  return lost === 0 ? null : `${lost} ${lost === 1 ? "record is" : "records are"} missing that the journal tells of`;
}

async function listEndedDrills(home: Home, id: string): Promise<readonly RunEnded[]> {
  const records = await readJournal(home, id);
  return records.filter((record) => record.event === "ended").filter(({ verb }) => verb === "drill");
}

function hasPassed({ outcome }: RunEnded): boolean {
  return outcome === "succeeded";
}

/** Brings a record that is about to be added to its place; every step may be repeated after a crash. */
async function settlePending(path: string): Promise<void> {
  const folder = await readFolder(path);
  const { pending } = folder;
  if (pending === undefined || pending === null) return;
  const head = folder.head ?? emptyHead;
  if (head.digest !== pending.digest) {
    await writeFileAtomically(join(path, nameOf(pending)), serialise(pending));
    const signature = await readBytes(join(path, signatureNameOf(pending)));
    const next: Head = {
      format: 1,
      restarted: head.restarted,
      ...(head.pruned === undefined ? {} : { pruned: head.pruned }),
      count: pending.sequence,
      digest: pending.digest,
      ...(signature ? { signature: hashOf(signature) } : {}),
    };
    await writeFileAtomically(join(path, headName), serialise(next));
  }
  await rm(join(path, pendingName));
  await syncDirectory(path);
}

/** SHA-256 of a record's signature, as the next record and the head name it. */
function signatureOf({ signature }: SealedRecord): { readonly signature?: string } {
  return signature === null ? {} : { signature: hashOf(signature) };
}

/** Null for something that is no file. */
async function readBytes(path: string): Promise<Buffer | null | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    if (systemCodeOf(error) === "EISDIR") return null;
    throw unreadable(path, error);
  }
}

async function listNames(path: string): Promise<readonly string[]> {
  try {
    return (await readdir(path)).sort();
  } catch (error) {
    if (isAbsent(error)) return [];
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): PostureError {
  return new PostureError(
    "unreachable",
    `evidence ${path}: cannot be read (${systemCodeOf(error) ?? "unknown error"})`,
    { cause: error },
  );
}

async function moveIfPresent(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}

const signatureEnding = ".sig";

function signatureNameOf(record: EvidenceRecord): string {
  return `${nameOf(record)}${signatureEnding}`;
}
