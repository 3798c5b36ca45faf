/** What the service, or the way to it, answered to a request that failed. */
export interface Refusal {
  /** The HTTP status; null where no answer came. */
  readonly status: number | null;
  /** The service's own word for it, `ShareNotFound`, or the operating system's, `ECONNRESET`; empty where there is none. */
  readonly code: string;
  /** How long the service asks us to wait; null where it does not say. */
  readonly retryAfterMilliseconds: number | null;
}

/** An answer that began and did not come to its end. */
export class BrokenAnswer extends Error {
  constructor(cause: unknown) {
    super("the answer broke off", { cause });
  }
}

/** Reads what the Azure SDK throws; null for anything that is no failed request. */
export function readRefusal(error: unknown): Refusal | null {
  if (error instanceof BrokenAnswer) return { status: null, code: "broke off", retryAfterMilliseconds: null };
  const name = textOf(error, "name");
  if (name !== "RestError") return null;
  const response = valueOf(error, "response");
  const headers = valueOf(response, "headers");
  const status = valueOf(error, "statusCode") ?? valueOf(response, "status");
  return {
    status: typeof status === "number" ? status : null,
    code: readHeader(headers, "x-ms-error-code") ?? textOf(error, "code") ?? "",
    retryAfterMilliseconds: readRetryAfter(headers),
  };
}

/** Whether what was asked for is not there, while the share is. */
export function isNotThere(error: unknown): boolean {
  const code = readRefusal(error)?.code;
  return code === "ResourceNotFound" || code === "ParentNotFound" || code === "ShareSnapshotNotFound";
}

function readRetryAfter(headers: unknown): number | null {
  const milliseconds = readHeader(headers, "retry-after-ms") ?? readHeader(headers, "x-ms-retry-after-ms");
  if (milliseconds !== undefined && /^\d+$/.test(milliseconds)) return Number(milliseconds);
  const value = readHeader(headers, "retry-after");
  if (value === undefined) return null;
  if (/^\d+$/.test(value)) return Number(value) * 1_000;
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : Math.max(0, at - Date.now());
}

function readHeader(headers: unknown, name: string): string | undefined {
  const get = valueOf(headers, "get");
  if (typeof get !== "function") return undefined;
  const value: unknown = Reflect.apply(get, headers, [name]);
  return typeof value === "string" && value !== "" ? value : undefined;
}

function valueOf(holder: unknown, key: string): unknown {
  return typeof holder === "object" && holder !== null ? Reflect.get(holder, key) : undefined;
}

function textOf(holder: unknown, key: string): string | undefined {
  const value = valueOf(holder, key);
  return typeof value === "string" ? value : undefined;
}
