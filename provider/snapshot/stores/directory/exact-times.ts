import { hasExecutable } from "../../../platform/find-executable";
import { runCommand } from "../../../platform/processes";
import { type BytePath, joinPath } from "./byte-path";
import type { Manifest } from "./manifest";
import { type Attributes, entryKinds } from "./manifest-format";
import { walkDirectories } from "./point-content";
import type { Selection } from "./restore-selection";

const entriesPerRun = 50_000;
const timeLimitMilliseconds = 10 * 60 * 1_000;

/** Sets modification times from lines of a path in hex and nanoseconds; a path that is not there is no matter. */
const script = `
import os, sys
def set_time(path, time):
    if len(path) < 3500:
        return os.utime(path, ns=(time, time), follow_symlinks=False)
    *parents, name = path.split(b"/")
    here = os.open(".", os.O_RDONLY)
    for parent in parents:
        inner = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
        os.close(here)
        here = inner
    os.utime(name, ns=(time, time), dir_fd=here, follow_symlinks=False)
    os.close(here)
for line in sys.stdin:
    path, time = line.split()
    try:
        set_time(bytes.fromhex(path), int(time))
    except OSError:
        pass
`;

/**
 * Sets modification times to the nanosecond. Node sets them within a quarter of a microsecond, no better.
 *
 * @returns why it could not be done; null when it was.
 */
export async function setExactTimes(
  root: string,
  manifest: Manifest,
  selection: Selection,
  signal: AbortSignal,
): Promise<string | null> {
  if (process.platform === "win32") return null;
  if (!hasExecutable("python3"))
    return "modification times are right within a quarter of a microsecond; with python3 on this host they would be exact";
  let lines: string[] = [];
  const run = async (): Promise<void> => {
    const input = lines.join("");
    lines = [];
    await runCommand(["python3", "-I", "-c", script], {
      workingDirectory: root,
      input,
      timeoutMilliseconds: timeLimitMilliseconds,
      signal,
    });
  };
  const add = (path: BytePath, attributes: Attributes): void => {
    if (selection.holds(path)) lines.push(toLine(path, attributes));
  };
  for (const { path, entries } of walkDirectories(manifest, () => undefined)) {
    if (!selection.holds(path) && !selection.leadsTo(path)) continue;
    add(path, entries.own);
    while (entries.next())
      if (entries.kind !== entryKinds.directory) add(joinPath(path, entries.name), entries.attributes);
    if (lines.length >= entriesPerRun) await run();
  }
  if (lines.length > 0) await run();
  return null;
}

function toLine(path: BytePath, { modified }: Attributes): string {
  const name = Buffer.from(path === "" ? "." : path, "latin1").toString("hex");
  return `${name} ${BigInt(modified.seconds) * 1_000_000_000n + BigInt(modified.nanoseconds)}\n`;
}
