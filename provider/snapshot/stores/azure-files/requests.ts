import { setTimeout as delay } from "node:timers/promises";
import { PostureError } from "../../../platform/errors";
import { type Refusal, readRefusal } from "./answers";

/** How long a store waits for a service that asks it to. */
export interface Patience {
  /** How often a request is sent at most. */
  readonly attempts: number;
  /** The longest pause between two of them: a service that asks for more is told to be busy. */
  readonly longestPauseMilliseconds: number;
  readonly pause: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

export const defaultPatience: Patience = {
  attempts: 6,
  longestPauseMilliseconds: 60_000,
  pause: async (milliseconds, signal) => {
    await delay(milliseconds, undefined, { signal });
  },
};

const answerWithinMilliseconds = 120_000;
const firstPauseMilliseconds = 500;

/** Nothing was done: it is safe to ask again, whatever was asked for. */
const notNow: ReadonlySet<string> = new Set(["ServerBusy", "ShareSnapshotInProgress", "ShareBeingDeleted"]);

/**
 * Sends requests to one account: again where that can help, after the pause that the service asks for or a growing one, a bounded number of
 * times. What fails in the end is a PostureError that says what was being done, and neither address nor signature.
 */
export class Requests {
  constructor(
    readonly subject: string,
    readonly patience: Patience,
  ) {}

  /**
   * Sends a request that may be repeated: its repetition changes nothing.
   *
   * @param what as in the sentence "could not …: the service is busy".
   * @throws PostureError; or the SDK's own error where `pass` says that the caller knows what to do with it.
   */
  async send<Result>(
    what: string,
    signal: AbortSignal,
    action: (signal: AbortSignal) => Promise<Result>,
    pass: (error: unknown) => boolean = () => false,
  ): Promise<Result> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#once(signal, action);
      } catch (error) {
        signal.throwIfAborted();
        if (pass(error)) throw error;
        await this.pauseOrThrow(what, error, attempt, signal, isWorthRepeating);
      }
    }
  }

  /**
   * Sends a request whose repetition would do something twice. Only where it is certain that nothing was done is it sent again.
   *
   * @returns `unknown` where nobody knows whether it was done.
   */
  async sendOnce<Result>(
    what: string,
    signal: AbortSignal,
    action: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result | "unknown"> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#once(signal, action);
      } catch (error) {
        signal.throwIfAborted();
        if (isUncertain(error)) return "unknown";
        await this.pauseOrThrow(what, error, attempt, signal, isNotDone);
      }
    }
  }

  /** Waits before the next attempt. @throws PostureError where there is to be none. */
  async pauseOrThrow(
    what: string,
    error: unknown,
    attempt: number,
    signal: AbortSignal,
    helps: (refusal: Refusal) => boolean,
  ): Promise<void> {
    const refusal = readFailure(error);
    const { attempts, longestPauseMilliseconds, pause } = this.patience;
    if (refusal === null) throw error;
    const asked = refusal.retryAfterMilliseconds ?? 0;
    if (!helps(refusal) || attempt >= attempts || asked > longestPauseMilliseconds)
      throw explain(this.subject, what, refusal, error);
    await pause(
      Math.min(longestPauseMilliseconds, Math.max(asked, firstPauseMilliseconds * 2 ** (attempt - 1))),
      signal,
    );
  }

  /** One attempt, which ends with the signal or after its time limit. */
  #once<Result>(signal: AbortSignal, action: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    signal.throwIfAborted();
    return action(AbortSignal.any([signal, AbortSignal.timeout(answerWithinMilliseconds)]));
  }
}

/** What DefaultAzureCredential throws, before any request is sent. */
const credentialFailures: ReadonlySet<string> = new Set([
  "AggregateAuthenticationError",
  "AuthenticationError",
  "AuthenticationRequiredError",
  "CredentialUnavailableError",
]);

/** A time limit of ours is a request without an answer. */
function readFailure(error: unknown): Refusal | null {
  const refusal = readRefusal(error);
  if (refusal !== null) return refusal;
  const name = error instanceof Error ? error.name : "";
  if (name === "AbortError" || name === "TimeoutError")
    return { status: null, code: "ETIMEDOUT", retryAfterMilliseconds: null };
  return credentialFailures.has(name) ? { status: 401, code: name, retryAfterMilliseconds: null } : null;
}

function isNotDone({ status, code }: Refusal): boolean {
  return status === 429 || notNow.has(code);
}

function isWorthRepeating(refusal: Refusal): boolean {
  const { status } = refusal;
  return isNotDone(refusal) || status === null || status === 408 || status >= 500;
}

function isUncertain(error: unknown): boolean {
  const refusal = readFailure(error);
  return refusal !== null && !isNotDone(refusal) && isWorthRepeating(refusal);
}

function explain(subject: string, what: string, refusal: Refusal, cause: unknown): PostureError {
  const { status, code } = refusal;
  const tell = (kind: PostureError["kind"], happened: string) =>
    new PostureError(kind, `${subject}: could not ${what}: ${happened}`, { cause });
  const answer = `${status ?? "no answer"}${code === "" ? "" : ` ${code}`}`;
  if (status === null)
    return tell("unreachable", `the service gave no answer (${code}); see whether this machine reaches its endpoint`);
  if (code === "ShareNotFound" || code === "ShareBeingDeleted")
    return tell(
      "unreachable",
      `the share is not there (${code}); restore it if it was deleted, or correct the declaration`,
    );
  if (code === "ShareSnapshotInProgress")
    return tell("transient", "another snapshot of the share is being taken; try again in a few minutes");
  if (status === 401 || status === 403)
    return tell("unreachable", `this credential may not do it (${answer}); see docs/azure.md for the roles it needs`);
  if (isWorthRepeating(refusal)) return tell("unreachable", `the service is busy (${answer}); try again later`);
  return tell("permanent", `the service refused it (${answer})`);
}

/** The first page of a list, which is all that one request brings. */
export async function firstOf<Page>(pages: AsyncIterable<Page>): Promise<Page | undefined> {
  for await (const page of pages) return page;
  return undefined;
}
