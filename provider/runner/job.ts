import { readFileSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { identifier } from "../declaration/primitives";
import { syncDirectory, writeFileAtomically } from "../platform/atomic-file";
import { isAbsent, messageOf, PostureError } from "../platform/errors";
import { restoreTargetSchema } from "../restore/schema";
import { scheduleSchema } from "../schedule/schema";
import { snapshotSchema } from "../snapshot/schema";
import type { Home } from "./home";

const jobBase = {
  format: z.literal(1),
  id: identifier,
  /** The Pulumi URN that declares it; null for one made by hand. */
  owner: z.string().nullable(),
  /** Made by `create`, random: a delete removes only the object that it belongs to. */
  incarnation: z.string(),
  createdAt: z.iso.datetime(),
};

const jobSchema = z.discriminatedUnion("kind", [
  z.object({
    ...jobBase,
    kind: z.literal("schedule"),
    declaration: scheduleSchema,
    /** When copies were declared that the schedule did not have from the beginning, by their names. */
    copiesSince: z.record(z.string(), z.iso.datetime()).optional(),
  }),
  z.object({ ...jobBase, kind: z.literal("snapshot"), declaration: snapshotSchema, point: z.string().nullable() }),
  z.object({ ...jobBase, kind: z.literal("drill"), declaration: restoreTargetSchema }),
]);

/** What stands in `jobs/<id>.json`: a declaration, whose it is, and which object of that declaration. */
export type Job = z.infer<typeof jobSchema>;
export type ScheduleJob = Extract<Job, { kind: "schedule" }>;
export type SnapshotJob = Extract<Job, { kind: "snapshot" }>;
export type DrillJob = Extract<Job, { kind: "drill" }>;

/** A job as found on the host. `damaged`: the file is there and is no job; `unreadable`: it cannot be looked at. */
export type FoundJob =
  | { readonly state: "absent" }
  | { readonly state: "damaged" | "unreadable"; readonly why: string }
  | { readonly state: "present"; readonly job: Job };

/** Reads one job. Never throws for the state of the file. At once: the files are small, and waiting for each of hundreds takes ten times as long. */
export async function findJob(home: Home, id: string): Promise<FoundJob> {
  let text: string;
  try {
    text = readFileSync(jobPath(home, id), "utf8");
  } catch (error) {
    if (isAbsent(error)) return { state: "absent" };
    return { state: "unreadable", why: messageOf(error).replace(/,? open '.*$/, "") };
  }
  return parseJob(id, text);
}

/** Reads one job that must be there. Throws PostureError `permanent` where it is not, or is damaged. */
export async function requireJob<K extends Job["kind"]>(
  home: Home,
  id: string,
  kind: K,
): Promise<Extract<Job, { kind: K }>> {
  const found = await findJob(home, id);
  if (found.state === "absent")
    throw new PostureError("permanent", `${id}: no such job in ${home.root}; backup-posture list shows what there is`);
  if (found.state !== "present")
    throw new PostureError(
      "permanent",
      `${id}: the job file is ${found.state}: ${found.why}; pulumi up --refresh writes it anew`,
    );
  if (!isOfKind(found.job, kind)) throw new PostureError("usage", `${id}: is a ${found.job.kind}, not a ${kind}`);
  return found.job;
}

/** The ids of all jobs in the home, sorted, damaged ones included. */
export async function listJobIds(home: Home): Promise<readonly string[]> {
  const names = await readdir(home.jobs);
  return names.flatMap((name) => /^([a-z0-9][a-z0-9-]{0,62})\.json$/.exec(name)?.[1] ?? []).sort();
}

/** Writes a job atomically, readable by its owner only. */
export async function writeJob(home: Home, job: Job): Promise<void> {
  await writeFileAtomically(jobPath(home, job.id), `${JSON.stringify(jobSchema.parse(job), null, 2)}\n`);
}

/** Removes a job's file. Absent is success. */
export async function removeJob(home: Home, id: string): Promise<void> {
  await rm(jobPath(home, id), { force: true });
  await syncDirectory(home.jobs);
}

function jobPath(home: Home, id: string): string {
  return join(home.jobs, `${identifier.parse(id)}.json`);
}

function parseJob(id: string, text: string): FoundJob {
  try {
    const job = jobSchema.parse(JSON.parse(text));
    if (job.id !== id) return { state: "damaged", why: "it names another id than its file does" };
    return { state: "present", job };
  } catch (error) {
    if (error instanceof z.ZodError) {
      const paths = [...new Set(error.issues.map((issue) => issue.path.join(".") || "the whole"))];
      return { state: "damaged", why: `not valid at ${paths.slice(0, 5).join(", ")}` };
    }
    return { state: "damaged", why: "it is not JSON" };
  }
}

function isOfKind<K extends Job["kind"]>(job: Job, kind: K): job is Extract<Job, { kind: K }> {
  return job.kind === kind;
}
