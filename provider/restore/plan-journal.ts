import { readFile } from "node:fs/promises";
import { z } from "zod";
import { appendDurably } from "../platform/atomic-file";
import { formatInstant, now } from "../platform/clock";
import { isAbsent, PostureError } from "../platform/errors";
import { digestOf, type RestorePlan } from "./plan";

const at = z.iso.datetime();
const step = z.string();

const recordSchema = z.discriminatedUnion("event", [
  z.object({ event: z.literal("begun"), at, plan: z.string(), title: z.string() }),
  z.object({ event: z.literal("started"), at, step }),
  z.object({ event: z.literal("done"), at, step, by: z.enum(["command", "person"]) }),
  z.object({ event: z.literal("failed"), at, step, message: z.string() }),
  z.object({ event: z.literal("declined"), at, step }),
]);

type PlanRecord = z.infer<typeof recordSchema>;

/** What is known of a walk through a plan. */
export interface WalkState {
  readonly done: ReadonlySet<string>;
  /** Begun, and nobody knows how it ended; null: none. */
  readonly interrupted: string | null;
}

/** What can happen to a step. */
export type StepRecord =
  | { readonly event: "started" | "declined"; readonly step: string }
  | { readonly event: "done"; readonly step: string; readonly by: "command" | "person" }
  | { readonly event: "failed"; readonly step: string; readonly message: string };

/** The record of a walk through one plan, one line an event, in a file of its own. */
export interface PlanJournal {
  /** What the records say that were there when it was opened. */
  readonly state: WalkState;
  append(record: StepRecord): Promise<void>;
}

/**
 * Opens the journal of a plan, begun anew where there is none.
 *
 * @throws PostureError `conflict` when it is another plan's, `permanent` when it cannot be read: a walk is never begun again by mistake.
 */
export async function openPlanJournal(path: string, plan: RestorePlan): Promise<PlanJournal> {
  const digest = digestOf(plan);
  const records = await readRecords(path);
  const [first] = records;
  if (first === undefined) await append(path, { event: "begun", at: present(), plan: digest, title: plan.title });
  else if (first.event !== "begun" || first.plan !== digest)
    throw new PostureError(
      "conflict",
      `${path}: records a walk through another plan; give that plan, or another --journal`,
    );
  return {
    state: summarise(records),
    append: async (record) => append(path, recordSchema.parse({ ...record, at: present() })),
  };
}

function summarise(records: readonly PlanRecord[]): WalkState {
  const done = new Set<string>();
  let interrupted: string | null = null;
  for (const record of records) {
    if (record.event === "begun") continue;
    if (record.event === "started") interrupted = record.step;
    else interrupted = null;
    if (record.event === "done") done.add(record.step);
  }
  return { done, interrupted };
}

/** All records. A line that a crash cut off is passed over: its step then counts as begun, not as done. */
async function readRecords(path: string): Promise<readonly PlanRecord[]> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (isAbsent(error)) return [];
    throw new PostureError("permanent", `${path}: the journal cannot be read`, { cause: error });
  }
  if (text !== "" && !text.endsWith("\n")) await appendDurably(path, "\n");
  return text.split("\n").flatMap(parseLine);
}

function parseLine(line: string): readonly PlanRecord[] {
  try {
    return [recordSchema.parse(JSON.parse(line))];
  } catch {
    return [];
  }
}

async function append(path: string, record: PlanRecord): Promise<void> {
  await appendDurably(path, `${JSON.stringify(record)}\n`);
}

function present(): string {
  return formatInstant(now());
}
