import { access, constants } from "node:fs/promises";
import { createInterface } from "node:readline";
import { toMilliseconds } from "../platform/durations";
import { PostureError, systemCodeOf } from "../platform/errors";
import { runCommand, streamCommand } from "../platform/processes";

/** How to reach a folder of a share. */
export interface SmbConnection {
  /** `//server/share`. */
  readonly share: string;
  /** Within the share, with slashes; empty for all of it. */
  readonly path: string;
  readonly port: number | undefined;
  /** A file in the form of smbclient: lines `username = …`, `password = …`, `domain = …`. */
  readonly credentials: string;
  readonly timeout: string;
}

/** One thing in a share. */
export interface ShareEntry {
  /** Below the folder, with slashes; empty for the folder itself. */
  readonly path: string;
  readonly isFolder: boolean;
  readonly size: number;
  /** Seconds since 1970. */
  readonly modifiedAt: number;
}

/** A file to fetch. */
export interface Wanted {
  /** Below the folder, with slashes. */
  readonly path: string;
  /** The name of the file that it becomes, in the folder to fetch into. */
  readonly as: string;
}

/** What came of fetching. */
export interface Fetched {
  /** The names, as wanted, of the files that came whole, with their sizes. */
  readonly whole: ReadonlyMap<string, number>;
  /** The server's first reason why one did not come. */
  readonly why: string | null;
}

const lookWithinMilliseconds = 60_000;
/** smbclient cuts longer lines of commands. */
const longestCommand = 2_000;

/** Looks whether the folder is there and can be listed. @throws PostureError `unreachable`. */
export async function probeShare(connection: SmbConnection, signal: AbortSignal): Promise<void> {
  await requireCredentials(connection);
  const { exitCode, stdout, stderr } = await explained(connection, signal, () =>
    runCommand(toCommand(connection), {
      input: "ls\n",
      environment: environment(),
      timeoutMilliseconds: lookWithinMilliseconds,
      signal,
    }),
  );
  const text = `${stdout}\n${stderr}`;
  if (exitCode !== 0 || !endOfList.test(text)) throw explainStatus(connection, text);
}

/** Everything below the folder, itself first, folders before what is in them. @throws PostureError `unreachable`. */
export async function listShare(connection: SmbConnection, signal: AbortSignal): Promise<readonly ShareEntry[]> {
  await requireCredentials(connection);
  const list = new ListReader(connection.path);
  const exitCode = await explained(connection, signal, () =>
    streamCommand(
      toCommand(connection),
      {
        input: "recurse ON\nls\n",
        environment: environment(),
        timeoutMilliseconds: toMilliseconds(connection.timeout),
        signal,
      },
      {
        stdout: async (output) => {
          for await (const line of createInterface({ input: output })) list.read(line);
        },
        stderr: async (output) => {
          for await (const line of createInterface({ input: output })) list.remark(line);
        },
      },
    ),
  );
  if (exitCode !== 0 || !list.isWhole) throw explainStatus(connection, list.remarks.join("\n"));
  return list.entries;
}

/** Fetches files into a folder. A file that does not come, or a server that goes away, is a result. */
export async function fetchFiles(
  connection: SmbConnection,
  wanted: readonly Wanted[],
  into: string,
  signal: AbortSignal,
): Promise<Fetched> {
  const whole = new Map<string, number>();
  let why: string | null = null;
  const read = (line: string): void => {
    const got = /^getting file .* of size (\d+) as (\d+) \(/.exec(line);
    if (got !== null) whole.set(got[2] ?? "", Number(got[1]));
    else why ??= findStatus(line);
  };
  await explained(connection, signal, () =>
    streamCommand(
      toCommand(connection),
      {
        input: wanted.map((each) => toGet(connection, each)).join(""),
        environment: environment(),
        workingDirectory: into,
        timeoutMilliseconds: toMilliseconds(connection.timeout),
        signal,
      },
      {
        stdout: async (output) => {
          for await (const line of createInterface({ input: output })) read(line);
        },
        stderr: async (output) => {
          for await (const line of createInterface({ input: output })) read(line);
        },
      },
    ),
  );
  return { whole, why };
}

function toCommand({ share, path, port, credentials }: SmbConnection): readonly [string, ...string[]] {
  return [
    "smbclient",
    share,
    "--authentication-file",
    credentials,
    "--client-protection=encrypt",
    ...(port === undefined ? [] : ["--port", String(port)]),
    ...(path === "" ? [] : ["--directory", path.replaceAll("/", "\\")]),
  ];
}

function toGet({ share }: SmbConnection, { path, as }: Wanted): string {
  const line = `get "${path.replaceAll("/", "\\")}" "${as}"\n`;
  if (Buffer.byteLength(line) > longestCommand || /["\n\r]/.test(path))
    throw new PostureError(
      "permanent",
      `share ${share}: holds a file whose name smbclient cannot take; shorten it, or leave it out with exclude`,
    );
  return line;
}

/** Times are listed in this zone, names in this encoding. */
function environment(): Record<string, string> {
  const inherited: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) if (value !== undefined) inherited[name] = value;
  return { ...inherited, TZ: "UTC", LC_ALL: "C.UTF-8" };
}

const entryLine =
  /^ {2}(.*\S) +([A-Z]{1,7}) +(\d+) {2}[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([ \d]\d) (\d\d:\d\d:\d\d) (\d{4})$/;
const endOfList = /blocks of size \d+\. \d+ blocks available|Error in dskattr/;

/** Reads what `recurse ON` and `ls` print: a line an entry, before those of each folder a line with its path. */
class ListReader {
  readonly entries: ShareEntry[] = [];
  readonly remarks: string[] = [];
  isWhole = false;
  #folder = "";

  constructor(readonly base: string) {}

  read(line: string): void {
    const entry = entryLine.exec(line);
    if (entry !== null) this.#add(entry);
    else if (line.startsWith("\\")) this.#folder = this.#below(line);
    else if (endOfList.test(line)) this.isWhole = true;
    else this.remark(line);
  }

  /** A folder that cannot be listed is told in a line of its own, and the command ends well all the same. */
  remark(line: string): void {
    if (findStatus(line) === null) return;
    this.remarks.push(line);
  }

  #add([, name = "", attributes = "", size = "", month = "", day = "", time = "", year = ""]: RegExpExecArray): void {
    if (name === ".." || (name === "." && this.#folder !== "")) return;
    if (/[/\\\0]/.test(name))
      throw new PostureError("permanent", "the share's server names a file in a way that leads out of its folder");
    const path = name === "." ? "" : this.#folder === "" ? name : `${this.#folder}/${name}`;
    const modifiedAt = Date.parse(`${month} ${day.trim()} ${year} ${time} UTC`) / 1_000;
    this.entries.push({ path, isFolder: attributes.includes("D"), size: Number(size), modifiedAt });
  }

  #below(line: string): string {
    const path = line.replaceAll("\\", "/").replace(/^\/+|\/+$/g, "");
    const within = this.base === "" ? path : path.slice(this.base.length).replace(/^\//, "");
    if (within.split("/").includes(".."))
      throw new PostureError("permanent", "the share's server names a folder in a way that leads out of the share");
    return within;
  }
}

/** The server's reason; null in a line without one. */
function findStatus(line: string): string | null {
  return /\bNT_STATUS_[A-Z_]+\b/.exec(line)?.[0] ?? null;
}

async function requireCredentials({ share, credentials }: SmbConnection): Promise<void> {
  try {
    await access(credentials, constants.R_OK);
  } catch (error) {
    throw new PostureError(
      "unreachable",
      `share ${share}: the credentials file ${credentials} cannot be read (${systemCodeOf(error) ?? "unknown error"})`,
      { cause: error },
    );
  }
}

async function explained<Result>(
  { share }: SmbConnection,
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof PostureError)) throw error;
    const missing = error.message.includes("not found on this host");
    const what = missing ? "smbclient is not installed on this host: apt-get install smbclient" : error.message;
    throw new PostureError(missing ? "unreachable" : error.kind, `share ${share}: ${what}`, { cause: error });
  }
}

const reasons: readonly (readonly [RegExp, string])[] = [
  [/LOGON_FAILURE|ACCOUNT_|PASSWORD_/, "the server refuses the credentials; correct the credentials file"],
  [/BAD_NETWORK_NAME/, "the server has no share of this name; correct it"],
  [/OBJECT_(?:NAME|PATH)_NOT_FOUND|NOT_A_DIRECTORY/, "the declared path is not there; correct it"],
  [/ACCESS_DENIED/, "these credentials may not read all of it; grant them read access"],
  [/NOT_SUPPORTED|INVALID_NETWORK_RESPONSE/, "the server does not encrypt; let it speak SMB 3"],
];

function explainStatus({ share }: SmbConnection, text: string): PostureError {
  const status = findStatus(text);
  const why = reasons.find(([pattern]) => status !== null && pattern.test(status))?.[1];
  return new PostureError(
    "unreachable",
    `share ${share}: ${why ?? "its server cannot be reached, or went away; see whether it is up"}${status === null ? "" : ` (${status})`}`,
    { cause: new Error(text.slice(0, 10_000)) },
  );
}
