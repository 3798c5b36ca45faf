import { randomBytes } from "node:crypto";
import { open, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { toMilliseconds } from "../platform/durations";
import { isAbsent, messageOf, PostureError, systemCodeOf } from "../platform/errors";
import { inheritedEnvironment, runCommand } from "../platform/processes";
import { defaultCommandTimeout } from "../schedule/defaults";
import { type EvidenceRecord, packSealed, type SealedRecord, unpackSealed } from "./evidence-record";
import type { EvidenceSink } from "./schema";

const ending = ".evidence";

/** What a folder of a sink holds. */
export interface SinkContent {
  /** In the order of ids, then of the chain. */
  readonly records: readonly SealedRecord[];
  /** The names of files that hold no whole record, and of whose record there is no whole copy either. */
  readonly damaged: readonly string[];
}

/** What a record's name in a sink tells. */
interface SinkName {
  readonly id: string;
  readonly sequence: number;
  /** The first 16 digits of the record's digest. */
  readonly digest: string;
}

/** The name of a record in a sink: it sorts by target and number, and is never given to another record. */
export function sinkNameOf({ id, sequence, digest }: EvidenceRecord): string {
  return `${id}-${String(sequence).padStart(6, "0")}-${digest.slice(0, 16)}${ending}`;
}

/**
 * Writes one record to a sink. What is there already is never touched; a record that is there counts as written.
 *
 * @throws PostureError `transient` or `permanent`, in words without output of commands.
 */
export async function sendToSink(sink: EvidenceSink, sealed: SealedRecord, signal: AbortSignal): Promise<void> {
  if (sink.kind === "directory") await addToSinkFolder(sink.path, sealed);
  else await runSinkCommand(sink, sealed, signal);
}

/** Adds a record to a folder in which this account may need only to make files: nothing is replaced, renamed or removed. */
export async function addToSinkFolder(path: string, sealed: SealedRecord): Promise<void> {
  const name = sinkNameOf(sealed.record);
  const packed = packSealed(sealed);
  try {
    if (await tryToCreate(join(path, name), packed)) return;
    if ((await readIfAllowed(join(path, name)))?.equals(packed) === true) return;
    // What was cut off, or is not for us to read, cannot be put right: a copy beside it can.
    await tryToCreate(join(path, name.replace(ending, `.again-${randomBytes(4).toString("hex")}${ending}`)), packed);
  } catch (error) {
    throw new PostureError("permanent", `the sink ${path} cannot be written to: ${explain(error)}`, { cause: error });
  }
}

/**
 * Reads a sink's folder.
 *
 * @param id of one target only; null: of all.
 * @throws PostureError `unreachable`.
 */
export async function readSinkFolder(path: string, id: string | null): Promise<SinkContent> {
  const whole = new Map<string, SealedRecord>();
  const cutOff: { readonly name: string; readonly key: string }[] = [];
  for (const name of await listSinkNames(path)) {
    const parsed = parseName(name);
    if (parsed === null || (id !== null && parsed.id !== id)) continue;
    const sealed = unpackSealed(await readFromSink(join(path, name)));
    const key = keyOf(parsed);
    if (sealed === null || keyOf(sealed.record) !== key) cutOff.push({ name, key });
    else whole.set(key, sealed);
  }
  const records = [...whole].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, sealed]) => sealed);
  return { records, damaged: cutOff.flatMap(({ name, key }) => (whole.has(key) ? [] : [name])) };
}

/**
 * How many records of a target a sink's folder holds, by their names, that are not among these.
 *
 * @throws PostureError `unreachable`.
 */
export async function countStrangersInSink(
  path: string,
  id: string,
  known: readonly EvidenceRecord[],
  prunedUpTo: number,
): Promise<number> {
  const here = new Set(known.map(keyOf));
  const names = (await listSinkNames(path)).flatMap((name) => parseName(name) ?? []);
  const strangers = names.filter((name) => name.id === id && name.sequence > prunedUpTo && !here.has(keyOf(name)));
  return new Set(strangers.map(keyOf)).size;
}

async function runSinkCommand(
  sink: Extract<EvidenceSink, { kind: "command" }>,
  sealed: SealedRecord,
  signal: AbortSignal,
): Promise<void> {
  const [file, ...commandArguments] = sink.command;
  if (file === undefined) throw new PostureError("permanent", "the sink's command names no executable");
  const { id, sequence, run, digest } = sealed.record;
  const completed = await runCommand([file, ...commandArguments], {
    input: packSealed(sealed).toString("utf8"),
    environment: {
      ...inheritedEnvironment(),
      BACKUP_POSTURE_ID: id,
      BACKUP_POSTURE_RUN: run,
      BACKUP_POSTURE_SEQUENCE: String(sequence),
      BACKUP_POSTURE_DIGEST: digest,
      BACKUP_POSTURE_NAME: sinkNameOf(sealed.record),
    },
    timeoutMilliseconds: toMilliseconds(sink.timeout ?? defaultCommandTimeout),
    signal,
  });
  if (completed.exitCode !== 0)
    throw new PostureError("permanent", `the sink's command ended with exit code ${completed.exitCode}`);
}

/** False where a file of that name is there. */
async function tryToCreate(path: string, content: Buffer): Promise<boolean> {
  try {
    const file = await open(path, "wx", 0o444);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if (systemCodeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Null where this account may add to a sink and not read it. */
async function readIfAllowed(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path);
  } catch (error) {
    if (systemCodeOf(error) === "EACCES" || systemCodeOf(error) === "EPERM") return null;
    throw error;
  }
}

async function readFromSink(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw unreachable(path, error);
  }
}

async function listSinkNames(path: string): Promise<readonly string[]> {
  try {
    return (await readdir(path)).sort();
  } catch (error) {
    throw unreachable(path, error);
  }
}

function unreachable(path: string, error: unknown): PostureError {
  return new PostureError("unreachable", `the sink ${path} cannot be read: ${explain(error)}`, { cause: error });
}

function explain(error: unknown): string {
  if (isAbsent(error)) return "it is not there";
  return systemCodeOf(error) ?? messageOf(error);
}

function parseName(name: string): SinkName | null {
  const [, id, sequence, digest] =
    /^([a-z0-9][a-z0-9-]{0,62})-(\d{6,})-([0-9a-f]{16})(?:\.again-[0-9a-f]{8})?\.evidence$/.exec(name) ?? [];
  if (id === undefined || sequence === undefined || digest === undefined) return null;
  return { id, sequence: Number(sequence), digest };
}

function keyOf({ id, sequence, digest }: SinkName): string {
  return `${id}-${String(sequence).padStart(12, "0")}-${digest.slice(0, 16)}`;
}
