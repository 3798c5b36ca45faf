import type { Command } from "commander";
import { z } from "zod";
import { identifier, instant } from "../declaration/primitives";
import { formatMilliseconds } from "../platform/durations";
import { type DrillEnded, runDrill } from "../restore/drill";
import type { EvidenceRecord } from "../restore/evidence";
import { type CommandSurroundings, register } from "./command";
import { dueSinceOption, findNothingDue } from "./due-since";
import { type ExitCode, exitCodes } from "./exit-codes";
import { noteFault } from "./faults";
import { colors, formatBytes, formatCount, formatTable } from "./format";

/** `backup-posture drill <id>`: rehearses a restore and writes down the evidence. */
export function registerDrill(program: Command, surroundings: CommandSurroundings): void {
  register(
    program,
    {
      usage: "drill <id>",
      summary: "rehearse the restore of a restore target, compare it file by file, and write down the evidence",
      details:
        "The restore goes into a scratch folder in the declared place, which is removed again. " +
        "Exit code 1 when something differs or a check fails, 3 when all is well but the restore took longer than maxRestoreTime.",
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
        const drilled = await runDrill(context.home, id, {
          signal,
          restartEvidence,
          onFault,
          onProgress: (done) => progress.report(done),
        });
        return {
          exitCode: chooseExitCode(drilled),
          document: { id, ...drilled.ended, evidence: drilled.evidence, tooSlow: drilled.tooSlow },
          text: describe(id, drilled),
        };
      },
    },
    surroundings,
  );
}

/** What could not be proved, and is no fault of the backup. */
function describeUnrestorable(unrestorable: NonNullable<EvidenceRecord["unrestorable"]>): string {
  const parts = [
    [unrestorable.owner, "the owner"],
    [unrestorable.mode, "the mode"],
    [unrestorable.extendedAttributes, "extended attributes or ACLs"],
  ] as const;
  const told = parts.flatMap(([entries, what]) => (entries === 0 ? [] : [`${what} of ${entries}`]));
  return colors.yellow(`not restored, since this account or this place cannot: ${told.join(", ")}`);
}

function chooseExitCode({ ended, tooSlow }: DrillEnded): ExitCode {
  if (ended.outcome !== "succeeded") return exitCodes.failed;
  return tooSlow === null ? exitCodes.fine : exitCodes.unhealthy;
}

function describe(id: string, { ended, evidence, tooSlow }: DrillEnded): string {
  const lines: string[] = [];
  if (evidence !== null)
    lines.push(
      `restored ${formatCount(evidence.files, "file")}, ${formatBytes(evidence.bytes)} in ${formatMilliseconds(evidence.restoreMilliseconds)}, compared ${evidence.compared} entries`,
    );
  if (evidence !== null && evidence.differences.listed.length > 0)
    lines.push(
      "",
      formatTable(
        ["path", "difference"],
        evidence.differences.listed.map(({ path, what }) => [path, what]),
      ),
      "",
    );
  if (evidence?.unrestorable !== undefined) lines.push(describeUnrestorable(evidence.unrestorable));
  if (tooSlow !== null) lines.push(colors.yellow(tooSlow));
  lines.push(
    ended.outcome === "succeeded" ? colors.green(`${id}: passed`) : colors.red(`${id}: failed: ${ended.message}`),
  );
  return lines.join("\n");
}
