import type { Fault } from "../declaration/health";
import { entryOf } from "../platform/records";
import type { ScheduleDeclaration } from "../schedule/schema";
import { takeChangeMark } from "../sources/change-probe";
import type { ChangeProbe } from "../sources/schema";
import type { JournalRecord } from "./journal";

/** What probes told, by name; null for one that could not tell. */
export type ChangeMarks = Readonly<Record<string, string | null>>;

/**
 * What the probes of a schedule tell now; null where it has none. A probe that fails does not fail the backup: what it looks at then
 * counts as changed until the next one.
 */
export async function takeChangeMarks(
  { afterChange = {} }: ScheduleDeclaration,
  options: { readonly signal: AbortSignal; readonly onFault?: (error: unknown) => void },
): Promise<ChangeMarks | null> {
  const marks: Record<string, string | null> = {};
  for (const [name, probe] of Object.entries(afterChange)) {
    try {
      marks[name] = await takeChangeMark(name, probe, options.signal);
    } catch (error) {
      options.signal.throwIfAborted();
      options.onFault?.(error);
      marks[name] = null;
    }
  }
  return Object.keys(marks).length === 0 ? null : marks;
}

/** What has changed since the last run that succeeded, and what could not be told. What no such run has looked at is not judged. */
export async function findChanges(
  id: string,
  { afterChange = {} }: ScheduleDeclaration,
  records: readonly JournalRecord[],
  look: (name: string, probe: ChangeProbe) => Promise<string | null>,
): Promise<readonly Fault[]> {
  const last = records.findLast((record) => record.event === "ended" && record.outcome === "succeeded");
  const marks = last?.event === "ended" ? (last.marks ?? {}) : {};
  const changed: string[] = [];
  const unknown: string[] = [];
  for (const [name, probe] of Object.entries(afterChange)) {
    const before = entryOf(marks, name);
    if (before === undefined) continue;
    const present = await look(name, probe);
    if (present === null) unknown.push(name);
    else if (present !== before) changed.push(name);
  }
  return [
    ...(changed.length === 0 ? [] : [changedFault(id, changed)]),
    ...(unknown.length === 0 ? [] : [unknownFault(unknown)]),
  ];
}

function changedFault(id: string, names: readonly string[]): Fault {
  return {
    kind: "changed since the last backup",
    sentence: `changed since the last backup: ${names.join(", ")}`,
    remedy: `backup-posture run ${id}`,
    mendedByRun: true,
  };
}

function unknownFault(names: readonly string[]): Fault {
  return {
    kind: "change not known",
    sentence: `not known whether it changed since the last backup: ${names.join(", ")}`,
    remedy: "run the probe by hand as this account to see why it cannot tell",
    mendedByRun: false,
  };
}
