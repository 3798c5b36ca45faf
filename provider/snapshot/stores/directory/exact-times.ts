import { PassThrough } from "node:stream";
import { hasExecutable } from "../../../platform/find-executable";
import { type Completed, runCommand } from "../../../platform/processes";
import type { BytePath } from "./byte-path";
import type { FileTime } from "./manifest-format";

const timeLimitMilliseconds = 24 * 60 * 60 * 1_000;

/** Reads what `ListedTimes` lists, and prints how many times could not be set. */
const script = `
import os, sys

def fields():
    rest = b""
    for chunk in iter(lambda: sys.stdin.buffer.read(1 << 18), b""):
        parts = (rest + chunk).split(b"\\0")
        rest = parts.pop()
        for part in parts:
            yield part

def open_directory(path):
    here = os.open(".", os.O_RDONLY)
    if len(path) < 3500:
        steps = [path] if path else []
    else:
        steps = path.split(b"/")
    for step in steps:
        inner = os.open(step, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
        os.close(here)
        here = inner
    return here

failures = 0
stream = fields()
for path in stream:
    try:
        here = open_directory(path)
    except OSError:
        here = -1
    for name in stream:
        if not name:
            break
        time = int(next(stream))
        try:
            os.utime(name, ns=(time, time), dir_fd=here, follow_symlinks=False)
        except (OSError, OverflowError):
            failures += 1
    if here >= 0:
        os.close(here)
print(failures)
`;

/**
 * Sets modification times to the nanosecond, in a process that is fed meanwhile: Node sets them within a quarter of a
 * microsecond, no better.
 */
export class ExactTimes {
  readonly #input = new PassThrough();
  readonly #ended: Promise<Completed>;

  /** @param root the directory that listed paths are relative to. */
  constructor(root: string, signal: AbortSignal) {
    this.#ended = runCommand(["python3", "-I", "-c", script], {
      workingDirectory: root,
      input: this.#input,
      timeoutMilliseconds: timeLimitMilliseconds,
      signal,
    });
    // A failure is seen by whoever awaits `finish`; until then it must not count as unhandled.
    this.#ended.catch(() => undefined);
  }

  /** Takes what `ListedTimes` gave. */
  add(listed: Uint8Array): void {
    if (listed.length > 0) this.#input.write(listed);
  }

  /**
   * Waits until all that was added is done.
   *
   * @returns what was not set exactly, in words; null when everything was.
   */
  async finish(): Promise<string | null> {
    this.#input.end();
    const { exitCode, stdout } = await this.#ended;
    if (exitCode !== 0) return "modification times are right within a quarter of a microsecond: python3 failed";
    const failures = Number(stdout);
    return failures === 0 ? null : `${failures} modification times could not be set exactly`;
  }

  /** Ends the process, whatever is still to be done. */
  async abandon(): Promise<void> {
    this.#input.end();
    await this.#ended.catch(() => undefined);
  }
}

/** Why times cannot be set exactly on this host; null where they can. */
export function whyNotExact(): string | null {
  if (hasExecutable("python3")) return null;
  return "modification times are right within a quarter of a microsecond; with python3 on this host they would be exact";
}

/** Times of one directory after the other, as `ExactTimes` takes them: path, then names and nanoseconds, then an empty name, each ended by a NUL. */
export class ListedTimes {
  #text = "";

  begin(directory: BytePath): void {
    this.#text += `${directory}\0`;
  }

  /** @param name of an entry; `.` for the directory itself. */
  add(name: BytePath, { seconds, nanoseconds }: FileTime): void {
    const time =
      seconds > 0
        ? `${seconds}${String(nanoseconds).padStart(9, "0")}`
        : BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds);
    this.#text += `${name}\0${time}\0`;
  }

  end(): void {
    this.#text += "\0";
  }

  /** All that was listed since the last call. */
  take(): Uint8Array {
    const bytes = Buffer.from(this.#text, "latin1");
    this.#text = "";
    return bytes;
  }
}
