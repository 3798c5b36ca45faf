import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { writeFileAtomically } from "../../platform/atomic-file";
import { formatInstant, now } from "../../platform/clock";
import { messageOf, PostureError } from "../../platform/errors";
import { type Completed, runCommand } from "../../platform/processes";
import { resolveSecret } from "../../platform/secrets";
import type { Home } from "../../runner/home";
import type { SchedulerDeclaration } from "../schema";
import { commandLineModule, requireIdentifiers } from "./embedded";
import type { ObservedEntry, ScheduleEntry, Scheduler } from "./scheduler";
import {
  compareTask,
  type Element,
  readTask,
  readTaskName,
  readTasks,
  readTriggers,
  renderTask,
  type TaskEntry,
  type TaskKind,
  type TaskPrincipal,
  taskKinds,
  taskName,
} from "./windows-task-xml";

type TaskDeclaration = Extract<SchedulerDeclaration, { kind: "windows-task" }>;

/** The tasks of one id, and what they tell of. */
interface FoundTasks {
  readonly id: string;
  readonly tasks: ReadonlyMap<TaskKind, Element>;
  readonly entry: TaskEntry | null;
}

const timeLimitMilliseconds = 120_000;

/** A constant: what differs comes on standard input, so that no password stands in a list of processes, or in a log of them. */
const registerWithPassword =
  "$given = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String([Console]::In.ReadLine())) | ConvertFrom-Json; " +
  "Register-ScheduledTask -TaskName $given.task -Xml ([IO.File]::ReadAllText($given.file)) -User $given.user -Password $given.password -Force -ErrorAction Stop | Out-Null";

/**
 * Tasks of Windows Task Scheduler, in its folder `backup-posture`. Their triggers tick in UTC when a start may be due; the runner then decides by
 * the calendar that all schedulers share. A second task of each id backs up at once, for people and for `start`.
 *
 * @param runner how the runner is started, without its arguments; default: this package's command line, by this Node.
 */
export function createWindowsTaskScheduler(
  declaration: TaskDeclaration,
  home: Home,
  runner: readonly string[] = [process.execPath, commandLineModule],
): Scheduler {
  const look = async (ids: readonly string[] | null, signal: AbortSignal): Promise<readonly FoundTasks[]> => {
    const printed = await schtasks("Task Scheduler: cannot be asked", ["/Query", "/XML", "ONE"], signal);
    if (printed.exitCode !== 0)
      throw new PostureError("unreachable", `Task Scheduler: cannot be asked (exit code ${printed.exitCode})`);
    return collect(readTasks(decode(printed.stdout)), ids);
  };
  const observe = (found: FoundTasks): ObservedEntry => toObserved(found, home, runner);
  return {
    kind: "windows-task",
    install: async (entry, signal) => {
      signal.throwIfAborted();
      requireIdentifiers([entry.id]);
      const [found] = await look([entry.id], signal);
      if (found !== undefined && found.entry !== null && found.entry.home !== home.root)
        throw new PostureError(
          "conflict",
          `${entry.id}: Task Scheduler has tasks of this id that belong to the posture home ${found.entry.home}; choose another id`,
        );
      const wanted = toEntry(entry, home, declaration);
      if (found !== undefined && stands(found, wanted, runner)) return;
      const written = { ...wanted, since: formatInstant(now()) };
      for (const kind of taskKinds) await register(kind, written, declaration, home, runner, signal);
    },
    observe: async (ids, signal) => {
      signal.throwIfAborted();
      requireIdentifiers(ids);
      return new Map((await look(ids, signal)).map((found) => [found.id, observe(found)]));
    },
    list: async (signal) => {
      signal.throwIfAborted();
      const all = await look(null, signal);
      return all.filter(({ entry }) => entry === null || entry.home === home.root).map(observe);
    },
    remove: async (id, signal) => {
      signal.throwIfAborted();
      requireIdentifiers([id]);
      const [found] = await look([id], signal);
      const what = `${id}: cannot be taken out of Task Scheduler`;
      for (const kind of found?.tasks.keys() ?? [])
        requireSuccess(what, await schtasks(what, ["/Delete", "/TN", taskName(id, kind), "/F"], signal));
    },
    start: async (id, signal) => {
      signal.throwIfAborted();
      requireIdentifiers([id]);
      const [found] = await look([id], signal);
      const damage = found === undefined ? "not in Task Scheduler" : observe(found).damage;
      if (damage !== null)
        throw new PostureError("permanent", `${id}: ${damage}; pulumi up --refresh writes its tasks anew`);
      const what = `${id}: cannot be started by Task Scheduler`;
      requireSuccess(what, await schtasks(what, ["/Run", "/TN", taskName(id, "now")], signal));
    },
  };
}

function collect(tasks: ReadonlyMap<string, Element>, ids: readonly string[] | null): readonly FoundTasks[] {
  const byId = new Map<string, Map<TaskKind, Element>>();
  for (const [path, task] of tasks) {
    const name = readTaskName(path);
    if (name === null || (ids !== null && !ids.includes(name.id))) continue;
    byId.set(name.id, (byId.get(name.id) ?? new Map<TaskKind, Element>()).set(name.kind, task));
  }
  return [...byId].sort().map(([id, own]) => {
    const told = [...own.values()].map(readTask).find((entry) => entry?.id === id);
    return { id, tasks: own, entry: told ?? null };
  });
}

function toEntry(entry: ScheduleEntry, home: Home, { runAs }: TaskDeclaration): Omit<TaskEntry, "since"> {
  const { id, verb, when, owner, incarnation, pausedUntil } = entry;
  return { id, verb, when, owner, incarnation, pausedUntil, home: home.root, principal: toPrincipal(runAs) };
}

function toPrincipal(runAs: TaskDeclaration["runAs"]): TaskPrincipal {
  if (runAs === "SYSTEM") return { user: "S-1-5-18", logon: null };
  if (typeof runAs === "string") return { user: runAs, logon: "Password" };
  return { user: runAs.user, logon: runAs.password === undefined ? "S4U" : "Password" };
}

function stands({ tasks, entry }: FoundTasks, wanted: Omit<TaskEntry, "since">, runner: readonly string[]): boolean {
  if (entry === null) return false;
  const { since } = entry;
  if (!isDeepStrictEqual({ ...wanted, since }, entry)) return false;
  return taskKinds.every((kind) => {
    const task = tasks.get(kind);
    return task !== undefined && compareTask(task, kind, { ...wanted, since }, runner) === "none";
  });
}

function toObserved({ id, tasks, entry }: FoundTasks, home: Home, runner: readonly string[]): ObservedEntry {
  if (entry === null) return { id, ...unknownEntry, damage: "the description of its tasks cannot be read" };
  const { verb, when, owner, incarnation, pausedUntil } = entry;
  const observed = { id, verb, when, owner, incarnation, pausedUntil, enabled: true, damage: null };
  if (entry.home !== home.root) return { ...observed, damage: "its tasks start the runner of another posture home" };
  const [now, due] = [tasks.get("now"), tasks.get("due")];
  if (now === undefined || due === undefined) return { ...observed, damage: "one of its two tasks is missing" };
  const differences = [compareTask(now, "now", entry, runner), compareTask(due, "due", entry, runner)];
  if (differences.includes("else")) return { ...observed, damage: "its tasks are not what they were written as" };
  if (differences.includes("off")) return { ...observed, enabled: false };
  if (!differences.includes("time")) return observed;
  const changed = readTriggers(due);
  return changed === null
    ? { ...observed, damage: "its triggers are not what they were written as" }
    : { ...observed, when: changed };
}

const unknownEntry = {
  verb: "run",
  when: {},
  owner: null,
  incarnation: "",
  pausedUntil: null,
  enabled: true,
} as const;

/** The file is in UTF-16 with its mark, which is what schtasks reads whatever the host's language. It holds no secret, and is gone afterwards. */
async function register(
  kind: TaskKind,
  entry: TaskEntry,
  { runAs }: TaskDeclaration,
  home: Home,
  runner: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const what = `${entry.id}: cannot be put into Task Scheduler`;
  const file = join(home.scheduler, `.task-${randomBytes(6).toString("hex")}.xml`);
  const task = taskName(entry.id, kind);
  await writeFileAtomically(file, Buffer.from(`\ufeff${renderTask(kind, entry, runner)}`, "utf16le"));
  try {
    if (typeof runAs === "object" && runAs.password !== undefined) {
      const password = await resolveSecret(runAs.password, `${entry.id}: the password of ${runAs.user}`);
      const given = Buffer.from(JSON.stringify({ task, file, user: runAs.user, password })).toString("base64");
      const command = ["powershell", "-NoProfile", "-NonInteractive", "-Command", registerWithPassword] as const;
      requireSuccess(what, await run(what, command, signal, `${given}\n`));
      return;
    }
    // A group managed service account has a password that nobody knows, and Windows looks it up.
    const account = runAs !== "SYSTEM" && typeof runAs === "string" ? ["/RU", runAs, "/RP", ""] : [];
    requireSuccess(what, await schtasks(what, ["/Create", "/TN", task, "/XML", file, "/F", ...account], signal));
  } finally {
    await rm(file, { force: true });
  }
}

function requireSuccess(what: string, { exitCode, stderr }: Completed): void {
  if (exitCode === 0) return;
  throw new PostureError("permanent", `${what} (exit code ${exitCode})`, { cause: new Error(stderr) });
}

function schtasks(what: string, options: readonly string[], signal: AbortSignal): Promise<Completed> {
  return run(what, ["schtasks", ...options], signal);
}

async function run(
  what: string,
  command: readonly [string, ...string[]],
  signal: AbortSignal,
  input?: string,
): Promise<Completed> {
  try {
    return await runCommand(command, {
      encoding: "latin1",
      timeoutMilliseconds: timeLimitMilliseconds,
      signal,
      ...(input === undefined ? {} : { input }),
    });
  } catch (error) {
    if (!(error instanceof PostureError)) throw error;
    throw new PostureError("unreachable", `${what}: ${messageOf(error)}`, { cause: error });
  }
}

/** What schtasks prints is UTF-16 on some hosts, and in the console's code page on others. All that counts is ASCII. */
function decode(printed: string): string {
  const isUtf16 = printed.startsWith("\u00ff\u00fe") || printed.charCodeAt(1) === 0;
  const text = isUtf16
    ? Buffer.from(printed, "latin1")
        .toString("utf16le")
        .replace(/^\ufeff/, "")
    : printed;
  return text.replace(/^[^<]*/, "");
}
