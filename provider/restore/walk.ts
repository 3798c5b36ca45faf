import { messageOf } from "../platform/errors";
import type { PlanCommand, PlanStep, RestorePlan } from "./plan";
import type { PlanJournal } from "./plan-journal";

/** What a walk asks the person who walks. */
export type Question = "done" | "destroy" | "was-it-done";

/** How a walk reaches the world. */
export interface Walker {
  /** Shows a step before anything of it is done. */
  show(step: PlanStep, index: number, total: number): void;
  /** False where the answer is no, or nobody answers. */
  ask(question: Question, step: PlanStep): Promise<boolean>;
  /** Runs a command to its end and tells its exit code. Throws when it cannot be run. */
  run(commandArguments: PlanCommand["arguments"], signal: AbortSignal): Promise<number>;
}

export interface WalkOptions {
  /** Whether commands are run; otherwise everything is done by hand, and only recorded. */
  readonly execute: boolean;
  /** The computer that the walk is on: steps for other computers are done by hand. Null: one with the administrative tools only. */
  readonly here: string | null;
  readonly signal: AbortSignal;
}

/** Where a walk ended. */
export type WalkEnd =
  | { readonly state: "finished" }
  | { readonly state: "waiting"; readonly step: string; readonly why: string }
  | { readonly state: "failed"; readonly step: string; readonly why: string };

/**
 * Walks through a plan from where its journal stopped: runs what may be run here, waits for a person where one is needed, asks before
 * anything is destroyed, and records each step. Killed at any point and begun again, it goes on at the step that was not done.
 */
export async function walkPlan(
  plan: RestorePlan,
  journal: PlanJournal,
  walker: Walker,
  options: WalkOptions,
): Promise<WalkEnd> {
  for (const [index, step] of plan.steps.entries()) {
    if (journal.state.done.has(step.id)) continue;
    options.signal.throwIfAborted();
    walker.show(step, index, plan.steps.length);
    const end = await walkStep(step, journal, walker, options);
    if (end !== null) return end;
  }
  return { state: "finished" };
}

/** Null: the step is done, and the walk goes on. */
async function walkStep(
  step: PlanStep,
  journal: PlanJournal,
  walker: Walker,
  options: WalkOptions,
): Promise<WalkEnd | null> {
  if (journal.state.interrupted === step.id && !step.repeatable) return settleInterrupted(step, journal, walker);
  if (!isRunHere(step, options)) return waitForPerson(step, journal, walker);
  if (step.destroys !== null && !(await walker.ask("destroy", step))) {
    await journal.append({ event: "declined", step: step.id });
    return waiting(step, `it destroys ${step.destroys}, and nobody agreed to that`);
  }
  return runStep(step, journal, walker, options.signal);
}

async function runStep(
  step: PlanStep,
  journal: PlanJournal,
  walker: Walker,
  signal: AbortSignal,
): Promise<WalkEnd | null> {
  const before = await findFault(
    "check before it",
    step.before.flatMap(({ command }) => command ?? []),
    walker,
    signal,
  );
  if (before !== null) return fail(step, journal, before);
  await journal.append({ event: "started", step: step.id });
  const fault =
    (await findFault("command", step.commands, walker, signal)) ??
    (await findFault(
      "check after it",
      step.after.flatMap(({ command }) => command ?? []),
      walker,
      signal,
    ));
  if (fault !== null) return fail(step, journal, fault);
  await journal.append({ event: "done", step: step.id, by: "command" });
  return null;
}

/** Runs commands one after the other. Null: all succeeded. */
async function findFault(
  what: string,
  commands: readonly { readonly arguments: PlanCommand["arguments"]; readonly succeedsWith?: readonly number[] }[],
  walker: Walker,
  signal: AbortSignal,
): Promise<string | null> {
  for (const [index, { arguments: commandArguments, succeedsWith = [0] }] of commands.entries()) {
    const which = `${what}, ${index + 1} of ${commands.length},`;
    try {
      const exitCode = await walker.run(commandArguments, signal);
      if (!succeedsWith.includes(exitCode)) return `${which} ended with exit code ${exitCode}`;
    } catch (error) {
      return `${which} could not be run to its end: ${messageOf(error)}`;
    }
  }
  return null;
}

async function waitForPerson(step: PlanStep, journal: PlanJournal, walker: Walker): Promise<WalkEnd | null> {
  if (!(await walker.ask("done", step))) return waiting(step, "it is to be done by hand");
  await journal.append({ event: "done", step: step.id, by: "person" });
  return null;
}

async function settleInterrupted(step: PlanStep, journal: PlanJournal, walker: Walker): Promise<WalkEnd | null> {
  if (!(await walker.ask("was-it-done", step)))
    return waiting(
      step,
      "it was interrupted, and doing it again could harm: look how far it went, and finish it by hand",
    );
  await journal.append({ event: "done", step: step.id, by: "person" });
  return null;
}

async function fail(step: PlanStep, journal: PlanJournal, why: string): Promise<WalkEnd> {
  await journal.append({ event: "failed", step: step.id, message: why });
  return { state: "failed", step: step.id, why };
}

function waiting(step: PlanStep, why: string): WalkEnd {
  return { state: "waiting", step: step.id, why };
}

function isRunHere(step: PlanStep, { execute, here }: WalkOptions): boolean {
  return execute && step.kind === "automated" && (step.computer === null || step.computer === here?.toLowerCase());
}
