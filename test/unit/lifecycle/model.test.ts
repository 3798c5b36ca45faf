import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describeHome } from "../../../provider/runner/home";
import { findJob, type ScheduleJob } from "../../../provider/runner/job";
import { createEmbeddedScheduler } from "../../../provider/schedule/schedulers/embedded";
import { type Declared, Killed, MiniEngine } from "../../fixtures/mini-engine";
import { makeScratchFolder } from "../../fixtures/scratch";

const sequences = Number(process.env.LIFECYCLE_SEQUENCES ?? 2_000);

/** A child of one of two components, under one of two names; both components have children of the same names. */
type Place = "BoxA:files" | "BoxA:mail" | "BoxB:files" | "BoxB:mail" | ":files";

const places: readonly Place[] = ["BoxA:files", "BoxA:mail", "BoxB:files", "BoxB:mail", ":files"];

interface Wish {
  readonly place: Place;
  readonly cron: string;
  readonly id: string | undefined;
  readonly home: "one" | "two";
}

type Step =
  | { readonly do: "up"; readonly wishes: readonly Wish[]; readonly refresh: boolean }
  | { readonly do: "killInCreate"; readonly wishes: readonly Wish[]; readonly victim: Place }
  | { readonly do: "replace"; readonly victim: Place }
  | { readonly do: "rename"; readonly from: Place; readonly to: Place }
  | { readonly do: "refresh" }
  | { readonly do: "tamper"; readonly how: "job" | "entry" | "disable"; readonly victim: Place }
  | { readonly do: "rival"; readonly wishes: readonly Wish[] };

const place = fc.constantFrom(...places);
const wish: fc.Arbitrary<Wish> = fc.record({
  place,
  cron: fc.constantFrom("0 1 * * *", "30 2 * * 0", "*/15 * * * *"),
  id: fc.constantFrom(undefined, undefined, undefined, "fixed"),
  home: fc.constantFrom("one", "one", "one", "two"),
});
/** At most one resource of a place, and at most one that names the fixed id. */
const wishes = fc
  .uniqueArray(wish, { selector: ({ place }) => place, maxLength: 4 })
  .map((list) =>
    list.map((one, index) => (list.findIndex(({ id }) => id === "fixed") < index ? { ...one, id: undefined } : one)),
  );
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("up"), wishes, refresh: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("killInCreate"), wishes, victim: place }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("replace"), victim: place }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("rename"), from: place, to: place }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("refresh") }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("tamper"), how: fc.constantFrom("job", "entry", "disable"), victim: place }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("rival"), wishes }) },
);

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
  }, 600_000);
});

/** Two stacks on the same homes, driven as the engine drives them, and what must hold after every step. */
class Model {
  readonly #engine: MiniEngine;
  readonly #rival: MiniEngine;
  #program: readonly Declared[] = [];
  /** Whether the last command met an id that belongs to another. */
  #refused = false;

  constructor(readonly root: string) {
    this.#engine = new MiniEngine(this.#homePath("one"));
    this.#rival = new MiniEngine(this.#homePath("one"));
  }

  async run(steps: readonly Step[], last: readonly Wish[]): Promise<void> {
    await mkdir(join(this.root, "share"));
    for (const one of steps) {
      const othersBefore = await this.#ownedBy("rival");
      await this.#take(one);
      await this.#expectLiveObjects(this.#engine, "mine");
      await this.#expectLiveObjects(this.#rival, "rival");
      if (one.do !== "rival" && one.do !== "tamper") expect(await this.#ownedBy("rival")).toEqual(othersBefore);
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
        return this.#up(one.wishes, {});
      case "killInCreate":
        return this.#up(one.wishes, { killedInCreateOf: urnOf("mine", one.victim) });
      case "replace":
        return this.#apply(this.#program, { replace: urnOf("mine", one.victim) });
      case "rename": {
        const renamed = this.#program
          .filter(({ urn }) => urn !== urnOf("mine", one.to))
          .map((declared) =>
            declared.urn === urnOf("mine", one.from)
              ? { ...declared, urn: urnOf("mine", one.to), aliases: [declared.urn] }
              : declared,
          );
        return this.#apply(renamed, {});
      }
      case "refresh":
        return this.#engine.refresh();
      case "tamper":
        return this.#tamper(one.how, urnOf("mine", one.victim));
      case "rival":
        return this.#tolerate(() => this.#rival.up(one.wishes.map((wish) => this.#declare("rival", wish))));
    }
  }

  async #up(list: readonly Wish[], accidents: { killedInCreateOf?: string }): Promise<void> {
    await this.#apply(
      list.map((one) => this.#declare("mine", one)),
      accidents,
    );
  }

  async #apply(
    program: readonly Declared[],
    accidents: { killedInCreateOf?: string; replace?: string },
  ): Promise<void> {
    this.#program = program;
    await this.#tolerate(() => this.#engine.up(program, accidents));
  }

  /** A killed engine, and an id that belongs to another, are part of the game; anything else is not. */
  async #tolerate(act: () => Promise<void>): Promise<void> {
    this.#refused = false;
    try {
      await act();
    } catch (error) {
      if (error instanceof Killed) return;
      this.#refused = true;
      expect(String(error)).toMatch(/it belongs to urn:pulumi:(mine|rival)::/);
    }
  }

  async #tamper(how: "job" | "entry" | "disable", urn: string): Promise<void> {
    const resource = this.#engine.resources.get(urn);
    if (resource === undefined) return;
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

  /** Nothing that a state names as its own, and that nobody tampered with, has vanished or changed hands. */
  async #expectLiveObjects(engine: MiniEngine, stack: "mine" | "rival"): Promise<void> {
    for (const [urn, resource] of engine.resources) {
      const job = await this.#readJob(String(resource.inputs.home), resource.id);
      if (job === null) continue;
      expect({ urn, owner: job.owner?.split("::")[0] }).toEqual({ urn, owner: `urn:pulumi:${stack}` });
    }
  }

  /** Everything declared is installed, enabled, and as declared; of what is mine, there is nothing else. */
  async #expectDeclared(): Promise<void> {
    const expected = this.#program.map(({ urn }) => urn).sort();
    expect([...this.#engine.resources.keys()].sort()).toEqual(expected);
    for (const { urn, args } of this.#program) {
      const resource = this.#engine.resources.get(urn);
      const home = describeHome(String(args.home));
      const job = await this.#readJob(home.root, resource?.id ?? "");
      expect({ urn, owner: job?.owner, incarnation: job?.incarnation, when: job?.declaration.when }).toEqual({
        urn,
        owner: urn,
        incarnation: resource?.outputs.incarnation,
        when: args.when,
      });
      const entries = await createEmbeddedScheduler(home).observe([resource?.id ?? ""], new AbortController().signal);
      expect(entries.get(resource?.id ?? "")).toMatchObject({ enabled: true, damage: null, when: args.when });
    }
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

  async #readJob(home: string, id: string): Promise<ScheduleJob | null> {
    const found = await findJob(describeHome(home), id);
    if (found.state !== "present" || found.job.kind !== "schedule") return null;
    return found.job;
  }

  #declare(stack: "mine" | "rival", { place, cron, id, home }: Wish): Declared {
    return {
      kind: "BackupSchedule",
      urn: urnOf(stack, place),
      args: {
        home: this.#homePath(home),
        ...(id === undefined ? {} : { id }),
        when: { cron },
        sources: { files: { kind: "file-share", path: join(this.root, "share") } },
        store: { kind: "directory", path: join(this.root, "store") },
      },
    };
  }

  #homePath(home: "one" | "two"): string {
    return join(this.root, `home-${home}`);
  }
}

function urnOf(stack: "mine" | "rival", place: Place): string {
  const [component = "", name = ""] = place.split(":");
  const parents = component === "" ? "" : `test:index:${component}$`;
  return `urn:pulumi:${stack}::project::${parents}pulumi-nodejs:dynamic/backup-posture:BackupSchedule::${name}`;
}
