import type { Home } from "../../runner/home";
import type { SchedulerDeclaration } from "../schema";
import { createCronScheduler } from "./cron";
import { createEmbeddedScheduler } from "./embedded";
import type { Scheduler } from "./scheduler";
import { createSystemdScheduler } from "./systemd";
import { createWindowsTaskScheduler } from "./windows-task";

/** The scheduler that a declaration names, for a posture home. Touches nothing. */
export function openScheduler(declaration: SchedulerDeclaration, home: Home): Scheduler {
  switch (declaration.kind) {
    case "embedded":
      return createEmbeddedScheduler(home);
    case "cron":
      return createCronScheduler(declaration, home);
    case "systemd":
      return createSystemdScheduler(declaration, home);
    case "windows-task":
      return createWindowsTaskScheduler(declaration, home);
  }
}
