import { isDeepStrictEqual } from "node:util";
import { formatInstant } from "../platform/clock";
import { messageOf } from "../platform/errors";
import type { Home } from "../runner/home";
import { readJournal } from "../runner/journal";
import { type AgentState, readState, removeState, writeState } from "./agent-state";
import { latestDue, nextDue } from "./calendar";
import { lateAfter } from "./scheduled-start";
import type { Launch } from "./schedulers/embedded";
import { type EmbeddedEntry, readEntries } from "./schedulers/embedded-entries";

export interface DispatcherOptions {
  readonly log: (line: string) => void;
  readonly maximumConcurrent: number;
  readonly launch: Launch;
  /** Called after a run has ended. */
  readonly onRunEnded: () => void;
}

/** What is left to do after a look at the entries. */
export interface Outlook {
  /** When something is due next; null where nothing is known to be. */
  readonly nextDue: Date | null;
  /** How many starts are due and wait for another run to end. */
  readonly waiting: number;
}

interface Watched {
  readonly entry: EmbeddedEntry;
  readonly state: AgentState;
  /** When it is to be fired next; null while it is disabled or damaged. */
  readonly next: Date | null;
  /** Whether its next start was seen in time and waits for another run to end. */
  readonly waits: boolean;
}

const lookEvery = 30_000;
/** How long a process that was started may take to write its first record. */
const settlesWithin = 60_000;
/** A clock set back by more was wrong before. */
const largestStepBack = 3 * 3_600_000;

/** Decides what to fire, and remembers it. It has no clock of its own. */
export class Dispatcher {
  readonly #home: Home;
  readonly #options: DispatcherOptions;
  readonly #watched = new Map<string, Watched>();
  readonly #running = new Map<string, Promise<void>>();
  /** What was last said of an entry, or of all (the empty id), so that it is not said again every 30 seconds. */
  readonly #complaints = new Map<string, string>();
  #lookedAt: Date | null = null;

  constructor(home: Home, options: DispatcherOptions) {
    this.#home = home;
    this.#options = options;
  }

  /** Makes the next `fireDue` read the entries again. */
  lookAgain(): void {
    this.#lookedAt = null;
  }

  /** Fires every entry that is due at a moment, earliest first. */
  async fireDue(moment: Date, signal: AbortSignal): Promise<Outlook> {
    if (this.#isLookDue(moment)) await this.#look(moment);
    for (const id of this.#dueAt(moment)) {
      if (!signal.aborted) await this.#handle(id, moment);
    }
    const watched = [...this.#watched.values()];
    const upcoming = watched.flatMap(({ next, waits }) => (next === null || waits ? [] : [next.getTime()]));
    return {
      nextDue: upcoming.length === 0 ? null : new Date(Math.min(...upcoming)),
      waiting: watched.filter(({ waits }) => waits).length,
    };
  }

  /** Resolves when one of the runs that go on has ended; at once where none does. */
  async anyEnded(): Promise<void> {
    if (this.#running.size > 0) await Promise.race(this.#running.values());
  }

  /** Resolves when no run goes on. */
  async allEnded(): Promise<void> {
    await Promise.all(this.#running.values());
  }

  #isLookDue(moment: Date): boolean {
    return this.#lookedAt === null || Math.abs(moment.getTime() - this.#lookedAt.getTime()) >= lookEvery;
  }

  /** Reads the entries. Nothing is fired while they cannot be read: where the home is away, a run would find no job. */
  async #look(moment: Date): Promise<void> {
    try {
      const entries = await readEntries(this.#home);
      const present = new Set(entries.map(({ id }) => id));
      for (const entry of entries) await this.#noticeSafely(entry, moment);
      for (const id of [...this.#watched.keys()].filter((known) => !present.has(known))) await this.#lose(id);
      this.#lookedAt = moment;
      this.#complaints.delete("");
    } catch (error) {
      this.#watched.clear();
      this.#complain("", `nothing can be fired: ${messageOf(error)}`);
    }
  }

  async #noticeSafely(entry: EmbeddedEntry, moment: Date): Promise<void> {
    try {
      await this.#notice(entry, moment);
    } catch (error) {
      this.#watched.delete(entry.id);
      this.#complain(entry.id, `${entry.id}: not fired: ${messageOf(error)}`);
    }
  }

  async #notice(entry: EmbeddedEntry, moment: Date): Promise<void> {
    const known = this.#watched.get(entry.id);
    if (known !== undefined && isDeepStrictEqual(known.entry, entry)) {
      this.#noticeStepBack(known, moment);
      return;
    }
    const reason = entry.damage ?? (entry.enabled ? null : "it is disabled");
    if (reason === null) this.#complaints.delete(entry.id);
    else this.#complain(entry.id, `${entry.id}: not fired: ${reason}`);
    // What somebody changed by hand counts from when it is seen; what was installed, from then.
    const byHand = known !== undefined && known.entry.since?.getTime() === entry.since?.getTime();
    const remembered = known?.state ?? (await readState(this.#home, entry.id));
    const handledUntil = byHand ? moment : atMost(entry.since ?? moment, moment);
    const fresh: AgentState = { incarnation: entry.incarnation, handledUntil, starting: null };
    const state = remembered?.incarnation === entry.incarnation ? merge(remembered, fresh, moment) : fresh;
    this.#watch(entry, reason === null ? await this.#settle(entry, state, moment) : state, moment);
  }

  /** Goes on from the new time where the clock was set back far. */
  #noticeStepBack({ entry, state }: Watched, moment: Date): void {
    if (state.handledUntil.getTime() <= moment.getTime() + largestStepBack) return;
    this.#options.log(`${entry.id}: the clock was set back by hours; goes on from ${formatInstant(moment)}`);
    this.#watch(entry, { ...state, handledUntil: moment }, moment);
  }

  async #lose(id: string): Promise<void> {
    this.#watched.delete(id);
    await removeState(this.#home, id);
  }

  /** Tells what became of a start that an agent was about to fire when it was killed. */
  async #settle(entry: EmbeddedEntry, state: AgentState, moment: Date): Promise<AgentState> {
    const { starting } = state;
    if (starting === null) return state;
    const began = (await readJournal(this.#home, entry.id)).some(
      (record) => record.event === "started" && Date.parse(record.at) >= starting.at.getTime(),
    );
    if (began) return { ...state, starting: null };
    if (moment.getTime() - starting.at.getTime() < settlesWithin) return state;
    return { ...state, starting: null, handledUntil: new Date(starting.due.getTime() - 1) };
  }

  #watch(entry: EmbeddedEntry, state: AgentState, moment: Date): void {
    this.#watched.set(entry.id, { entry, state, next: findNext(entry, state, moment), waits: false });
  }

  #dueAt(moment: Date): readonly string[] {
    return [...this.#watched.values()]
      .flatMap(({ entry, next }) =>
        next !== null && next.getTime() <= moment.getTime() ? [{ id: entry.id, next }] : [],
      )
      .sort((one, other) => one.next.getTime() - other.next.getTime())
      .map(({ id }) => id);
  }

  async #handle(id: string, moment: Date): Promise<void> {
    const watched = this.#watched.get(id);
    if (watched === undefined) return;
    try {
      await this.#decide(watched, moment);
      this.#complaints.delete(id);
    } catch (error) {
      this.#complain(id, `${id}: not fired, tried again in 30 s: ${messageOf(error)}`);
      this.#watched.set(id, { ...watched, next: new Date(moment.getTime() + lookEvery) });
    }
  }

  async #decide(watched: Watched, moment: Date): Promise<void> {
    const { entry, state } = watched;
    const settled = state.starting === null ? state : await this.#settle(entry, state, moment);
    const due = latestDue(entry.when, startOf(entry, settled), moment, entry.id);
    if (settled.starting !== null || due === undefined) {
      this.#watch(entry, settled, moment);
      return;
    }
    const ready = { ...watched, state: settled };
    const missed = moment.getTime() - due.getTime() > lateAfter && !watched.waits;
    if (this.#running.has(entry.id)) await this.#skip(ready, due, moment, "its last run still goes on");
    else if (missed && entry.when.catchUp === false) await this.#skip(ready, due, moment, "it was missed");
    else if (this.#running.size < this.#options.maximumConcurrent) await this.#fire(ready, due, moment, missed);
    else this.#watched.set(entry.id, { ...ready, waits: true });
  }

  async #skip({ entry, state }: Watched, due: Date, moment: Date, reason: string): Promise<void> {
    const handled = { ...state, handledUntil: due };
    await writeState(this.#home, entry.id, handled);
    this.#options.log(`${entry.id}: skips the start due ${formatInstant(due)}: ${reason}`);
    this.#watch(entry, handled, moment);
  }

  async #fire({ entry, state }: Watched, due: Date, moment: Date, missed: boolean): Promise<void> {
    const { id, verb } = entry;
    await writeState(this.#home, id, { ...state, handledUntil: due, starting: { due, at: moment } });
    const started = await this.#options.launch(this.#home, verb, id);
    const handled = { ...state, handledUntil: due };
    this.#watch(entry, handled, moment);
    this.#options.log(`${id}: ${verb} started, due ${formatInstant(due)}${missed ? ", missed and made up for" : ""}`);
    const ended = started.ended.then((exitCode) => {
      this.#running.delete(id);
      this.#options.log(`${id}: ${verb} ended: ${describeExit(exitCode)}`);
      this.#options.onRunEnded();
    });
    this.#running.set(id, ended);
    await this.#rememberStarted(id, handled);
  }

  /** Where this fails, the run goes on all the same, and the next agent finds in the journal that it began. */
  async #rememberStarted(id: string, state: AgentState): Promise<void> {
    try {
      await writeState(this.#home, id, state);
    } catch (error) {
      this.#options.log(`${id}: its start could not be noted: ${messageOf(error)}`);
    }
  }

  #complain(id: string, line: string): void {
    if (this.#complaints.get(id) === line) return;
    this.#complaints.set(id, line);
    this.#options.log(line);
  }
}

/** What is remembered on disk and what the entry says, whichever is later; a time far ahead of the clock is not believed. */
function merge(remembered: AgentState, fresh: AgentState, moment: Date): AgentState {
  const believable = remembered.handledUntil.getTime() <= moment.getTime() + largestStepBack;
  const handledUntil = believable
    ? Math.max(remembered.handledUntil.getTime(), fresh.handledUntil.getTime())
    : moment.getTime();
  return { ...remembered, handledUntil: new Date(handledUntil) };
}

function findNext(entry: EmbeddedEntry, state: AgentState, moment: Date): Date | null {
  if (entry.damage !== null || !entry.enabled) return null;
  if (state.starting !== null) return new Date(Math.max(state.starting.at.getTime() + settlesWithin, moment.getTime()));
  return nextDue(entry.when, startOf(entry, state), entry.id);
}

/** After when starts of an entry are to be fired. */
function startOf({ pausedUntil }: EmbeddedEntry, { handledUntil }: AgentState): Date {
  if (pausedUntil === null) return handledUntil;
  return new Date(Math.max(handledUntil.getTime(), Date.parse(pausedUntil) - 1));
}

function atMost(instant: Date, most: Date): Date {
  return instant > most ? most : instant;
}

function describeExit(exitCode: number | null): string {
  if (exitCode === 0) return "succeeded";
  if (exitCode === 4) return "refused, another run of it goes on";
  return exitCode === null ? "ended from outside" : `failed with exit code ${exitCode}`;
}
