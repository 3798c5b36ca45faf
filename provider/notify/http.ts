import { PostureError, systemCodeOf } from "../platform/errors";

/** A request as senders make it. */
export interface Request {
  readonly url: string;
  readonly method: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/**
 * Asks a receiver, and takes any answer of success for one. What it answers is not read.
 *
 * @param what names the receiver in errors, which never hold its URL.
 * @throws PostureError `permanent` for a URL that is none, `transient` otherwise.
 */
export async function request(what: string, { url, ...options }: Request, signal: AbortSignal): Promise<void> {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new PostureError("permanent", `${what}: its URL is none that begins with https:// or http://`);
  const { status } = await ask(what, url, { ...options, redirect: "error", signal });
  if (status < 200 || status > 299) throw new PostureError("transient", `${what}: it answered with status ${status}`);
}

async function ask(what: string, url: string, options: RequestInit): Promise<{ readonly status: number }> {
  try {
    const response = await fetch(url, options);
    await response.body?.cancel();
    return { status: response.status };
  } catch (error) {
    if (options.signal?.aborted === true) throw new PostureError("transient", `${what}: it did not answer in time`);
    const code = systemCodeOf(error instanceof Error ? error.cause : undefined);
    // The cause may hold the URL.
    throw new PostureError("transient", `${what}: it could not be reached${code === undefined ? "" : ` (${code})`}`);
  }
}
