import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { ContentReader } from "./content-reader";
import type { StoreLayout } from "./layout";
import { packFileName } from "./pack-format";
import { PackWriter } from "./pack-writer";
import type { PointHeader } from "./point-header";

/** Where a point's dump of extended attributes is; null when it has none. */
export type AttributesReference = PointHeader["attributes"];

/** @throws DamageError when it is not what it was. */
export function readAttributes(layout: StoreLayout, reference: AttributesReference): Buffer {
  if (reference === null) return Buffer.alloc(0);
  const { digest, size, pack, offset } = reference;
  const chunks: Buffer[] = [];
  const reader = new ContentReader(layout);
  try {
    reader.read(
      { digest: Buffer.from(digest, "hex"), size, pack: { id: pack, size: Number.MAX_SAFE_INTEGER }, offset },
      { begin: () => chunks.splice(0), write: (chunk) => chunks.push(Buffer.from(chunk)) },
    );
  } finally {
    reader.close();
  }
  return Buffer.concat(chunks);
}

/** Puts a dump into a pack of its own, durably. */
export async function storeAttributes(
  layout: StoreLayout,
  temporary: string,
  dump: Buffer,
): Promise<AttributesReference> {
  if (dump.length === 0) return null;
  const writer = new PackWriter({ temporary, packs: layout.packs }, "attributes", () => 0);
  const placed = writer.begin();
  for (let at = 0; at < dump.length; at += PackWriter.largestReservation) {
    const part = dump.subarray(at, at + PackWriter.largestReservation);
    const room = writer.reserve(part.length);
    part.copy(room.buffer, room.at);
    writer.advance(part.length);
  }
  const digest = createHash("sha256").update(dump).digest();
  writer.keep(placed, digest, dump.length);
  const [pack] = await writer.finish();
  if (pack === undefined) throw new Error("a pack that was written is not there");
  return { digest: digest.toString("hex"), size: dump.length, pack: pack.id, offset: placed.offset };
}

/** Why a dump cannot be there as it was, without reading it; null when nothing speaks against it. */
export function findAttributesDamage(layout: StoreLayout, reference: AttributesReference): string | null {
  if (reference === null) return null;
  const stats = statSync(join(layout.packs, packFileName(reference.pack)), { throwIfNoEntry: false });
  if (stats === undefined) return "the pack with its extended attributes is missing";
  return stats.size < reference.offset + reference.size ? "the pack with its extended attributes is cut short" : null;
}
