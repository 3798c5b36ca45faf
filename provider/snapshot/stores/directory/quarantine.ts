import { readFileSync } from "node:fs";
import { appendDurably, writeFileAtomically } from "../../../platform/atomic-file";
import { isAbsent, systemCodeOf } from "../../../platform/errors";
import type { StoreLayout } from "./layout";

/** Contents that were found damaged where they are, as `<pack id> <digest>`. */
export type Quarantine = ReadonlySet<string>;

export function quarantineKey(pack: string, digest: Buffer): string {
  return `${pack} ${digest.toString("hex")}`;
}

export function readQuarantine(layout: StoreLayout): Quarantine {
  try {
    return new Set(
      readFileSync(layout.quarantine, "utf8")
        .split("\n")
        .filter((line) => line !== ""),
    );
  } catch (error) {
    if (isAbsent(error)) return new Set();
    throw error;
  }
}

/** Remembers what a verification found, so that the next capture reads it anew. In a store that we may only read, it cannot be. */
export async function addToQuarantine(layout: StoreLayout, keys: readonly string[]): Promise<void> {
  const known = readQuarantine(layout);
  const found = keys.filter((key) => !known.has(key));
  if (found.length === 0) return;
  try {
    await appendDurably(layout.quarantine, `${found.join("\n")}\n`);
  } catch (error) {
    const code = systemCodeOf(error);
    if (code !== "EROFS" && code !== "EACCES" && code !== "EPERM") throw error;
  }
}

export async function writeQuarantine(layout: StoreLayout, keys: readonly string[]): Promise<void> {
  await writeFileAtomically(layout.quarantine, keys.map((key) => `${key}\n`).join(""));
}
