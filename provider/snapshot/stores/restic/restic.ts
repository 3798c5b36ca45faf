import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { text as collect } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { PostureError } from "../../../platform/errors";
import { type Completed, runCommand, streamCommand } from "../../../platform/processes";
import { resolveSecret } from "../../../platform/secrets";
import { folderOfStore, type StoreDeclaration } from "../schema";
import { findReason, toFailure } from "./failure";

export type ResticDeclaration = Extract<StoreDeclaration, { kind: "restic" }>;

/** How long to wait for other processes' locks, in milliseconds. */
export interface Patience {
  /** What a capture, a verification or a restore waits for a prune. */
  readonly shared: number;
  /** What a prune waits for all of those. */
  readonly exclusive: number;
}

/** One command of restic. */
export interface Invocation {
  /** What is being done, in a few words, for messages. */
  readonly what: string;
  readonly arguments: readonly string[];
  /** `none`: it looks only. `reading`: in a repository that cannot be written to, it goes without. */
  readonly lock: "none" | "reading" | "shared" | "exclusive";
  /** Exit codes that are results rather than failures, beside 0. */
  readonly results?: readonly number[];
  readonly input?: string;
  readonly workingDirectory?: string;
  /** Reads the output while it comes; each attempt begins anew. Default: it is collected. */
  readonly onOutput?: (output: Readable) => Promise<void>;
  /** Gets each line of the error output. */
  readonly onErrorLine?: (line: string) => void;
  /** Whether the repository's metadata may be read from this host's cache. Default: false. */
  readonly cache?: boolean;
}

const leastMinor = 14;
/** A look reads little; what is not answered by then is not to be reached. */
const lookWithinMilliseconds = 120_000;
/** Bounds what moves data; the schedule's own limit ends it earlier. */
const workWithinMilliseconds = 7 * 24 * 3_600_000;
const longestPause = 2_000;
/** What is kept of error output, in characters: enough to tell why, whatever the number of files it names. */
const mostErrorText = 1_000_000;

/** restic on one repository: with its password and environment, waiting for locks, its failures as errors of ours. */
export class Restic {
  /** The repository as people name it. */
  readonly subject: string;
  /** The folder that holds the repository; null on another host. */
  readonly folder: string | null;

  constructor(
    readonly declaration: ResticDeclaration,
    readonly patience: Patience,
  ) {
    this.subject = declaration.repository;
    this.folder = folderOfStore(declaration);
  }

  /**
   * Runs one command to its end. A lock whose process is dead is removed; a live one is waited for.
   *
   * @throws PostureError for everything but the expected exit codes.
   */
  async run(invocation: Invocation, signal: AbortSignal): Promise<Completed> {
    const completed = await this.tryToRun(invocation, signal);
    if (completed.exitCode === 0 || (invocation.results ?? []).includes(completed.exitCode)) return completed;
    throw this.explain(invocation, completed);
  }

  /** As `run`, and every exit code is a result, but for a repository that stays locked. */
  async tryToRun(invocation: Invocation, signal: AbortSignal): Promise<Completed> {
    const environment = await this.#resolveEnvironment();
    const deadline =
      performance.now() + (invocation.lock === "exclusive" ? this.patience.exclusive : this.patience.shared);
    for (let pause = 100; ; pause = Math.min(pause * 2, longestPause)) {
      const completed = await this.#attempt(invocation, environment, signal);
      if (completed.exitCode === 0 || findReason(completed.exitCode, completed.stderr) !== "locked") return completed;
      await this.#attempt({ what: "removing dead locks", arguments: ["unlock"], lock: "none" }, environment, signal);
      if (performance.now() >= deadline) throw this.explain(invocation, completed);
      await delay(pause, undefined, { signal });
    }
  }

  explain({ what }: Pick<Invocation, "what">, { exitCode, stdout, stderr }: Completed): PostureError {
    return toFailure(this.subject, what, exitCode, `${stderr}\n${stdout.slice(0, 5_000)}`);
  }

  async #attempt(
    invocation: Invocation,
    environment: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Completed> {
    signal.throwIfAborted();
    const completed = await this.#execute(invocation, environment, signal, invocation.lock === "none");
    const cannotLock = /unable to create lock/.test(completed.stderr);
    if (invocation.lock !== "reading" || !cannotLock) return completed;
    if (findReason(completed.exitCode, completed.stderr) !== "forbidden") return completed;
    return this.#execute(invocation, environment, signal, true);
  }

  async #execute(
    { arguments: own, lock, cache, input, workingDirectory, onOutput, onErrorLine }: Invocation,
    environment: Readonly<Record<string, string>>,
    signal: AbortSignal,
    unlocked: boolean,
  ): Promise<Completed> {
    await requireRestic(signal);
    const command = [
      "restic",
      ...own.slice(0, 1),
      ...(this.folder === null && cache === true ? [] : ["--no-cache"]),
      ...(unlocked && own[0] !== "unlock" && own[0] !== "init" ? ["--no-lock"] : []),
      ...Object.entries(this.declaration.options ?? {}).flatMap(([name, value]) => ["-o", `${name}=${value}`]),
      ...own.slice(1),
    ] as const;
    const isLook = lock === "none" && onOutput === undefined;
    let stdout = "";
    let stderr = "";
    try {
      const exitCode = await streamCommand(
        command,
        {
          environment,
          signal,
          stopSignal: "SIGINT",
          timeoutMilliseconds: isLook ? lookWithinMilliseconds : workWithinMilliseconds,
          ...(input === undefined ? {} : { input }),
          ...(workingDirectory === undefined ? {} : { workingDirectory }),
        },
        {
          stdout:
            onOutput ??
            (async (output) => {
              stdout = await collect(output);
            }),
          stderr: async (output) => {
            for await (const line of createInterface({ input: output, crlfDelay: Number.POSITIVE_INFINITY })) {
              onErrorLine?.(line);
              if (stderr.length < mostErrorText) stderr += `${line}\n`;
            }
          },
        },
      );
      return { exitCode, stdout, stderr };
    } catch (error) {
      if (error instanceof PostureError && error.kind === "transient" && isLook)
        throw new PostureError(
          "unreachable",
          `${this.subject}: gave no answer within ${lookWithinMilliseconds / 1_000} s; see whether its server or mount is up`,
          { cause: error },
        );
      throw error;
    }
  }

  /** Variables of restic that happen to be set where the runner runs never choose another repository or password. */
  async #resolveEnvironment(): Promise<Readonly<Record<string, string>>> {
    const { password, environment = {} } = this.declaration;
    const declared: Record<string, string> = {};
    for (const [name, reference] of Object.entries(environment))
      declared[name] = await this.#resolve(reference, `variable ${name}`);
    const resolved = await this.#resolve(password, "password");
    return {
      ...inherited(),
      ...declared,
      ...("file" in password ? { RESTIC_PASSWORD_FILE: password.file } : { RESTIC_PASSWORD: resolved }),
      RESTIC_REPOSITORY: withRestCredentials(this.declaration.repository, declared),
      RESTIC_PROGRESS_FPS: "1",
      TZ: "UTC",
    };
  }

  /** A secret that is not there leaves the store unread, not refuted. */
  async #resolve(reference: ResticDeclaration["password"], what: string): Promise<string> {
    try {
      return await resolveSecret(reference, `${this.subject}: ${what}`);
    } catch (error) {
      if (!(error instanceof PostureError)) throw error;
      throw new PostureError("unreachable", error.message, { cause: error });
    }
  }
}

/** Whether the restic of this host can do what some of its releases cannot. */
export async function canRepairPacks(signal: AbortSignal): Promise<boolean> {
  return (await requireRestic(signal)) >= 17;
}

let knownMinor: number | null = null;

/** The minor number of restic's version: there has been no major one but 0 for long; a later one counts as the newest. */
async function requireRestic(signal: AbortSignal): Promise<number> {
  if (knownMinor !== null) return knownMinor;
  const stdout = await askVersion(signal);
  const [, major = "0", minor = "0"] = /^restic (\d+)\.(\d+)/.exec(stdout) ?? [];
  const found = Number(major) > 0 ? Number.MAX_SAFE_INTEGER : Number(minor);
  if (found < leastMinor)
    throw new PostureError(
      "unreachable",
      `restic: version ${major}.${minor} is too old; install 0.${leastMinor} or later`,
    );
  knownMinor = found;
  return found;
}

async function askVersion(signal: AbortSignal): Promise<string> {
  try {
    return (await runCommand(["restic", "version"], { signal, timeoutMilliseconds: 30_000 })).stdout;
  } catch (error) {
    signal.throwIfAborted();
    throw new PostureError(
      "unreachable",
      "restic: cannot be started on this host; install it, for instance: apt-get install restic",
      { cause: error },
    );
  }
}

function inherited(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value === undefined || name.startsWith("RESTIC_") ? [] : [[name, value]],
    ),
  );
}

/** Releases before 0.16 know a REST server's credentials from the URL only; an environment is not seen by other accounts. */
function withRestCredentials(repository: string, declared: Readonly<Record<string, string>>): string {
  const { RESTIC_REST_USERNAME: user, RESTIC_REST_PASSWORD: password } = declared;
  if (user === undefined || password === undefined) return repository;
  return repository.replace(
    /^(rest:https?:\/\/)(?:[^/@]*@)?/,
    (_, scheme: string) => `${scheme}${encodeURIComponent(user)}:${encodeURIComponent(password)}@`,
  );
}
