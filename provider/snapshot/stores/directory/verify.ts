import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { isAbsent, messageOf } from "../../../platform/errors";
import type { PointId, Verification, VerificationDepth } from "../store";
import { type BytePath, joinPath, toDisplay } from "./byte-path";
import { ContentReader } from "./content-reader";
import { DamageError } from "./damage";
import type { StoreLayout } from "./layout";
import type { Manifest } from "./manifest";
import { type BlockCursor, entryKinds, noPack } from "./manifest-format";
import { packFileName } from "./pack-format";
import { openPointManifest, requirePoint } from "./point-access";
import { toWantedContent, walkDirectories } from "./point-content";
import { addToQuarantine } from "./quarantine";

const mostDamaged = 1_000;
const turnMilliseconds = 25;

/** Looks at one point, as deeply as asked. What is found damaged is remembered for the next capture. */
export async function verifyPoint(
  layout: StoreLayout,
  id: PointId,
  depth: VerificationDepth,
  signal: AbortSignal,
): Promise<Verification> {
  const { damage: listed } = requirePoint(layout, id);
  const found = new Findings(id, depth);
  if (listed !== null) found.add("", listed);
  try {
    const { manifest, damage } = openPointManifest(layout, id);
    try {
      if (damage !== null && listed === null) found.add("", damage);
      await verifyManifest(layout, manifest, depth, found, signal);
    } finally {
      manifest.close();
    }
  } catch (error) {
    if (!(error instanceof DamageError)) throw error;
    if (listed === null) found.add("", error.message);
  }
  return found.toVerification();
}

async function verifyManifest(
  layout: StoreLayout,
  manifest: Manifest,
  depth: VerificationDepth,
  found: Findings,
  signal: AbortSignal,
): Promise<void> {
  const reader = new ContentReader(layout);
  const check = depth === "content" ? checkContent(manifest, reader) : checkPresence(layout, manifest);
  try {
    let turn = performance.now();
    for (const { path, entries } of walkDirectories(manifest, (broken, error) => found.add(broken, error.message))) {
      while (entries.next()) {
        if (entries.kind !== entryKinds.file) continue;
        const damage = check(entries);
        if (damage === null) found.good(entries.size);
        else found.add(joinPath(path, entries.name), damage);
        if (performance.now() - turn < turnMilliseconds) continue;
        await new Promise(setImmediate);
        signal.throwIfAborted();
        turn = performance.now();
      }
    }
    await addToQuarantine(
      layout,
      [...reader.damaged].filter((key) => isPresent(layout, key)),
    );
  } finally {
    reader.close();
  }
}

type Check = (entry: BlockCursor) => string | null;

function checkContent(manifest: Manifest, reader: ContentReader): Check {
  const ignore = { begin: () => undefined, write: () => undefined };
  return (entry) => {
    try {
      reader.read(toWantedContent(manifest, entry), ignore);
      return null;
    } catch (error) {
      if (error instanceof DamageError) return error.message;
      throw error;
    }
  };
}

/** Presence and size of packs; a content of a pack that is gone may still be in another. */
function checkPresence(layout: StoreLayout, manifest: Manifest): Check {
  const damages = new Map<number, string | null>();
  return (entry) => {
    if (entry.pack === noPack) return null;
    const known = damages.get(entry.pack);
    if (known !== undefined) return known;
    const damage = findPackDamage(layout, manifest, entry.pack);
    damages.set(entry.pack, damage);
    return damage;
  };
}

function findPackDamage(layout: StoreLayout, manifest: Manifest, label: number): string | null {
  const pack = manifest.packOf(label);
  if (pack === null) return null;
  try {
    return statSync(join(layout.packs, packFileName(pack.id))).size === pack.size
      ? null
      : "the pack with its content does not have the size it had";
  } catch (error) {
    return isAbsent(error)
      ? "the pack with its content is missing"
      : `the pack with its content cannot be looked at: ${messageOf(error)}`;
  }
}

function isPresent(layout: StoreLayout, quarantineKey: string): boolean {
  return existsSync(join(layout.packs, packFileName(quarantineKey.slice(0, 64))));
}

class Findings {
  #files = 0;
  #bytes = 0;
  #damagedFiles = 0;
  readonly #damaged: { readonly path: string; readonly why: string }[] = [];

  constructor(
    readonly point: PointId,
    readonly depth: VerificationDepth,
  ) {}

  good(size: number): void {
    this.#files += 1;
    this.#bytes += size;
  }

  add(path: BytePath, why: string): void {
    this.#damagedFiles += 1;
    if (this.#damaged.length < mostDamaged) this.#damaged.push({ path: toDisplay(path) || ".", why });
  }

  toVerification(): Verification {
    return {
      point: this.point,
      depth: this.depth,
      files: this.#files,
      bytes: this.#bytes,
      damagedFiles: this.#damagedFiles,
      damaged: this.#damaged,
    };
  }
}
