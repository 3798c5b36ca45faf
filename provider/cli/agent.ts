import type { Command } from "commander";
import { z } from "zod";
import { watchHealth } from "../notify/watch";
import { formatInstant, now } from "../platform/clock";
import { showPath } from "../platform/display";
import { serveMetrics } from "../report/metrics/endpoint";
import { runAgent } from "../schedule/agent";
import { type CommandSurroundings, register } from "./command";
import { exitCodes } from "./exit-codes";

/** `127.0.0.1:9464`, `[::1]:9464`. */
const address = z
  .string()
  .regex(/^([^\s:[\]]+|\[[\da-f:]+\]):\d{1,5}$/i, "must be host:port, such as 127.0.0.1:9464")
  .transform((text) => {
    const colon = text.lastIndexOf(":");
    return { host: text.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(text.slice(colon + 1)) };
  })
  .refine(({ port }) => port <= 65_535, "must name a port up to 65535");

/** `backup-posture agent`: fires what the embedded scheduler holds. */
export function registerAgent(program: Command, surroundings: CommandSurroundings): void {
  register(
    program,
    {
      usage: "agent",
      summary: "fire what is due in the embedded scheduler, until it is stopped",
      details:
        "One agent serves a home; let the host's service manager keep it running. SIGTERM stops it; runs that it has started go on. " +
        "It says what it does in plain lines on standard error. Every five minutes it looks how schedules are, and tells their notifiers.",
      options: [
        ["--metrics <host:port>", "serve metrics for Prometheus at this address; port 0 is any that is free"],
        ["--once", "fire what is due now, wait for it, and end"],
      ],
      examples: [
        ["agent", "serve the default home"],
        ["agent --metrics 127.0.0.1:9464", "serve it, and its metrics at http://127.0.0.1:9464/metrics"],
        ["agent --once", "fire what is due, for instance from another scheduler"],
      ],
      input: z.object({ once: z.boolean().default(false), metrics: address.optional() }),
      act: async ({ home, signal }, { once, metrics }) => {
        const lines: { at: string; line: string }[] = [];
        const log = (line: string) => {
          const at = formatInstant(now());
          if (once) lines.push({ at, line });
          process.stderr.write(`${at} ${showPath(line)}\n`);
        };
        const endpoint = metrics === undefined ? null : await serveMetrics(home, metrics, signal);
        if (endpoint !== null) log(`metrics at ${endpoint.url}`);
        const watching = watchHealth(home, { once, signal, log });
        try {
          await runAgent(home, { once, signal, log });
          await watching;
        } finally {
          await endpoint?.close();
        }
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
