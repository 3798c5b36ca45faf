import { z } from "zod";
import { identifier } from "../../declaration/primitives";
import { PostureError } from "../../platform/errors";
import { findCronFault } from "../calendar";
import { whenSchema } from "../schema";
import type { ObservedEntry, ScheduleEntry } from "./scheduler";

/** An entry of ours, as it is written into a crontab. */
export interface CronEntry extends ScheduleEntry {
  /** The posture home whose runner it starts. */
  readonly home: string;
  /** ISO 8601: when it was last installed otherwise than it stood. What was due before then is nobody's miss. */
  readonly since: string;
}

/** What lines depend on beside the entry. */
export interface CronSurroundings {
  /** The zone that the cron of this host goes by. */
  readonly timeZone: string;
  /** The fields of the lines that tick for an entry. */
  ticks(entry: CronEntry): readonly string[];
  /** The command that a tick starts. */
  command(entry: CronEntry): readonly string[];
}

/** Our part of a crontab for one id, and where it is. Offsets count characters. */
export interface CronBlock {
  readonly id: string;
  readonly from: number;
  readonly to: number;
  /** Lines between the two marks. */
  readonly lines: readonly string[];
}

/** The option by which a tick tells from when on it counts. */
export const dueSince = "--due-since";

const beginning = "# BEGIN backup-posture ";
const end = "# END backup-posture ";
/** Vixie cron reads no longer command. */
const longestLine = 900;

const headSchema = z.strictObject({
  verb: z.enum(["run", "drill"]),
  when: whenSchema,
  owner: z.string().nullable(),
  incarnation: z.string().min(1),
  pausedUntil: z.iso.datetime({ offset: true }).nullable(),
  home: z.string(),
  since: z.iso.datetime({ offset: true }),
});

/** Our blocks in a crontab, in their order. Of one whose end is missing only the lines count that can be nobody else's. */
export function findBlocks(table: string): readonly CronBlock[] {
  const blocks: CronBlock[] = [];
  let open: { readonly id: string; readonly from: number; readonly lines: string[]; to: number; cut: boolean } | null =
    null;
  const close = (): void => {
    if (open !== null) blocks.push({ id: open.id, from: open.from, to: open.to, lines: [] });
    open = null;
  };
  for (const { text, from, to } of splitLines(table)) {
    const begins = readMark(text, beginning);
    if (begins !== null) {
      close();
      open = { id: begins, from, to, lines: [], cut: false };
    } else if (open !== null && readMark(text, end) === open.id) {
      blocks.push({ id: open.id, from: open.from, to, lines: open.lines });
      open = null;
    } else if (open !== null) {
      open.lines.push(text);
      open.cut ||= !isOurs(text, open.id);
      if (!open.cut) open.to = to;
    }
  }
  close();
  return blocks;
}

/** The table with an entry's block, in place of the one that stood there, else before everything else: settings of environment variables below do not reach it. */
export function putBlock(table: string, entry: CronEntry, surroundings: CronSurroundings): string {
  const block = renderBlock(entry, surroundings);
  const standing = findBlocks(table).find(({ id }) => id === entry.id);
  if (standing === undefined) return block + table;
  const rest = removeBlock(table.slice(standing.to), entry.id);
  return table.slice(0, standing.from) + block + rest;
}

/** The table without an id's blocks; everything else stays as it is, byte for byte. */
export function removeBlock(table: string, id: string): string {
  let left = table;
  for (const block of [...findBlocks(table)].reverse())
    if (block.id === id) left = left.slice(0, block.from) + left.slice(block.to);
  return left;
}

/** What a block says, and whether its lines are still what they were written as. */
export function readBlock(
  block: CronBlock,
  surroundings: CronSurroundings,
): ObservedEntry & { readonly since: string; readonly home: string | null } {
  const head = readHead(block.lines[0]);
  if (head === null) return { ...unknownEntry, id: block.id, damage: "its description cannot be read" };
  const entry = { id: block.id, ...head };
  const expected = renderLines(entry, surroundings);
  const present = block.lines.slice(1);
  if (isSame(present, expected)) return { ...entry, enabled: true, damage: null };
  if (isSame(present.map(withoutComment), expected)) return { ...entry, enabled: false, damage: null };
  const changed = readChangedTime(present, expected);
  if (changed !== null)
    return { ...entry, when: { cron: changed, timeZone: surroundings.timeZone }, enabled: true, damage: null };
  return { ...entry, enabled: true, damage: "its lines in the crontab are not what they were written as" };
}

/** One argument of a command as cron hands it to a shell: in single quotes, and with every `%`, which cron turns into line breaks, escaped. */
export function quoteForCron(argument: string): string {
  if (/[\0-\x1f\x7f]/.test(argument)) throw new PostureError("usage", "a control character cannot stand in a crontab");
  const quoted = /^[A-Za-z0-9_./:=@+-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
  return quoted.replaceAll("%", "\\%");
}

function renderBlock(entry: CronEntry, surroundings: CronSurroundings): string {
  const { id, verb, when, owner, incarnation, pausedUntil, home, since } = entry;
  const head = JSON.stringify({ verb, when, owner, incarnation, pausedUntil, home, since });
  const lines = [`${beginning}${id}`, `# ${head}`, ...renderLines(entry, surroundings), `${end}${id}`];
  return `${lines.join("\n")}\n`;
}

/** Beside the ticks one at the start of cron: what was missed while the machine was off is made up for then. */
function renderLines(entry: CronEntry, surroundings: CronSurroundings): readonly string[] {
  const command = `${surroundings.command(entry).map(quoteForCron).join(" ")} >/dev/null`;
  const lines = [...surroundings.ticks(entry), "@reboot"].map((fields) => `${fields} ${command}`);
  if (lines.some((line) => line.length > longestLine))
    throw new PostureError(
      "usage",
      `${entry.id}: its line in the crontab would be longer than cron reads; choose a shorter home`,
    );
  return lines;
}

function readHead(line: string | undefined): z.infer<typeof headSchema> | null {
  try {
    const parsed = headSchema.safeParse(JSON.parse((line ?? "").replace(/^# /, "")));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}

const unknownEntry = {
  verb: "run",
  when: {},
  owner: null,
  incarnation: "",
  pausedUntil: null,
  enabled: true,
  home: null,
  since: "",
} as const;

/** Other fields before the same command, where that is all that was changed. */
function readChangedTime(present: readonly string[], expected: readonly string[]): string | null {
  const [line = ""] = present;
  const [first = ""] = expected;
  const command = first.split(" ").slice(5).join(" ");
  const fields = line.split(" ").slice(0, 5).join(" ");
  if (present.length !== 2 || present[1] !== expected.at(-1)) return null;
  return line === `${fields} ${command}` && findCronFault(fields) === undefined ? fields : null;
}

function withoutComment(line: string): string {
  return line.replace(/^#\s*/, "");
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((line, index) => line === other[index]);
}

function isOurs(line: string, id: string): boolean {
  return line.startsWith("# {") || line.includes(` ${id} ${dueSince} `);
}

function readMark(line: string, mark: string): string | null {
  if (!line.startsWith(mark)) return null;
  const id = line.slice(mark.length);
  return identifier.safeParse(id).success ? id : null;
}

function* splitLines(table: string): Generator<{ readonly text: string; readonly from: number; readonly to: number }> {
  for (let from = 0; from < table.length; ) {
    const lineEnd = table.indexOf("\n", from);
    const to = lineEnd < 0 ? table.length : lineEnd + 1;
    yield { text: table.slice(from, lineEnd < 0 ? to : lineEnd), from, to };
    from = to;
  }
}
