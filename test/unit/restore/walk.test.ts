import { appendFile, mkdtemp, readFile, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { listBackupParts } from "../../../provider/lync/backup-parts";
import { listFailures, planRestore } from "../../../provider/lync/restore-plan";
import type { PlanStep, RestorePlan } from "../../../provider/restore/plan";
import { openPlanJournal } from "../../../provider/restore/plan-journal";
import { type Question, type WalkEnd, walkPlan } from "../../../provider/restore/walk";
import { exampleTopology } from "../../fixtures/windows/deployment";

let folder: string;
let journalPath: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "walk-"));
  journalPath = join(folder, "walk.jsonl");
});
afterEach(() => rm(folder, { recursive: true }));

function step(id: string, facts: Partial<PlanStep> = {}): PlanStep {
  return {
    id,
    title: `Do ${id}`,
    kind: "automated",
    commands: [{ display: id, arguments: ["do", id], succeedsWith: [0] }],
    instructions: [],
    computer: null,
    permissions: ["somebody"],
    elevated: false,
    before: [],
    after: [],
    destroys: null,
    reads: [],
    repeatable: true,
    pitfalls: [],
    ...facts,
  };
}

const manual = (id: string) => step(id, { kind: "manual", commands: [], instructions: ["Do it."] });

function planOf(...steps: readonly PlanStep[]): RestorePlan {
  return {
    format: 1,
    title: "Restore",
    recoverySet: { id: "set", startedAt: "2026-11-19T01:00:00Z" },
    preconditions: [],
    warnings: [],
    steps: [...steps],
  };
}

/** A world that keeps what was run in it, and can kill the walk or fail at a command. */
class World {
  readonly ran: string[] = [];
  readonly asked: string[] = [];
  killAt: string | null = null;
  /** The step before which the process ends; null: none. */
  stopBefore: string | null = null;
  exitCodes: Record<string, number> = {};
  answers: (question: Question, step: PlanStep) => boolean = () => true;

  async walk(plan: RestorePlan, options: { execute?: boolean; here?: string } = {}): Promise<WalkEnd> {
    const journal = await openPlanJournal(journalPath, plan);
    return walkPlan(
      plan,
      journal,
      {
        show: ({ id }) => {
          if (id === this.stopBefore) throw new Error("stopped");
        },
        ask: (question, asked) => {
          this.asked.push(`${question} ${asked.id}`);
          return Promise.resolve(this.answers(question, asked));
        },
        run: (commandArguments) => {
          const name = commandArguments.slice(1).join(" ");
          if (this.killAt === name) return new Promise(() => this.kill());
          this.ran.push(name);
          return Promise.resolve(this.exitCodes[name] ?? 0);
        },
      },
      { execute: options.execute ?? true, here: options.here ?? null, signal: new AbortController().signal },
    );
  }

  /** Walks until the command at which the process dies. */
  async walkUntilKilled(plan: RestorePlan, at: string): Promise<void> {
    this.killAt = at;
    await new Promise<void>((resolve) => {
      this.kill = resolve;
      void this.walk(plan);
    });
    this.killAt = null;
  }

  private kill: () => void = () => undefined;
}

describe("a walk", () => {
  it("runs every step in order and finishes", async () => {
    const world = new World();
    expect(await world.walk(planOf(step("a"), step("b"), step("c")))).toEqual({ state: "finished" });
    expect(world.ran).toEqual(["a", "b", "c"]);
    expect(world.asked).toEqual([]);
  });

  it("runs nothing unless told to, and records what a person did", async () => {
    const world = new World();
    expect(await world.walk(planOf(step("a"), manual("b")), { execute: false })).toEqual({ state: "finished" });
    expect(world.ran).toEqual([]);
    expect(world.asked).toEqual(["done a", "done b"]);
  });

  it("stops at a step by hand that is not done, and goes on there", async () => {
    const world = new World();
    world.answers = () => false;
    const plan = planOf(step("a"), manual("b"), step("c"));
    expect(await world.walk(plan)).toMatchObject({ state: "waiting", step: "b" });
    world.answers = () => true;
    expect(await world.walk(plan)).toEqual({ state: "finished" });
    expect(world.ran).toEqual(["a", "c"]);
  });

  it("asks before it destroys, and does nothing without a yes", async () => {
    const world = new World();
    world.answers = () => false;
    const plan = planOf(step("a", { destroys: "the database" }), step("b"));
    expect(await world.walk(plan)).toMatchObject({
      state: "waiting",
      step: "a",
      why: expect.stringContaining("the database") as string,
    });
    expect(world.ran).toEqual([]);
    world.answers = () => true;
    expect(await world.walk(plan)).toEqual({ state: "finished" });
    expect(world.asked).toEqual(["destroy a", "destroy a"]);
  });

  it("leaves steps for other computers to a person, and runs those for its own", async () => {
    const plan = planOf(step("a", { computer: "fe01.contoso.com" }), step("b", { computer: "fe02.contoso.com" }));
    const world = new World();
    expect(await world.walk(plan, { here: "FE02.contoso.com" })).toEqual({ state: "finished" });
    expect(world.ran).toEqual(["b"]);
    expect(world.asked).toEqual(["done a"]);
  });

  it("stops at a failure, and does that step again", async () => {
    const world = new World();
    world.exitCodes = { b: 1 };
    const plan = planOf(step("a"), step("b"), step("c"));
    expect(await world.walk(plan)).toEqual({
      state: "failed",
      step: "b",
      why: "command, 1 of 1, ended with exit code 1",
    });
    world.exitCodes = {};
    expect(await world.walk(plan)).toEqual({ state: "finished" });
    expect(world.ran).toEqual(["a", "b", "b", "c"]);
  });

  it("knows exit codes that mean success", async () => {
    const world = new World();
    world.exitCodes = { a: 3 };
    const copy = { display: "a", arguments: ["do", "a"], succeedsWith: [0, 1, 2, 3] };
    expect(await world.walk(planOf(step("a", { commands: [copy] })))).toEqual({ state: "finished" });
  });

  it("runs checks: a failing one before a step keeps it from being done", async () => {
    const check = (name: string) => [{ text: "It holds.", command: { display: name, arguments: ["do", name] } }];
    const plan = planOf(step("a", { before: check("before"), after: check("after") }));
    const world = new World();
    world.exitCodes = { before: 1 };
    expect(await world.walk(plan)).toMatchObject({
      state: "failed",
      why: expect.stringContaining("check before it") as string,
    });
    expect(world.ran).toEqual(["before"]);
    world.exitCodes = { after: 1 };
    expect(await world.walk(plan)).toMatchObject({
      state: "failed",
      why: expect.stringContaining("check after it") as string,
    });
    world.exitCodes = {};
    expect(await world.walk(plan)).toEqual({ state: "finished" });
  });

  it("refuses to go on with another plan", async () => {
    const world = new World();
    await world.walk(planOf(step("a")));
    await expect(world.walk(planOf(step("b")))).rejects.toMatchObject({ kind: "conflict" });
  });
});

describe("a walk that was killed", () => {
  const plan = planOf(step("a"), step("b", { repeatable: false }), manual("c"), step("d"));

  it("does a repeatable step again", async () => {
    const world = new World();
    await world.walkUntilKilled(plan, "a");
    expect(await world.walk(plan)).toEqual({ state: "finished" });
    expect(world.ran).toEqual(["a", "b", "d"]);
  });

  it("asks about one that is not, and never does it twice", async () => {
    const world = new World();
    await world.walkUntilKilled(plan, "b");
    world.answers = (question) => question !== "was-it-done";
    expect(await world.walk(plan)).toMatchObject({ state: "waiting", step: "b" });
    world.answers = () => true;
    expect(await world.walk(plan)).toEqual({ state: "finished" });
    expect(world.ran).toEqual(["a", "d"]);
  });

  it("stopped after each step, ends where an unbroken walk ends", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(6), { maxLength: 7 }), async (stops) => {
        const names = Array.from({ length: 7 }, (_, index) => `s${index}`);
        const whole = planOf(...names.map((name) => step(name)));
        const world = new World();
        for (const stop of stops) {
          const next = world.ran.length;
          if (stop >= next && stop < names.length) await world.walkUntilKilled(whole, names[stop]!);
        }
        expect(await world.walk(whole)).toEqual({ state: "finished" });
        expect(world.ran).toEqual(names);
        await rm(journalPath);
      }),
      { numRuns: 60 },
    );
  });

  it.each(["standard-edition", "enterprise-pool", "two-pools-mirrored"])(
    "%s: every plan for it, stopped at every boundary between two steps, does what an unbroken walk does",
    async (name) => {
      const topology = await exampleTopology(name);
      const parts = listBackupParts(topology).map((part) => ({
        name: part.name,
        schedule: "lync",
        point: `point-of-${part.name}`,
        startedAt: new Date(0),
      }));
      for (const failure of listFailures(topology)) {
        const view = { id: "set", startedAt: new Date(0), folder: "D:\\restore", parts };
        const whole = planRestore(topology, failure, view);
        const unbroken = new World();
        expect(await unbroken.walk(whole)).toEqual({ state: "finished" });
        await rm(journalPath);
        const stopped = new World();
        for (const { id } of whole.steps) {
          stopped.stopBefore = id;
          await expect(stopped.walk(whole)).rejects.toThrow("stopped");
        }
        stopped.stopBefore = null;
        expect(await stopped.walk(whole)).toEqual({ state: "finished" });
        expect(stopped.ran).toEqual(unbroken.ran);
        expect(stopped.asked).toEqual(unbroken.asked);
        await rm(journalPath);
      }
    },
    60_000,
  );

  it("takes a record that was cut off for one that was not made", async () => {
    const world = new World();
    await world.walk(plan);
    const text = await readFile(journalPath, "utf8");
    await truncate(journalPath, text.length - 5);
    expect(await world.walk(plan)).toEqual({ state: "finished" });
    expect(world.ran).toEqual(["a", "b", "d", "d"]);
    await appendFile(journalPath, '{"event":"sta');
    expect(await world.walk(plan)).toEqual({ state: "finished" });
    expect(world.ran).toHaveLength(4);
  });
});
