import { isDeepStrictEqual } from "node:util";
import type { HomeView } from "../runner/home-view";
import { defaultScheduler } from "./defaults";
import { openScheduler } from "./schedulers";
import type { ScheduleEntry, Scheduler } from "./schedulers/scheduler";
import type { SchedulerDeclaration } from "./schema";

/** As far as a declaration says what fires it. */
interface Scheduled {
  readonly scheduler?: SchedulerDeclaration | undefined;
}

/** The scheduler that a declaration names. */
export function schedulerOf(view: HomeView, { scheduler = defaultScheduler }: Scheduled): Scheduler {
  return openScheduler(scheduler, view.home);
}

/** Makes an entry stand in the scheduler that is declared, and then in no other: one that was declared before would fire it twice. */
export async function installEntry(
  view: HomeView,
  entry: ScheduleEntry,
  declaration: Scheduled,
  previous: Scheduled | null,
): Promise<void> {
  await schedulerOf(view, declaration).install(entry, view.signal);
  if (previous !== null && !isSamePlace(declaration, previous))
    await schedulerOf(view, previous).remove(entry.id, view.signal);
}

/** Whether entries of both stand in the same place: then the one that was just installed has taken the other's. */
function isSamePlace(
  { scheduler: one = defaultScheduler }: Scheduled,
  { scheduler: other = defaultScheduler }: Scheduled,
) {
  if (one.kind === "systemd" && other.kind === "systemd")
    return (one.scope ?? "system") === (other.scope ?? "system") && (one.scope !== "user" || one.runAs === other.runAs);
  return isDeepStrictEqual(one, other);
}
