import { resolve } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { frameworkIds } from "../guard/controls/ids";
import { parseSettings, settingsSchema } from "../guard/controls/settings";
import { writeFileAtomically } from "../platform/atomic-file";
import { now } from "../platform/clock";
import { PostureError } from "../platform/errors";
import { describeHomeReport, type LookOptions } from "../report/describe-home";
import { describeReport, type Report as PostureReport } from "../report/describe-report";
import { toHtml } from "../report/html/document";
import { toMarkdown } from "../report/markdown";
import { type HomeReport, homeReportSchema } from "../report/model";
import { stackExportSchema } from "../report/stack-export";
import { type CommandSurroundings, register } from "./command";
import { exitCodes } from "./exit-codes";
import { readJsonFile, requireReadable } from "./input-files";

/** A report is meant to be read, by a web server's account too. */
const readableMode = 0o644;
const formatNames = ["html", "markdown"] as const;
const reportsSchema = z.object({ homes: z.array(homeReportSchema) });

/** `backup-posture report`: a whole posture on one page. */
export function registerReport(program: Command, surroundings: CommandSurroundings): void {
  register(
    program,
    {
      usage: "report",
      summary: "write a whole posture as one page: HTML that needs nothing else, or Markdown",
      details:
        "It looks at the home, or puts together what report --json wrote on several hosts (--from). Controls judge what jobs declare, or the stack that is given. " +
        "Exit code 0 once it is written, whatever it says; with --fail-on-unhealthy, 3 where anything is not as promised, or nothing is declared.",
      options: [
        ["--format <format>", "html or markdown (default: html)"],
        ["--output <file>", "where to write it (default: standard output)"],
        ["--from <file...>", "reports of other hosts as JSON, in place of a look at the home"],
        ["--stack <file>", "what pulumi stack export wrote: controls of all its resources, and the coverage of Lync"],
        ["--controls <file>", "settings of the controls as JSON: levels, places, waivers, as of the policy pack"],
        ["--framework <name>", `hold it against ${frameworkIds.join(", ")} only`],
        [
          "--allowed-signers <file>",
          "verify the signatures of the drills that it shows; who may sign, as ssh-keygen(1) describes it under ALLOWED SIGNERS",
        ],
        ["--fail-on-unhealthy", "end with exit code 3 where it does not say healthy"],
      ],
      examples: [
        ["report --output posture.html", "the home of this host"],
        ["report --format markdown --fail-on-unhealthy", "in a pipeline"],
        ["--json report > host1.json", "what report --from takes, on each host"],
        ["report --from host1.json host2.json --output fleet.html", "all hosts on one page"],
      ],
      input: z.object({
        format: z.enum(formatNames, `must be one of ${formatNames.join(", ")}`).default("html"),
        output: z.string().min(1).optional(),
        from: z.array(z.string().min(1)).default([]),
        stack: z.string().min(1).optional(),
        controls: z.string().min(1).optional(),
        framework: z.enum(frameworkIds, `must be one of ${frameworkIds.join(", ")}`).optional(),
        allowedSigners: z.string().min(1).optional(),
        failOnUnhealthy: z.boolean().default(false),
      }),
      act: async ({ home, json, signal }, { format, output, from, failOnUnhealthy, allowedSigners, ...files }) => {
        const given = files.controls === undefined ? {} : await readJsonFile(files.controls, settingsSchema);
        const controls = parseSettings(
          files.framework === undefined ? given : { ...given, framework: files.framework },
        );
        const stack = files.stack === undefined ? null : await readJsonFile(files.stack, stackExportSchema);
        const homes =
          from.length > 0
            ? await readReports(from, allowedSigners)
            : [await describeHomeReport(home, signal, await findSigners(allowedSigners))];
        const report = describeReport(homes, { controls, stack, now: now() });
        const written = json && output === undefined ? "" : await write(report, format);
        if (output !== undefined) await writeFileAtomically(resolve(output), `${written}\n`, readableMode);
        return {
          exitCode: failOnUnhealthy && report.verdict !== "healthy" ? exitCodes.unhealthy : exitCodes.fine,
          document: report,
          text: output === undefined ? written : `${report.summary}: ${resolve(output)}`,
        };
      },
    },
    surroundings,
  );
}

async function readReports(
  files: readonly string[],
  allowedSigners: string | undefined,
): Promise<readonly HomeReport[]> {
  if (allowedSigners !== undefined)
    throw new PostureError("usage", "--allowed-signers belongs to the look at each host, not to --from");
  const reports = await Promise.all(files.map((file) => readJsonFile(file, reportsSchema)));
  return reports.flatMap(({ homes }) => homes);
}

async function findSigners(file: string | undefined): Promise<LookOptions> {
  return file === undefined ? {} : { allowedSigners: await requireReadable(file) };
}

function write(report: PostureReport, format: (typeof formatNames)[number]): Promise<string> {
  return format === "html" ? toHtml(report) : toMarkdown(report);
}
