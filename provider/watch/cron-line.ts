import { readFile } from "node:fs/promises";
import { isAbsent, messageOf, PostureError } from "../platform/errors";
import { runCommand } from "../platform/processes";
import { describeTable, type Watch } from "./schema";
import { nothingSeen, type Seen } from "./seen";

type WatchedLine = Extract<Watch, { kind: "cron" }>;

const timeLimitMilliseconds = 30_000;
/** A line that runs something: its time, then the rest. Settings of variables begin with a name and an equals sign. */
const activeLine = /^\s*(@[a-z]+|(?:[\d*][^\s]*\s+){4}[^\s=#]+)\s+(\S.*)$/i;

/**
 * Looks for one line of a table of cron.
 *
 * @throws PostureError `unreachable` where the table cannot be read.
 */
export async function lookAtCronLine(watch: WatchedLine, signal: AbortSignal): Promise<Seen> {
  return findLine(await readTable(watch, signal), watch);
}

/** What a table tells of the line. Pure. */
export function findLine(table: string, watch: Omit<WatchedLine, "kind" | "lastSuccess">): Seen {
  const where = describeTable(watch);
  const lines = table.split(/\r?\n/).filter((line) => line.includes(watch.contains));
  const active = lines.flatMap((line) => activeLine.exec(line)?.[1] ?? []);
  const [time] = active;
  if (time !== undefined && active.length === 1) {
    const observed = time.trim().replace(/\s+/g, " ");
    return { ...nothingSeen, settings: watch.time === undefined ? {} : { time: observed } };
  }
  const installation =
    active.length > 1
      ? `${active.length} lines of ${where} have it, so that it is not clear which one is meant`
      : lines.some((line) => /^\s*#/.test(line))
        ? `its line in ${where} is switched off by a comment`
        : `no line of ${where} has it`;
  return { ...nothingSeen, installation: [installation] };
}

async function readTable(watch: WatchedLine, signal: AbortSignal): Promise<string> {
  if (watch.file !== undefined) return readSystemTable(watch.file);
  const account = watch.account === undefined ? [] : ["-u", watch.account];
  let completed: Awaited<ReturnType<typeof runCommand>>;
  try {
    completed = await runCommand(["crontab", ...account, "-l"], { timeoutMilliseconds: timeLimitMilliseconds, signal });
  } catch (error) {
    signal.throwIfAborted();
    throw new PostureError("unreachable", `${describeTable(watch)}: ${messageOf(error)}`, { cause: error });
  }
  if (completed.exitCode === 0) return completed.stdout;
  if (/no crontab for/i.test(completed.stderr)) return "";
  throw new PostureError(
    "unreachable",
    `${describeTable(watch)}: crontab ended with exit code ${completed.exitCode}: this account may not read it`,
  );
}

async function readSystemTable(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    if (isAbsent(error)) return "";
    throw new PostureError("unreachable", `${file}: ${messageOf(error).replace(/,? open '.*$/, "")}`, { cause: error });
  }
}
