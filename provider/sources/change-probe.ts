import { createHash } from "node:crypto";
import { type Command, queryReplication, queryResponseGroups, responseGroupService } from "../lync/commands";
import { readList, readObject, readText } from "../lync/powershell-json";
import { toMilliseconds } from "../platform/durations";
import { messageOf, PostureError } from "../platform/errors";
import { runCommand } from "../platform/processes";
import type { ChangeProbe } from "./schema";
import { requireWindowsCommand } from "./windows-command";

const defaultTimeout = "5m";

/**
 * A mark of what a probe looks at, which differs from an earlier one when that has changed since: the SHA-256, in hex, of what the probe
 * tells. It holds nothing of it.
 *
 * @throws PostureError when the probe cannot be run to its end, or tells nothing.
 */
export async function takeChangeMark(name: string, probe: ChangeProbe, signal: AbortSignal): Promise<string> {
  const told = await ask(`probe ${name}`, probe, signal);
  if (told === "") throw new PostureError("permanent", `probe ${name}: printed nothing, so that no change can be told`);
  return createHash("sha256").update(told).digest("hex");
}

async function ask(subject: string, probe: ChangeProbe, signal: AbortSignal): Promise<string> {
  switch (probe.kind) {
    case "command":
      return runProbeCommand(subject, probe, signal);
    case "lync-settings":
      return readLastUpdates(subject, await askDeployment(subject, probe, queryReplication(), signal));
    case "lync-response-groups": {
      const command = queryResponseGroups(responseGroupService(probe.pool));
      return `response groups: ${await askDeployment(subject, probe, command, signal)}`;
    }
  }
}

/**
 * What a probe's command prints, without white space around it.
 *
 * @throws PostureError that names the probe and the exit code, and nothing that was printed.
 */
export async function runProbeCommand(
  subject: string,
  { command, timeout }: { readonly command: readonly string[]; readonly timeout?: string | undefined },
  signal: AbortSignal,
): Promise<string> {
  const [file, ...rest] = command;
  if (file === undefined) throw new PostureError("permanent", `${subject}: names no executable`);
  let completed: Awaited<ReturnType<typeof runCommand>>;
  try {
    completed = await runCommand([file, ...rest], {
      timeoutMilliseconds: toMilliseconds(timeout ?? defaultTimeout),
      signal,
    });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof PostureError)) throw error;
    throw new PostureError(error.kind, `${subject}: ${messageOf(error)}`, { cause: error });
  }
  if (completed.exitCode !== 0)
    throw new PostureError("permanent", `${subject}: ended with exit code ${completed.exitCode}`);
  return completed.stdout.trim();
}

async function askDeployment(
  subject: string,
  probe: Exclude<ChangeProbe, { kind: "command" }>,
  command: Command,
  signal: AbortSignal,
): Promise<string> {
  const { stdout } = await requireWindowsCommand(command, probe.product, {
    subject,
    timeout: probe.timeout ?? defaultTimeout,
    signal,
  });
  return stdout.replace(/^\ufeff/, "").trim();
}

/** When the last change of settings was made ready for each replica: the store's master makes an update ready after every change. */
function readLastUpdates(subject: string, printed: string): string {
  const replicas = readList(parse(subject, printed)).flatMap((replica) => {
    const object = readObject(replica);
    const name = object === null ? null : readText(object, "ReplicaFqdn");
    return object === null || name === null ? [] : [`${name} ${JSON.stringify(object.LastUpdateCreation ?? null)}`];
  });
  if (replicas.length === 0) throw new PostureError("permanent", `${subject}: no replica tells of its last update`);
  return replicas.sort().join("\n");
}

function parse(subject: string, printed: string): unknown {
  try {
    return JSON.parse(printed);
  } catch (cause) {
    throw new PostureError("permanent", `${subject}: what PowerShell answered is not JSON`, { cause });
  }
}
