import { PostureError } from "./errors";
import { runCommand } from "./processes";

/** An account of this host, by its numbers. */
export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/**
 * Looks an account up where the host does, in directories as well as in files.
 *
 * @returns null where there is none of this name.
 */
export async function findAccount(name: string, signal: AbortSignal): Promise<Account | null> {
  const ask = async (option: string): Promise<number | null> => {
    const { exitCode, stdout } = await runCommand(["id", option, "--", name], { timeoutMilliseconds: 30_000, signal });
    return exitCode === 0 && /^\d+$/.test(stdout) ? Number(stdout) : null;
  };
  const [uid, gid] = [await ask("-u"), await ask("-g")];
  return uid === null || gid === null ? null : { name, uid, gid };
}

/** @throws PostureError `usage` where there is none of this name. */
export async function requireAccount(name: string, signal: AbortSignal): Promise<Account> {
  const account = await findAccount(name, signal);
  if (account === null)
    throw new PostureError("usage", `runAs: there is no account ${name} on this host; make it, or name another`);
  return account;
}
