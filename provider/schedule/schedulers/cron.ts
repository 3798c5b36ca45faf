import { readFileSync, readlinkSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { formatInstant, now } from "../../platform/clock";
import { messageOf, PostureError } from "../../platform/errors";
import { acquireLock } from "../../platform/lock";
import { runCommand } from "../../platform/processes";
import type { Home } from "../../runner/home";
import { isTimeZone } from "../calendar";
import type { SchedulerDeclaration } from "../schema";
import {
  type CronEntry,
  type CronSurroundings,
  dueSince,
  findBlocks,
  putBlock,
  readBlock,
  removeBlock,
} from "./cron-table";
import { toTicks } from "./cron-ticks";
import { commandLineModule, type Launch, launchRunner, requireIdentifiers } from "./embedded";
import type { ObservedEntry, ScheduleEntry, Scheduler } from "./scheduler";

const timeLimitMilliseconds = 30_000;
/** Deployments that change one crontab wait for one another. */
const longestWaitMilliseconds = 60_000;

/** What of the host can be other than usual. */
export interface CronHost {
  /** The command that reads and writes crontabs. */
  readonly crontab: string;
  /** The zone that cron goes by. */
  readonly timeZone: string;
  /** An existing folder, or one that can be made, for the lock of this account's crontab. */
  readonly lockFolder: string;
  readonly launch: Launch;
}

/**
 * The account's own crontab. Its lines tick when a start may be due, in the host's time zone, and once when cron starts; the runner
 * then decides by the calendar that all schedulers share, so that time zones, windows, jitter and missed runs are the same on every cron. All
 * else in the table stays as it is, byte for byte, but for a missing last line break, without which `crontab` takes no table.
 */
export function createCronScheduler(
  declaration: Extract<SchedulerDeclaration, { kind: "cron" }>,
  home: Home,
  host: CronHost = describeHost(),
): Scheduler {
  const table = new Crontab(declaration.runAs, host);
  const surroundings: CronSurroundings = {
    timeZone: host.timeZone,
    ticks: ({ when, since }) => toTicks(when, host.timeZone, new Date(since)),
    command: ({ verb, id, since, pausedUntil, home: root }) => [
      ...[process.execPath, commandLineModule, verb, id],
      ...[dueSince, laterOf(since, pausedUntil), "--home", root],
    ],
  };
  const read = async (signal: AbortSignal) =>
    findBlocks(await table.read(signal)).map((block) => readBlock(block, surroundings));
  const isOurs = ({ home: root }: { readonly home: string | null }) => root === null || root === home.root;
  const list = async (signal: AbortSignal): Promise<readonly ObservedEntry[]> =>
    (await read(signal)).filter(isOurs).map(toObserved);
  return {
    kind: "cron",
    install: async (entry, signal) => {
      signal.throwIfAborted();
      requireIdentifiers([entry.id]);
      await table.change(signal, (text) => install(text, entry, home, surroundings));
    },
    observe: async (ids, signal) => {
      signal.throwIfAborted();
      requireIdentifiers(ids);
      const wanted = new Set(ids);
      const found = (await read(signal)).filter(({ id }) => wanted.has(id));
      return new Map(found.map((entry) => [entry.id, toObserved(refuseForeign(entry, isOurs(entry)))]));
    },
    list: async (signal) => {
      signal.throwIfAborted();
      return list(signal);
    },
    remove: async (id, signal) => {
      signal.throwIfAborted();
      requireIdentifiers([id]);
      await table.change(signal, (text) => removeBlock(text, id));
    },
    start: async (id, signal) => {
      signal.throwIfAborted();
      requireIdentifiers([id]);
      const entry = (await list(signal)).find((candidate) => candidate.id === id);
      if (entry === undefined || entry.damage !== null)
        throw new PostureError(
          "permanent",
          `${id}: ${entry === undefined ? "not in this account's crontab" : entry.damage}; pulumi up --refresh writes it anew`,
        );
      await host.launch(home, entry.verb, id);
    },
  };
}

function refuseForeign<E extends ObservedEntry>(entry: E, isOurs: boolean): E {
  return isOurs ? entry : { ...entry, damage: "its lines start the runner of another posture home" };
}

function install(text: string, entry: ScheduleEntry, home: Home, surroundings: CronSurroundings): string {
  const { id, verb, when, owner, incarnation, pausedUntil } = entry;
  const wanted = { id, verb, when, owner, incarnation, pausedUntil, home: home.root };
  const [standing, ...others] = findBlocks(text).filter((block) => block.id === id);
  const seen = standing === undefined || others.length > 0 ? null : readBlock(standing, surroundings);
  if (seen !== null && seen.home !== null && seen.home !== home.root)
    throw new PostureError(
      "conflict",
      `${id}: the crontab has an entry of this id that belongs to the posture home ${seen.home}; choose another id`,
    );
  // A damaged one does not tell since when it stood.
  if (seen?.damage === null && putBlock(text, { ...wanted, since: seen.since }, surroundings) === text) return text;
  return putBlock(text, { ...wanted, since: formatInstant(now()) } satisfies CronEntry, surroundings);
}

function toObserved({
  id,
  verb,
  when,
  owner,
  incarnation,
  pausedUntil,
  enabled,
  damage,
}: ObservedEntry): ObservedEntry {
  return { id, verb, when, owner, incarnation, pausedUntil, enabled, damage };
}

function laterOf(one: string, other: string | null): string {
  return other !== null && Date.parse(other) > Date.parse(one) ? other : one;
}

/** One account's crontab, as text in which every character stands for a byte. */
class Crontab {
  constructor(
    readonly account: string,
    readonly host: CronHost,
  ) {}

  /** @throws PostureError `unreachable`. */
  async read(signal: AbortSignal): Promise<string> {
    this.#requireAccount();
    const { exitCode, stdout, stderr } = await this.#crontab(["-l"], undefined, signal);
    if (exitCode === 0) return stdout;
    if (/no crontab for/i.test(stderr)) return "";
    throw new PostureError("unreachable", `crontab of ${this.account}: cannot be read (exit code ${exitCode})`);
  }

  /** One change at a time, over all deployments of this account, and looked at again: whoever edits the table by hand takes no lock. */
  async change(signal: AbortSignal, alter: (text: string) => string): Promise<void> {
    this.#requireAccount();
    await mkdir(this.host.lockFolder, { recursive: true, mode: 0o700 });
    const lock = await acquireLock(join(this.host.lockFolder, "crontab.lock"), {
      what: "a change of the crontab",
      waitMilliseconds: longestWaitMilliseconds,
      signal,
    });
    try {
      const before = await this.read(signal);
      const after = alter(before);
      if (after !== before) await this.#write(after, signal);
    } finally {
      await lock.release();
    }
  }

  async #write(text: string, signal: AbortSignal): Promise<void> {
    const complete = text === "" || text.endsWith("\n") ? text : `${text}\n`;
    const { exitCode } = await this.#crontab(["-"], complete, signal);
    if (exitCode !== 0)
      throw new PostureError(
        "permanent",
        `crontab of ${this.account}: was not taken (exit code ${exitCode}); it stands as it was`,
      );
    if ((await this.read(signal)) !== complete)
      throw new PostureError(
        "conflict",
        `crontab of ${this.account}: was changed by somebody else meanwhile; run up again`,
      );
  }

  async #crontab(options: readonly string[], input: string | undefined, signal: AbortSignal) {
    try {
      return await runCommand([this.host.crontab, ...options], {
        encoding: "latin1",
        keepLastLineBreak: true,
        timeoutMilliseconds: timeLimitMilliseconds,
        signal,
        ...(input === undefined ? {} : { input }),
      });
    } catch (error) {
      if (!(error instanceof PostureError)) throw error;
      throw new PostureError("unreachable", `crontab of ${this.account}: ${messageOf(error)}`, { cause: error });
    }
  }

  #requireAccount(): void {
    const { username } = userInfo();
    if (username === this.account) return;
    throw new PostureError(
      "usage",
      `crontab of ${this.account}: this deployment runs as ${username}; let it run as ${this.account}, who owns the posture home and its jobs, or declare runAs: "${username}"`,
    );
  }
}

function describeHost(): CronHost {
  return {
    crontab: "crontab",
    timeZone: readHostTimeZone(),
    lockFolder: join(process.env.XDG_STATE_HOME ?? join(userInfo().homedir, ".local", "state"), "backup-posture"),
    launch: launchRunner,
  };
}

/** What cron goes by: the host's zone, whatever this process was told. UTC where the host tells none. */
function readHostTimeZone(): string {
  const names = [
    () => readlinkSync("/etc/localtime").split("/zoneinfo/")[1],
    () => readFileSync("/etc/timezone", "utf8"),
  ];
  for (const read of names) {
    const name = tryTo(read)?.trim() ?? "";
    if (name === "Etc/UTC") return "UTC";
    if (isTimeZone(name)) return name;
  }
  return "UTC";
}

function tryTo(read: () => string | undefined): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
