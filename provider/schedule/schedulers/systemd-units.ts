import { z } from "zod";
import { identifier } from "../../declaration/primitives";
import { PostureError } from "../../platform/errors";
import { whenSchema } from "../schema";
import { dueSince } from "./cron-table";
import type { EntryNeeds, ScheduleEntry } from "./scheduler";
import { toCalendarEvents } from "./systemd-calendar";

/** An entry of ours, as it stands in units. Everything that their text depends on, beside the runner's command. */
export interface SystemdEntry extends ScheduleEntry {
  readonly needs: EntryNeeds | null;
  readonly home: string;
  /** The account of `User=`; null where the manager runs as it already. */
  readonly user: string | null;
  /** ISO 8601: when it was last installed otherwise than it stood. What was due before then is nobody's miss. */
  readonly since: string;
}

/** The three units of an entry: what backs up now, what does so only when a start is due, and the timer that starts the latter. */
export const unitKinds = ["service", "due.service", "timer"] as const;

export type UnitKind = (typeof unitKinds)[number];

const prefix = "backup-posture-";
const section = "[X-Backup-Posture]";

const entrySchema = z.strictObject({
  id: identifier,
  verb: z.enum(["run", "drill"]),
  when: whenSchema,
  owner: z.string().nullable(),
  incarnation: z.string().min(1),
  pausedUntil: z.iso.datetime({ offset: true }).nullable(),
  needs: z.strictObject({ reads: z.array(z.string()), writes: z.array(z.string()) }).nullable(),
  home: z.string(),
  user: z.string().nullable(),
  since: z.iso.datetime({ offset: true }),
});

/** Folders that a private `/tmp` would hide. */
const temporaryFolders = ["/tmp", "/var/tmp"];

export function unitName(id: string, kind: UnitKind): string {
  return `${prefix}${id}.${kind}`;
}

/** The id and kind of a unit of ours by its file's name; null for those of others. */
export function readUnitName(name: string): { readonly id: string; readonly kind: UnitKind } | null {
  const kind = unitKinds.findLast((each) => name.endsWith(`.${each}`));
  if (kind === undefined || !name.startsWith(prefix)) return null;
  const id = name.slice(prefix.length, -(kind.length + 1));
  return identifier.safeParse(id).success ? { id, kind } : null;
}

/** The text of one unit of an entry. The same entry and runner always give the same text. */
export function renderUnit(kind: UnitKind, entry: SystemdEntry, runner: readonly string[]): string {
  const blocks = kind === "timer" ? renderTimer(entry) : renderService(kind, entry, runner);
  const head = "# Written by backup-posture. Changes are drift, which pulumi up takes back.";
  return `${[head, ...blocks, `${section}\nEntry=${describeEntry(entry)}`].join("\n\n").replace("\n\n", "\n")}\n`;
}

/** The entry that a unit tells of; null where it tells of none that is valid. */
export function readUnit(text: string): SystemdEntry | null {
  const line = text.split(`\n${section}\nEntry=`)[1]?.split("\n")[0];
  if (line === undefined) return null;
  try {
    const parsed = entrySchema.safeParse(JSON.parse(line));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

/** The values of `OnCalendar=` in a timer's text. */
export function readCalendar(text: string): readonly string[] {
  return [...text.matchAll(/^OnCalendar=(.*)$/gm)].map(([, value = ""]) => value);
}

/**
 * One word of a unit's setting, as systemd reads it back: quoted, with `%` doubled and all that is not printable written in C's way.
 *
 * @param context in `ExecStart=`, variables are put in, so `$` is doubled; a list of paths knows none.
 * @throws PostureError `usage` for NUL, which no unit can hold.
 */
export function quoteForSystemd(word: string, context: "command" | "list"): string {
  if (word.includes("\0")) throw new PostureError("usage", "NUL cannot stand in a unit");
  const escaped = word
    .replaceAll(/["\\]/g, "\\$&")
    .replaceAll(/[\u0001-\u001f\u007f]|\p{Noncharacter_Code_Point}/gu, escapeBytes)
    .replaceAll("%", "%%");
  const whole = context === "command" ? escaped.replaceAll("$", "$$$$") : escaped;
  return /^[A-Za-z0-9_./:=@+-]+$/.test(word) ? word : `"${whole}"`;
}

function renderTimer({ id, when, since }: SystemdEntry): readonly string[] {
  const events = toCalendarEvents(when, new Date(since)).map((event) => `OnCalendar=${event}`);
  return [
    `[Unit]\nDescription=Starts of ${id} that may be due`,
    [
      "[Timer]",
      ...events,
      `Persistent=${when.catchUp === false ? "no" : "yes"}`,
      "AccuracySec=1s",
      `Unit=${unitName(id, "due.service")}`,
    ].join("\n"),
    "[Install]\nWantedBy=timers.target",
  ];
}

function renderService(kind: UnitKind, entry: SystemdEntry, runner: readonly string[]): readonly string[] {
  const { id, verb, since, pausedUntil, home, user } = entry;
  const what = verb === "run" ? `Backup of ${id}` : `Drill of ${id}`;
  const due = kind === "due.service" ? [dueSince, laterOf(since, pausedUntil)] : [];
  const command = [...runner, verb, id, ...due, "--home", home];
  return [
    `[Unit]\nDescription=${what}${kind === "due.service" ? ", if a start is due" : ""}\nStartLimitIntervalSec=0`,
    [
      "[Service]",
      "Type=oneshot",
      ...(user === null ? [] : [`User=${user}`]),
      `ExecStart=${renderCommand(command)}`,
      ...renderConfinement(entry, runner),
    ].join("\n"),
  ];
}

function renderCommand([file = "", ...rest]: readonly string[]): string {
  if (/[$"'\\\s]/.test(file))
    throw new PostureError("usage", `${file}: systemd starts no program of such a path; install Node elsewhere`);
  return [quoteForSystemd(file, "list"), ...rest.map((word) => quoteForSystemd(word, "command"))].join(" ");
}

/**
 * What a run does not need. Where commands of the user's run, of which nobody knows what they need, nothing is taken away. A user's own
 * manager may not build namespaces, so there only privileges are given up.
 */
function renderConfinement(entry: SystemdEntry, runner: readonly string[]): readonly string[] {
  const { needs, home, user } = entry;
  if (needs === null) return [];
  const always = [
    "NoNewPrivileges=yes",
    "LockPersonality=yes",
    "RestrictRealtime=yes",
    "SystemCallArchitectures=native",
  ];
  if (user === null) return always;
  const paths = [home, ...needs.writes];
  return [
    ...always,
    "ProtectSystem=strict",
    `ReadWritePaths=${paths.map((path) => quoteForSystemd(`-${path}`, "list")).join(" ")}`,
    "PrivateDevices=yes",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    ...([...paths, ...needs.reads, ...runner].some(isTemporary) ? [] : ["PrivateTmp=yes"]),
  ];
}

function isTemporary(path: string): boolean {
  return temporaryFolders.some((folder) => path === folder || path.startsWith(`${folder}/`));
}

/** In ASCII: systemd takes not every character of Unicode. */
function describeEntry(entry: SystemdEntry): string {
  const { id, verb, when, owner, incarnation, pausedUntil, needs, home, user, since } = entry;
  const described = JSON.stringify({ id, verb, when, owner, incarnation, pausedUntil, needs, home, user, since });
  return described.replaceAll(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function escapeBytes(character: string): string {
  return [...Buffer.from(character)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}

function laterOf(one: string, other: string | null): string {
  return other !== null && Date.parse(other) > Date.parse(one) ? other : one;
}
