import { resolve } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { writeFileAtomically } from "../platform/atomic-file";
import { describeHomeReport } from "../report/describe-home";
import { writeMetrics } from "../report/metrics/exposition";
import { families } from "../report/metrics/families";
import { type CommandSurroundings, register } from "./command";
import { exitCodes } from "./exit-codes";

/** The node exporter runs under another account. */
const readableMode = 0o644;

/** `backup-posture metrics`: what the home tells, for Prometheus. */
export function registerMetrics(program: Command, surroundings: CommandSurroundings): void {
  register(
    program,
    {
      usage: "metrics",
      summary: "write metrics of all jobs of the home, for Prometheus",
      details:
        "Into a file for the node exporter's textfile collector, replaced in one step, or to standard output. Times are instants, never ages. " +
        "Exit code 1 where the home cannot be looked at: the file then stays as it was, and backup_posture_observed_timestamp_seconds tells. " +
        "The agent serves the same over HTTP: backup-posture agent --metrics.",
      options: [["--output <file>", "where to write them; its name should end in .prom"]],
      examples: [
        ["metrics", "have a look"],
        ["metrics --output /var/lib/prometheus/node-exporter/backup-posture.prom", "from cron, every few minutes"],
      ],
      input: z.object({ output: z.string().min(1).optional() }),
      act: async ({ home, signal }, { output }) => {
        const report = await describeHomeReport(home, signal);
        const { text } = await writeMetrics(report, "prometheus");
        if (output !== undefined) await writeFileAtomically(resolve(output), text, readableMode);
        return {
          exitCode: exitCodes.fine,
          document: {
            home: report.home,
            metrics: families.map(({ name, help, sample }) => ({ name, help, samples: sample(report) })),
          },
          text: output === undefined ? text.trimEnd() : `written: ${resolve(output)}`,
        };
      },
    },
    surroundings,
  );
}
