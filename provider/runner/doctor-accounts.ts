import { userInfo } from "node:os";
import { z } from "zod";
import { findAccount } from "../platform/accounts";
import { messageOf } from "../platform/errors";
import { runCommand } from "../platform/processes";
import { accountOf } from "../schedule/entry";
import { commandLineModule } from "../schedule/schedulers/embedded";
import { bad, type Finding, warning } from "./finding";
import type { Home } from "./home";
import type { Job } from "./job";
import { actAs } from "./ownership";

const timeLimitMilliseconds = 600_000;

const reportSchema = z.object({
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

/** The account that a job runs as, where that is not this process's; null where it is. */
export function otherAccountOf(job: Job): string | null {
  const account = accountOf(job.declaration);
  return account === userInfo().username ? null : account;
}

/**
 * Examines what jobs need that run as other accounts, as these accounts: root may read everything, and would find all well. Only root can;
 * for anybody else that is a warning.
 */
export async function examineAsAccounts(
  home: Home,
  jobs: readonly Job[],
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const names = new Set(jobs.map(otherAccountOf).filter((name) => name !== null));
  const findings: Finding[] = [];
  for (const name of [...names].sort()) findings.push(...(await examineAs(name, home, signal)));
  return findings;
}

async function examineAs(name: string, home: Home, signal: AbortSignal): Promise<readonly Finding[]> {
  if (process.getuid?.() !== 0)
    return [warning("account", name, "was not examined: only root can act as it", "run doctor as root, or as it")];
  const account = await findAccount(name, signal);
  if (account === null)
    return [bad("account", name, "there is none of this name", `make it, on Debian: adduser --system ${name}`)];
  const command = [process.execPath, commandLineModule, "doctor", "--own-needs", "--json", "--home", home.root];
  const [file = "", ...rest] = [...actAs(account), ...command];
  try {
    const { stdout } = await runCommand([file, ...rest], { timeoutMilliseconds: timeLimitMilliseconds, signal });
    const { findings } = reportSchema.parse(JSON.parse(stdout));
    return findings.map((finding) => ({ ...finding, of: `${finding.of} as ${name}`.trim() }));
  } catch (error) {
    signal.throwIfAborted();
    const why = error instanceof z.ZodError || error instanceof SyntaxError ? "it does not start" : messageOf(error);
    const where = `${process.execPath} and ${commandLineModule}`;
    return [
      bad(
        "account",
        name,
        `cannot run the runner: ${why}`,
        `let it read ${where}, or install Node and this package where every account may: npm install --global pulumi-backup-posture`,
      ),
    ];
  }
}
