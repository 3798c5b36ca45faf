import { resolve } from "node:path";
import { createInterface } from "node:readline/promises";
import type { Command } from "commander";
import { z } from "zod";
import { acquireLock } from "../platform/lock";
import { runCommand } from "../platform/processes";
import { type PlanStep, type RestorePlan, restorePlanSchema } from "../restore/plan";
import { openPlanJournal } from "../restore/plan-journal";
import { renderStep } from "../restore/plan-markdown";
import { type Question, type WalkEnd, type Walker, walkPlan } from "../restore/walk";
import { type CommandSurroundings, type Report, register } from "./command";
import { exitCodes } from "./exit-codes";
import { readJsonFile } from "./input-files";

/** A restore of a large database takes hours; a command that takes a day hangs. */
const commandWithinMilliseconds = 24 * 3_600_000;

/** `backup-posture restore run <plan>`: walks through a plan that `restore plan --out` has written. */
export function registerRestoreRun(restore: Command, surroundings: CommandSurroundings): void {
  register(
    restore,
    {
      usage: "run <plan>",
      summary: "walk through a restore plan, step by step, from where it stopped",
      details:
        "Without --execute nothing is run: each step is shown, done by hand, and recorded. With it, steps that are commands are run; it waits at " +
        "those to be done by hand or on another computer, and asks before anything is destroyed. Each step is recorded in a journal beside the plan, " +
        "so that it can be stopped at any point and begun again. Exit code 3: it waits for a person.",
      options: [
        ["--execute", "run the commands of automated steps"],
        ["--here <computer>", "the FQDN of this computer, whose own steps are then run here"],
        ["--done <step...>", "these steps by hand were done; for use without a terminal"],
        ["--destroy <step...>", "these steps may destroy what they say; for use without a terminal"],
        ["--journal <file>", "default: the plan's name with .journal.jsonl"],
      ],
      examples: [
        ["restore run plan.json", "as a checklist"],
        ["restore run plan.json --execute --here fe01.contoso.com", "running what can be run on fe01"],
        ["restore run plan.json --execute --done build-fe01.contoso.com", "going on after a step by hand"],
      ],
      input: z.object({
        plan: z.string().min(1),
        execute: z.boolean().default(false),
        here: z.string().min(1).optional(),
        done: z.array(z.string()).default([]),
        destroy: z.array(z.string()).default([]),
        journal: z.string().min(1).optional(),
      }),
      act: async ({ json, signal }, input) => {
        const plan = await readJsonFile(input.plan, restorePlanSchema);
        const path = resolve(input.journal ?? `${input.plan}.journal.jsonl`);
        const lock = await acquireLock(`${path}.lock`, { what: "backup-posture restore run", signal });
        try {
          const journal = await openPlanJournal(path, plan);
          const walker = makeWalker(input, json);
          const options = { execute: input.execute, here: input.here?.toLowerCase() ?? null, signal };
          return report(plan, await walkPlan(plan, journal, walker, options));
        } finally {
          await lock.release();
        }
      },
    },
    surroundings,
  );
}

interface Answers {
  readonly done: readonly string[];
  readonly destroy: readonly string[];
}

function makeWalker(answers: Answers, json: boolean): Walker {
  return {
    show: (step, index) => {
      if (!json) process.stdout.write(`${renderStep(step, index)}\n\n`);
    },
    ask: async (question, step) => {
      const given = question === "destroy" ? answers.destroy : answers.done;
      return given.includes(step.id) || (!json && process.stdin.isTTY && (await askPerson(question, step)));
    },
    run: async ([file, ...rest], signal) => {
      if (file === undefined) throw new RangeError("a command has no executable");
      const completed = await runCommand([file, ...rest], { timeoutMilliseconds: commandWithinMilliseconds, signal });
      return completed.exitCode;
    },
  };
}

async function askPerson(question: Question, step: PlanStep): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return (await terminal.question(`${wording(question, step)} Type yes: `)).trim().toLowerCase() === "yes";
  } finally {
    terminal.close();
  }
}

function wording(question: Question, step: PlanStep): string {
  switch (question) {
    case "done":
      return `Is ${step.id} done, and does everything hold that is to be checked after it?`;
    case "destroy":
      return `${step.id} destroys ${step.destroys ?? "something"}. Go on?`;
    case "was-it-done":
      return `${step.id} was interrupted. Is it done, in whole?`;
  }
}

function report(plan: RestorePlan, end: WalkEnd): Report {
  if (end.state === "finished")
    return { exitCode: exitCodes.fine, document: end, text: `All ${plan.steps.length} steps are done.` };
  const failed = end.state === "failed";
  const next = failed
    ? "mend that, and run this again"
    : `when it is done, run this again, with --done ${end.step} where there is no terminal, or with --destroy ${end.step} to agree`;
  return {
    exitCode: failed ? exitCodes.failed : exitCodes.unhealthy,
    document: end,
    text: `${failed ? "Failed" : "Waiting"} at ${end.step}: ${end.why}; ${next}.`,
  };
}
