import { existsSync } from "node:fs";
import { userInfo } from "node:os";
import { messageOf } from "../platform/errors";
import { hasExecutable } from "../platform/find-executable";
import { defaultScheduler } from "../schedule/defaults";
import { isSamePlace } from "../schedule/entry";
import { openScheduler } from "../schedule/schedulers";
import type { ObservedEntry } from "../schedule/schedulers/scheduler";
import type { SchedulerDeclaration } from "../schedule/schema";
import type { Home } from "./home";
import type { DrillJob, Job, ScheduleJob } from "./job";

/** An entry that starts the runner of a home, and what holds it. */
export interface FoundEntry {
  readonly scheduler: SchedulerDeclaration;
  readonly entry: ObservedEntry;
}

/** What was found, and of which schedulers that could not be told, one sentence each. */
export interface FoundEntries {
  readonly entries: readonly FoundEntry[];
  readonly faults: readonly string[];
}

/** A job that a scheduler is to fire. */
export type FiredJob = ScheduleJob | DrillJob;

export function isFired(job: Job): job is FiredJob {
  return job.kind === "schedule" || (job.kind === "drill" && job.declaration.drill !== undefined);
}

/** The scheduler that a job names. */
export function schedulerOfJob(job: FiredJob): SchedulerDeclaration {
  return job.declaration.scheduler ?? defaultScheduler;
}

/**
 * All entries that start the runner of a home: in its embedded scheduler, in those that its jobs name, and in those that this platform has,
 * as far as this account may look.
 *
 * @throws PostureError `unreachable` where the embedded scheduler cannot be looked at.
 */
export async function findEntries(home: Home, jobs: readonly Job[], signal: AbortSignal): Promise<FoundEntries> {
  const named = jobs.filter(isFired).map(schedulerOfJob);
  const entries: FoundEntry[] = [];
  const faults: string[] = [];
  for (const scheduler of distinct([defaultScheduler, ...named, ...schedulersOfPlatform()])) {
    try {
      const found = await openScheduler(scheduler, home).list(signal);
      entries.push(...found.map((entry) => ({ scheduler, entry })));
    } catch (error) {
      signal.throwIfAborted();
      if (scheduler.kind === "embedded") throw error;
      faults.push(messageOf(error));
    }
  }
  return { entries, faults };
}

/** Each place once: accounts share the system's manager. */
export function distinct(schedulers: readonly SchedulerDeclaration[]): readonly SchedulerDeclaration[] {
  return schedulers.filter(
    (scheduler, index) => !schedulers.slice(0, index).some((other) => isSamePlace({ scheduler }, { scheduler: other })),
  );
}

/** Those that run here: what is not installed, or not this host's, holds nothing. */
function schedulersOfPlatform(): readonly SchedulerDeclaration[] {
  if (process.platform === "win32") return [{ kind: "windows-task", runAs: "SYSTEM" }];
  const { username } = userInfo();
  const ofSystemd = existsSync("/run/systemd/system") && hasExecutable("systemctl");
  return [
    ...(hasExecutable("crontab") ? [{ kind: "cron", runAs: username } as const] : []),
    ...(ofSystemd ? [{ kind: "systemd", runAs: username } as const] : []),
  ];
}
