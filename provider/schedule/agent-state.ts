import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { ensureDirectory, writeFileAtomically } from "../platform/atomic-file";
import { formatInstant } from "../platform/clock";
import { isAbsent } from "../platform/errors";
import type { Home } from "../runner/home";
import { stateFolder } from "./schedulers/embedded-entries";

/** What the agent remembers of an entry, durably. */
export interface AgentState {
  /** The entry's incarnation: what is remembered of another object does not count. */
  readonly incarnation: string;
  /** Every start due until then was fired, skipped or given up. */
  readonly handledUntil: Date;
  /** A start that was about to be fired; null once its process is known to have been started. */
  readonly starting: { readonly due: Date; readonly at: Date } | null;
}

const instant = z.iso.datetime({ offset: true }).transform((text) => new Date(text));

const stateSchema = z.object({
  format: z.literal(1),
  incarnation: z.string(),
  handledUntil: instant,
  starting: z.object({ due: instant, at: instant }).nullable(),
});

/** Null where nothing is remembered, or what is there cannot be understood. */
export async function readState(home: Home, id: string): Promise<AgentState | null> {
  let text: string;
  try {
    text = await readFile(statePath(home, id), "utf8");
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
  try {
    return stateSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** Instants are kept in whole seconds. */
export async function writeState(home: Home, id: string, state: AgentState): Promise<void> {
  const { incarnation, handledUntil, starting } = state;
  const plain = {
    format: 1,
    incarnation,
    handledUntil: formatInstant(handledUntil),
    starting: starting === null ? null : { due: formatInstant(starting.due), at: formatInstant(starting.at) },
  };
  await ensureDirectory(stateFolder(home));
  await writeFileAtomically(statePath(home, id), `${JSON.stringify(plain)}\n`);
}

/** Forgets an entry. Absent is success. */
export async function removeState(home: Home, id: string): Promise<void> {
  await rm(statePath(home, id), { force: true });
}

function statePath(home: Home, id: string): string {
  return join(stateFolder(home), `${id}.json`);
}
