import type { Command } from "commander";
import { z } from "zod";
import { healthy } from "../declaration/health";
import { formatInstant } from "../platform/clock";
import type { LockHolder } from "../platform/lock";
import type { Home } from "../runner/home";
import { type JobHealth, observeHome } from "../runner/observe-home";
import { findAgent } from "../schedule/agent";
import { type CommandSurroundings, register } from "./command";
import { exitCodes } from "./exit-codes";
import { colors, formatCount, formatTable } from "./format";

/** `backup-posture status`: shows how every job is. */
export function registerStatus(program: Command, surroundings: CommandSurroundings): void {
  register(
    program,
    {
      usage: "status",
      summary: "show the health of all jobs of the home, and whether an agent runs where one is needed",
      details:
        "Health reads as pulumi preview --refresh shows it. Exit code 3 when a job is not healthy, or when the embedded scheduler is to fire jobs and no agent runs.",
      examples: [
        ["status", "the default home"],
        ["status --json", "for a script or a probe"],
      ],
      input: z.object({}),
      act: async ({ home, signal }) => {
        const jobs = await observeHome(home, signal);
        const agent = await findAgent(home);
        const needsAgent = agent === null && jobs.some((job) => job.firedBy === "embedded");
        const unhealthy = jobs.filter((job) => job.health !== healthy);
        return {
          exitCode: unhealthy.length > 0 || needsAgent ? exitCodes.unhealthy : exitCodes.fine,
          document: {
            home: home.root,
            agent: agent === null ? null : { pid: agent.pid, host: agent.host, since: agent.acquiredAt },
            jobs,
          },
          text: [
            jobs.length === 0 ? "no jobs" : describe(jobs),
            "",
            ...advise(unhealthy),
            describeAgent(agent, needsAgent, home),
          ].join("\n"),
        };
      },
    },
    surroundings,
  );
}

function describe(jobs: readonly JobHealth[]): string {
  const rows = jobs.map(({ id, kind, last, nextDue, health }) => [
    id,
    kind ?? "",
    last === null ? "never" : `${last.at} ${last.outcome}`,
    nextDue === null ? "" : formatInstant(new Date(nextDue)),
    health,
  ]);
  return formatTable(["id", "kind", "last", "next", "health"], rows, (text, column) =>
    column !== 4 ? text : text === healthy ? colors.green(text) : colors.red(text),
  );
}

function advise(unhealthy: readonly JobHealth[]): readonly string[] {
  if (unhealthy.length === 0) return [];
  const advice = unhealthy.flatMap(({ id, faults }) => faults.map(({ remedy }) => `  ${id}: ${remedy}`));
  return [`${formatCount(unhealthy.length, "job")} not healthy; what to do:`, ...new Set(advice), ""];
}

function describeAgent(agent: LockHolder | null, needed: boolean, home: Home): string {
  if (agent !== null) return `agent: process ${agent.pid} on ${agent.host}, since ${agent.acquiredAt}`;
  if (!needed) return "agent: none runs";
  return colors.red(`agent: none runs, so nothing fires; start it: backup-posture agent --home ${home.root}`);
}
