import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomically } from "../../../platform/atomic-file";
import { isAbsent } from "../../../platform/errors";
import type { StoreLayout } from "./layout";

const ending = ".moved";

/** Says where the contents went of a pack that was given up; written before it is removed. */
export async function rememberMove(layout: StoreLayout, id: string, to: readonly string[]): Promise<void> {
  await writeFileAtomically(movePath(layout, id), `${to.join("\n")}\n`);
}

/** The packs to which a pack's contents were moved, and from there again; none when it was not. */
export function findMoved(layout: StoreLayout, id: string): readonly string[] {
  const found = new Set<string>();
  const waiting = [id];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    for (const to of readMove(layout, next)) {
      if (found.has(to)) continue;
      found.add(to);
      waiting.push(to);
    }
  }
  return [...found];
}

/** The ids of all packs that were given up. */
export function listMoved(layout: StoreLayout): readonly string[] {
  return readdirSync(layout.packs)
    .filter((name) => name.endsWith(ending))
    .map((name) => name.slice(0, -ending.length));
}

export function movePath(layout: StoreLayout, id: string): string {
  return join(layout.packs, `${id}${ending}`);
}

function readMove(layout: StoreLayout, id: string): readonly string[] {
  try {
    return readFileSync(movePath(layout, id), "utf8")
      .split("\n")
      .filter((line) => /^[0-9a-f]{64}$/.test(line));
  } catch (error) {
    if (isAbsent(error)) return [];
    throw error;
  }
}
