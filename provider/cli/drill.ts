import type { Command } from "commander";
import { z } from "zod";
import { identifier, instant } from "../declaration/primitives";
import { type DrillEnded, runDrill } from "../restore/drill";
import { announceStart, tellAfterRun } from "./after-run";
import { type CommandSurroundings, register } from "./command";
import { dueSinceOption, findNothingDue } from "./due-since";
import { describeRecord } from "./evidence-text";
import { type ExitCode, exitCodes } from "./exit-codes";
import { noteFault } from "./faults";
import { colors } from "./format";

/** `backup-posture drill <id>`: rehearses a restore and writes down the evidence. */
export function registerDrill(program: Command, surroundings: CommandSurroundings): void {
  register(
    program,
    {
      usage: "drill <id>",
      summary: "rehearse the restore of a restore target, compare it file by file, and write down the evidence",
      details:
        "The restore goes into a scratch folder in the declared place, which is removed again. " +
        "Exit code 1 when something differs or a check fails, 3 when all is well but the restore took longer than maxRestoreTime, or the evidence could not be written to its sink.",
      options: [
        ["--restart-evidence", "set broken evidence aside for good and begin a new chain with this drill"],
        dueSinceOption,
      ],
      examples: [["drill shares-restore", "rehearse the restore now"]],
      input: z.object({
        id: identifier,
        restartEvidence: z.boolean().default(false),
        dueSince: instant.optional(),
      }),
      act: async (context, { id, restartEvidence, dueSince }) => {
        const { signal, progress } = context;
        const idle = await findNothingDue(context, "drill", id, dueSince);
        if (idle !== null) return idle;
        const onFault = noteFault(context);
        const announced = announceStart(context, id);
        const drilled = await runDrill(context.home, id, {
          signal,
          restartEvidence,
          onFault,
          onProgress: (done) => progress.report(done),
        });
        await announced;
        await tellAfterRun(context, id, drilled.ended);
        return {
          exitCode: chooseExitCode(drilled),
          document: {
            id,
            ...drilled.ended,
            evidence: drilled.evidence,
            tooSlow: drilled.tooSlow,
            undelivered: drilled.undelivered,
          },
          text: describe(id, drilled),
        };
      },
    },
    surroundings,
  );
}

function chooseExitCode({ ended, tooSlow, undelivered }: DrillEnded): ExitCode {
  if (ended.outcome !== "succeeded") return exitCodes.failed;
  return tooSlow === null && undelivered === null ? exitCodes.fine : exitCodes.unhealthy;
}

function describe(id: string, { ended, evidence, tooSlow, undelivered }: DrillEnded): string {
  const verdict =
    ended.outcome === "succeeded" ? colors.green(`${id}: passed`) : colors.red(`${id}: failed: ${ended.message}`);
  const warnings = [tooSlow, undelivered].flatMap((warning) => (warning === null ? [] : [colors.yellow(warning)]));
  return [...(evidence === null ? [] : describeRecord(evidence)), ...warnings, verdict].join("\n");
}
