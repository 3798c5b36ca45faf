import { randomBytes } from "node:crypto";
import { lstatSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { Readable } from "node:stream";
import { PostureError, systemCodeOf } from "../platform/errors";
import { type CommandOptions, type Completed, type Conversation, converse, runCommand } from "../platform/processes";
import { quotePosix } from "../platform/quoting/posix";
import { withinTime } from "../platform/time-limit";
import { openChannelOver } from "./channel";
import type { Channel, Host, HostCommandOptions, Unreachable } from "./host";
import type { SshCredential, SshHostDeclaration } from "./schema";
import { describeSshFailure } from "./ssh-failure";

const connectSeconds = 15;
const writingTakesAtMost = 300_000;

/** What the client itself ends with where it could not connect, or no longer is. */
const clientFailed = 255;
const notFound = 127;

/** Says that it is connected, then holds the connection until its standard input ends. */
const keeper = "echo connected; exec cat >/dev/null";

/** Never asks, never takes an unknown host, forwards nothing, and gives up on a host that is silent. */
const fixedOptions = [
  ["BatchMode", "yes"],
  ["StrictHostKeyChecking", "yes"],
  ["UpdateHostKeys", "no"],
  ["ConnectTimeout", String(connectSeconds)],
  ["ConnectionAttempts", "1"],
  ["ServerAliveInterval", "15"],
  ["ServerAliveCountMax", "3"],
  ["ClearAllForwardings", "yes"],
  ["ForwardAgent", "no"],
  ["ForwardX11", "no"],
  ["RequestTTY", "no"],
  ["RemoteCommand", "none"],
  ["PermitLocalCommand", "no"],
  ["EscapeChar", "none"],
  ["LogLevel", "ERROR"],
].flatMap(([key = "", value = ""]) => ["-o", `${key}=${value}`]);

/**
 * Writes what it reads beside the file, complete or not at all, then renames it: `$1` folder, `$2` name, `$3` temporary name, `$4` mode,
 * `$5` size in bytes.
 */
const writeScript = `set -eu
umask 077
mkdir -p -- "$1"
cd -- "$1"
[ ! -d "./$2" ] || exit 73
trap 'rm -f -- "./$3"' EXIT
trap 'exit 75' HUP INT TERM
cat > "./$3"
[ "$(wc -c < "./$3")" -eq "$5" ] || exit 74
chmod -- "$4" "./$3"
sync -- "./$3" 2>/dev/null || sync
mv -f -- "./$3" "./$2"
sync -- . 2>/dev/null || sync`;

/**
 * A host that the OpenSSH client reaches. Everything goes over one connection, which the first command opens and which ends with the last; a
 * failure to connect is kept. The account's shell there must be a POSIX one.
 */
export function openSshHost(declaration: SshHostDeclaration, credential: SshCredential): Host {
  return new SshHost(declaration, credential);
}

class SshHost implements Host {
  readonly kind = "ssh";
  readonly name: string;
  readonly #control: ControlSocket;
  /** What holds the connection open: it resolves once others can share it. */
  #connection: Promise<Channel> | null = null;
  #failure: PostureError | null = null;
  /** Everything that ever held the connection open. */
  readonly #holders = new Set<Conversation>();

  constructor(
    readonly declaration: SshHostDeclaration,
    readonly credential: SshCredential,
  ) {
    const { address, port } = declaration;
    this.name = `${credential.user === undefined ? "" : `${credential.user}@`}${address}${port === undefined ? "" : `:${port}`}`;
    this.#control = new ControlSocket();
  }

  async run(command: readonly [string, ...string[]], options: HostCommandOptions): Promise<Completed> {
    const { timeoutMilliseconds, signal, input } = options;
    const completed = await this.#run(command.map(quotePosix).join(" "), {
      timeoutMilliseconds,
      signal,
      ...(input === undefined ? {} : { input: Readable.from([input]) }),
    });
    if (completed.exitCode === notFound)
      throw new PostureError(
        "permanent",
        `${this.name}: ${command[0]}: not found on this host; install it or correct the path`,
      );
    return completed;
  }

  async readFile(path: string, signal: AbortSignal): Promise<Buffer | null> {
    const { exitCode, stdout, stderr } = await this.#run(`LC_ALL=C cat -- ${quotePosix(path)}`, {
      timeoutMilliseconds: writingTakesAtMost,
      signal,
      encoding: "latin1",
      keepLastLineBreak: true,
    });
    if (exitCode === 0) return Buffer.from(stdout, "latin1");
    if (/No such file or directory|Not a directory/.test(stderr)) return null;
    throw new PostureError("permanent", `${this.name}: ${path} cannot be read${describeRefusal(stderr)}`);
  }

  async writeFileAtomically(
    path: string,
    content: Uint8Array,
    { mode, signal }: { readonly mode: number; readonly signal: AbortSignal },
  ): Promise<void> {
    const { dir, base } = posix.parse(path);
    const temporary = `.${base}.${randomBytes(6).toString("hex")}.tmp`;
    const given = [dir, base, temporary, mode.toString(8), String(content.length)];
    const line = ["sh", "-c", writeScript, "sh", ...given].map(quotePosix).join(" ");
    const { exitCode, stderr } = await this.#run(`LC_ALL=C ${line}`, {
      input: Readable.from([content]),
      timeoutMilliseconds: writingTakesAtMost,
      signal,
    });
    if (exitCode !== 0)
      throw new PostureError(
        "permanent",
        `${this.name}: ${path} could not be written${describeRefusal(stderr)}; it stands as it was`,
      );
  }

  async openChannel(command: readonly [string, ...string[]], onLine: (line: string) => void): Promise<Channel> {
    this.#throwFailure();
    const line = `exec ${command.map(quotePosix).join(" ")}`;
    if (this.#connection !== null) {
      await this.#connection;
      return this.#open(this.#share(line), onLine);
    }
    return this.#hold(line, onLine);
  }

  async close(): Promise<void> {
    this.#connection = null;
    for (const conversation of this.#holders) await this.#toChannel(conversation).close();
    this.#control.remove();
  }

  /** Runs a command line over the connection, opening it where there is none. */
  async #run(line: string, options: CommandOptions): Promise<Completed> {
    this.#throwFailure();
    await (this.#connection ?? this.#keep());
    // The client hands its standard streams to the one that holds the connection: its own end does not end them.
    const completed = await withinTime(
      runCommand(this.#share(line), options),
      options.timeoutMilliseconds,
      () =>
        new PostureError(
          "transient",
          `${this.name}: stopped after ${options.timeoutMilliseconds / 1_000} s, its time limit`,
        ),
      options.signal,
    );
    if (completed.exitCode !== clientFailed) return completed;
    throw toError(this.name, describeSshFailure(completed.stderr, this.#label));
  }

  /** Opens the connection by a command that does nothing but hold it. */
  async #keep(): Promise<Channel> {
    const said: string[] = [];
    const channel = await this.#hold(keeper, (line) => said.push(line));
    if (said[0] === "connected") return channel;
    throw new PostureError(
      "usage",
      `${this.name}: this key runs one command of the host's choosing, and no other; the key of apply must be free to run commands`,
    );
  }

  /** Runs a command that others share the connection of. Resolves once it has said something, or has ended. */
  async #hold(line: string, onLine: (line: string) => void): Promise<Channel> {
    const connection = this.#connect(line, onLine);
    this.#connection = connection;
    const channel = await connection;
    void channel.ended.then(() => {
      if (this.#connection === connection) this.#connection = null;
    });
    return channel;
  }

  async #connect(line: string, onLine: (line: string) => void): Promise<Channel> {
    let begun: (value: "begun") => void = () => undefined;
    const spoke = new Promise<"begun">((resolve) => {
      begun = resolve;
    });
    const command = this.#client(this.#control.own(), line);
    const conversation = await converse(command, (said) => {
      onLine(said);
      begun("begun");
    });
    this.#holders.add(conversation);
    const channel = this.#toChannel(conversation);
    const first = await Promise.race([spoke, channel.ended]);
    if (first !== "begun" && first.unreachable !== null) {
      this.#failure = toError(this.name, first.unreachable);
      throw this.#failure;
    }
    // Others may share the connection that it holds: it ends with the last of them.
    return { ...channel, close: async () => conversation.finish() };
  }

  async #open(command: readonly [string, ...string[]], onLine: (line: string) => void): Promise<Channel> {
    return this.#toChannel(await converse(command, onLine));
  }

  #toChannel(conversation: Conversation): Channel {
    return openChannelOver(conversation, ({ exitCode, stderr }) => this.#findUnreachable(exitCode, stderr));
  }

  #findUnreachable(exitCode: number | null, stderr: string): Unreachable | null {
    return exitCode === clientFailed || exitCode === null ? describeSshFailure(stderr, this.#label) : null;
  }

  #share(line: string): readonly [string, ...string[]] {
    return this.#client(this.#control.share(), line);
  }

  #client(control: readonly string[], line: string): readonly [string, ...string[]] {
    const { address, port, knownHostsFile } = this.declaration;
    const { user, identityFile } = this.credential;
    return [
      "ssh",
      ...fixedOptions,
      ...control,
      ...(port === undefined ? [] : ["-p", String(port)]),
      ...(user === undefined ? [] : ["-l", user]),
      ...(identityFile === undefined ? [] : ["-o", "IdentitiesOnly=yes", "-i", identityFile]),
      ...(knownHostsFile === undefined ? [] : ["-o", `UserKnownHostsFile=${quoteOption(knownHostsFile)}`]),
      ...["--", address, line],
    ];
  }

  /** As ssh and ssh-keygen name the host. */
  get #label(): string {
    const { address, port } = this.declaration;
    return port === undefined ? address : `[${address}]:${port}`;
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure;
  }
}

/** Where the commands of one connection meet: a socket in a folder that only this account can enter. OpenSSH has none on Windows. */
class ControlSocket {
  #path: string | null = null;

  /** Options of the command that opens the connection. */
  own(): readonly string[] {
    if (process.platform === "win32") return [];
    return ["-o", "ControlMaster=yes", "-o", "ControlPersist=no", "-o", `ControlPath=${this.#find()}`];
  }

  /** Options of one that must find it open: what would open another is put out of action. */
  share(): readonly string[] {
    if (process.platform === "win32") return [];
    return ["-o", "ControlMaster=no", "-o", "ProxyCommand=false", "-o", `ControlPath=${this.#find()}`];
  }

  /** The client that opened the connection removes it as well, when it ends: also where this process is killed. */
  remove(): void {
    if (this.#path !== null) rmSync(this.#path, { force: true });
  }

  #find(): string {
    this.#path ??= join(findOwnFolder(), randomBytes(8).toString("hex"));
    return this.#path;
  }
}

/** One folder for all sockets of this account; where somebody else made it, one of this process. */
function findOwnFolder(): string {
  const base = tmpdir().length > 50 ? "/tmp" : tmpdir();
  const folder = join(base, `backup-posture-${process.getuid?.() ?? 0}`);
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (systemCodeOf(error) !== "EEXIST") throw error;
  }
  const { uid, mode } = lstatSync(folder);
  const isOwn = uid === process.getuid?.() && (mode & 0o170077) === 0o040000;
  return isOwn ? folder : mkdtempSync(join(base, "backup-posture-"));
}

function toError(name: string, { why, remedy }: Unreachable): PostureError {
  return new PostureError("unreachable", `${name}: ${why}; ${remedy}`);
}

/** Paths in options may hold spaces. */
function quoteOption(path: string): string {
  return `"${path.replaceAll("%", "%%").replaceAll('"', "")}"`;
}

/** What commands of the host say of a file, in words. */
function describeRefusal(said: string): string {
  if (/No space left on device|Disk quota exceeded/i.test(said)) return ": no space is left on its disk";
  if (/Permission denied|Operation not permitted/i.test(said)) return ": permission denied";
  if (/Read-only file system/i.test(said)) return ": its file system is read-only";
  return "";
}
