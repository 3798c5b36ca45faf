import type { Completed } from "../platform/processes";

export interface HostCommandOptions {
  /** The command's standard input; default: none. */
  readonly input?: Uint8Array;
  readonly timeoutMilliseconds: number;
  readonly signal: AbortSignal;
}

/** How a channel ended. */
export interface ChannelEnd {
  /** Of the command; null where it is not known. */
  readonly exitCode: number | null;
  /** Why the host, or what starts commands there, was not reached, or no longer; null where the command itself ended. */
  readonly unreachable: Unreachable | null;
  /** What it said to its standard error: to be judged, never to be shown. */
  readonly stderr: string;
}

/** Why a host could not be reached. */
export interface Unreachable {
  /** One clause, for a health: times and names, no raw output. */
  readonly why: string;
  /** What to do about it. */
  readonly remedy: string;
}

/** A command on a host that is talked with, line by line. */
export interface Channel {
  /** Writes one line to its standard input. */
  send(line: string): void;
  readonly ended: Promise<ChannelEnd>;
  /** Ends its standard input, and, unless others share what it holds open, the command where it does not end upon that. Idempotent. */
  close(): Promise<void>;
}

/**
 * A machine. All methods throw PostureError `unreachable`, which says why in words, where it cannot be reached; a failure to connect
 * is kept, so that one host that is down is tried once.
 */
export interface Host {
  readonly kind: string;
  /** As people name it. */
  readonly name: string;
  /**
   * Runs one command from an argument array, and waits for it. A non-zero exit code is a result.
   *
   * @throws PostureError `permanent` where there is no such command, `transient` when it outlives its time limit.
   */
  run(command: readonly [string, ...string[]], options: HostCommandOptions): Promise<Completed>;
  /** The content of a file; null where it is seen not to be there. */
  readFile(path: string, signal: AbortSignal): Promise<Buffer | null>;
  /**
   * Writes a file so that a reader, a connection that is cut, and a machine that loses power leave either the old content or the new.
   * Folders that are missing are made, for their owner only.
   */
  writeFileAtomically(
    path: string,
    content: Uint8Array,
    options: { readonly mode: number; readonly signal: AbortSignal },
  ): Promise<void>;
  /** Starts a command that is talked with. A host that runs nothing but one command of its own choosing runs that instead. */
  openChannel(command: readonly [string, ...string[]], onLine: (line: string) => void): Promise<Channel>;
  /** Ends every connection. */
  close(): Promise<void>;
}
