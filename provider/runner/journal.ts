import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { appendDurably, syncDirectory } from "../platform/atomic-file";
import { isAbsent, PostureError, systemCodeOf } from "../platform/errors";
import type { Home } from "./home";

const startedSchema = z.object({
  event: z.literal("started"),
  /** The run's id, which is also its recovery set's. */
  run: z.string(),
  at: z.iso.datetime(),
  verb: z.enum(["run", "drill"]),
  pid: z.number(),
});

const endedSchema = z.object({
  event: z.literal("ended"),
  run: z.string(),
  at: z.iso.datetime(),
  verb: z.enum(["run", "drill"]),
  outcome: z.enum(["succeeded", "failed", "interrupted"]),
  /** One sentence for people, without file names or output of commands; empty for a success. */
  message: z.string(),
  /** Ids of the recovery points taken. */
  points: z.array(z.string()),
  bytes: z.number(),
  addedBytes: z.number(),
  durationMilliseconds: z.number(),
  /** How far apart the starts of the set's captures lie. */
  skewMilliseconds: z.number(),
  /** Files that were skipped, over all points. */
  skipped: z.number(),
  /** What pruning did, or why it did not. */
  pruned: z.number(),
  pruneSuspended: z.string().nullable(),
  /** What the sources had to say of how their recovery points came about, such as that a replica stood in for a store. */
  notes: z.array(z.string()).optional(),
  /** What the probes of `afterChange` told before anything was captured, by name, as digests; null for one that could not tell. */
  marks: z.record(z.string(), z.string().nullable()).optional(),
});

const forgotSchema = z.object({
  event: z.literal("forgot"),
  at: z.iso.datetime(),
  /** Ids of recovery points that pruning or a person gave up: their absence is no loss from here on. */
  points: z.array(z.string()),
  /** `retention`, or in a person's words why. */
  why: z.string(),
  /** The copy from which they went; without it, the schedule's own store. */
  copy: z.string().optional(),
  /** In a copy: the recovery sets that they belonged to. */
  sets: z.array(z.string()).optional(),
});

const copiedSchema = z.object({
  event: z.literal("copied"),
  /** When copying ended. */
  at: z.iso.datetime(),
  /** The copy's name. */
  copy: z.string(),
  /** Marks the store that it lay in: what is said of another one says nothing of this. */
  store: z.string(),
  outcome: z.enum(["succeeded", "failed"]),
  /** One sentence for people, without file names or output of commands; empty for a success. */
  message: z.string(),
  /** The recovery sets that stand whole in the copy since, and when they began. */
  sets: z.array(z.object({ id: z.string(), startedAt: z.iso.datetime() })),
  bytes: z.number(),
  addedBytes: z.number(),
  durationMilliseconds: z.number(),
  pruned: z.number(),
  pruneSuspended: z.string().nullable(),
  /** What is not in the copy as it is in the schedule's own store, such as owners that this account may not set. */
  notes: z.array(z.string()).optional(),
});

const notifiedSchema = z.object({
  event: z.literal("notified"),
  at: z.iso.datetime(),
  /** The notifier's name. */
  notifier: z.string(),
  /** What it was told: how the schedule or restore target is, or, of a check, how its run or drill goes. */
  what: z.enum(["failure", "staleness", "recovery", "reminder", "start", "success"]),
  outcome: z.enum(["succeeded", "failed"]),
  /** One sentence for people, without secrets; empty for a success. */
  message: z.string(),
});

const recordSchema = z.discriminatedUnion("event", [
  startedSchema,
  endedSchema,
  forgotSchema,
  copiedSchema,
  notifiedSchema,
]);

const lineFeed = 0x0a;

export type RunStarted = z.infer<typeof startedSchema>;
export type RunEnded = z.infer<typeof endedSchema>;
/** Written durably *before* the points are deleted, so that a crash in between never looks like a loss. */
export type PointsForgotten = z.infer<typeof forgotSchema>;
/** What became of one attempt to bring a copy up to date. */
export type SetsCopied = z.infer<typeof copiedSchema>;
/** That somebody was told, or could not be. */
export type Notified = z.infer<typeof notifiedSchema>;
export type JournalRecord = z.infer<typeof recordSchema>;

/** Appends one record, durably. After a line that a crash cut off it begins a new one. */
export async function appendRecord(home: Home, id: string, record: JournalRecord): Promise<void> {
  const path = journalPath(home, id);
  const last = await readLastByte(path);
  await appendDurably(path, `${last === null || last === lineFeed ? "" : "\n"}${JSON.stringify(record)}\n`);
  if (last === null) await syncDirectory(home.journal);
}

/**
 * All records of an id in the order written; none where nothing was ever run. A line cut off by a crash, or edited, is passed over.
 *
 * @throws PostureError `unreachable` where the journal is there and cannot be read.
 */
export async function readJournal(home: Home, id: string): Promise<readonly JournalRecord[]> {
  let text: string;
  try {
    text = await readFile(journalPath(home, id), "utf8");
  } catch (error) {
    if (isAbsent(error)) return [];
    throw unreadable(id, error);
  }
  return text.split("\n").flatMap(parseLine);
}

/** As {@link readJournal}, one record at a time: years of runs need no room. */
export async function* streamJournal(home: Home, id: string): AsyncGenerator<JournalRecord, void> {
  try {
    const file = await open(journalPath(home, id), "r");
    let rest = "";
    for await (const chunk of file.createReadStream({ encoding: "utf8" })) {
      const lines = `${rest}${String(chunk)}`.split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) yield* parseLine(line);
    }
    yield* parseLine(rest);
  } catch (error) {
    if (!isAbsent(error)) throw unreadable(id, error);
  }
}

function unreadable(id: string, cause: unknown): PostureError {
  const why = systemCodeOf(cause) ?? "unknown error";
  return new PostureError("unreachable", `${id}: its journal cannot be read (${why})`, { cause });
}

function journalPath(home: Home, id: string): string {
  return join(home.journal, `${id}.jsonl`);
}

/** The last byte of a file, or null where it is empty or absent. */
async function readLastByte(path: string): Promise<number | null> {
  try {
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      return size === 0 ? null : ((await file.read(Buffer.alloc(1), 0, 1, size - 1)).buffer[0] ?? null);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

function parseLine(line: string): readonly JournalRecord[] {
  if (line === "") return [];
  try {
    return [recordSchema.parse(JSON.parse(line))];
  } catch {
    return [];
  }
}
