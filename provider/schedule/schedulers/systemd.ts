import { lstat, readdir, readFile, readlink, rm, stat } from "node:fs/promises";
import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import { requireAccount } from "../../platform/accounts";
import { ensureDirectory, syncDirectory, writeFileAtomically } from "../../platform/atomic-file";
import { formatInstant, now } from "../../platform/clock";
import { isAbsent, messageOf, PostureError, systemCodeOf } from "../../platform/errors";
import type { Home } from "../../runner/home";
import type { SchedulerDeclaration } from "../schema";
import { commandLineModule, requireIdentifiers } from "./embedded";
import type { ObservedEntry, ScheduleEntry, Scheduler } from "./scheduler";
import { readCalendarEvent } from "./systemd-calendar";
import { SystemdManager, type UnitState, unitNamesOf } from "./systemd-manager";
import {
  readCalendar,
  readUnit,
  readUnitName,
  renderUnit,
  type SystemdEntry,
  type UnitKind,
  unitKinds,
  unitName,
} from "./systemd-units";

type SystemdDeclaration = Extract<SchedulerDeclaration, { kind: "systemd" }>;

/** What of the host can be other than usual. */
export interface SystemdHost {
  /** The command that speaks to the manager, without its arguments. */
  readonly systemctl: readonly [string, ...string[]];
  /** Where units are put, for good. */
  readonly unitFolder: string;
  /** The runner, without its arguments. */
  readonly runner: readonly string[];
}

/** The units of one id, as they are on disk and in the manager. */
interface FoundUnits {
  readonly id: string;
  /** The texts of those that are there; null for one that is masked. */
  readonly texts: ReadonlyMap<UnitKind, string | null>;
  readonly states: ReadonlyMap<UnitKind, UnitState>;
  /** What they tell of; null where none of them can be read. */
  readonly entry: SystemdEntry | null;
}

/**
 * Timers of systemd, in the system's manager or in the account's own. A timer elapses when a start may be due, in the declared zone, and once
 * when the machine was off then; the runner then decides by the calendar that all schedulers share. A service of each id backs up at once,
 * whatever is due: for people, and for `start`.
 */
export function createSystemdScheduler(
  declaration: SystemdDeclaration,
  home: Home,
  host: SystemdHost = describeSystemdHost(declaration),
): Scheduler {
  const manager = new SystemdManager(host.systemctl);
  const user = declaration.scope === "user" ? null : declaration.runAs;

  const look = async (ids: readonly string[] | null, signal: AbortSignal): Promise<readonly FoundUnits[]> => {
    const wanted = ids === null ? null : new Set(ids);
    const present = (await listUnits(host.unitFolder)).filter(({ id }) => wanted?.has(id) ?? true);
    const found = [...new Set(present.map(({ id }) => id))].sort();
    const states = await manager.show(
      found.flatMap((id) => unitNamesOf(id, unitKinds)),
      signal,
    );
    return Promise.all(
      found.map(async (id) => {
        const kinds = present.flatMap((each) => (each.id === id ? [each.kind] : []));
        const texts = await Promise.all(kinds.map((kind) => readText(join(host.unitFolder, unitName(id, kind)))));
        const entry = texts.flatMap((text) => (text === null ? [] : [readUnit(text)])).find((each) => each?.id === id);
        return {
          id,
          texts: new Map(kinds.map((kind, index) => [kind, texts[index] ?? null])),
          states: new Map(
            unitKinds.flatMap((kind) => {
              const state = states.get(unitName(id, kind));
              return state === undefined ? [] : [[kind, state]];
            }),
          ),
          entry: entry ?? null,
        };
      }),
    );
  };

  const observe = (found: FoundUnits): ObservedEntry => toObserved(found, home, host.runner);

  return {
    kind: "systemd",
    install: async (entry, signal) => {
      signal.throwIfAborted();
      requireIdentifiers([entry.id]);
      await requireRights(declaration, home, signal);
      const [found] = await look([entry.id], signal);
      if (found !== undefined && found.entry !== null && found.entry.home !== home.root)
        throw new PostureError(
          "conflict",
          `${entry.id}: systemd has units of this id that belong to the posture home ${found.entry.home}; choose another id`,
        );
      const wanted = toEntry(entry, home, user);
      if (found !== undefined && stands(found, wanted, host.runner) && observe(found).damage === null) return;
      await write(host, manager, found, { ...wanted, since: formatInstant(now()) }, signal);
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
      if (found !== undefined) await takeAway(host, manager, found, signal);
    },
    start: async (id, signal) => {
      signal.throwIfAborted();
      requireIdentifiers([id]);
      const [found] = await look([id], signal);
      const damage = found === undefined ? "not in systemd" : observe(found).damage;
      if (damage !== null)
        throw new PostureError("permanent", `${id}: ${damage}; pulumi up --refresh writes its units anew`);
      await manager.order(`${id}: cannot be started`, ["start", "--no-block", "--", unitName(id, "service")], signal);
    },
  };
}

/** The manager and the folder of units that a declaration is about, on this host. */
export function describeSystemdHost({ scope }: SystemdDeclaration): SystemdHost {
  const runner = [process.execPath, commandLineModule];
  // systemd's own variable: where it looks for units first.
  const [named = ""] = (process.env.SYSTEMD_UNIT_PATH ?? "").split(":");
  if (scope === "user") {
    const settings = process.env.XDG_CONFIG_HOME ?? join(homedir(), ".config");
    return { systemctl: ["systemctl", "--user"], unitFolder: named || join(settings, "systemd", "user"), runner };
  }
  return { systemctl: ["systemctl"], unitFolder: named || "/etc/systemd/system", runner };
}

/** Entries run as their account, so the home must be that account's; only root may put units into the system's manager. */
async function requireRights({ runAs, scope }: SystemdDeclaration, home: Home, signal: AbortSignal): Promise<void> {
  const { uid, username } = userInfo();
  if (scope === "user") {
    if (username === runAs) return;
    throw new PostureError(
      "usage",
      `systemd of ${runAs}: this deployment runs as ${username}; let it run as ${runAs}, or declare scope: "system" and let root deploy`,
    );
  }
  if (uid !== 0)
    throw new PostureError(
      "usage",
      `systemd: this deployment runs as ${username}; let root deploy, or declare scope: "user" and runAs: "${username}"`,
    );
  const account = await requireAccount(runAs, signal);
  const owner = (await stat(home.root)).uid;
  if (account.uid !== owner && account.uid !== 0)
    throw new PostureError(
      "usage",
      `systemd: the posture home ${home.root} belongs to uid ${owner}, and ${runAs} could not work in it; declare another home for what runs as ${runAs}, or, where all of it does: chown -R ${runAs}: ${home.root}`,
    );
}

function toEntry(entry: ScheduleEntry, home: Home, user: string | null): Omit<SystemdEntry, "since"> {
  const { id, verb, when, owner, incarnation, pausedUntil, needs = null } = entry;
  return { id, verb, when, owner, incarnation, pausedUntil, needs, home: home.root, user };
}

/** Whether units say what is wanted, and the timer goes. */
function stands({ entry, texts, states }: FoundUnits, wanted: Omit<SystemdEntry, "since">, runner: readonly string[]) {
  if (entry === null || !goes(states)) return false;
  return unitKinds.every((kind) => texts.get(kind) === renderUnit(kind, { ...wanted, since: entry.since }, runner));
}

function goes(states: FoundUnits["states"]): boolean {
  const timer = states.get("timer");
  return timer?.file === "enabled" && timer.active === "active";
}

function toObserved(found: FoundUnits, home: Home, runner: readonly string[]): ObservedEntry {
  const { id, entry, texts, states } = found;
  if (entry === null)
    return { id, ...unknownEntry, enabled: goes(states), damage: "the description in its units cannot be read" };
  const { verb, when, owner, incarnation, pausedUntil } = entry;
  const observed = { id, verb, when, owner, incarnation, pausedUntil };
  const isMasked = [...texts.values()].includes(null) || [...states.values()].some(({ loaded }) => loaded === "masked");
  if (isMasked) return { ...observed, enabled: false, damage: null };
  if (entry.home !== home.root)
    return { ...observed, enabled: goes(states), damage: "its units start the runner of another posture home" };
  const different = unitKinds.filter((kind) => texts.get(kind) !== renderUnit(kind, entry, runner));
  const changed = different.length === 1 && different[0] === "timer" ? readChangedTime(texts, entry, runner) : null;
  if (changed !== null) return { ...observed, when: changed, enabled: goes(states), damage: null };
  return { ...observed, enabled: goes(states), damage: findDamage(found, different) };
}

const unknownEntry = { verb: "run", when: {}, owner: null, incarnation: "", pausedUntil: null } as const;

function findDamage({ texts, states }: FoundUnits, different: readonly UnitKind[]): string | null {
  const missing = different.find((kind) => !texts.has(kind));
  if (missing !== undefined) return `its ${missing} unit is missing`;
  if (different.length > 0) return "its units are not what they were written as";
  const all = [...states.values()];
  if (all.some(({ overridden }) => overridden)) return "settings beside its units take the place of their own";
  if (all.some(({ outdated }) => outdated)) return "systemd has not read its units since they were changed";
  return all.every(({ loaded }) => loaded === "loaded") ? null : "systemd refuses its units";
}

/** Other times in an otherwise unchanged timer, where a declaration could say them. */
function readChangedTime(texts: FoundUnits["texts"], entry: SystemdEntry, runner: readonly string[]) {
  const present = texts.get("timer") ?? "";
  const expected = renderUnit("timer", entry, runner);
  if (withoutCalendar(present) !== withoutCalendar(expected)) return null;
  const [first = ""] = readCalendar(present);
  return first === readCalendar(expected)[0] ? null : readCalendarEvent(first);
}

function withoutCalendar(text: string): string {
  return text.replaceAll(/^OnCalendar=.*\n/gm, "");
}

async function write(
  host: SystemdHost,
  manager: SystemdManager,
  found: FoundUnits | undefined,
  entry: SystemdEntry,
  signal: AbortSignal,
): Promise<void> {
  const what = `${entry.id}: cannot be put into systemd`;
  const names = unitNamesOf(entry.id, unitKinds);
  const states = [...(found?.states.values() ?? [])];
  if (states.some(({ overridden, loaded }) => overridden || loaded === "masked"))
    await manager.order(what, ["revert", "--", ...names], signal);
  await putFiles(what, host, entry);
  // Both make the manager read all units anew, and take effect only then.
  await manager.order(what, ["enable", "--", unitName(entry.id, "timer")], signal);
  await manager.order(what, ["restart", "--", unitName(entry.id, "timer")], signal);
}

async function putFiles(what: string, { unitFolder, runner }: SystemdHost, entry: SystemdEntry): Promise<void> {
  const texts = unitKinds.map((kind) => [unitName(entry.id, kind), renderUnit(kind, entry, runner)] as const);
  try {
    await ensureDirectory(unitFolder);
    for (const [name, text] of texts) await writeFileAtomically(join(unitFolder, name), text, 0o644);
  } catch (error) {
    throw new PostureError("permanent", `${what}: ${unitFolder}: ${messageOf(error)}`, { cause: error });
  }
}

/** A run that goes on goes on; what is gone is also stopped, and no failure of it is remembered. */
async function takeAway(
  { unitFolder }: SystemdHost,
  manager: SystemdManager,
  { id, texts, states }: FoundUnits,
  signal: AbortSignal,
): Promise<void> {
  const what = `${id}: cannot be taken out of systemd`;
  const timer = unitName(id, "timer");
  const names = unitNamesOf(id, unitKinds);
  if ([...states.values()].some(({ overridden, loaded }) => overridden || loaded === "masked"))
    await manager.order(what, ["revert", "--", ...names], signal);
  if (typeof texts.get("timer") === "string") await manager.order(what, ["disable", "--now", "--", timer], signal);
  else if (states.get("timer")?.active === "active") await manager.order(what, ["stop", "--", timer], signal);
  for (const name of names) await rm(join(unitFolder, name), { force: true });
  await rm(join(unitFolder, "timers.target.wants", timer), { force: true });
  await syncDirectory(unitFolder);
  await manager.order(what, ["daemon-reload"], signal);
  const failed = [...(await manager.show(names, signal))].filter(([, { active }]) => active === "failed");
  if (failed.length > 0) await manager.order(what, ["reset-failed", "--", ...failed.map(([name]) => name)], signal);
}

async function listUnits(folder: string): Promise<readonly { readonly id: string; readonly kind: UnitKind }[]> {
  try {
    return (await readdir(folder)).map(readUnitName).filter((unit) => unit !== null);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw unreadable(folder, error);
  }
}

/** Null where it is masked, that is, stands for nothing. */
async function readText(path: string): Promise<string | null> {
  try {
    if ((await lstat(path)).isSymbolicLink() && (await readlink(path)) === "/dev/null") return null;
    return await readFile(path, "utf8");
  } catch (error) {
    if (isAbsent(error)) return "";
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): PostureError {
  return new PostureError("unreachable", `systemd ${path}: cannot be read: ${systemCodeOf(error) ?? "unknown error"}`, {
    cause: error,
  });
}
