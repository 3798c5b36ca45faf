import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { ensureDirectory, writeFileAtomically } from "../platform/atomic-file";
import { isAbsent, PostureError, systemCodeOf } from "../platform/errors";
import { converse, runCommand } from "../platform/processes";
import { openChannelOver } from "./channel";
import type { Host } from "./host";

const name = "this machine";

/** The machine that this process runs on. */
export function openLocalHost(): Host {
  return {
    kind: "local",
    name,
    run: ([file, ...rest], { input, timeoutMilliseconds, signal }) =>
      runCommand([file, ...rest], {
        timeoutMilliseconds,
        signal,
        ...(input === undefined ? {} : { input: Readable.from([input]) }),
      }),
    readFile: async (path, signal) => {
      try {
        return await readFile(path, { signal });
      } catch (error) {
        if (isAbsent(error)) return null;
        throw explain(`${path} cannot be read`, error);
      }
    },
    writeFileAtomically: async (path, content, { mode, signal }) => {
      signal.throwIfAborted();
      try {
        await ensureDirectory(dirname(path));
        await writeFileAtomically(path, content, mode);
      } catch (error) {
        throw explain(`${path} could not be written`, error);
      }
    },
    openChannel: async (command, onLine) => openChannelOver(await converse(command, onLine), () => null),
    close: async () => undefined,
  };
}

function explain(what: string, cause: unknown): PostureError {
  return new PostureError("permanent", `${name}: ${what}: ${systemCodeOf(cause) ?? "unknown error"}`, { cause });
}
