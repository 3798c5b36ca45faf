import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { isAbsent, messageOf } from "../../../platform/errors";
import type { PointId, RecoveryPoint, Verification, VerificationDepth } from "../store";
import { BatchPool } from "./batch-pool";
import { joinPath, toDisplay } from "./byte-path";
import { ContentCheck, type ContentCheckResult, type ContentCheckSetup, mostDamaged } from "./content-check";
import { DamageError } from "./damage";
import { DirectoryBatches, isSmallPoint } from "./directory-batches";
import type { StoreLayout } from "./layout";
import type { Manifest } from "./manifest";
import { type BlockCursor, entryKinds, noPack } from "./manifest-format";
import type { PackUse } from "./manifest-writer";
import { findMoved } from "./moved-packs";
import { ObjectIndex, readPackIndex } from "./object-index";
import { packFileName } from "./pack-format";
import { openPointManifest, requirePoint } from "./point-access";
import { walkDirectories } from "./point-content";
import { readTrustedHeader } from "./point-header";
import { addToQuarantine, readQuarantine } from "./quarantine";
import { findAttributesDamage, readAttributes } from "./stored-attributes";
import { Turns } from "./turns";

/** Looks at one point, as deeply as asked. What is found damaged is remembered for the next capture. */
export async function verifyPoint(
  layout: StoreLayout,
  id: PointId,
  depth: VerificationDepth,
  signal: AbortSignal,
): Promise<Verification> {
  const point = requirePoint(layout, id);
  const { damage: listed } = point;
  const found = new Findings(id, depth);
  if (listed !== null) found.add("", listed);
  try {
    const { manifest, damage } = openPointManifest(layout, id);
    const attributesDamage = verifyAttributes(layout, id, depth);
    if (attributesDamage !== null) found.add("", attributesDamage);
    try {
      if (damage !== null && listed === null) found.add("", damage);
      await verifyManifest(layout, manifest, point, found, signal);
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
  point: RecoveryPoint,
  found: Findings,
  signal: AbortSignal,
): Promise<void> {
  if (found.depth === "content") await verifyContent(layout, manifest, point, found, signal);
  else await verifyPresence(layout, manifest, found, signal);
}

function verifyAttributes(layout: StoreLayout, id: PointId, depth: VerificationDepth): string | null {
  const reference = readTrustedHeader(layout, id)?.attributes ?? null;
  if (depth === "metadata") return findAttributesDamage(layout, reference);
  try {
    readAttributes(layout, reference);
    return null;
  } catch (error) {
    if (error instanceof DamageError) return `its extended attributes: ${error.message}`;
    throw error;
  }
}

async function verifyPresence(
  layout: StoreLayout,
  manifest: Manifest,
  found: Findings,
  signal: AbortSignal,
): Promise<void> {
  const check = checkPresence(layout, manifest);
  const turns = new Turns(signal);
  for (const { path, entries } of walkDirectories(manifest, (broken, error) =>
    found.add(toDisplay(broken), error.message),
  )) {
    while (entries.next()) {
      if (entries.kind !== entryKinds.file) continue;
      const damage = check(entries);
      if (damage === null) found.good(1, entries.size);
      else found.add(toDisplay(joinPath(path, entries.name)), damage);
    }
    await turns.next();
  }
}

async function verifyContent(
  layout: StoreLayout,
  manifest: Manifest,
  point: RecoveryPoint,
  found: Findings,
  signal: AbortSignal,
): Promise<void> {
  for (const damage of findIndexDamages(layout, manifest)) found.add("", damage);
  const quarantine: string[] = [];
  const pool = new BatchPool({
    workerFile: "verify-worker",
    create: (setup: ContentCheckSetup) => new ContentCheck(setup),
    setup: { layout, manifest: manifest.path },
    small: isSmallPoint(point),
    onResult: (result: ContentCheckResult) => {
      found.good(result.files, result.bytes);
      found.addMany(result.damagedFiles, result.damaged);
      quarantine.push(...result.quarantine);
    },
  });
  try {
    const batches = new DirectoryBatches();
    const turns = new Turns(signal);
    for (const directory of walkDirectories(manifest, (broken, error) => found.add(toDisplay(broken), error.message))) {
      const batch = batches.add(directory, directory.entries);
      if (batch !== null) await pool.add(batch);
      await turns.next();
    }
    await pool.add(batches.rest());
    await pool.finish();
  } finally {
    await pool.close();
  }
  await addToQuarantine(layout, quarantine);
}

/** The packs' own indexes are not needed to restore, but to find contents again. Of a pack that is gone, its contents tell. */
function* findIndexDamages(layout: StoreLayout, manifest: Manifest): Generator<string> {
  for (const pack of manifest.packs.values()) {
    if (!existsSync(join(layout.packs, packFileName(pack.id)))) continue;
    try {
      readPackIndex(layout, pack.id);
    } catch (error) {
      if (!(error instanceof DamageError)) throw error;
      yield error.message;
    }
  }
}

type Check = (entry: BlockCursor) => string | null;

/** Presence and size of packs; a content of a pack that is gone may be in another by now. */
function checkPresence(layout: StoreLayout, manifest: Manifest): Check {
  const damages = new Map<number, { readonly why: string; readonly elsewhere: ObjectIndex } | null>();
  const look = (label: number) => {
    const pack = manifest.packOf(label);
    const why = pack === null ? null : findPackDamage(layout, pack);
    if (pack === null || why === null) return null;
    return { why, elsewhere: new ObjectIndex(layout, findMoved(layout, pack.id), readQuarantine(layout)) };
  };
  return (entry) => {
    if (entry.pack === noPack) return null;
    let damage = damages.get(entry.pack);
    if (damage === undefined) {
      damage = look(entry.pack);
      damages.set(entry.pack, damage);
    }
    if (damage === null) return null;
    return damage.elsewhere.find(entry.digest, entry.size).next().done === true ? damage.why : null;
  };
}

function findPackDamage(layout: StoreLayout, pack: PackUse): string | null {
  try {
    const { size } = statSync(join(layout.packs, packFileName(pack.id)));
    return size === pack.size ? null : "the pack with its content does not have the size it had";
  } catch (error) {
    return isAbsent(error)
      ? "the pack with its content is missing"
      : `the pack with its content cannot be looked at: ${messageOf(error)}`;
  }
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

  good(files: number, bytes: number): void {
    this.#files += files;
    this.#bytes += bytes;
  }

  /** @param path as shown to people; empty for the point as a whole. */
  add(path: string, why: string): void {
    this.addMany(1, [{ path: path === "" ? "." : path, why }]);
  }

  addMany(count: number, damaged: readonly { readonly path: string; readonly why: string }[]): void {
    this.#damagedFiles += count;
    this.#damaged.push(...damaged.slice(0, Math.max(0, mostDamaged - this.#damaged.length)));
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
