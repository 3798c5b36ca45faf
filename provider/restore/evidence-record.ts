import { createHash } from "node:crypto";
import { z } from "zod";

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().min(0);
const lineFeed = 0x0a;

/** What differs: all of it counted, the first 100 with their paths. */
const differences = z.strictObject({
  count,
  listed: z.array(z.strictObject({ path: z.string(), what: z.string() })).max(100),
});

const recordSchema = z.strictObject({
  format: z.literal(1),
  /** Counts from 1. */
  sequence: z.int().min(1),
  id: z.string(),
  /** The drill's id, as in the journal. */
  run: z.string().regex(/^[A-Za-z0-9-]{1,64}$/),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  /** Who: the account that ran the drill, the host's name, and the release of backup-posture; the last absent in records of release 0.1.0. */
  account: z.string(),
  host: z.string(),
  runner: z.string().optional(),
  /** What was restored: the recovery points and the digests of their manifests. */
  points: z.array(
    z.strictObject({ id: z.string(), source: z.string(), digest: z.string(), startedAt: z.iso.datetime() }),
  ),
  /** Of how many recovery sets within how long this one was drawn, by the drill's id as seed; absent where none was drawn. */
  drawn: z.strictObject({ within: z.string(), from: count }).optional(),
  /** `full`, or how many files were drawn, and the seed that draws the same ones again. */
  scope: z.union([
    z.literal("full"),
    z.strictObject({
      sample: z.int().min(1),
      seed: z.string(),
      /** Of how many files that no drill had restored before: those that this one did, and those that are left. */
      neverDrilled: z.strictObject({ restored: count, left: count }).optional(),
    }),
  ]),
  /** What the restore wrote. */
  files: count,
  bytes: count,
  /** How long the restore itself took. */
  restoreMilliseconds: count,
  /** How long it may take; absent for no limit. */
  maxRestoreMilliseconds: count.optional(),
  /** How fast it was allowed to be; absent for no limit. */
  limit: z.strictObject({ bytesPerSecond: count }).optional(),
  /** How many files, directories and links were compared with the recovery points: kind, content, size, time and links' targets. */
  compared: count,
  /** What else of them was compared, as the recovery points keep it; absent in records of release 0.1.0. */
  comparedToo: z
    .strictObject({ modes: z.boolean(), owners: z.boolean(), acls: z.boolean(), extendedAttributes: z.boolean() })
    .optional(),
  differences,
  /** Of how many entries something could not be restored by this account or in this place, which is no difference; absent for none. */
  unrestorable: z.strictObject({ mode: count, owner: count, extendedAttributes: count }).optional(),
  /** What comparing with the sources found; absent where that was not asked for. */
  withSource: z
    .strictObject({
      /** How many restored files were compared with the source's, which have not changed since the capture. */
      compared: count,
      /** How many have changed, or are gone, since the capture began: nothing can be told of them. */
      changedSince: count,
      /** How many this account could not read. */
      unreadable: count,
      differences,
      /** The sources that are no trees of files on this host. */
      notComparable: z.array(z.string()),
    })
    .optional(),
  checks: z.array(z.strictObject({ name: z.string(), kind: z.string(), passed: z.boolean(), message: z.string() })),
  verdict: z.enum(["passed", "failed"]),
  /** Why it failed, in one sentence without file names; empty for a drill that passed. */
  message: z.string(),
  /** Until when this record is to be kept; absent in records of release 0.1.0. */
  keepUntil: z.iso.datetime().optional(),
  /** The fingerprint of the SSH key that signed this record's file, `SHA256:…`; absent for a record that is not signed. */
  signer: z.string().optional(),
  /** The digest of the record before; null for the first. */
  previous: digest.nullable(),
  /** SHA-256 in hex of the signature of the record before; absent where that is not signed. */
  previousSignature: digest.optional(),
  /** SHA-256 in hex of this record's canonical JSON without this field. */
  digest,
});

/** What one drill proved. */
export type EvidenceRecord = z.infer<typeof recordSchema>;

/** A record before it has its place in the chain. */
export type EvidenceFindings = Omit<
  EvidenceRecord,
  "format" | "sequence" | "signer" | "previous" | "previousSignature" | "digest"
>;

/** A record as it stands in its file, and beside it. */
export interface SealedRecord {
  readonly record: EvidenceRecord;
  readonly bytes: Buffer;
  /** Null where there is none. */
  readonly signature: Buffer | null;
}

/** Whether two are the same to the byte, signatures included. */
export function isSameRecord(one: SealedRecord, other: SealedRecord): boolean {
  if (!one.bytes.equals(other.bytes) || (one.signature === null) !== (other.signature === null)) return false;
  return one.signature === null || other.signature === null || one.signature.equals(other.signature);
}

/** A record's content with the digest that seals it. */
export function seal(content: Omit<EvidenceRecord, "digest">): EvidenceRecord {
  return { ...content, digest: digestOf(content) };
}

/** The record that bytes stand for, or null where any of them is other than we write it, or the digest is not that of the content. */
export function parseRecord(bytes: Uint8Array): EvidenceRecord | null {
  const record = parseExactly(bytes, recordSchema);
  if (record === null) return null;
  const { digest: claimed, ...content } = record;
  return digestOf(content) === claimed ? record : null;
}

/** A record as sinks get it: the line of its file, and below it its signature, where there is one. */
export function packSealed({ bytes, signature }: SealedRecord): Buffer {
  return Buffer.concat([bytes, signature ?? Buffer.alloc(0)]);
}

/** What `packSealed` has made, or null where it is anything else. */
export function unpackSealed(packed: Buffer): SealedRecord | null {
  const end = packed.indexOf(lineFeed) + 1;
  const bytes = packed.subarray(0, end);
  const record = parseRecord(bytes);
  if (record === null) return null;
  return { record, bytes, signature: end === packed.length ? null : packed.subarray(end) };
}

/** What bytes stand for, or null where any of them is other than we write it. */
export function parseExactly<T>(bytes: Uint8Array, schema: z.ZodType<T>): T | null {
  try {
    const value = schema.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
    return Buffer.from(serialise(value)).equals(bytes) ? value : null;
  } catch {
    return null;
  }
}

/** A value as it stands in a file: canonical JSON and a line break. */
export function serialise(value: unknown): string {
  return `${canonicalJson(value)}\n`;
}

/** SHA-256 in hex. */
export function hashOf(bytes: string | Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function digestOf(content: Omit<EvidenceRecord, "digest">): string {
  return hashOf(canonicalJson(content));
}

/** JSON without spaces, the keys of objects in order. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
