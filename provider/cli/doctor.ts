import type { Command } from "commander";
import { z } from "zod";
import { examineRemotely } from "../lifecycle/remote/examine";
import { examine } from "../runner/doctor";
import type { Finding } from "../runner/finding";
import { defaultRemoteHome } from "../runner/home";
import { type CommandSurroundings, register } from "./command";
import { exitCodes } from "./exit-codes";
import { colors, formatCount, formatTable } from "./format";
import { readRemoteHost, remoteHostInput, remoteHostOptions } from "./remote-host";

/** `backup-posture doctor`: examines what a posture needs on this host. */
export function registerDoctor(program: Command, surroundings: CommandSurroundings): void {
  register(
    program,
    {
      usage: "doctor",
      summary: "examine what the posture needs on this host, and say what to do about what is wrong",
      details:
        "Looks at what a job needs as the account that the job runs as, where root runs it; else as the account that runs it. Exit code 3 when something is bad.",
      options: [
        [
          "--own-needs",
          "only what the runs of the account need that runs it: no schedulers, no jobs of other accounts",
        ],
        ...remoteHostOptions,
      ],
      examples: [
        ["doctor", "examine the default home and all that its jobs need"],
        ["doctor --own-needs", "what the runs of this account need, for instance by runuser -u backup --"],
        ["doctor --host backup@db1.example.com", "the same on another host, and the way to it"],
      ],
      input: z.object({ ownNeeds: z.boolean().default(false), ...remoteHostInput }),
      act: async ({ home, homeNamed, signal }, { ownNeeds, ...input }) => {
        const remote = readRemoteHost(input);
        const findings =
          remote === null
            ? await examine(home, signal, { ownNeeds })
            : await examineRemotely(remote, homeNamed ? home.root : defaultRemoteHome, signal);
        const isBad = findings.some(({ state }) => state === "bad");
        return {
          exitCode: isBad ? exitCodes.unhealthy : exitCodes.fine,
          document: { findings },
          text: describe(findings),
        };
      },
    },
    surroundings,
  );
}

function describe(findings: readonly Finding[]): string {
  const rows = findings.map(({ state, subject, of, found }) => [state, subject, of, found]);
  const table = formatTable(["", "what", "which", "found"], rows, (text, column) =>
    column === 0 ? paint(text) : text,
  );
  const wrong = findings.filter(({ state }) => state !== "good");
  if (wrong.length === 0) return `${table}\n\n${colors.green("all is well")}`;
  const advice = wrong.map(
    ({ subject, of, advice: what }) => `  ${[subject, of].filter((part) => part !== "").join(" ")}: ${what}`,
  );
  return [table, "", `${formatCount(wrong.length, "finding")}; what to do:`, ...advice].join("\n");
}

function paint(state: string): string {
  if (state === "good") return colors.green(state);
  return state === "bad" ? colors.red(state) : colors.yellow(state);
}
