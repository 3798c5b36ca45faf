import { resolve } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { products } from "../lync/catalogue";
import { discoveredRoles, queryPools, queryServices, toArgumentArray } from "../lync/commands";
import { discoverTopology } from "../lync/discover";
import { adviseOnTopology, topologySchema } from "../lync/topology";
import { writeFileAtomically } from "../platform/atomic-file";
import { PostureError } from "../platform/errors";
import { runCommand } from "../platform/processes";
import { type CommandSurroundings, register } from "./command";
import { exitCodes } from "./exit-codes";
import { readJsonFile } from "./input-files";

/** Get-CsService asks the Central Management store; a minute is long for it. */
const queryWithinMilliseconds = 5 * 60_000;

/** `backup-posture lync discover`: writes a topology from what the deployment's own cmdlets list. */
export function registerLync(program: Command, surroundings: CommandSurroundings): void {
  const lync = program.command("lync").summary("what Lync and Skype for Business deployments need beside schedules");
  register(
    lync,
    {
      usage: "discover",
      summary: "write a deployment's topology from Get-CsPool and Get-CsService",
      details:
        "Without files it runs the two cmdlets here, on a computer with the administrative tools. With --pools and --services it reads what they " +
        "listed elsewhere, as ConvertTo-Json -Depth 4 writes it. What they do not tell is assumed, and named: look at each before you rely on it.",
      options: [
        ["--product <product>", products.join(", ")],
        ["--pools <file>", "the JSON of Get-CsPool"],
        ["--services <file...>", "the JSON of Get-CsService, of one call or of several"],
        ["--out <file>", "write the topology into this file"],
      ],
      examples: [
        ["lync discover --product sfb2015 --out topology.json", "asking this deployment"],
        ["lync discover --product sfb2015 --pools pools.json --services services.json", "from files"],
      ],
      input: z
        .object({
          product: z.enum(products, `must be one of ${products.join(", ")}`),
          pools: z.string().min(1).optional(),
          services: z.array(z.string().min(1)).optional(),
          out: z.string().min(1).optional(),
        })
        .refine(({ pools, services }) => (pools === undefined) === (services === undefined), {
          path: ["pools"],
          message: "go together with --services",
        }),
      act: async ({ signal }, { product, pools, services, out }) => {
        const ask = (command: Parameters<typeof toArgumentArray>[0]) =>
          askDeployment(toArgumentArray(command, product), signal);
        const foundPools = pools === undefined ? await ask(queryPools()) : await readJsonFile(pools, z.unknown());
        const foundServices: unknown[] = [];
        for (const file of services ?? []) foundServices.push(await readJsonFile(file, z.unknown()));
        if (services === undefined)
          for (const role of discoveredRoles) foundServices.push(await ask(queryServices(role)));
        const { topology, assumptions } = discover(product, foundPools, foundServices);
        if (out !== undefined) await writeFileAtomically(resolve(out), `${JSON.stringify(topology, null, 2)}\n`);
        const advice = [...assumptions, ...adviseOnTopology(topology)];
        return {
          exitCode: exitCodes.fine,
          document: { topology, assumptions: advice },
          text: [
            ...(out === undefined ? [JSON.stringify(topology, null, 2)] : [`${out}: written`]),
            "",
            "Look at each of these before you rely on it:",
            ...advice.map((line) => `- ${line}`),
          ].join("\n"),
        };
      },
    },
    surroundings,
  );
}

function discover(...found: Parameters<typeof discoverTopology>) {
  const { topology, assumptions } = discoverOrExplain(found);
  const parsed = topologySchema.safeParse(topology);
  if (parsed.success) return { topology: parsed.data, assumptions };
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new PostureError("permanent", `what was found is no whole topology: ${faults.join("; ")}`);
}

function discoverOrExplain(found: Parameters<typeof discoverTopology>) {
  try {
    return discoverTopology(...found);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new PostureError("permanent", `what was found is no whole topology: ${error.message}`, { cause: error });
  }
}

/** The JSON that a query prints; undefined where it prints nothing: there are none. */
async function askDeployment(command: readonly [string, ...string[]], signal: AbortSignal): Promise<unknown> {
  const { exitCode, stdout } = await runCommand(command, { timeoutMilliseconds: queryWithinMilliseconds, signal });
  if (exitCode !== 0)
    throw new PostureError(
      "permanent",
      "the deployment could not be asked: PowerShell ended with an error; run it as a member of RTCUniversalServerAdmins on a computer with the administrative tools",
    );
  const text = stdout.replace(/^\ufeff/, "").trim();
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new PostureError("permanent", "the deployment's answer is not JSON", { cause: error });
  }
}
