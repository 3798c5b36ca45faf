import { existsSync } from "node:fs";
import { messageOf } from "../platform/errors";
import { findAgent } from "../schedule/agent";
import { isSamePlace } from "../schedule/entry";
import { openScheduler } from "../schedule/schedulers";
import type { ObservedEntry } from "../schedule/schedulers/scheduler";
import type { SchedulerDeclaration } from "../schedule/schema";
import { distinct, type FiredJob, schedulerOfJob } from "./entries";
import { bad, type Finding, good, warning } from "./finding";
import type { Home } from "./home";

/** Examines the schedulers that jobs name, their programs and the jobs' entries in them. */
export async function examineSchedulers(
  home: Home,
  fired: readonly FiredJob[],
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const scheduler of distinct(fired.map(schedulerOfJob))) {
    const jobs = fired.filter((job) => isSamePlace({ scheduler }, { scheduler: schedulerOfJob(job) }));
    findings.push(...(await examineProgram(scheduler, home)));
    try {
      const ids = jobs.map(({ id }) => id);
      const entries = await openScheduler(scheduler, home).observe(ids, signal);
      for (const id of ids) findings.push(...examineEntry(id, entries.get(id)));
    } catch (error) {
      signal.throwIfAborted();
      findings.push(bad("scheduler", scheduler.kind, messageOf(error), adviceFor(scheduler)));
    }
  }
  return findings;
}

function adviceFor(scheduler: SchedulerDeclaration): string {
  switch (scheduler.kind) {
    case "embedded":
      return "grant this account access";
    case "cron":
      return `as ${scheduler.runAs}; where crontab is missing, on Debian: apt-get install cron`;
    case "systemd":
      return "as root or its account, on a host that systemd runs; elsewhere declare another scheduler, such as cron";
    case "windows-task":
      return "as an administrator, on Windows, with the Task Scheduler service running: sc start Schedule";
  }
}

/** Whether that which is to fire anything is there at all. */
async function examineProgram(scheduler: SchedulerDeclaration, home: Home): Promise<readonly Finding[]> {
  switch (scheduler.kind) {
    case "embedded":
      return [await examineAgent(home)];
    case "windows-task":
      return [];
    case "cron":
      if (existsSync("/run/crond.pid") || existsSync("/var/run/crond.pid")) return [];
      return [
        warning("scheduler", "cron", "no cron seems to run, and then nothing fires", "systemctl enable --now cron"),
      ];
    case "systemd":
      if (scheduler.scope !== "user" || existsSync(`/var/lib/systemd/linger/${scheduler.runAs}`)) return [];
      return [
        warning(
          "scheduler",
          `systemd of ${scheduler.runAs}`,
          "its timers go only while it is logged in",
          `loginctl enable-linger ${scheduler.runAs}`,
        ),
      ];
  }
}

async function examineAgent(home: Home): Promise<Finding> {
  const agent = await findAgent(home);
  if (agent !== null)
    return good("agent", home.root, `process ${agent.pid} on ${agent.host}, since ${agent.acquiredAt}`);
  return bad(
    "agent",
    home.root,
    "no agent runs, so nothing fires",
    `start it, and let the host's service manager keep it: backup-posture agent --home ${home.root}`,
  );
}

function examineEntry(id: string, entry: ObservedEntry | undefined): readonly Finding[] {
  const advice = "pulumi up --refresh installs it again";
  if (entry === undefined) return [bad("scheduler", id, "its entry is missing", advice)];
  if (entry.damage !== null) return [bad("scheduler", id, `its entry is damaged: ${entry.damage}`, advice)];
  return entry.enabled ? [] : [bad("scheduler", id, "its entry is disabled", advice)];
}
