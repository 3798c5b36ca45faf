import { toMilliseconds } from "../platform/durations";
import { messageOf, PostureError } from "../platform/errors";
import { inheritedEnvironment, runCommand } from "../platform/processes";
import { resolveSecret } from "../platform/secrets";
import { defaultCommandTimeout } from "../schedule/defaults";
import type { Hook } from "../schedule/schema";

type Hooks = Readonly<Record<string, Hook>>;

/**
 * Runs the hooks of one moment, one after the other in order of their names, until one fails. Each finds the schedule's id and the run's id
 * in `BACKUP_POSTURE_ID` and `BACKUP_POSTURE_RUN`, and its secrets in the variables that it declares. What it prints is
 * thrown away.
 *
 * @throws PostureError that names the hook and its exit code, and nothing that it printed.
 */
export async function runHooks(
  hooks: Hooks | undefined,
  at: Hook["at"],
  run: { readonly id: string; readonly run: string },
  options: { readonly signal: AbortSignal; readonly onStart?: (name: string) => void },
): Promise<void> {
  for (const [name, hook] of selectHooks(hooks ?? {}, at)) {
    options.signal.throwIfAborted();
    options.onStart?.(name);
    await runHook(name, hook, run, options.signal);
  }
}

function selectHooks(hooks: Hooks, at: Hook["at"]): readonly (readonly [string, Hook])[] {
  return Object.entries(hooks)
    .filter(([, hook]) => hook.at === at)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

async function runHook(
  name: string,
  hook: Hook,
  run: { readonly id: string; readonly run: string },
  signal: AbortSignal,
): Promise<void> {
  const [file, ...commandArguments] = hook.command;
  if (file === undefined) throw new PostureError("permanent", `hook ${name}: names no executable`);
  const environment = {
    ...inheritedEnvironment(),
    ...(await resolveEnvironment(name, hook)),
    BACKUP_POSTURE_ID: run.id,
    BACKUP_POSTURE_RUN: run.run,
  };
  const completed = await start(name, [file, ...commandArguments], {
    environment,
    timeoutMilliseconds: toMilliseconds(hook.timeout ?? defaultCommandTimeout),
    signal,
  });
  if (completed.exitCode !== 0)
    throw new PostureError("permanent", `hook ${name} ended with exit code ${completed.exitCode}`);
}

async function start(
  name: string,
  command: readonly [string, ...string[]],
  options: Parameters<typeof runCommand>[1],
): ReturnType<typeof runCommand> {
  try {
    return await runCommand(command, options);
  } catch (error) {
    options.signal.throwIfAborted();
    const kind = error instanceof PostureError ? error.kind : "permanent";
    throw new PostureError(
      kind,
      `hook ${name}: ${error instanceof PostureError ? messageOf(error) : "could not be started"}`,
      { cause: error },
    );
  }
}

async function resolveEnvironment(name: string, hook: Hook): Promise<Record<string, string>> {
  const resolved: Record<string, string> = {};
  for (const [variable, reference] of Object.entries(hook.environment ?? {})) {
    resolved[variable] = await resolveSecret(reference, `hook ${name}, variable ${variable}`);
  }
  return resolved;
}
