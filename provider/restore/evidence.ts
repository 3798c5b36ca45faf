import { createHash, randomBytes } from "node:crypto";
import { readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { ensureDirectory, syncDirectory, writeFileAtomically } from "../platform/atomic-file";
import { formatInstant, now } from "../platform/clock";
import { isAbsent, PostureError, systemCodeOf } from "../platform/errors";
import type { Home } from "../runner/home";
import { readJournal } from "../runner/journal";

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().min(0);

const recordSchema = z.strictObject({
  format: z.literal(1),
  /** Counts from 1. */
  sequence: z.int().min(1),
  id: z.string(),
  /** The drill's id, as in the journal. */
  run: z.string().regex(/^[A-Za-z0-9-]{1,64}$/),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  /** Who: the account that ran the drill, and the host's name. */
  account: z.string(),
  host: z.string(),
  /** What was restored: the recovery points and the digests of their manifests. */
  points: z.array(
    z.strictObject({ id: z.string(), source: z.string(), digest: z.string(), startedAt: z.iso.datetime() }),
  ),
  /** `full`, or how many files were drawn, and the seed that draws the same ones again. */
  scope: z.union([z.literal("full"), z.strictObject({ sample: z.int().min(1), seed: z.string() })]),
  /** What the restore wrote. */
  files: count,
  bytes: count,
  /** How long the restore itself took. */
  restoreMilliseconds: count,
  /** How many files, directories and links were compared with the recovery points. */
  compared: count,
  /** How many of them differ; the first 100 with their paths. */
  differences: z.strictObject({
    count,
    listed: z.array(z.strictObject({ path: z.string(), what: z.string() })).max(100),
  }),
  /** Of how many entries something could not be restored by this account or in this place, which is no difference; absent for none. */
  unrestorable: z.strictObject({ mode: count, owner: count, extendedAttributes: count }).optional(),
  checks: z.array(z.strictObject({ name: z.string(), kind: z.string(), passed: z.boolean(), message: z.string() })),
  verdict: z.enum(["passed", "failed"]),
  /** Why it failed, in one sentence without file names; empty for a drill that passed. */
  message: z.string(),
  /** The digest of the record before; null for the first. */
  previous: digest.nullable(),
  /** SHA-256 in hex of this record's canonical JSON without this field. */
  digest,
});

const headSchema = z.strictObject({
  format: z.literal(1),
  /** How many records there are, and the digest of the newest. */
  count,
  digest: digest.nullable(),
  /** When the chain was begun anew in place of a broken one, and how many drills had passed until then; null for the first. */
  restarted: z.strictObject({ at: z.iso.datetime(), after: count }).nullable(),
});

/** What one drill proved. */
export type EvidenceRecord = z.infer<typeof recordSchema>;
/** A record before it has its place in the chain. */
export type EvidenceFindings = Omit<EvidenceRecord, "format" | "sequence" | "previous" | "digest">;
type Head = z.infer<typeof headSchema>;

/** The evidence of a restore target: all records that can be read, oldest first, and whether they stand as they were written. */
export interface Evidence {
  readonly records: readonly EvidenceRecord[];
  readonly chain: { readonly state: "ok" } | { readonly state: "broken"; readonly why: string };
}

const headName = "head.json";
const pendingName = "pending.json";
const emptyHead: Head = { format: 1, count: 0, digest: null, restarted: null };

/**
 * Reads all evidence and checks the chain: every byte of every record is as it was written, each names the one before it,
 * and the head names the newest. A record that is changed, removed, put in or moved is found; so is the removal of all, as long as the
 * journal tells of a drill that passed.
 *
 * Whoever may write to all of the home could forge a whole chain: it shows that nothing was changed by accident or in part.
 *
 * @throws PostureError `unreachable` where it is there and cannot be read.
 */
export async function readEvidence(home: Home, id: string): Promise<Evidence> {
  const folder = await readFolder(home, id);
  const records = folder.files
    .flatMap(({ record }) => (record === null ? [] : [record]))
    .sort((a, b) => a.sequence - b.sequence);
  const why = findBreak(id, folder, records) ?? (await findLoss(home, id, folder.head ?? emptyHead, records));
  return { records, chain: why === null ? { state: "ok" } : { state: "broken", why } };
}

/**
 * Adds a record to the chain. A crash leaves the chain with or without it, never broken. Only the holder of the id's lock may
 * call this.
 *
 * @throws PostureError `conflict` when the chain is broken: evidence after a break would hide it.
 */
export async function appendEvidence(home: Home, id: string, findings: EvidenceFindings): Promise<EvidenceRecord> {
  await refuseBroken(home, id);
  const path = folderOf(home, id);
  await ensureDirectory(path);
  await settlePending(path);
  const head = (await readFolder(home, id)).head ?? emptyHead;
  const record = seal({ ...findings, format: 1, sequence: head.count + 1, previous: head.digest });
  await writeFileAtomically(join(path, pendingName), serialise(record));
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
  const head: Head = { ...emptyHead, restarted: { at, after: (await listPassedDrills(home, id)).length } };
  await ensureDirectory(folderOf(home, id));
  await writeFileAtomically(join(folderOf(home, id), headName), serialise(head));
  await syncDirectory(home.evidence);
  return moved ? aside : null;
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

interface EvidenceFile {
  readonly name: string;
  /** Null for a file that is no record, or not byte for byte what its record is written as. */
  readonly record: EvidenceRecord | null;
}

interface EvidenceFolder {
  /** `undefined`: not there; `null`: not readable as a head. */
  readonly head: Head | null | undefined;
  /** In the order of their names. A record that is about to be added is among them. */
  readonly files: readonly EvidenceFile[];
  readonly pending: EvidenceRecord | null | undefined;
}

async function readFolder(home: Home, id: string): Promise<EvidenceFolder> {
  const path = folderOf(home, id);
  const names = (await listNames(path)).filter(
    (name) => name.endsWith(".json") && name !== headName && name !== pendingName,
  );
  const files: EvidenceFile[] = [];
  for (const name of names) files.push({ name, record: unseal(await readExactly(join(path, name), recordSchema)) });
  return {
    head: await readExactly(join(path, headName), headSchema),
    pending: await readExactly(join(path, pendingName), recordSchema),
    files,
  };
}

/** The first thing in the folder that is not as it was written, or null. */
function findBreak(id: string, folder: EvidenceFolder, records: readonly EvidenceRecord[]): string | null {
  if (folder.head === null) return "the head of the chain was changed";
  const changed = folder.files.filter(({ name, record }) => record?.id !== id || name !== nameOf(record)).length;
  if (changed > 0) return `${changed} ${changed === 1 ? "record was" : "records were"} changed`;
  return findGap(records) ?? findHeadFault(folder, records);
}

function findGap(records: readonly EvidenceRecord[]): string | null {
  let previous: string | null = null;
  for (const [index, record] of records.entries()) {
    if (record.sequence !== index + 1) return `record ${index + 1} is missing`;
    if (record.previous !== previous) return `record ${record.sequence} does not follow the one before it`;
    previous = record.digest;
  }
  return null;
}

/** The head names the newest record, except while one is being added: then the pending file holds that one. */
function findHeadFault(
  { head = emptyHead, pending }: EvidenceFolder,
  records: readonly EvidenceRecord[],
): string | null {
  if (head === null || pending === null) return "a record that was being added was changed";
  const newest = records.at(-1);
  const matches = head.count === records.length && head.digest === (newest?.digest ?? null);
  const isBeingAdded =
    pending !== undefined &&
    newest !== undefined &&
    pending.digest === newest.digest &&
    head.count === records.length - 1 &&
    head.digest === newest.previous;
  if (matches || isBeingAdded) return null;
  return head.count > records.length
    ? "the newest records are missing"
    : "the head of the chain does not fit the records";
}

/** Drills that passed, as the journal tells, and whose evidence is not there. */
async function findLoss(
  home: Home,
  id: string,
  head: Head,
  records: readonly EvidenceRecord[],
): Promise<string | null> {
  const known = new Set(records.map((record) => record.run));
  const passed = (await listPassedDrills(home, id)).slice(head.restarted?.after ?? 0);
  const lost = passed.filter((run) => !known.has(run)).length;
  return lost === 0 ? null : `${lost} ${lost === 1 ? "record is" : "records are"} missing that the journal tells of`;
}

async function listPassedDrills(home: Home, id: string): Promise<readonly string[]> {
  const records = await readJournal(home, id);
  return records.flatMap((record) =>
    record.event === "ended" && record.verb === "drill" && record.outcome === "succeeded" ? [record.run] : [],
  );
}

/** Brings a record that is about to be added to its place; every step may be repeated after a crash. */
async function settlePending(path: string): Promise<void> {
  const pending = await readExactly(join(path, pendingName), recordSchema);
  if (pending === undefined || pending === null) return;
  const head = (await readExactly(join(path, headName), headSchema)) ?? emptyHead;
  if (head.digest !== pending.digest) {
    await writeFileAtomically(join(path, nameOf(pending)), serialise(pending));
    const next: Head = { ...head, count: pending.sequence, digest: pending.digest };
    await writeFileAtomically(join(path, headName), serialise(next));
  }
  await rm(join(path, pendingName));
  await syncDirectory(path);
}

function seal(content: Omit<EvidenceRecord, "digest">): EvidenceRecord {
  return { ...content, digest: digestOf(content) };
}

function digestOf(content: Omit<EvidenceRecord, "digest">): string {
  return createHash("sha256").update(canonicalJson(content)).digest("hex");
}

/** The record, if its digest is that of its content. */
function unseal(record: EvidenceRecord | null | undefined): EvidenceRecord | null {
  if (record === null || record === undefined) return null;
  const { digest: claimed, ...content } = record;
  return digestOf(content) === claimed ? record : null;
}

/** What stands in a file, null when any byte of it is other than we write it, undefined when there is no file. */
async function readExactly<T>(path: string, schema: z.ZodType<T>): Promise<T | null | undefined> {
  const bytes = await readBytes(path);
  if (bytes === null || bytes === undefined) return bytes;
  try {
    const value = schema.parse(JSON.parse(bytes.toString("utf8")));
    return Buffer.from(serialise(value)).equals(bytes) ? value : null;
  } catch {
    return null;
  }
}

/** Null for something that is no file. */
async function readBytes(path: string): Promise<Buffer | null | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    if (systemCodeOf(error) === "EISDIR") return null;
    throw new PostureError(
      "unreachable",
      `evidence ${path}: cannot be read (${systemCodeOf(error) ?? "unknown error"})`,
      { cause: error },
    );
  }
}

function serialise(value: unknown): string {
  return `${canonicalJson(value)}\n`;
}

/** JSON without spaces, the keys of objects in order. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

async function listNames(path: string): Promise<readonly string[]> {
  try {
    return (await readdir(path)).sort();
  } catch (error) {
    if (isAbsent(error)) return [];
    throw new PostureError(
      "unreachable",
      `evidence ${path}: cannot be read (${systemCodeOf(error) ?? "unknown error"})`,
      { cause: error },
    );
  }
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

function nameOf(record: EvidenceRecord): string {
  return `${record.run}.json`;
}

function folderOf(home: Home, id: string): string {
  return join(home.evidence, id);
}
