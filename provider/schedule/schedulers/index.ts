import type { Home } from "../../runner/home";
import type { SchedulerDeclaration } from "../schema";
import { createEmbeddedScheduler } from "./embedded";
import type { Scheduler } from "./scheduler";

const openers: { readonly [K in SchedulerDeclaration["kind"]]: (home: Home) => Scheduler } = {
  embedded: (home) => createEmbeddedScheduler(home),
};

/** The scheduler that a declaration names, for a posture home. Touches nothing. */
export function openScheduler(declaration: SchedulerDeclaration, home: Home): Scheduler {
  return openers[declaration.kind](home);
}
