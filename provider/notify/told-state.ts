import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { ensureDirectory, writeFileAtomically } from "../platform/atomic-file";
import { isAbsent } from "../platform/errors";
import type { Home } from "../runner/home";

const notifierStateSchema = z.object({
  faults: z.array(z.string()).default([]),
  at: z.iso.datetime().nullable().default(null),
  /** Why the last attempt failed, or null: only changes of that are written into the journal. */
  fault: z.string().nullable().default(null),
});

const stateSchema = z.object({ format: z.literal(1), notifiers: z.record(z.string(), notifierStateSchema) });

/** What was told to one notifier, and how that went. */
export type NotifierState = z.infer<typeof notifierStateSchema>;

/** What each notifier of a schedule or restore target was told; nothing where nothing is remembered, or what is there cannot be understood. */
export async function readTold(home: Home, id: string): Promise<Readonly<Record<string, NotifierState>>> {
  let text: string;
  try {
    text = await readFile(pathOf(home, id), "utf8");
  } catch (error) {
    if (isAbsent(error)) return {};
    throw error;
  }
  try {
    return stateSchema.parse(JSON.parse(text)).notifiers;
  } catch {
    return {};
  }
}

export async function writeTold(
  home: Home,
  id: string,
  notifiers: Readonly<Record<string, NotifierState>>,
): Promise<void> {
  await ensureDirectory(folderOf(home));
  await writeFileAtomically(pathOf(home, id), `${JSON.stringify({ format: 1, notifiers })}\n`);
}

/** Absent is success. */
export async function forgetTold(home: Home, id: string): Promise<void> {
  await rm(pathOf(home, id), { force: true });
}

function folderOf(home: Home): string {
  return join(home.root, "notify");
}

function pathOf(home: Home, id: string): string {
  return join(folderOf(home), `${id}.json`);
}
