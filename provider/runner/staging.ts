import { randomUUID } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Staging } from "../sources/source";
import type { Home } from "./home";

/** The staging of one schedule's runs, below the home. Only the holder of the schedule's lock may use it. */
export function openStaging(home: Home, id: string): Staging {
  return {
    makeFolder: async () => {
      const folder = join(stagingOf(home, id), randomUUID());
      await mkdir(folder, { recursive: true, mode: 0o700 });
      return folder;
    },
  };
}

/** Removes everything that runs of a schedule have staged, dead ones included. Absent is success. */
export async function clearStaging(home: Home, id: string): Promise<void> {
  await rm(stagingOf(home, id), { recursive: true, force: true });
}

function stagingOf(home: Home, id: string): string {
  return join(home.root, "staging", id);
}
