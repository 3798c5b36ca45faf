import { instant } from "../declaration/primitives";
import { PostureError } from "../platform/errors";
import { runProbeCommand } from "../sources/change-probe";
import { lookAtCronLine } from "./cron-line";
import { lookAtRepository } from "./restic-repository";
import type { Watch } from "./schema";
import { nothingSeen, type Seen } from "./seen";
import { lookAtTimer } from "./systemd-timer";

/**
 * Looks at what somebody else runs, and changes nothing.
 *
 * @throws PostureError where it cannot be looked at.
 */
export async function lookAtWatched(watch: Watch, signal: AbortSignal): Promise<Seen> {
  switch (watch.kind) {
    case "command":
      return { ...nothingSeen, ...(await askLastSuccess(watch, signal)) };
    case "cron":
      return { ...(await lookAtCronLine(watch, signal)), ...(await askLastSuccess(watch.lastSuccess, signal)) };
    case "systemd": {
      const seen = await lookAtTimer(watch, signal);
      return watch.lastSuccess === undefined ? seen : { ...seen, ...(await askLastSuccess(watch.lastSuccess, signal)) };
    }
    case "restic":
      return lookAtRepository(watch, signal);
  }
}

/** What a command prints of the last success; one that tells nothing leaves it unknown. */
async function askLastSuccess(
  probe: { readonly command: readonly string[]; readonly timeout?: string | undefined },
  signal: AbortSignal,
): Promise<Pick<Seen, "lastSuccess" | "unknown">> {
  let told: string;
  try {
    told = await runProbeCommand("the command that tells", probe, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof PostureError)) throw error;
    return { lastSuccess: null, unknown: error.message };
  }
  const lastSuccess = readTime(told);
  return {
    lastSuccess,
    unknown:
      lastSuccess === null ? "the command that tells printed neither an ISO 8601 instant nor seconds since 1970" : null,
  };
}

/** An ISO 8601 instant with a zone, or whole seconds since 1970. */
export function readTime(text: string): Date | null {
  if (instant.safeParse(text).success) return new Date(text);
  const seconds = /^\d{9,11}$/.test(text) ? Number(text) : null;
  return seconds === null ? null : new Date(seconds * 1_000);
}
