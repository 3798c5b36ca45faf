import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { identifier } from "../../declaration/primitives";
import { ensureDirectory, syncDirectory, writeFileAtomically } from "../../platform/atomic-file";
import { formatInstant, now } from "../../platform/clock";
import { isAbsent, PostureError, systemCodeOf } from "../../platform/errors";
import { type Home, requireHome } from "../../runner/home";
import { whenSchema } from "../schema";
import type { ObservedEntry, ScheduleEntry } from "./scheduler";

const entrySchema = z.strictObject({
  format: z.literal(1),
  id: identifier,
  verb: z.enum(["run", "drill"]),
  when: whenSchema,
  owner: z.string().nullable(),
  incarnation: z.string().min(1),
  pausedUntil: z.iso.datetime({ offset: true }).nullable(),
  /** False where somebody has switched it off by hand. */
  enabled: z.boolean(),
  /** When it was last installed otherwise than it stood: what was due before then is nobody's miss. */
  since: z.iso.datetime({ offset: true }),
});

const salvageSchema = z.object({
  verb: entrySchema.shape.verb.catch("run"),
  when: whenSchema.catch({}),
  owner: z.string().nullable().catch(null),
  incarnation: z.string().catch(""),
  pausedUntil: entrySchema.shape.pausedUntil.catch(null),
  enabled: z.boolean().catch(true),
});

/** An entry as it stands in the embedded scheduler's folder. */
export interface EmbeddedEntry extends ObservedEntry {
  /** When it was last installed otherwise than it stood; null where damage hides it. */
  readonly since: Date | null;
}

/** Where the entries lie, one file each, `<id>.json`. */
export function entriesFolder(home: Home): string {
  return join(home.scheduler, "entries");
}

/** Where the agent keeps what it has fired, one file an entry, `<id>.json`. */
export function stateFolder(home: Home): string {
  return join(home.scheduler, "state");
}

/**
 * Reads entries, sorted by id. A file that is no entry, or that cannot be read, comes back with its `damage`.
 *
 * @param ids which; default: all. One without an entry is left out.
 * @throws PostureError `unreachable` when the home or the folder cannot be looked at.
 */
export async function readEntries(home: Home, ids?: readonly string[]): Promise<readonly EmbeddedEntry[]> {
  await requireHome(home);
  if (ids !== undefined) requireListable(entriesFolder(home));
  const wanted = ids === undefined ? await listIds(home) : [...new Set(ids)].sort();
  return wanted.map((id) => readEntry(home, id)).filter((entry) => entry !== null);
}

/** Makes an entry stand as given, enabled. Writes nothing when it does already. */
export async function writeEntry(home: Home, entry: ScheduleEntry): Promise<void> {
  await requireHome(home);
  const { id, verb, when, owner, incarnation, pausedUntil } = entry;
  const wanted = {
    format: 1,
    id,
    verb,
    when,
    owner,
    incarnation,
    pausedUntil,
    enabled: true,
    since: formatInstant(now()),
  };
  const valid = entrySchema.safeParse(wanted);
  if (!valid.success) throw new PostureError("usage", `${id}: not a valid entry at ${describePaths(valid.error)}`);
  const standing = readEntry(home, id);
  if (standing !== null && standing.damage === null && isSame(standing, entry)) return;
  if (!existsSync(entriesFolder(home))) await ensureDirectory(entriesFolder(home));
  await writeFileAtomically(entryPath(home, id), `${JSON.stringify(valid.data, null, 2)}\n`);
}

/** Takes an entry away, with what the agent remembers of it. Absent is success. */
export async function removeEntry(home: Home, id: string): Promise<void> {
  await requireHome(home);
  for (const folder of [entriesFolder(home), stateFolder(home)]) await removeDurably(folder, `${id}.json`);
}

async function removeDurably(folder: string, name: string): Promise<void> {
  await rm(join(folder, name), { force: true });
  try {
    await syncDirectory(folder);
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
}

async function listIds(home: Home): Promise<readonly string[]> {
  const names = await readNames(entriesFolder(home));
  return names.flatMap((name) => /^([a-z0-9][a-z0-9-]{0,62})\.json$/.exec(name)?.[1] ?? []).sort();
}

async function readNames(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw describeUnlistable(folder, error);
  }
}

/** An absent one has no entries. */
function requireListable(folder: string): void {
  try {
    accessSync(folder, constants.R_OK | constants.X_OK);
  } catch (error) {
    if (!isAbsent(error)) throw describeUnlistable(folder, error);
  }
}

function describeUnlistable(folder: string, cause: unknown): PostureError {
  const code = systemCodeOf(cause) ?? "unknown error";
  return new PostureError("unreachable", `embedded scheduler ${folder}: cannot be listed: ${code}`, { cause });
}

/** At once: waiting for each of hundreds of small files takes ten times as long. */
function readEntry(home: Home, id: string): EmbeddedEntry | null {
  let text: string;
  try {
    text = readFileSync(entryPath(home, id), "utf8");
  } catch (error) {
    if (isAbsent(error)) return null;
    return salvage(id, {}, `it cannot be read: ${systemCodeOf(error) ?? "unknown error"}`);
  }
  return parseEntry(id, text);
}

function parseEntry(id: string, text: string): EmbeddedEntry {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    return salvage(id, {}, "it is not JSON");
  }
  const parsed = entrySchema.safeParse(content);
  if (!parsed.success) return salvage(id, content, `it is not valid at ${describePaths(parsed.error)}`);
  if (parsed.data.id !== id) return salvage(id, content, "it names another id than its file does");
  const { verb, when, owner, incarnation, pausedUntil, enabled, since } = parsed.data;
  return { id, verb, when, owner, incarnation, pausedUntil, enabled, damage: null, since: new Date(since) };
}

/** What can still be told of a damaged entry, above all whose it is. */
function salvage(id: string, content: unknown, damage: string): EmbeddedEntry {
  const readable = salvageSchema.safeParse(content);
  const rest = readable.success ? readable.data : salvageSchema.parse({});
  return { ...rest, id, damage, since: null };
}

function isSame(standing: EmbeddedEntry, entry: ScheduleEntry): boolean {
  return standing.enabled && isDeepStrictEqual(pick(standing), pick(entry));
}

/** What install decides, as it reads after a round trip through the file. */
function pick({ verb, when, owner, incarnation, pausedUntil }: ScheduleEntry): unknown {
  return JSON.parse(JSON.stringify({ verb, when, owner, incarnation, pausedUntil }));
}

function entryPath(home: Home, id: string): string {
  return join(entriesFolder(home), `${id}.json`);
}

function describePaths(error: z.ZodError): string {
  const paths = error.issues.map((issue) =>
    issue.code === "unrecognized_keys" ? issue.keys.join(", ") : issue.path.join("."),
  );
  return [...new Set(paths)].slice(0, 5).join(", ") || "the whole";
}
