import type { Command } from "commander";
import { z } from "zod";
import { formatInstant, now } from "../platform/clock";
import { showPath } from "../platform/display";
import { runAgent } from "../schedule/agent";
import { type CommandSurroundings, register } from "./command";
import { exitCodes } from "./exit-codes";

/** `backup-posture agent`: fires what the embedded scheduler holds. */
export function registerAgent(program: Command, surroundings: CommandSurroundings): void {
  register(
    program,
    {
      usage: "agent",
      summary: "fire what is due in the embedded scheduler, until it is stopped",
      details:
        "One agent serves a home; let the host's service manager keep it running. SIGTERM stops it; runs that it has started go on. " +
        "It says what it does in plain lines on standard error.",
      options: [["--once", "fire what is due now, wait for it, and end"]],
      examples: [
        ["agent", "serve the default home"],
        ["agent --once", "fire what is due, for instance from another scheduler"],
      ],
      input: z.object({ once: z.boolean().default(false) }),
      act: async ({ home, signal }, { once }) => {
        const lines: { at: string; line: string }[] = [];
        const log = (line: string) => {
          const at = formatInstant(now());
          if (once) lines.push({ at, line });
          process.stderr.write(`${at} ${showPath(line)}\n`);
        };
        await runAgent(home, { once, signal, log });
        return {
          exitCode: exitCodes.fine,
          document: { once, log: lines },
          text: once ? "what was due has run" : "stopped",
        };
      },
    },
    surroundings,
  );
}
