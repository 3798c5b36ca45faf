import { join } from "node:path";
import { identifier } from "../../declaration/primitives";
import { commandLineFile } from "../../platform/bundle";
import { PostureError } from "../../platform/errors";
import { type DetachedProcess, startDetached } from "../../platform/processes";
import type { Home } from "../../runner/home";
import { readEntries, removeEntry, writeEntry } from "./embedded-entries";
import type { EntryVerb, Scheduler } from "./scheduler";

/** Starts the runner for an entry, as a process of its own that outlives this one, and does not wait for it. */
export type Launch = (home: Home, verb: EntryVerb, id: string) => Promise<DetachedProcess>;

/**
 * The scheduler that needs nothing installed: entries are files in the posture home, and `backup-posture agent` fires them.
 * Entries run as whoever runs the agent, and start as whoever calls `start`.
 *
 * @param launch how the runner is started; default: this package's command line, by this Node.
 */
export function createEmbeddedScheduler(home: Home, launch: Launch = launchRunner): Scheduler {
  return {
    kind: "embedded",
    install: async (entry, signal) => {
      signal.throwIfAborted();
      requireIdentifiers([entry.id]);
      await writeEntry(home, entry);
    },
    observe: async (ids, signal) => {
      signal.throwIfAborted();
      requireIdentifiers(ids);
      return new Map((await readEntries(home, ids)).map((entry) => [entry.id, entry]));
    },
    list: async (signal) => {
      signal.throwIfAborted();
      return readEntries(home);
    },
    remove: async (id, signal) => {
      signal.throwIfAborted();
      requireIdentifiers([id]);
      await removeEntry(home, id);
    },
    start: async (id, signal) => {
      signal.throwIfAborted();
      requireIdentifiers([id]);
      const [entry] = await readEntries(home, [id]);
      if (entry === undefined)
        throw new PostureError(
          "permanent",
          `${id}: not in the embedded scheduler of ${home.root}; pulumi up --refresh installs it`,
        );
      if (entry.damage !== null)
        throw new PostureError(
          "permanent",
          `${id}: its entry in the embedded scheduler is damaged: ${entry.damage}; pulumi up --refresh writes it anew`,
        );
      await launch(home, entry.verb, id);
    },
  };
}

/** `backup-posture run|drill <id> --home <root>`, with this process's environment. */
export async function launchRunner(home: Home, verb: EntryVerb, id: string): Promise<DetachedProcess> {
  return startDetached([process.execPath, commandLineModule, verb, id, "--home", home.root]);
}

/** The command line of this package, for Node. */
export const commandLineModule = commandLineFile(join(__dirname, "..", "..", "cli", "main.js"));

/** @throws PostureError `usage` where one is none. */
export function requireIdentifiers(ids: readonly string[]): void {
  for (const id of ids) {
    const fault = identifier.safeParse(id).error?.issues[0]?.message;
    if (fault !== undefined) throw new PostureError("usage", `the id of an entry ${fault}`);
  }
}
