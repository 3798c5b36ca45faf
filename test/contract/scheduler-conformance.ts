import type { ObservedEntry, ScheduleEntry, Scheduler } from "../../provider/schedule/schedulers/scheduler";
import type { When } from "../../provider/schedule/schema";

/** One implementation to be held to the contract, in a place of its own. */
export interface SchedulerUnderTest {
  readonly scheduler: Scheduler;
  /** What runs were started, as "verb id", in order; waits until `count` were. */
  started(count: number): Promise<readonly string[]>;
  /** Counts what was written so far, in any unit that grows with each write. */
  countWrites(): Promise<number>;
  /** Counts looks at the scheduler so far: processes started or folders listed. Null where it cannot be told. */
  countLooks?(): Promise<number>;
  /** Does behind our back what the name says. */
  readonly tamper: {
    disable(id: string): Promise<void>;
    /** Makes it fire at another time. */
    changeTime(id: string): Promise<void>;
    removeEntry(id: string): Promise<void>;
    /** Makes it unparsable or start something else. */
    damage(id: string): Promise<void>;
    /** Puts something there that is not ours and returns a look at it, to be compared later. */
    addForeign(): Promise<() => Promise<string>>;
  };
  dispose(): Promise<void>;
}

/** An implementation's row in the table. */
export interface SchedulerTraits {
  readonly name: string;
  /** Schedules to be installed and observed again; all must come back canonical. */
  readonly whens: readonly When[];
  /** How many entries are many. Default: 20. */
  readonly many?: number;
  open(): Promise<SchedulerUnderTest>;
}

/** What every scheduler must do. */
export function describeScheduler(traits: SchedulerTraits): void {
  describe(`scheduler ${traits.name}`, () => {
    const { signal } = new AbortController();
    let under: SchedulerUnderTest;

    beforeEach(async () => {
      under = await traits.open();
    });

    afterEach(async () => {
      await under.dispose();
    });

    const observeOne = async (id: string): Promise<ObservedEntry | undefined> =>
      (await under.scheduler.observe([id], signal)).get(id);

    it.each(traits.whens.map((when) => [JSON.stringify(when), when] as const))(
      "observes what it installed: %s",
      async (_, when) => {
        const entry = makeEntry("nightly", { when });
        await under.scheduler.install(entry, signal);
        expect(plain(await observeOne("nightly"))).toEqual({ ...entry, enabled: true, damage: null });
      },
    );

    it.each([
      { verb: "drill" as const },
      { pausedUntil: "2026-12-24T00:00:00Z" },
      { owner: null },
      { incarnation: "b-2" },
    ])("keeps %j through install and observe", async (change) => {
      const entry = makeEntry("nightly", change);
      await under.scheduler.install(entry, signal);
      expect(plain(await observeOne("nightly"))).toEqual({ ...entry, enabled: true, damage: null });
    });

    it("changes nothing when the same entry is installed again", async () => {
      await under.scheduler.install(makeEntry("nightly"), signal);
      const writes = await under.countWrites();
      await under.scheduler.install(makeEntry("nightly"), signal);
      expect(await under.countWrites()).toBe(writes);
    });

    it("replaces an entry that is installed otherwise", async () => {
      await under.scheduler.install(makeEntry("nightly"), signal);
      const other = makeEntry("nightly", { when: { cron: "15 4 * * *" }, incarnation: "b-2" });
      await under.scheduler.install(other, signal);
      expect(plain(await observeOne("nightly"))).toEqual({ ...other, enabled: true, damage: null });
      expect(await under.scheduler.list(signal)).toHaveLength(1);
    });

    it("tells apart what was disabled, changed, damaged and removed, and mends it", async () => {
      const entries = ["disabled", "changed", "damaged", "removed", "untouched"].map((id) => makeEntry(id));
      for (const entry of entries) await under.scheduler.install(entry, signal);
      await under.tamper.disable("disabled");
      await under.tamper.changeTime("changed");
      await under.tamper.damage("damaged");
      await under.tamper.removeEntry("removed");

      const seen = await under.scheduler.observe(
        entries.map(({ id }) => id),
        signal,
      );
      expect(seen.get("disabled")).toMatchObject({ enabled: false });
      expect(seen.get("changed")?.when).not.toEqual(makeEntry("changed").when);
      expect(seen.get("damaged")?.damage).toEqual(expect.any(String));
      expect(seen.has("removed")).toBe(false);
      expect(plain(seen.get("untouched"))).toEqual({ ...makeEntry("untouched"), enabled: true, damage: null });

      for (const entry of entries) await under.scheduler.install(entry, signal);
      const mended = await under.scheduler.observe(
        entries.map(({ id }) => id),
        signal,
      );
      for (const entry of entries)
        expect(plain(mended.get(entry.id))).toEqual({ ...entry, enabled: true, damage: null });
    });

    it("leaves absent ids out of an observation, and sees nothing where nothing is", async () => {
      expect(await under.scheduler.observe(["nightly"], signal)).toEqual(new Map());
      expect(await under.scheduler.list(signal)).toEqual([]);
      await under.scheduler.install(makeEntry("nightly"), signal);
      expect([...(await under.scheduler.observe(["other", "nightly"], signal)).keys()]).toEqual(["nightly"]);
    });

    it("observes many in one look", async () => {
      const ids = Array.from({ length: traits.many ?? 20 }, (_, index) => `schedule-${index}`);
      for (const id of ids) await under.scheduler.install(makeEntry(id), signal);
      const before = await under.countLooks?.();
      expect((await under.scheduler.observe(ids, signal)).size).toBe(ids.length);
      if (before !== undefined) expect(await under.countLooks?.()).toBe(before + 1);
    });

    it("lists all of ours, orphans included, and nothing of others", async () => {
      await under.tamper.addForeign();
      for (const id of ["b", "a"]) await under.scheduler.install(makeEntry(id, { owner: null }), signal);
      expect((await under.scheduler.list(signal)).map(({ id }) => id).sort()).toEqual(["a", "b"]);
    });

    it("leaves what is not ours as it is", async () => {
      const look = await under.tamper.addForeign();
      const before = await look();
      await under.scheduler.install(makeEntry("nightly"), signal);
      expect(await look()).toBe(before);
      await under.scheduler.remove("nightly", signal);
      expect(await look()).toBe(before);
    });

    it("removes one entry and no other; an absent one is success", async () => {
      await under.scheduler.remove("nightly", signal);
      for (const id of ["nightly", "nightly-2"]) await under.scheduler.install(makeEntry(id), signal);
      await under.scheduler.remove("nightly", signal);
      await under.scheduler.remove("nightly", signal);
      expect((await under.scheduler.list(signal)).map(({ id }) => id)).toEqual(["nightly-2"]);
    });

    it("starts what is installed, by its verb, and refuses what is not", async () => {
      await under.scheduler.install(makeEntry("nightly"), signal);
      await under.scheduler.install(makeEntry("rehearsal", { verb: "drill" }), signal);
      await under.scheduler.start("nightly", signal);
      expect(await under.started(1)).toEqual(["run nightly"]);
      await under.scheduler.start("rehearsal", signal);
      expect(await under.started(2)).toEqual(["run nightly", "drill rehearsal"]);
      await expect(under.scheduler.start("absent", signal)).rejects.toMatchObject({
        name: "PostureError",
        kind: "permanent",
      });
    });

    it.each([
      "",
      "../escape",
      "a/b",
      "A",
      "-x",
      "a b",
      "a\nb",
      "a;reboot",
      "$(reboot)",
      "%n",
      "a".repeat(64),
      "\u0000",
      "ä",
    ])("refuses the hostile id %j before it touches anything", async (id) => {
      const refusal = { name: "PostureError", kind: "usage" };
      const writes = await under.countWrites();
      await expect(under.scheduler.install(makeEntry(id), signal)).rejects.toMatchObject(refusal);
      await expect(under.scheduler.observe([id], signal)).rejects.toMatchObject(refusal);
      await expect(under.scheduler.remove(id, signal)).rejects.toMatchObject(refusal);
      await expect(under.scheduler.start(id, signal)).rejects.toMatchObject(refusal);
      expect(await under.countWrites()).toBe(writes);
    });

    it("does nothing once it is cancelled", async () => {
      const cancelled = AbortSignal.abort();
      await expect(under.scheduler.install(makeEntry("nightly"), cancelled)).rejects.toMatchObject({
        name: "AbortError",
      });
      expect(await under.scheduler.list(signal)).toEqual([]);
    });
  });
}

/** An entry to install. */
export function makeEntry(id: string, change: Partial<ScheduleEntry> = {}): ScheduleEntry {
  return {
    id,
    verb: "run",
    when: { cron: "0 3 * * *", timeZone: "Europe/Berlin" },
    owner: "urn:pulumi:prod::files::pulumi-nodejs:dynamic/backup-posture:BackupSchedule::nightly",
    incarnation: "a-1",
    pausedUntil: null,
    ...change,
  };
}

/** The part of an observation that the contract speaks of. */
function plain(entry: ObservedEntry | undefined): ObservedEntry | undefined {
  if (entry === undefined) return undefined;
  const { id, verb, when, owner, incarnation, pausedUntil, enabled, damage } = entry;
  return { id, verb, when, owner, incarnation, pausedUntil, enabled, damage };
}
