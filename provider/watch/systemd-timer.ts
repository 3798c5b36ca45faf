import { messageOf, PostureError } from "../platform/errors";
import { runCommand } from "../platform/processes";
import type { Watch } from "./schema";
import { nothingSeen, type Seen } from "./seen";

type WatchedTimer = Extract<Watch, { kind: "systemd" }>;
type Properties = ReadonlyMap<string, string>;

const timeLimitMilliseconds = 30_000;
const timerProperties = ["LoadState", "ActiveState", "UnitFileState", "Unit"];
const serviceProperties = ["LoadState", "ActiveState", "Result", "ExecMainStatus", "ExecMainStartTimestamp"];

/**
 * Asks systemd for a timer and the service that it starts.
 *
 * @throws PostureError `unreachable` where the manager does not answer.
 */
export async function lookAtTimer(watch: WatchedTimer, signal: AbortSignal): Promise<Seen> {
  const timer = await show(watch, watch.timer, timerProperties, signal);
  if (timer.get("LoadState") === "not-found")
    return { ...nothingSeen, installation: [`systemd has no ${watch.timer}`] };
  const service = await show(watch, timer.get("Unit") ?? "", serviceProperties, signal);
  return readUnits(watch.timer, timer, service);
}

/** What the properties of a timer and its service tell. Pure. */
export function readUnits(name: string, timer: Properties, service: Properties): Seen {
  const began = readInstant(service.get("ExecMainStartTimestamp"));
  const isRunning = ["active", "activating", "reloading"].includes(service.get("ActiveState") ?? "");
  const isGood = service.get("Result") === "success";
  return {
    installation: findInstallationFaults(name, timer, service),
    lastSuccess: isGood && !isRunning ? began : null,
    unknown:
      began === null ? "it has not run since the machine started; lastSuccess can name a command that knows" : null,
    failed: isGood || isRunning ? null : { since: began, message: describeFailure(service) },
    running: isRunning ? began : null,
    settings: {},
  };
}

function findInstallationFaults(name: string, timer: Properties, service: Properties): readonly string[] {
  const state = timer.get("UnitFileState") ?? "";
  return [
    ...(timer.get("LoadState") === "masked" ? [`${name} is masked`] : []),
    ...(timer.get("ActiveState") === "active" ? [] : [`${name} is ${timer.get("ActiveState") ?? "in no state"}`]),
    ...(state === "disabled" ? [`${name} is disabled: it does not start with the machine`] : []),
    ...(service.get("LoadState") === "loaded" ? [] : [`the service that ${name} starts is not there`]),
  ];
}

function describeFailure(service: Properties): string {
  const status = service.get("ExecMainStatus") ?? "";
  return service.get("Result") === "exit-code"
    ? `its service ended with exit code ${status}`
    : `its service ended with ${service.get("Result") ?? "no result"}`;
}

/** `@1764115200`, or nothing where it never was. */
function readInstant(text: string | undefined): Date | null {
  const [, seconds] = /^@(\d+)$/.exec(text ?? "") ?? [];
  return seconds === undefined || seconds === "0" ? null : new Date(Number(seconds) * 1_000);
}

async function show(
  { scope }: WatchedTimer,
  unit: string,
  properties: readonly string[],
  signal: AbortSignal,
): Promise<Properties> {
  const command = [
    "systemctl",
    ...(scope === "user" ? ["--user"] : []),
    "show",
    "--timestamp=unix",
    `--property=${properties.join(",")}`,
    "--",
    unit,
  ] as const;
  let completed: Awaited<ReturnType<typeof runCommand>>;
  try {
    completed = await runCommand(command, { timeoutMilliseconds: timeLimitMilliseconds, signal });
  } catch (error) {
    signal.throwIfAborted();
    throw new PostureError("unreachable", `systemd: ${messageOf(error)}`, { cause: error });
  }
  if (completed.exitCode !== 0)
    throw new PostureError(
      "unreachable",
      `systemd: does not answer here (systemctl ended with exit code ${completed.exitCode})`,
    );
  const pairs = completed.stdout.split("\n").map((line) => line.split(/=(.*)/s));
  return new Map(pairs.map(([key = "", value = ""]) => [key, value]));
}
