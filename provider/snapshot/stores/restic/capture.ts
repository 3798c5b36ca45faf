import { lstat, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { z } from "zod";
import { formatInstant, now } from "../../../platform/clock";
import { showPath } from "../../../platform/display";
import { messageOf, PostureError } from "../../../platform/errors";
import type { CaptureRequest, CaptureWarning, RecoveryPoint } from "../store";
import { listExclusions } from "./exclusions";
import { type Header, shortenHeader, toDataTags, toHeaderTags, toPoint } from "./header";
import { healDamage } from "./heal";
import { summariseNodes } from "./nodes";
import type { Restic } from "./restic";
import { type Contents, readContents } from "./snapshots";

/** All snapshots of ours carry one host's name: which machine runs the backup does not decide what it builds upon. */
const host = "backup-posture";
const mostWarnings = 100;
/** restic's exit code for a backup that had to leave out files. */
const incomplete = 3;

/**
 * Takes one recovery point: a snapshot of the tree, then one that says what it holds. Only with the second is it listed; what a killed capture
 * has left is removed by the next one of the same source.
 */
export async function capturePoint(
  restic: Restic,
  request: CaptureRequest,
  signal: AbortSignal,
): Promise<RecoveryPoint> {
  signal.throwIfAborted();
  const contents = await readContents(restic, signal);
  const tree = await lookAtRoot(request.tree.root);
  const healed = await healDamage(restic, contents, signal);
  await removeUnfinished(restic, contents, request, signal);
  const parent = healed ? undefined : findParent(contents, request);
  const backup = await backUp(restic, request, tree.path, parent, signal);
  const stored = await summariseNodes(restic, backup.snapshot, signal);
  const header = shortenHeader({
    format: 1,
    schedule: request.schedule,
    source: request.source,
    set: { id: request.set.id, sources: [...request.set.sources] },
    owner: request.owner,
    pinnedBy: request.pinnedBy ?? null,
    startedAt: request.startedAt.toISOString(),
    completedAt: now().toISOString(),
    files: stored.files,
    directories: stored.directories + 1,
    links: stored.links,
    special: stored.special,
    bytes: stored.bytes,
    addedBytes: backup.addedBytes,
    tree: stored.tree,
    attributes: process.platform !== "win32" && request.tree.contentOnly !== true,
    skipped: backup.skipped + stored.special,
    warnings: [...backup.warnings, ...stored.specialWarnings].slice(0, mostWarnings),
    root: tree.attributes,
  });
  await writeHeader(restic, stored.id, header, signal);
  return toPoint(stored.id, header, null);
}

interface Root {
  readonly path: string;
  readonly attributes: Header["root"];
}

async function lookAtRoot(root: string): Promise<Root> {
  try {
    const path = await realpath(root);
    const { mode, uid, gid, mtimeNs } = await lstat(path, { bigint: true });
    const attributes = {
      mode: Number(mode & 0o7777n),
      user: Number(uid),
      group: Number(gid),
      modifiedAt: mtimeNs.toString(),
    };
    return { path, attributes };
  } catch (error) {
    throw new PostureError("unreachable", `${root}: the tree cannot be looked at: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Two captures of one source of one schedule never run at once: the runner's lock sees to it. */
async function removeUnfinished(
  restic: Restic,
  { unfinished }: Contents,
  { schedule, source }: CaptureRequest,
  signal: AbortSignal,
): Promise<void> {
  const dead = unfinished.filter((each) => each.schedule === schedule && each.source === source).map(({ id }) => id);
  if (dead.length === 0) return;
  try {
    const what = "removing what an earlier capture has left";
    await restic.run({ what, arguments: ["forget", ...dead], lock: "exclusive" }, signal);
  } catch (error) {
    if (!(error instanceof PostureError) || error.kind !== "locked") throw error; // the next capture or prune does it
  }
}

/** The newest one that is whole: what has not changed since is not read again. */
function findParent({ points }: Contents, { schedule, source }: CaptureRequest): string | undefined {
  return points.findLast(({ point }) => point.schedule === schedule && point.source === source && point.damage === null)
    ?.point.id;
}

interface BackedUp {
  /** Its id, maybe shortened. */
  readonly snapshot: string;
  readonly addedBytes: number;
  readonly skipped: number;
  readonly warnings: readonly CaptureWarning[];
}

async function backUp(
  restic: Restic,
  request: CaptureRequest,
  root: string,
  parent: string | undefined,
  signal: AbortSignal,
): Promise<BackedUp> {
  const folder = await mkdtemp(join(tmpdir(), "backup-posture-exclude-"));
  try {
    const excludeFile = join(folder, "exclude");
    await writeFile(excludeFile, await listExclusions(root, request.tree.exclude, signal), { mode: 0o600 });
    return await runBackup(restic, request, root, ["--exclude-file", excludeFile, ...from(parent)], signal);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function from(parent: string | undefined): readonly string[] {
  return parent === undefined ? ["--force"] : ["--parent", parent];
}

async function runBackup(
  restic: Restic,
  request: CaptureRequest,
  root: string,
  options: readonly string[],
  signal: AbortSignal,
): Promise<BackedUp> {
  let summary: Summary | null = null;
  const skipped = new Map<string, string>();
  let count = 0;
  const completed = await restic.tryToRun(
    {
      what: `a capture of ${request.schedule}/${request.source}`,
      arguments: ["backup", "--json", ...options, ...describe(request.startedAt, toDataTags(request)), "."],
      lock: "shared",
      cache: true,
      results: [incomplete],
      workingDirectory: root,
      onOutput: async (output) => {
        for await (const message of readMessages(output)) {
          if (message.message_type === "summary") summary = message;
          else if (message.message_type === "status") request.onProgress?.(toProgress(message));
        }
      },
      onErrorLine: (line) => {
        const message = parseMessage(line);
        if (message?.message_type !== "error" || message.during === "scan") return;
        if (!skipped.has(message.item)) count += 1;
        if (skipped.size < mostWarnings) skipped.set(message.item, explain(message.error));
      },
    },
    signal,
  );
  const done = toSummary(summary);
  if (done === null || (completed.exitCode !== 0 && completed.exitCode !== incomplete))
    throw restic.explain({ what: `a capture of ${request.schedule}/${request.source}` }, completed);
  return {
    snapshot: done.snapshot_id,
    addedBytes: done.data_added_packed ?? done.data_added,
    skipped: count,
    warnings: [...skipped].map(([item, why]) => ({ path: showPath(withoutRoot(item, root)), why })),
  };
}

async function writeHeader(restic: Restic, dataId: string, header: Header, signal: AbortSignal): Promise<void> {
  const text = JSON.stringify(header);
  await writeNote(restic, "backup-posture-header.json", text, toHeaderTags(dataId, text), header.startedAt, signal);
}

/** A snapshot of one small file, for what its tags tell. */
export async function writeNote(
  restic: Restic,
  name: string,
  text: string,
  tags: readonly string[],
  at: string,
  signal: AbortSignal,
): Promise<void> {
  await restic.run(
    {
      what: "describing a recovery point",
      arguments: ["backup", "--stdin", "--stdin-filename", name, "--force", ...describe(new Date(at), tags)],
      lock: "shared",
      cache: true,
      input: text,
    },
    signal,
  );
}

function describe(at: Date, tags: readonly string[]): readonly string[] {
  const time = formatInstant(at).replace("T", " ").replace("Z", "");
  return ["--host", host, "--time", time, ...tags.flatMap((tag) => ["--tag", tag])];
}

const messageSchema = z.discriminatedUnion("message_type", [
  z.object({
    message_type: z.literal("status"),
    files_done: z.number().default(0),
    bytes_done: z.number().default(0),
    total_files: z.number().optional(),
    total_bytes: z.number().optional(),
  }),
  z.object({
    message_type: z.literal("summary"),
    snapshot_id: z.string(),
    data_added: z.number(),
    data_added_packed: z.number().optional(),
  }),
  z.object({
    message_type: z.literal("error"),
    during: z.string().default(""),
    item: z.string().default(""),
    error: z.unknown(),
  }),
]);

type Message = z.infer<typeof messageSchema>;
type Status = Extract<Message, { message_type: "status" }>;
type Summary = Extract<Message, { message_type: "summary" }>;

async function* readMessages(output: Readable): AsyncGenerator<Message> {
  for await (const line of createInterface({ input: output })) {
    const message = parseMessage(line);
    if (message !== null) yield message;
  }
}

function parseMessage(line: string): Message | null {
  if (!line.startsWith("{")) return null;
  try {
    const parsed = messageSchema.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

/** What was set within a reader is not seen by the compiler's flow analysis. */
function toSummary(found: Summary | null): Summary | null {
  return found;
}

function toProgress({ files_done, bytes_done, total_files, total_bytes }: Status) {
  return {
    files: files_done,
    bytes: bytes_done,
    ...(total_files === undefined ? {} : { totalFiles: total_files }),
    ...(total_bytes === undefined ? {} : { totalBytes: total_bytes }),
  };
}

/** The system's reason, without the path that restic repeats in it. */
function explain(error: unknown): string {
  const text = JSON.stringify(error);
  if (/permission denied|"Err":13\b/i.test(text)) return "may not be read by this account";
  if (/no such file|"Err":2\b/i.test(text)) return "vanished while it was captured";
  return "could not be read";
}

function withoutRoot(item: string, root: string): string {
  const prefix = root === "/" ? "/" : `${root}/`;
  return item.startsWith(prefix) ? item.slice(prefix.length) : item;
}
