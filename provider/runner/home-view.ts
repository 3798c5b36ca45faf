import { readdir } from "node:fs/promises";
import { z } from "zod";
import { instant } from "../declaration/primitives";
import { requireAccount } from "../platform/accounts";
import { PostureError } from "../platform/errors";
import { withinTime } from "../platform/time-limit";
import { defaultScheduler } from "../schedule/defaults";
import { openScheduler } from "../schedule/schedulers";
import type { ObservedEntry } from "../schedule/schedulers/scheduler";
import type { SchedulerDeclaration } from "../schedule/schema";
import { openStore } from "../snapshot/stores";
import type { StoreDeclaration } from "../snapshot/stores/schema";
import type { RecoveryPoint } from "../snapshot/stores/store";
import { runProbeCommand, takeChangeMark } from "../sources/change-probe";
import type { ChangeProbe } from "../sources/schema";
import { type Home, initialiseHome, requireHome } from "./home";
import { findJob, listJobIds } from "./job";
import { findLiveRun, type LiveRun } from "./job-lock";
import { type JournalRecord, readJournal } from "./journal";
import { asHomeOwner, findForeignOwner, makeFor } from "./ownership";
import { storesOf } from "./places";

/** A home on a mount whose server is gone answers never. */
const answerWithinMilliseconds = 30_000;

/**
 * One look at a posture home, shared by everything that is observed through it: entries are listed once, and each store
 * once, failures included, until something was written.
 */
export class HomeView {
  readonly #lists = new Map<string, Promise<readonly RecoveryPoint[]>>();
  readonly #entries = new Map<string, Promise<ReadonlyMap<string, ObservedEntry>>>();
  readonly #written = new Set<string>();
  readonly #marks = new Map<string, Promise<string | null>>();
  readonly #probed = new Map<string, Promise<Date | undefined>>();
  readonly #prepared = new Map<string, Promise<void>>();
  #storesInUse: Promise<ReadonlySet<string>> | null = null;
  #seen: Promise<void> | null = null;
  readonly #folders = new Map<string, Promise<ReadonlySet<string> | null>>();
  #unreachable: string | null = null;
  #stateKnowsObjects = false;
  #ready = false;

  constructor(
    readonly home: Home,
    readonly signal: AbortSignal,
  ) {}

  /** @throws PostureError `unreachable`. */
  async requireHome(): Promise<void> {
    await requireHome(this.home);
  }

  /**
   * Makes sure once that the home is there, and answers, for all that is observed through it.
   *
   * @throws PostureError `unreachable`.
   */
  lookAtHome(): Promise<void> {
    this.#seen ??= withinTime(
      requireHome(this.home),
      answerWithinMilliseconds,
      () => this.#describeSilence(),
      this.signal,
    );
    return this.#seen;
  }

  #describeSilence(): Error {
    return new PostureError(
      "unreachable",
      `posture home ${this.home.root}: no answer within ${answerWithinMilliseconds / 1_000} s: is its server there?`,
    );
  }

  /** A job's journal; an absent one is empty. */
  async readJournal(id: string): Promise<readonly JournalRecord[]> {
    return (await this.#mayHold(this.home.journal, id)) ? await readJournal(this.home, id) : [];
  }

  /** The run or drill of a job that goes on, or null. */
  async findLiveRun(id: string): Promise<LiveRun | null> {
    return (await this.#mayHold(this.home.locks, id)) ? await findLiveRun(this.home, id) : null;
  }

  /**
   * False where a folder, listed once, had no file of this id: hundreds of schedules need not look for files that are not there. Of what
   * we wrote since then, or where the folder cannot be listed, a look at the file itself tells.
   */
  async #mayHold(folder: string, id: string): Promise<boolean> {
    if (this.#written.has(id)) return true;
    const ids = await remember(this.#folders, folder, () => listIds(folder));
    return ids === null || ids.has(id);
  }

  /** Something that stands in this home, as far as the state knows, could not be looked at. */
  noteUnreachable(why: string): void {
    this.#unreachable ??= why;
  }

  /** The state tells of an object in this home: so there is one. */
  noteKnownObject(): void {
    this.#stateKnowsObjects = true;
  }

  /**
   * Makes the home ready, but not anew in the place of one that is away, such as an empty mount point: where the state tells of an object
   * in it, it must be there.
   *
   * @param runAs the account that is to work in it, where it is made anew and root makes it; null: this process's.
   * @throws PostureError `unreachable`, or `usage` where there is no such account.
   */
  async prepareHome(runAs: string | null): Promise<void> {
    if (this.#unreachable !== null)
      throw new PostureError(
        "unreachable",
        `nothing is created beside what could not be looked at: ${this.#unreachable}`,
      );
    if (this.#stateKnowsObjects || this.#ready) await requireHome(this.home);
    else await initialiseHome(this.home, isRoot() && runAs !== null ? await requireAccount(runAs, this.signal) : null);
    this.#ready = true;
  }

  /**
   * Makes a store ready, but not anew in the place of one that is away: a store that a job of this home captures into was ready before
   * that job was written, and must be there.
   *
   * @throws PostureError `unreachable`.
   */
  prepareStore(declaration: StoreDeclaration): Promise<void> {
    return remember(this.#prepared, JSON.stringify(declaration), () => this.#prepareStore(declaration));
  }

  async #prepareStore(declaration: StoreDeclaration): Promise<void> {
    this.#storesInUse ??= findStoresInUse(this.home);
    if ((await this.#storesInUse).has(JSON.stringify(declaration))) await this.#list(declaration);
    const make = () => openStore(declaration).initialise(this.signal);
    if (declaration.kind === "directory") await makeFor(await findForeignOwner(this.home), declaration.path, make);
    else await make();
    this.#lists.delete(JSON.stringify(declaration));
  }

  async listPoints(store: StoreDeclaration, schedule: string): Promise<readonly RecoveryPoint[]> {
    return (await this.#list(store)).filter((point) => point.schedule === schedule);
  }

  #list(store: StoreDeclaration): Promise<readonly RecoveryPoint[]> {
    return remember(this.#lists, JSON.stringify(store), () => openStore(store).list({}, this.signal));
  }

  async findEntry(declaration: SchedulerDeclaration | undefined, id: string): Promise<ObservedEntry | null> {
    const scheduler = declaration ?? defaultScheduler;
    if (this.#written.has(id))
      return (await openScheduler(scheduler, this.home).observe([id], this.signal)).get(id) ?? null;
    const entries = remember(this.#entries, JSON.stringify(scheduler), async () => {
      const found = await openScheduler(scheduler, this.home).list(this.signal);
      return new Map(found.map((entry) => [entry.id, entry]));
    });
    return (await entries).get(id) ?? null;
  }

  /** What a probe tells of what has changed, asked once; null where it cannot tell. */
  findChangeMark(name: string, probe: ChangeProbe): Promise<string | null> {
    return remember(this.#marks, JSON.stringify(probe), () =>
      this.#asHomeOwner(probe)
        .then((own) => takeChangeMark(name, own, this.signal))
        .catch(nothingWhereRefused(null)),
    );
  }

  /** The instant that a command prints, asked once; undefined where it prints none. */
  findProbedTime(
    name: string,
    probe: { readonly command: readonly string[]; readonly timeout?: string | undefined },
  ): Promise<Date | undefined> {
    return remember(this.#probed, JSON.stringify(probe), () =>
      this.#asHomeOwner(probe)
        .then((own) => runProbeCommand(`probe ${name}`, own, this.signal))
        .then((told) => {
          const parsed = instant.safeParse(told);
          return parsed.success ? new Date(parsed.data) : undefined;
        })
        .catch(nothingWhereRefused(undefined)),
    );
  }

  /** What a job says is not done as root in another's home. */
  async #asHomeOwner<P extends object>(probe: P): Promise<P> {
    if (!("command" in probe) || !Array.isArray(probe.command)) return probe;
    return { ...probe, command: await asHomeOwner(this.home, z.array(z.string()).parse(probe.command)) };
  }

  /** From here on this entry is looked at by itself: something of ours was written. */
  forgetEntry(id: string): void {
    this.#written.add(id);
    this.#seen = null;
  }

  /** Stores are listed anew, and probes asked anew: a run went on, or a point was taken. */
  forgetPoints(): void {
    this.#lists.clear();
    this.#folders.clear();
    this.#marks.clear();
    this.#probed.clear();
  }
}

/** The stores that jobs of a home capture into, as they were when first asked for. */
async function findStoresInUse(home: Home): Promise<ReadonlySet<string>> {
  const jobs = await Promise.all((await listJobIds(home)).map((id) => findJob(home, id)));
  return new Set(
    jobs.flatMap((found) =>
      found.state === "present" && found.job.kind !== "drill"
        ? storesOf(found.job).map((store) => JSON.stringify(store))
        : [],
    ),
  );
}

/** The ids that a folder has a file of; null where it cannot be listed. */
async function listIds(folder: string): Promise<ReadonlySet<string> | null> {
  const names = await readdir(folder).catch(() => null);
  return names === null ? null : new Set(names.map((name) => name.replace(/\.[a-z]+$/, "")));
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** A probe that cannot tell is a fault of its own, for the caller to word; anything else is not meant to happen. */
function nothingWhereRefused<N>(nothing: N): (error: unknown) => N {
  return (error) => {
    if (error instanceof PostureError) return nothing;
    throw error;
  };
}

function remember<V>(cache: Map<string, Promise<V>>, key: string, look: () => Promise<V>): Promise<V> {
  const known = cache.get(key);
  if (known !== undefined) return known;
  const fresh = look();
  cache.set(key, fresh);
  return fresh;
}
