import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describeHome, type Home, initialiseHome } from "../../../provider/runner/home";
import { appendRecord } from "../../../provider/runner/journal";
import { type AgentClock, type AgentOptions, findAgent, runAgent } from "../../../provider/schedule/agent";
import { dueTimes } from "../../../provider/schedule/calendar";
import { createEmbeddedScheduler, type Launch } from "../../../provider/schedule/schedulers/embedded";
import type { ScheduleEntry } from "../../../provider/schedule/schedulers/scheduler";
import type { When } from "../../../provider/schedule/schema";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const start = Date.parse("2026-11-19T12:00:00Z");

let root: string;
let home: Home;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "agent-"));
  home = describeHome(join(root, "home"));
  await initialiseHome(home);
});

afterEach(async () => {
  delete process.env.BACKUP_POSTURE_NOW;
  await rm(root, { recursive: true, force: true });
});

// Only ends what hangs: days pass here, and every start is fsynced.
jest.setTimeout(300_000);

describe("runAgent", () => {
  it("fires every due time once, through a night in which the clocks change", async () => {
    const from = Date.parse("2026-10-24T20:00:00Z");
    const whens: Readonly<Record<string, When>> = {
      hourly: { cron: "0 * * * *", timeZone: "Europe/Berlin" },
      nightly: { cron: "30 2 * * *", timeZone: "Europe/Berlin" },
      spread: { every: "6h", jitter: "1h" },
      windowed: { cron: "0 */4 * * *", timeZone: "Europe/Berlin", window: { from: "22:00", to: "03:00" } },
    };
    for (const [id, when] of Object.entries(whens)) await install(id, from, { when });
    const world = new World(from);
    await world.run(day);
    for (const [id, when] of Object.entries(whens)) {
      const due = [...dueTimes(when, new Date(from + 1), new Date(from + day), id)].map((instant) => instant.getTime());
      expect(world.firedAt(id)).toEqual(due);
    }
  });

  it("starts entries by their verb, and says what it does", async () => {
    await install("rehearsal", start, { verb: "drill", when: { every: "1h" } });
    const world = new World(start);
    await world.run(hour + 1);
    expect(world.fired).toEqual([{ verb: "drill", id: "rehearsal", at: start + hour }]);
    expect(world.log).toEqual([
      "rehearsal: drill started, due 2026-11-19T13:00:00Z",
      "rehearsal: drill ended: succeeded",
    ]);
  });

  it("makes up for missed starts by one run", async () => {
    await install("hourly", start, { when: { every: "1h" } });
    const world = new World(start + 5 * hour + 10 * minute);
    await world.run(hour);
    expect(world.firedAt("hourly")).toEqual([start + 5 * hour + 10 * minute, start + 6 * hour]);
    expect(world.log[0]).toBe("hourly: run started, due 2026-11-19T17:00:00Z, missed and made up for");
  });

  it("lets missed starts go where that is declared", async () => {
    await install("hourly", start, { when: { every: "1h", catchUp: false } });
    const world = new World(start + 5 * hour + 10 * minute);
    await world.run(hour);
    expect(world.firedAt("hourly")).toEqual([start + 6 * hour]);
    expect(world.log[0]).toBe("hourly: skips the start due 2026-11-19T17:00:00Z: it was missed");
  });

  it("counts nothing as missed that was due before the entry was installed", async () => {
    await install("daily", start, { when: { cron: "0 11 * * *" } });
    const world = new World(start + minute);
    await world.run(hour);
    expect(world.fired).toEqual([]);
  });

  it("skips what is due while the last run still goes on", async () => {
    await install("long", start, { when: { every: "1h" } });
    const world = new World(start, { runsFor: 2.5 * hour });
    await world.run(6 * hour + 1);
    expect(world.firedAt("long")).toEqual([start + hour, start + 4 * hour]);
    expect(world.log.filter((line) => line.includes("skips"))).toEqual([
      "long: skips the start due 2026-11-19T14:00:00Z: its last run still goes on",
      "long: skips the start due 2026-11-19T15:00:00Z: its last run still goes on",
      "long: skips the start due 2026-11-19T17:00:00Z: its last run still goes on",
      "long: skips the start due 2026-11-19T18:00:00Z: its last run still goes on",
    ]);
  });

  it("lets only so many runs go on at once; the others wait their turn and count as in time", async () => {
    for (const id of ["a", "b", "c", "d", "e"]) await install(id, start, { when: { every: "1d", catchUp: false } });
    const world = new World(start, { runsFor: 10 * minute, maximumConcurrent: 2 });
    await world.run(day);
    const midnight = start + 12 * hour;
    expect(world.fired.map(({ id, at }) => [id, at - midnight])).toEqual([
      ["a", 0],
      ["b", 0],
      ["c", 10 * minute],
      ["d", 10 * minute],
      ["e", 20 * minute],
    ]);
  });

  it("does not fire what is paused, disabled or damaged", async () => {
    await install("paused", start, { pausedUntil: new Date(start + 3 * hour).toISOString() });
    await install("disabled", start);
    await install("damaged", start);
    await edit("disabled", (text) => text.replace('"enabled": true', '"enabled": false'));
    await edit("damaged", () => "{");
    const world = new World(start);
    await world.run(3 * hour + 1);
    expect(world.fired).toEqual([{ verb: "run", id: "paused", at: start + 3 * hour }]);
    expect(world.log.filter((line) => line.includes("not fired"))).toEqual([
      "damaged: not fired: it is not JSON",
      "disabled: not fired: it is disabled",
    ]);
  });

  it("notices new, changed and removed entries as it goes", async () => {
    await install("removed", start);
    await install("changed", start);
    const world = new World(start);
    world.at(start + 90 * minute, async () => {
      await createEmbeddedScheduler(home).remove("removed", new AbortController().signal);
      await install("changed", start + 90 * minute, { when: { cron: "45 * * * *" } });
      await install("added", start + 90 * minute, { when: { cron: "50 * * * *" } });
    });
    await world.run(2 * hour);
    expect(world.fired.map(({ id, at }) => `${id} ${(at - start) / minute}`)).toEqual([
      "changed 60",
      "removed 60",
      "changed 105",
      "added 110",
    ]);
    expect((await readdir(join(home.scheduler, "state"))).sort()).toEqual(["added.json", "changed.json"]);
  });

  it("counts from when it is seen what somebody enables or changes by hand", async () => {
    await install("disabled", start);
    await install("changed", start, { when: { cron: "0 3 * * *" } });
    await edit("disabled", (text) => text.replace('"enabled": true', '"enabled": false'));
    const world = new World(start);
    world.at(start + 90 * minute, async () => {
      await edit("disabled", (text) => text.replace('"enabled": false', '"enabled": true'));
      await edit("changed", (text) => text.replace("0 3 * * *", "15 * * * *"));
    });
    await world.run(2.5 * hour);
    expect(world.fired.map(({ id, at }) => `${id} ${(at - start) / minute}`)).toEqual(["disabled 120", "changed 135"]);
  });

  it("fires nothing again when the clock is set back, and goes on when it is set back far", async () => {
    await install("hourly", start - 60 * day, { when: { every: "1h" } });
    const world = new World(start - 60 * day);
    world.at(start - 60 * day + 10.5 * hour, () => world.step(-2 * hour));
    world.at(start - 60 * day + 12.5 * hour, () => world.step(-9 * day));
    await world.run(16.2 * hour);
    const fired = world.firedAt("hourly").map((at) => (at - (start - 60 * day)) / hour);
    expect(fired.slice(0, 12)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(fired.slice(12)).toEqual([-203, -202]);
    expect(world.log.some((line) => line.includes("the clock was set back by hours"))).toBe(true);
  });

  it("makes up once when the clock jumps ahead", async () => {
    await install("hourly", start, { when: { every: "1h" } });
    const world = new World(start);
    world.at(start + 90 * minute, () => world.step(7 * day));
    await world.run(2 * hour + 1);
    expect(world.firedAt("hourly").map((at) => at > start + 7 * day)).toEqual([false, true, true]);
  });

  it("never fires twice and loses nothing, however often it is stopped, started and killed", async () => {
    const steps = fc.array(fc.record({ on: fc.boolean(), minutes: fc.integer({ min: 1, max: 200 }) }), {
      minLength: 1,
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(steps, fc.constantFrom("7m", "1h", "90m"), async (sequence, every) => {
        await install("x", start, { when: { every } });
        const world = new World(start);
        const expected: number[] = [];
        let handled = start;
        for (const { on, minutes } of sequence) {
          const from = world.time;
          const until = from + minutes * minute;
          const due = (after: number, to: number) =>
            [...dueTimes({ every }, new Date(after + 1), new Date(to), "x")].map((instant) => instant.getTime());
          if (on) {
            if (due(handled, from + 1).length > 0) expected.push(from);
            expected.push(...due(from, until));
            handled = until - 1;
            await world.run(until - from);
          }
          world.time = until;
        }
        expect(world.firedAt("x")).toEqual(expected);
        await createEmbeddedScheduler(home).remove("x", new AbortController().signal);
      }),
      { numRuns: 15 },
    );
  });

  describe("killed while it fires", () => {
    /** Goes on in a copy of the home as it stands the moment that a run is to be started. */
    const goOnAfterKill = async (options: { readonly began: boolean; readonly catchUp?: boolean }): Promise<World> => {
      await install("nightly", start, { when: { cron: "0 13 * * *", catchUp: options.catchUp ?? true } });
      const copy = describeHome(join(root, "copy"));
      const world = new World(start, {
        onLaunch: async () => {
          await cp(home.root, copy.root, { recursive: true });
          await rm(join(copy.scheduler, "agent.lock"));
        },
      });
      await world.run(hour + minute);
      home = copy;
      if (options.began)
        await appendRecord(home, "nightly", {
          event: "started",
          run: "r",
          at: new Date(start + hour + 1_000).toISOString(),
          verb: "run",
          pid: 1,
        });
      const next = new World(start + hour + 5_000);
      await next.run(25 * hour);
      return next;
    };

    it("fires a minute later what did not begin", async () => {
      const world = await goOnAfterKill({ began: false });
      expect(world.firedAt("nightly").map((at) => (at - start) / hour)).toEqual([1 + 60 / 3_600, 25]);
    });

    it("does not fire again what began", async () => {
      const world = await goOnAfterKill({ began: true });
      expect(world.firedAt("nightly")).toEqual([start + 25 * hour]);
    });
  });

  it("tries again where a run cannot be started, and remembers what it could not note", async () => {
    await install("hourly", start, { when: { every: "1h" } });
    let failures = 2;
    const world = new World(start, {
      onLaunch: async () => {
        if (failures-- > 0) throw new Error("no more processes");
      },
    });
    await world.run(2 * hour + 1);
    expect(world.firedAt("hourly")).toEqual([start + hour + minute, start + 2 * hour]);
    expect(world.log[0]).toBe("hourly: not fired, tried again in 30 s: no more processes");
  });

  it("fires nothing while the home is away, and goes on when it is back", async () => {
    await install("hourly", start, { when: { every: "1h" } });
    const world = new World(start);
    const marker = await readFile(home.marker, "utf8");
    world.at(start + 90 * minute, () => rm(home.marker));
    world.at(start + 150 * minute, () => writeFile(home.marker, marker));
    await world.run(3 * hour + 1);
    expect(world.firedAt("hourly").map((at) => (at - start) / minute)).toEqual([60, 150, 180]);
    expect(world.log.filter((line) => line.startsWith("nothing can be fired"))).toHaveLength(1);
  });

  it("serves a home alone, and can be found", async () => {
    expect(await findAgent(home)).toBeNull();
    const stop = new AbortController();
    const idle: AgentClock = {
      now: () => new Date(start),
      sleep: (_, signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve())),
    };
    const first = runAgent(home, { ...quiet(stop.signal), clock: idle });
    await until(async () => (await findAgent(home)) !== null);
    expect(await findAgent(home)).toMatchObject({ pid: process.pid, what: "backup-posture agent" });
    await expect(runAgent(home, quiet(stop.signal))).rejects.toThrow(
      `held by backup-posture agent, process ${process.pid}`,
    );
    stop.abort();
    await first;
    expect(await findAgent(home)).toBeNull();
  });

  it("stops at once although runs go on, and leaves them be", async () => {
    await install("long", start - hour, { when: { every: "1h" } });
    const stop = new AbortController();
    const launch: Launch = async () => {
      stop.abort();
      return { ended: new Promise(() => undefined) };
    };
    await runAgent(home, { ...quiet(stop.signal), clock: stillAt(start), launch });
    expect(await findAgent(home)).toBeNull();
  });

  it("fires once what is due and waits for it, where it is asked to", async () => {
    for (const id of ["a", "b", "c"]) await install(id, start - hour, { when: { every: "1h" } });
    const ended: string[] = [];
    const launch: Launch = async (_, __, id) => ({
      ended: new Promise((resolve) =>
        setImmediate(() => {
          ended.push(id);
          resolve(0);
        }),
      ),
    });
    await runAgent(home, { ...quiet(), once: true, clock: stillAt(start), launch, maximumConcurrent: 1 });
    expect(ended).toEqual(["a", "b", "c"]);
    await runAgent(home, { ...quiet(), once: true, clock: stillAt(start), launch });
    expect(ended).toHaveLength(3);
  });

  it("says that the home is not there", async () => {
    await expect(runAgent(describeHome(join(root, "absent")), quiet())).rejects.toMatchObject({ kind: "unreachable" });
  });
});

/** Time that passes only while the agent sleeps, and runs that take so long. */
class World {
  readonly fired: { readonly verb: string; readonly id: string; readonly at: number }[] = [];
  readonly log: string[] = [];
  readonly #events: { readonly at: number; readonly act: () => unknown }[] = [];
  readonly #options: {
    readonly runsFor?: number;
    readonly maximumConcurrent?: number;
    readonly onLaunch?: () => Promise<void>;
  };

  constructor(
    public time: number,
    options: {
      readonly runsFor?: number;
      readonly maximumConcurrent?: number;
      readonly onLaunch?: () => Promise<void>;
    } = {},
  ) {
    this.#options = options;
  }

  firedAt(id: string): readonly number[] {
    return this.fired.flatMap((one) => (one.id === id ? [one.at] : []));
  }

  at(time: number, act: () => unknown): void {
    this.#events.push({ at: time, act });
    this.#events.sort((one, other) => one.at - other.at);
  }

  step(milliseconds: number): void {
    this.time += milliseconds;
  }

  /** Lets an agent serve the home for so long. */
  async run(milliseconds: number): Promise<void> {
    const stop = new AbortController();
    let left = milliseconds;
    const sleep = async (wanted: number) => {
      left -= await this.#pass(Math.min(wanted, left));
      if (left <= 0) stop.abort();
      // Promises of runs that have just ended settle before the agent wakes.
      await new Promise((resolve) => setImmediate(resolve));
    };
    const { maximumConcurrent } = this.#options;
    await runAgent(home, {
      once: false,
      signal: stop.signal,
      log: (line) => this.log.push(line),
      clock: { now: () => new Date(this.time), sleep },
      launch: (_, verb, id) => this.#launch(verb, id),
      ...(maximumConcurrent === undefined ? {} : { maximumConcurrent }),
    });
  }

  /** Lets time pass up to the next event, and lets that happen. Returns how much has passed. */
  async #pass(wanted: number): Promise<number> {
    const next = this.#events.findIndex(({ at }) => at <= this.time + wanted);
    const [event] = next === -1 ? [] : this.#events.splice(next, 1);
    const passed = event === undefined ? wanted : Math.max(0, event.at - this.time);
    this.time += passed;
    await event?.act();
    return passed;
  }

  async #launch(verb: string, id: string) {
    await this.#options.onLaunch?.();
    this.fired.push({ verb, id, at: this.time });
    const { runsFor } = this.#options;
    if (runsFor === undefined) return { ended: Promise.resolve(0) };
    return { ended: new Promise<number>((resolve) => this.at(this.time + runsFor, () => resolve(0))) };
  }
}

function quiet(signal: AbortSignal = new AbortController().signal): AgentOptions {
  return { once: false, signal, log: () => undefined };
}

function stillAt(time: number): AgentClock {
  return { now: () => new Date(time), sleep: () => new Promise((resolve) => setImmediate(resolve)) };
}

async function install(id: string, at: number, change: Partial<ScheduleEntry> = {}): Promise<void> {
  process.env.BACKUP_POSTURE_NOW = new Date(at).toISOString();
  const entry: ScheduleEntry = {
    id,
    verb: "run",
    when: { every: "1h" },
    owner: null,
    incarnation: "a-1",
    pausedUntil: null,
    ...change,
  };
  await createEmbeddedScheduler(home).install(entry, new AbortController().signal);
}

async function edit(id: string, change: (text: string) => string): Promise<void> {
  const path = join(home.scheduler, "entries", `${id}.json`);
  await writeFile(path, change(await readFile(path, "utf8")));
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}
