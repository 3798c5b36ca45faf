import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { frameworkIds } from "../guard/controls/ids";
import { parseSettings } from "../guard/controls/settings";
import type { PreviewSeen } from "../guard/gate/events";
import { formatNames, writeReport } from "../guard/gate/formats";
import { previewStack } from "../guard/gate/preview";
import { drawReport, findFaults, isBlind, type Verdict } from "../guard/gate/report";
import { findRemoteHost } from "../hosts/schema";
import { now } from "../platform/clock";
import { messageOf, PostureError } from "../platform/errors";
import { defaultHome, describeHome } from "../runner/home";
import { findOrphans } from "../runner/orphans";
import { type CommandContext, type CommandSurroundings, register } from "./command";
import { type ExitCode, exitCodes } from "./exit-codes";

/** `backup-posture gate`: one verdict on a stack, for pipelines. */
export function registerGate(program: Command, surroundings: CommandSurroundings): void {
  register(
    program,
    {
      usage: "gate",
      summary: "preview the Pulumi program of the current folder with refresh, and give one verdict",
      details:
        "On a pull request (--on pr) it fails for what the change brings in, and lists what was there before. On a schedule (--on schedule) it fails for drift, staleness and controls that are not satisfied. " +
        "It changes nothing. Exit codes: 0 passed, 1 the preview broke, 2 usage, 3 failed, 5 unobserved (posture:observe is state, and nothing that was declared is at fault). Needs @pulumi/pulumi and the Pulumi CLI.",
      options: [
        ["--on <occasion>", "pr or schedule (default: schedule)"],
        ["--stack <name>", "the stack (default: the one that is selected)"],
        ["--framework <name>", `hold it against ${frameworkIds.join(", ")} (default: the controls' own levels)`],
        ["--policy-pack <folder...>", "run these policy packs in place of the controls"],
        ["--format <format>", `${formatNames.join(", ")} (default: text)`],
        ["--write <format=file...>", "write the report into files as well"],
      ],
      examples: [
        ["gate --on pr --write markdown=gate.md", "in a pull request"],
        ["gate --on schedule --policy-pack policies", "every night, with your own pack"],
        ["gate --framework cis-v8 --format sarif", "for a code-scanning service"],
      ],
      input: z.object({
        on: z.enum(["pr", "schedule"], "must be pr or schedule").default("schedule"),
        stack: z.string().min(1).optional(),
        framework: z.enum(frameworkIds, `must be one of ${frameworkIds.join(", ")}`).optional(),
        policyPack: z.array(z.string().min(1)).default([]),
        format: z.enum(formatNames, `must be one of ${formatNames.join(", ")}`).default("text"),
        write: z.array(z.string()).default([]),
      }),
      act: async (context, input) => {
        const files = input.write.map(parseTarget);
        const policyPacks = input.policyPack.map((folder) => resolve(folder));
        if (policyPacks.length > 0 && input.framework !== undefined)
          throw new PostureError("usage", "gate: --framework belongs into the policy pack's own settings");
        const request = { folder: process.cwd(), stack: input.stack, policyPacks, signal: context.signal };
        const { stack, seen } = await previewStack(request);
        for (const fault of findFaults(seen)) context.progress.note(fault);
        const report = drawReport({
          stack,
          on: input.on,
          seen,
          controls: policyPacks.length > 0 ? null : parseSettings({ framework: input.framework }),
          ...(await lookForOrphans(seen, context)),
          now: now(),
        });
        for (const { format, file } of files) await writeFile(file, `${await writeReport(report, format)}\n`);
        return {
          exitCode: codeOf(report.verdict),
          document: report,
          text: await writeReport(report, input.format),
        };
      },
    },
    surroundings,
  );
}

function parseTarget(target: string) {
  const [, name, file = ""] = /^([a-z]+)=(.+)$/.exec(target) ?? [];
  const format = formatNames.find((each) => each === name);
  if (format === undefined)
    throw new PostureError("usage", `gate: --write takes format=file, with one of ${formatNames.join(", ")}`);
  return { format, file: resolve(file) };
}

function codeOf(verdict: Verdict): ExitCode {
  switch (verdict) {
    case "passed":
      return exitCodes.fine;
    case "failed":
      return exitCodes.unhealthy;
    case "unobserved":
      return exitCodes.unobserved;
    case "broken":
      return exitCodes.failed;
  }
}

/** In every home of the stack's resources that is on this machine; what only watches has none. A blind preview looks at none. */
async function lookForOrphans(seen: PreviewSeen, { signal }: CommandContext) {
  const orphans: { readonly what: string }[] = [];
  const notes: string[] = [];
  if (isBlind(seen)) return { orphans, notes };
  const ours = [...seen.resources.values()].filter(({ type }) =>
    type.startsWith("pulumi-nodejs:dynamic/backup-posture:"),
  );
  const prefix = /^urn:pulumi:[^:]+::[^:]+::/.exec([...seen.resources.keys()][0] ?? "")?.[0] ?? "";
  const placements = ours
    .map(({ declared, state }) => declared ?? state ?? {})
    .filter(({ manage }) => manage !== false);
  const homes = new Set(
    placements.filter((each) => findRemoteHost(each) === null).map(({ home }) => textOr(home, defaultHome())),
  );
  for (const address of new Set(placements.flatMap((each) => findRemoteHost(each)?.address ?? [])))
    notes.push(`orphans were not looked for on ${address}: run backup-posture orphans there`);
  const owned = new Set(ours.filter(({ state }) => state !== null).map(({ urn }) => urn));
  for (const root of homes) {
    try {
      const found = await findOrphans(describeHome(root), { prefix, owned }, [], signal);
      orphans.push(...found.orphans);
      notes.push(...found.faults.map((fault) => `orphans were not looked for in one store: ${fault}`));
    } catch (error) {
      signal.throwIfAborted();
      if (owned.size > 0) notes.push(`orphans were not looked for: ${messageOf(error)}`);
    }
  }
  return { orphans, notes };
}

function textOr(value: unknown, otherwise: string): string {
  return typeof value === "string" ? value : otherwise;
}
