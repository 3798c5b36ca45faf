import { XMLParser } from "fast-xml-parser";
import { z } from "zod";
import { identifier } from "../../declaration/primitives";
import { PostureError } from "../../platform/errors";
import { whenSchema } from "../schema";
import { dueSince } from "./cron-table";
import { groupByHours, listUtcMinutes } from "./cron-ticks";
import type { ScheduleEntry } from "./scheduler";

/** As whom a task runs, and what of that account it needs. */
export interface TaskPrincipal {
  /** `S-1-5-18` for SYSTEM, else `DOMAIN\name`. */
  readonly user: string;
  /** Null for SYSTEM, which has none. */
  readonly logon: "Password" | "S4U" | null;
}

/** An entry of ours, as it stands in tasks. */
export interface TaskEntry extends ScheduleEntry {
  readonly home: string;
  readonly principal: TaskPrincipal;
  /** ISO 8601: when it was last installed otherwise than it stood. What was due before then is nobody's miss. */
  readonly since: string;
}

/** The two tasks of an entry: what backs up now, and what does so only when a start is due, with its triggers. */
export const taskKinds = ["now", "due"] as const;

export type TaskKind = (typeof taskKinds)[number];

/** What a task's XML says, element by element; several of one name in their order. */
export interface Element {
  readonly [name: string]: string | Element | (string | Element)[];
}

const folder = "\\backup-posture\\";
/** Windows takes up to 48 triggers; more than this are one that repeats itself. */
const mostTriggers = 24;
const minutesPerDay = 1_440;

/** What stands for an element that is not there. */
const defaults: Readonly<Record<string, string>> = {
  Enabled: "true",
  MultipleInstancesPolicy: "IgnoreNew",
  StartWhenAvailable: "false",
  DisallowStartIfOnBatteries: "true",
  StopIfGoingOnBatteries: "true",
  AllowStartOnDemand: "true",
  ExecutionTimeLimit: "PT72H",
  RunLevel: "LeastPrivilege",
  DaysInterval: "1",
};

const entrySchema = z.strictObject({
  id: identifier,
  verb: z.enum(["run", "drill"]),
  when: whenSchema,
  owner: z.string().nullable(),
  incarnation: z.string().min(1),
  pausedUntil: z.iso.datetime({ offset: true }).nullable(),
  home: z.string(),
  principal: z.strictObject({ user: z.string(), logon: z.enum(["Password", "S4U"]).nullable() }),
  since: z.iso.datetime({ offset: true }),
});

export function taskName(id: string, kind: TaskKind): string {
  return `${folder}${id}${kind === "due" ? ".due" : ""}`;
}

/** The id and kind of a task of ours by its path; null for those of others. */
export function readTaskName(path: string): { readonly id: string; readonly kind: TaskKind } | null {
  if (!path.startsWith(folder)) return null;
  const name = path.slice(folder.length);
  const kind = name.endsWith(".due") ? "due" : "now";
  const id = kind === "due" ? name.slice(0, -".due".length) : name;
  return identifier.safeParse(id).success ? { id, kind } : null;
}

/** A task as Windows takes it. The same entry and runner always give the same text. */
export function renderTask(kind: TaskKind, entry: TaskEntry, [command = "", ...runner]: readonly string[]): string {
  const { id, verb, when, home, principal, since, pausedUntil } = entry;
  const due = kind === "due" ? [dueSince, laterOf(since, pausedUntil)] : [];
  const words = [...runner, verb, id, ...due, "--home", home];
  const logon = principal.logon === null ? "" : `<LogonType>${principal.logon}</LogonType>`;
  return `<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Description>${escapeForXml(describeEntry(entry))}</Description>
  </RegistrationInfo>
  <Triggers>${kind === "due" ? renderTriggers(entry) : ""}</Triggers>
  <Principals>
    <Principal id="Account"><UserId>${escapeForXml(principal.user)}</UserId>${logon}<RunLevel>HighestAvailable</RunLevel></Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>${when.catchUp !== false}</StartWhenAvailable>
    <AllowStartOnDemand>true</AllowStartOnDemand>
    <Enabled>true</Enabled>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
  </Settings>
  <Actions Context="Account">
    <Exec><Command>${escapeForXml(refuseVariables(command))}</Command><Arguments>${escapeForXml(words.map(quoteForWindows).join(" "))}</Arguments></Exec>
  </Actions>
</Task>
`;
}

/** The tasks that `schtasks /Query /XML ONE` printed, by their path. */
export function readTasks(printed: string): ReadonlyMap<string, Element> {
  const parser = new XMLParser({
    ignoreAttributes: true,
    parseTagValue: false,
    processEntities: true,
    ignoreDeclaration: true,
    commentPropName: "#comment",
    isArray: (name) => name === "Task" || name === "#comment",
  });
  const parsed = listSchema.safeParse(parser.parse(printed));
  if (!parsed.success) throw new PostureError("unreachable", "Task Scheduler: what schtasks printed cannot be read");
  const { Task: tasks = [], "#comment": comments = [] } = parsed.data.Tasks === "" ? {} : parsed.data.Tasks;
  const paths = comments.length === tasks.length ? comments : [];
  return new Map(
    tasks.map((task, index) => [leafAt(task, "RegistrationInfo", "URI") || (paths[index] ?? "").trim(), task]),
  );
}

/** The entry that a task tells of; null where it tells of none that is valid. */
export function readTask(task: Element): TaskEntry | null {
  const description = leafAt(task, "RegistrationInfo", "Description");
  try {
    const parsed = entrySchema.safeParse(JSON.parse(description.slice(description.indexOf("{"))));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

/** How a task differs from what it was written as. */
export type TaskDifference = "none" | "off" | "time" | "else";

/**
 * Compares a task with what it was written as. Windows adds to what was written, leaves out what goes without saying, names accounts by their
 * number, and may print other than ASCII characters as it likes: none of that is a difference.
 */
export function compareTask(
  found: Element,
  kind: TaskKind,
  entry: TaskEntry,
  runner: readonly string[],
): TaskDifference {
  const [expected] = [
    ...readTasks(`<Tasks><!-- x -->${renderTask(kind, entry, runner).split("?>")[1] ?? ""}</Tasks>`).values(),
  ];
  if (expected === undefined) return "else";
  if (!isSameAccount(leafAt(found, "Principals", "Principal", "UserId"), entry.principal)) return "else";
  const parts = ["Principals", "Settings", "Actions"].map((name) => [expected[name] ?? "", found[name] ?? ""] as const);
  const isOff =
    leafAt(found, "Settings", "Enabled") === "false" || listTriggers(found).some(({ Enabled }) => Enabled === "false");
  if (!parts.every(([one, other]) => covers(withoutSwitches(one), withoutSwitches(other)))) return "else";
  if (isOff) return "off";
  const isSame =
    listTriggers(found).length === listTriggers(expected).length &&
    listTriggers(expected).every((trigger, index) => covers(trigger, listTriggers(found)[index] ?? ""));
  return isSame ? "none" : "time";
}

/** The times of day of a task's triggers as a schedule, where they are plain; null where not. */
export function readTriggers(task: Element): z.infer<typeof whenSchema> | null {
  const minutes = listTriggers(task).map((trigger) => {
    const match = /^\d{4}-\d\d-\d\dT(\d\d):(\d\d):00Z$/.exec(leafAt(trigger, "StartBoundary"));
    return match === null || "Repetition" in trigger || !("ScheduleByDay" in trigger)
      ? Number.NaN
      : Number(match[1]) * 60 + Number(match[2]);
  });
  const groups = minutes.some(Number.isNaN) ? [] : groupByHours(new Set(minutes));
  const [group] = groups;
  if (group === undefined || groups.length > 1) return null;
  return { cron: `${group.minutes.join(",")} ${group.hours.join(",")} * * *`, timeZone: "UTC" };
}

/** Text of an element, whatever it holds. @throws PostureError `usage` for what XML cannot hold. */
export function escapeForXml(text: string): string {
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(text))
    throw new PostureError("usage", "a control character cannot stand in a task");
  const named: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replaceAll(/[&<>"]/g, (each) => named[each] ?? each);
}

/** One argument of a command line, as Windows programs take it apart. @throws PostureError `usage` for what Task Scheduler would put something else in for. */
export function quoteForWindows(argument: string): string {
  const checked = refuseVariables(argument);
  if (/^[^\s"]+$/.test(checked)) return checked;
  const escaped = checked.replaceAll(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, "$1$1");
  return `"${escaped}"`;
}

/** Task Scheduler puts variables in, and has no way to write a percent sign. */
function refuseVariables(text: string): string {
  if (/%|\$\(/.test(text))
    throw new PostureError("usage", `${text}: neither % nor $( can stand in a task; choose another path`);
  return text;
}

function renderTriggers({ when, since }: TaskEntry): string {
  const minutes = [...listUtcMinutes(when, new Date(since))].sort((one, other) => one - other);
  const step = minutes.length > mostTriggers ? commonStep(minutes) : null;
  const starts = step === null ? minutes : minutes.slice(0, 1).map((first) => first % step);
  const repetition =
    step === null ? "" : `<Repetition><Interval>PT${step}M</Interval><Duration>P1D</Duration></Repetition>`;
  return starts
    .map((minute) => {
      const time = [Math.floor(minute / 60), minute % 60].map((number) => String(number).padStart(2, "0")).join(":");
      return `
    <CalendarTrigger><StartBoundary>${since.slice(0, 10)}T${time}:00Z</StartBoundary>${repetition}<ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay></CalendarTrigger>`;
    })
    .join("");
}

/** The longest step, in minutes, at which all are met, day by day. */
function commonStep(minutes: readonly number[]): number {
  const [first = 0] = minutes;
  return minutes.reduce((step, minute) => greatestCommonDivisor(step, minute - first), minutesPerDay);
}

function greatestCommonDivisor(one: number, other: number): number {
  return other === 0 ? one : greatestCommonDivisor(other, one % other);
}

/** In ASCII: what schtasks prints has no encoding that can be relied on. */
function describeEntry(entry: TaskEntry): string {
  const { id, verb, when, owner, incarnation, pausedUntil, home, principal, since } = entry;
  const described = JSON.stringify({ id, verb, when, owner, incarnation, pausedUntil, home, principal, since });
  const ascii = described.replaceAll(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `${verb === "run" ? "Backup" : "Drill"} of ${id}, by backup-posture. ${ascii}`;
}

const elementSchema: z.ZodType<Element> = z.lazy(() =>
  z.record(z.string(), z.union([z.string(), elementSchema, z.array(z.union([z.string(), elementSchema]))])),
);

const listSchema = z.object({
  Tasks: z.union([
    z.literal(""),
    z.object({ Task: z.array(elementSchema).optional(), "#comment": z.array(z.string()).optional() }),
  ]),
});

function listTriggers(task: Element): readonly Element[] {
  const { Triggers: triggers } = task;
  if (triggers === undefined || typeof triggers === "string" || Array.isArray(triggers)) return [];
  return Object.values(triggers)
    .flat()
    .map((trigger) => (typeof trigger === "string" ? {} : trigger));
}

function leafAt(element: Element, ...path: readonly string[]): string {
  let at: Element[string] | undefined = element;
  for (const name of path) at = typeof at === "string" || at === undefined || Array.isArray(at) ? undefined : at[name];
  return typeof at === "string" ? at : "";
}

/** Whether a task that was switched off is otherwise as it was is told apart from whether it goes; whose it is, by number or name. */
function withoutSwitches(value: Element[string]): Element[string] {
  if (typeof value === "string" || Array.isArray(value)) return value;
  const rest = Object.entries(value).filter(([name]) => name !== "Enabled" && name !== "UserId");
  return Object.fromEntries(rest.map(([name, inner]) => [name, withoutSwitches(inner)]));
}

/** Whether all that was written is there. */
function covers(written: Element[string], found: Element[string] | undefined, name = ""): boolean {
  if (typeof written === "string")
    return isSameText(written, typeof found === "string" ? found : (defaults[name] ?? ""));
  if (Array.isArray(written)) return Array.isArray(found) && written.every((each, index) => covers(each, found[index]));
  if (found !== undefined && (typeof found === "string" || Array.isArray(found)) && found !== "") return false;
  const inner = typeof found === "object" && !Array.isArray(found) ? found : {};
  return Object.entries(written).every(([key, value]) => covers(value, inner[key], key));
}

function isSameText(one: string, other: string): boolean {
  return asciiOf(one) === asciiOf(other);
}

function asciiOf(text: string): string {
  return text.trim().replaceAll(/[^\x20-\x7e]+|\?+/g, "?");
}

/** An account that was declared by its name comes back by its number. */
function isSameAccount(found: string, { user }: TaskPrincipal): boolean {
  return found.toLowerCase() === user.toLowerCase() || (user.includes("\\") && found.startsWith("S-1-5-21-"));
}

function laterOf(one: string, other: string | null): string {
  return other !== null && Date.parse(other) > Date.parse(one) ? other : one;
}
