import { PostureError } from "../../../platform/errors";
import type { PointId, RecoveryPoint } from "../store";
import { DamageError } from "./damage";
import type { StoreLayout } from "./layout";
import { type Manifest, openManifest } from "./manifest";
import { manifestPath, parseIdentity, readPoint, readTrustedHeader } from "./point-header";

/** A point that exists, with whatever is known of it. @throws PostureError `permanent` for an unknown id. */
export function requirePoint(layout: StoreLayout, id: PointId): RecoveryPoint {
  const point = readPoint(layout, id);
  if (point === null)
    throw new PostureError(
      "permanent",
      `${layout.root}: holds no recovery point ${id}; backup-posture list shows those it holds`,
    );
  return point;
}

/** A point's manifest, with what is wrong with it as a whole: its blocks may still be good. @throws DamageError when it cannot be read at all. */
export function openPointManifest(
  layout: StoreLayout,
  id: PointId,
): { readonly manifest: Manifest; readonly damage: string | null } {
  const manifest = openManifest(manifestPath(layout, id));
  const header = readTrustedHeader(layout, id);
  if (header === null) return { manifest, damage: "the point's header is changed" };
  if (header.manifestSize !== manifest.size) return { manifest, damage: "the manifest does not have the size it had" };
  return { manifest, damage: header.digest === manifest.digest ? null : "the manifest is changed" };
}

/**
 * As `openPointManifest`, for those who cannot go on without. Another point's manifest in this one's place is refused.
 *
 * @throws PostureError `permanent` for an unknown id, and for a manifest that cannot be read.
 */
export function requireManifest(
  layout: StoreLayout,
  id: PointId,
): { readonly manifest: Manifest; readonly damage: string | null } {
  requirePoint(layout, id);
  try {
    const opened = openPointManifest(layout, id);
    if (opened.damage === null || isOwnManifest(layout, id, opened.manifest)) return opened;
    opened.manifest.close();
    throw new DamageError("its manifest is another point's");
  } catch (error) {
    if (!(error instanceof DamageError)) throw error;
    throw new PostureError(
      "permanent",
      `${layout.root}: recovery point ${id} cannot be read: ${error.message}; choose another point`,
      { cause: error },
    );
  }
}

/** Whether the manifest speaks of the same capture as the header; where the header is lost, nothing says otherwise. */
function isOwnManifest(layout: StoreLayout, id: PointId, manifest: Manifest): boolean {
  const header = readTrustedHeader(layout, id);
  const identity = parseIdentity(manifest.identity);
  if (header === null || identity === null) return true;
  return (
    identity.schedule === header.schedule &&
    identity.source === header.source &&
    identity.startedAt.getTime() === header.startedAt.getTime()
  );
}
