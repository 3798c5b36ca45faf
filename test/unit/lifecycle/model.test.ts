import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describeHome } from "../../../provider/runner/home";
import { findJob, type Job } from "../../../provider/runner/job";
import { createEmbeddedScheduler } from "../../../provider/schedule/schedulers/embedded";
import { openStore } from "../../../provider/snapshot/stores";
import type { RecoveryPoint } from "../../../provider/snapshot/stores/store";
import type * as killableFiles from "../../fixtures/killable-files";
import { buryLocks, killBefore } from "../../fixtures/killable-files";
import { type Accidents, type Declared, Killed, MiniEngine } from "../../fixtures/mini-engine";
import { makeScratchFolder } from "../../fixtures/scratch";

jest.mock("node:fs", () => jest.requireActual<typeof killableFiles>("../../fixtures/killable-files").files);
jest.mock("node:fs/promises", () => jest.requireActual<typeof killableFiles>("../../fixtures/killable-files").promises);

/** How many sequences: a few minutes for 2,000, see CONTRIBUTING. */
const sequences = Number(process.env.LIFECYCLE_SEQUENCES ?? 120);

const { signal } = new AbortController();

type Kind = Declared["kind"];

/** A child of one of two components, under one of two names; both components have children of the same names. */
type Place = "BoxA:files" | "BoxA:mail" | "BoxB:files" | "BoxB:mail" | ":files";

const places: readonly Place[] = ["BoxA:files", "BoxA:mail", "BoxB:files", "BoxB:mail", ":files"];

interface Wish {
  readonly kind: Kind;
  readonly place: Place;
  /** Which of its settings it has. */
  readonly variant: 0 | 1 | 2;
  readonly id: string | undefined;
  readonly home: "one" | "two";
}

/** The how-manieth of the program's resources, removed ones included, something happens to. */
type Victim = number;

type Step =
  | { readonly do: "up"; readonly wishes: readonly Wish[]; readonly refresh: boolean }
  | { readonly do: "kill"; readonly wishes: readonly Wish[]; readonly victim: Victim; readonly changes: number }
  | { readonly do: "replace"; readonly victim: Victim; readonly changes: number | null }
  | { readonly do: "rename"; readonly victim: Victim; readonly to: Place }
  | { readonly do: "refresh" }
  | { readonly do: "tamper"; readonly how: "job" | "entry" | "disable"; readonly victim: Victim }
  | { readonly do: "rival"; readonly wishes: readonly Wish[] };

const place = fc.constantFrom(...places);
const victim = fc.nat({ max: 7 });
/** Before which change to the disk the process is killed; most calls make fewer than a hundred, a change or two of which matter most. */
const changes = fc.oneof(fc.nat({ max: 12 }), fc.nat({ max: 100 }));
const wish: fc.Arbitrary<Wish> = fc.record({
  kind: fc.constantFrom("BackupSchedule", "BackupSchedule", "FileShareSnapshot", "RestoreTarget"),
  place,
  variant: fc.constantFrom(0, 1, 2),
  id: fc.constantFrom(undefined, undefined, undefined, "fixed"),
  home: fc.constantFrom("one", "one", "one", "two"),
});
/** At most one resource of a kind and place, and at most one that names the fixed id. */
const wishes = fc
  .uniqueArray(wish, { selector: ({ kind, place }) => `${kind} ${place}`, maxLength: 4 })
  .map((list) =>
    list.map((one, index) => (list.findIndex(({ id }) => id === "fixed") < index ? { ...one, id: undefined } : one)),
  );
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("up"), wishes, refresh: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("kill"), wishes, victim, changes }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("replace"), victim, changes: fc.option(changes) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("rename"), victim, to: place }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("refresh") }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("tamper"), how: fc.constantFrom("job", "entry", "disable"), victim }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("rival"), wishes }) },
);

/** How many calls were killed before they came to their end, to see that the sequences reach what they are meant to. */
let kills = 0;

describe("the lifecycle under any order of the engine's calls", () => {
  it(`keeps what is live, leaves what is another's, and ends in what was declared: ${sequences} sequences`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 8 }), wishes, async (steps, last) => {
        const root = await makeScratchFolder();
        try {
          await new Model(root).run(steps, last);
        } finally {
          await rm(root, { recursive: true, force: true });
        }
      }),
      { numRuns: sequences },
    );
    expect(kills).toBeGreaterThan(sequences / 4);
  }, 3_600_000);
});

/** Two stacks on the same homes, driven as the engine drives them, and what must hold after every step. */
class Model {
  readonly #engine: MiniEngine;
  readonly #rival: MiniEngine;
  #program: readonly Declared[] = [];
  /** Whether the last command met an id that belongs to another. */
  #refused = false;
  /** The resources that somebody tampered with, or that were left half done, and that no refreshed `up` has mended since. */
  readonly #disturbed = new Set<string>();

  constructor(readonly root: string) {
    this.#engine = new MiniEngine(this.#homePath("one"));
    this.#rival = new MiniEngine(this.#homePath("one"));
  }

  async run(steps: readonly Step[], last: readonly Wish[]): Promise<void> {
    await mkdir(join(this.root, "share"));
    await writeFile(join(this.root, "share", "file"), "content");
    await openStore(this.#store).initialise(signal);
    let points: readonly RecoveryPoint[] = [];
    for (const one of steps) {
      const othersBefore = await this.#ownedBy("rival");
      await this.#take(one);
      for (const engine of [this.#engine, this.#rival]) await this.#expectLiveObjects(engine);
      if (one.do !== "rival" && one.do !== "tamper") expect(await this.#ownedBy("rival")).toEqual(othersBefore);
      points = await this.#expectPointsKept(points);
    }
    await this.#rival.up([]);
    await this.#engine.refresh();
    await this.#up(
      last.map((one) => ({ ...one, id: undefined })),
      {},
    );
    if (!this.#refused) await this.#expectDeclared();
  }

  async #take(one: Step): Promise<void> {
    switch (one.do) {
      case "up":
        if (one.refresh) await this.#engine.refresh();
        await this.#up(one.wishes, {});
        if (one.refresh && !this.#refused) this.#disturbed.clear();
        return;
      case "kill": {
        const victims = [
          ...one.wishes.map((wish) => urnOf("mine", wish.kind, wish.place)),
          ...this.#engine.resources.keys(),
        ];
        return this.#up(one.wishes, this.#kill(victims[one.victim % victims.length], one.changes));
      }
      case "replace": {
        const urn = this.#urnOf(one.victim);
        if (urn === undefined) return;
        return this.#apply(this.#program, {
          replace: urn,
          ...(one.changes === null ? {} : this.#kill(urn, one.changes)),
        });
      }
      case "rename": {
        const from = this.#program.find(({ urn }) => urn === this.#urnOf(one.victim));
        if (from === undefined) return;
        if (this.#disturbed.has(from.urn)) this.#disturbed.add(urnOf("mine", from.kind, one.to));
        const to = urnOf("mine", from.kind, one.to);
        const others = this.#program.filter(({ urn }) => urn !== to);
        return this.#apply(
          others.map((each) => (each === from ? { ...each, urn: to, aliases: [each.urn] } : each)),
          {},
        );
      }
      case "refresh":
        return this.#engine.refresh();
      case "tamper":
        return this.#tamper(one.how, this.#urnOf(one.victim));
      case "rival":
        return this.#tolerate(() => this.#rival.up(one.wishes.map((wish) => this.#declare("rival", wish))));
    }
  }

  async #up(list: readonly Wish[], accidents: Accidents): Promise<void> {
    await this.#apply(
      list.map((one) => this.#declare("mine", one)),
      accidents,
    );
  }

  async #apply(program: readonly Declared[], accidents: Accidents): Promise<void> {
    this.#program = program;
    await this.#tolerate(() => this.#engine.up(program, accidents));
  }

  #kill(urn: string | undefined, changes: number): Accidents {
    if (urn === undefined) return {};
    this.#disturbed.add(urn);
    return {
      kill: {
        urn,
        during: async (call) => {
          const ended = await killBefore(changes, call);
          await buryLocks(this.root);
          kills += ended.killed ? 1 : 0;
          return null; // where it came to its end, the engine is killed before it hears of it
        },
      },
    };
  }

  #urnOf(victim: Victim): string | undefined {
    const urns = this.#program.map(({ urn }) => urn);
    return urns[victim % urns.length];
  }

  /** A killed engine, and an id that belongs to another, are part of the game; anything else is not. */
  async #tolerate(act: () => Promise<void>): Promise<void> {
    this.#refused = false;
    try {
      await act();
    } catch (error) {
      if (error instanceof Killed) return;
      this.#refused = true;
      expect(String(error)).toMatch(/it belongs to urn:pulumi:(mine|rival)::|it is a (schedule|snapshot|drill), not a/);
    }
  }

  async #tamper(how: "job" | "entry" | "disable", urn = ""): Promise<void> {
    const resource = this.#engine.resources.get(urn);
    if (resource === undefined) return;
    this.#disturbed.add(urn);
    const home = describeHome(String(resource.inputs.home));
    const entry = join(home.scheduler, "entries", `${resource.id}.json`);
    if (how === "job") await rm(join(home.jobs, `${resource.id}.json`), { force: true });
    else if (how === "entry") await rm(entry, { force: true });
    else
      await readFile(entry, "utf8").then(
        (text) => writeFile(entry, text.replace('"enabled": true', '"enabled": false')),
        () => undefined,
      );
  }

  /** What a state names as its own is there, and is that very object, unless somebody tampered with it or a kill left it half done. */
  async #expectLiveObjects(engine: MiniEngine): Promise<void> {
    for (const [urn, { id, inputs, outputs }] of engine.resources) {
      if (this.#disturbed.has(urn)) continue;
      const job = await this.#readJob(String(inputs.home), id);
      expect({ urn, owner: job?.owner, incarnation: job?.incarnation }).toEqual({
        urn,
        owner: urn,
        incarnation: outputs.incarnation,
      });
    }
  }

  /**
   * No recovery point that is kept out of every prune was let go, but for one that an equally good one of the same snapshot took the place of.
   * Returns those that there are now.
   */
  async #expectPointsKept(before: readonly RecoveryPoint[]): Promise<readonly RecoveryPoint[]> {
    const points = await this.#pinnedPoints();
    for (const point of points) expect(point.damage).toBeNull();
    for (const { id, pinnedBy, bytes } of before)
      if (!points.some((point) => point.id === id))
        expect(points.some((point) => point.pinnedBy === pinnedBy && point.bytes === bytes)).toBe(true);
    return points;
  }

  /** Everything declared is installed, enabled, and as declared; of what is mine, there is nothing else. */
  async #expectDeclared(): Promise<void> {
    const expected = this.#program.map(({ urn }) => urn).sort();
    expect([...this.#engine.resources.keys()].sort()).toEqual(expected);
    for (const { kind, urn, args } of this.#program) {
      const resource = this.#engine.resources.get(urn);
      const id = resource?.id ?? "";
      const home = describeHome(String(args.home));
      const job = await this.#readJob(home.root, id);
      expect(job).toMatchObject({
        owner: urn,
        incarnation: resource?.outputs.incarnation,
        declaration: settingsOf(args),
      });
      expect(resource?.inputs.health).toBe("healthy");
      const entry = (await createEmbeddedScheduler(home).observe([id], signal)).get(id);
      if (kind === "FileShareSnapshot") expect(entry).toBeUndefined();
      else
        expect(entry).toMatchObject({
          enabled: true,
          damage: null,
          ...(kind === "BackupSchedule" ? { when: args.when } : {}),
        });
      if (job?.kind !== "snapshot") continue;
      const points = await this.#pinnedPoints();
      expect(points.find((point) => point.id === job.point)).toMatchObject({ pinnedBy: id, damage: null });
      expect(resource?.outputs.pointId).toBe(job.point);
    }
  }

  async #pinnedPoints(): Promise<readonly RecoveryPoint[]> {
    return (await openStore(this.#store).list({}, signal)).filter((point) => point.pinnedBy !== null);
  }

  async #ownedBy(stack: string): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    for (const home of ["one", "two"] as const)
      for (const name of await readdir(describeHome(this.#homePath(home)).jobs).catch(() => [])) {
        const text = await readFile(join(describeHome(this.#homePath(home)).jobs, name), "utf8");
        if (text.includes(`urn:pulumi:${stack}::`)) found[`${home}/${name}`] = text;
      }
    return found;
  }

  async #readJob(home: string, id: string): Promise<Job | null> {
    const found = await findJob(describeHome(home), id);
    return found.state === "present" ? found.job : null;
  }

  #declare(stack: "mine" | "rival", wish: Wish): Declared {
    const { kind, place, id, home, variant } = wish;
    const share = join(this.root, "share");
    const args: Record<Kind, Record<string, unknown>> = {
      BackupSchedule: {
        when: { cron: ["0 1 * * *", "30 2 * * 0", "*/15 * * * *"][variant] },
        sources: { files: { kind: "file-share", path: share } },
        store: this.#store,
      },
      FileShareSnapshot: { share: { path: share }, store: this.#store, exclude: [[], ["*.a"], ["*.b"]][variant] },
      RestoreTarget: {
        from: { store: this.#store, schedule: "files" },
        to: join(this.root, `restore-${variant}`),
        drill: { every: ["7d", "30d", "90d"][variant] },
      },
    };
    const placed = { home: this.#homePath(home), ...(id === undefined ? {} : { id }) };
    return { kind, urn: urnOf(stack, kind, place), args: { ...placed, ...args[kind] } };
  }

  get #store() {
    return { kind: "directory" as const, path: join(this.root, "store") };
  }

  #homePath(home: "one" | "two"): string {
    return join(this.root, `home-${home}`);
  }
}

/** What of the arguments stands in the job: neither where it is, nor what means nothing. */
function settingsOf(args: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(args).filter(
      ([key, value]) => key !== "home" && key !== "id" && !(Array.isArray(value) && value.length === 0),
    ),
  );
}

function urnOf(stack: "mine" | "rival", kind: Kind, place: Place): string {
  const [component = "", name = ""] = place.split(":");
  const parents = component === "" ? "" : `test:index:${component}$`;
  return `urn:pulumi:${stack}::project::${parents}pulumi-nodejs:dynamic/backup-posture:${kind}::${name}`;
}
