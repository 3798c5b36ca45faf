import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { z } from "zod";
import { ensureDirectory, writeFileAtomically } from "../../../platform/atomic-file";
import { isAbsent, messageOf, PostureError } from "../../../platform/errors";
import { parseJson } from "../../../platform/json";

/** Where the parts of a directory store are. All paths are absolute. */
export interface StoreLayout {
  readonly root: string;
  /** Says that a store is here; written last when one is made. */
  readonly marker: string;
  /** `<id>.json`, the header of a recovery point, and `<id>.manifest`, what it holds. */
  readonly points: string;
  /** `<id>.pack`: the content of files, many to a pack. */
  readonly packs: string;
  /** `<session>/`: what a running capture writes. Without a live holder of that session's lock it is rubbish. */
  readonly temporary: string;
  /** `shared/<session>` and `exclusive`. */
  readonly locks: string;
  /** The objects that a verification found damaged: they are read anew from the source, and never used again. */
  readonly quarantine: string;
}

export function layOut(root: string): StoreLayout {
  return {
    root,
    marker: join(root, "store.json"),
    points: join(root, "points"),
    packs: join(root, "packs"),
    temporary: join(root, "tmp"),
    locks: join(root, "locks"),
    quarantine: join(root, "quarantine"),
  };
}

const format = "backup-posture directory store";
const markerSchema = z.object({ format: z.literal(format), version: z.literal(1) });

/**
 * Makes a store. Idempotent; a store whose marker was lost becomes one again.
 *
 * @throws PostureError `conflict` when something else is there, `unreachable` when the place cannot be written.
 */
export async function initialiseStore(layout: StoreLayout): Promise<void> {
  try {
    await ensureDirectory(layout.root);
    // Looked at once: between two looks another process can make the store.
    const names = await readdir(layout.root);
    if (names.includes(basename(layout.marker))) {
      await requireStore(layout);
      return;
    }
    refuseForeignContent(layout, names);
    for (const directory of [layout.points, layout.packs, layout.temporary, join(layout.locks, "shared")])
      await ensureDirectory(directory);
    await writeFileAtomically(layout.marker, `${JSON.stringify({ format, version: 1 })}\n`);
  } catch (error) {
    if (error instanceof PostureError) throw error;
    throw new PostureError("unreachable", `${layout.root}: no store can be made here: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/**
 * Makes sure that a store is there before anything is believed about it.
 *
 * @throws PostureError `unreachable` otherwise: a store that is not mounted is not an empty one.
 */
export async function requireStore(layout: StoreLayout): Promise<void> {
  let text: string;
  try {
    text = await readFile(layout.marker, "utf8");
  } catch (error) {
    throw new PostureError(
      "unreachable",
      isAbsent(error) ? describeMissing(layout) : `${layout.root}: the store cannot be looked at: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
  if (!markerSchema.safeParse(parseJson(text)).success)
    throw new PostureError(
      "unreachable",
      `${layout.marker}: not the marker of a directory store of version 1; restore the file, or use a release that knows it`,
    );
}

function describeMissing(layout: StoreLayout): string {
  return `${layout.root}: no store is there; mount it, or, if it is lost for good, make a new one: backup-posture init --store ${layout.root}`;
}

function refuseForeignContent(layout: StoreLayout, names: readonly string[]): void {
  if (names.some((name) => !ours.has(name) && !name.startsWith(".store.json.")))
    throw new PostureError(
      "conflict",
      `${layout.root}: holds something that is not a store; choose an empty directory, or one that does not exist yet`,
    );
}

const ours = new Set(["points", "packs", "tmp", "locks", "quarantine", "lost+found"]);
