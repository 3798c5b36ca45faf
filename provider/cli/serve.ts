import type { Command } from "commander";
import { z } from "zod";
import { serve } from "../lifecycle/remote/serve";
import { defaultHome, describeHome } from "../runner/home";
import type { CommandSurroundings } from "./command";

const optionsSchema = z.object({ observe: z.boolean().default(false), home: z.string().optional() });

/** `backup-posture serve`, which is for no person: what an engine elsewhere talks with. */
export function registerServe(program: Command, { signal }: CommandSurroundings): void {
  const command = program
    .command("serve", { hidden: true })
    .description("Answers an engine over standard input and output; started by it over SSH.")
    .option("--observe", "only look, at the home of --home only: for a key that is bound to this command")
    .action(async () => {
      const { observe, home = defaultHome() } = optionsSchema.parse(command.optsWithGlobals());
      await serve({
        observeOnly: observe ? describeHome(home) : null,
        input: process.stdin,
        write: (line) => void process.stdout.write(`${line}\n`),
        signal,
      });
    });
}
