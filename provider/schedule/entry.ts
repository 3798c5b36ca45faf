import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import type { Worker } from "../lifecycle/kind";
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

const accountSchema = z.object({ scheduler: z.object({ kind: z.literal("systemd"), runAs: z.string() }) });

/** The account that works in the home, where that need not be the one that deploys; null where it is. */
export function accountOf(declaration: object): string | null {
  return accountSchema.safeParse(declaration).data?.scheduler.runAs ?? null;
}

/** As whom and where its runs are, in words: as the one that works there anyway, where nothing else is declared. */
export function describeRunsAs({ scheduler = defaultScheduler }: Scheduled, { account, machine }: Worker): string {
  const declared = "runAs" in scheduler ? scheduler.runAs : account;
  return `runs as ${typeof declared === "string" ? declared : declared.user} on ${machine}`;
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
export function isSamePlace(
  { scheduler: one = defaultScheduler }: Scheduled,
  { scheduler: other = defaultScheduler }: Scheduled,
) {
  if (one.kind === "systemd" && other.kind === "systemd")
    return (one.scope ?? "system") === (other.scope ?? "system") && (one.scope !== "user" || one.runAs === other.runAs);
  return (one.kind === "windows-task" && other.kind === one.kind) || isDeepStrictEqual(one, other);
}
