import { z } from "zod";
import { openHost } from "../../hosts";
import type { Host } from "../../hosts/host";
import type { SshHostDeclaration } from "../../hosts/schema";
import { messageOf, PostureError } from "../../platform/errors";
import { parseJson } from "../../platform/json";
import { examineNode } from "../../runner/doctor";
import type { Finding } from "../../runner/finding";
import { describeRunnerPlace } from "./runner-file";

const timeLimitMilliseconds = 600_000;

const findingsSchema = z.object({
  findings: z.array(
    z.object({
      subject: z.string(),
      of: z.string(),
      state: z.enum(["good", "warning", "bad"]),
      found: z.string(),
      advice: z.string(),
    }),
  ),
});

/** Examines, from here, a host and what a posture needs on it: as the account of `apply`. Throws for nothing that it finds. */
export async function examineRemotely(
  declaration: SshHostDeclaration,
  home: string,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const host = openHost(declaration, declaration.apply);
  try {
    return await examine(host, declaration.node ?? "node", home, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof PostureError)) throw error;
    const [found = "", ...advice] = messageOf(error).replace(`${host.name}: `, "").split("; ");
    return [bad("host", host.name, found, advice.join("; "))];
  } finally {
    await host.close();
  }
}

async function examine(host: Host, node: string, home: string, signal: AbortSignal): Promise<readonly Finding[]> {
  const options = { timeoutMilliseconds: timeLimitMilliseconds, signal };
  const version = (await host.run([node, "--version"], options)).stdout.replace(/^v/, "");
  const reached: Finding = { subject: "host", of: host.name, state: "good", found: "is reached", advice: "" };
  const runner = describeRunnerPlace(home);
  if ((await host.readFile(runner.stamp, signal)) === null)
    return [reached, examineNode(version), bad("runner", runner.file, "is missing", "pulumi up puts it there")];
  const { stdout } = await host.run([node, runner.file, "doctor", "--json", "--home", home], options);
  const told = findingsSchema.safeParse(parseJson(stdout));
  if (told.success) return [reached, ...told.data.findings];
  return [reached, examineNode(version), bad("runner", runner.file, "does not run", "pulumi up puts it there again")];
}

function bad(subject: string, of: string, found: string, advice: string): Finding {
  return { subject, of, state: "bad", found, advice };
}
