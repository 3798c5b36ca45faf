import type { Stack, LocalWorkspace as Workspace } from "@pulumi/pulumi/automation/index.js";
import { messageOf, PostureError } from "../../platform/errors";
import { type PreviewSeen, see, startSeeing } from "./events";

/** What is previewed. */
export interface PreviewRequest {
  /** The folder of `Pulumi.yaml`. */
  readonly folder: string;
  /** Default: the stack that is selected there. */
  readonly stack: string | undefined;
  readonly policyPacks: readonly string[];
  readonly signal: AbortSignal;
}

/** A preview with refresh, as its events tell it. The engine's exit code is not looked at: it means different things in different releases. */
export async function previewStack(
  request: PreviewRequest,
): Promise<{ readonly stack: string; readonly seen: PreviewSeen }> {
  const stack = await selectStack(request);
  const seen = startSeeing();
  try {
    await stack.preview({
      refresh: true,
      color: "never",
      policyPacks: [...request.policyPacks],
      signal: request.signal,
      onEvent: (event) => see(seen, event),
    });
  } catch (error) {
    request.signal.throwIfAborted();
    // A preview that found something fails; what it found stands in the events. One without any has not taken place.
    if (seen.errors.length === 0 && seen.violations.length === 0)
      throw new PostureError("permanent", `the preview could not be run: ${firstLineOf(error)}`, { cause: error });
  }
  return { stack: stack.name, seen };
}

async function selectStack({ folder, stack }: PreviewRequest): Promise<Stack> {
  const { LocalWorkspace, Stack: stacks } = await loadAutomation();
  try {
    const workspace = await LocalWorkspace.create({ workDir: folder });
    // The preview names its stack; to select it as well would change which one the person has selected here.
    workspace.selectStack = () => Promise.resolve();
    return await stacks.select(stack ?? (await findSelected(workspace)), workspace);
  } catch (error) {
    if (error instanceof PostureError) throw error;
    throw new PostureError("permanent", `no stack to preview in ${folder}: ${firstLineOf(error)}`, { cause: error });
  }
}

async function findSelected(workspace: Workspace): Promise<string> {
  const selected = await workspace.stack();
  if (selected === undefined) throw new PostureError("usage", "no stack is selected here: name one by --stack");
  return selected.name;
}

/** Only the gate needs it, and hosts that only run backups do not have it. */
async function loadAutomation() {
  try {
    return await import("@pulumi/pulumi/automation/index.js");
  } catch (error) {
    throw new PostureError(
      "permanent",
      "the gate needs @pulumi/pulumi beside this package: npm install @pulumi/pulumi",
      {
        cause: error,
      },
    );
  }
}

/** The rest is the engine's output with stack traces. */
function firstLineOf(error: unknown): string {
  const lines = messageOf(error).split("\n");
  return lines.find((line) => /error:/.test(line))?.trim() ?? lines[0] ?? "";
}
