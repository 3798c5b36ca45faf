import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { writeFileAtomically } from "../../../platform/atomic-file";
import { isAbsent, messageOf, PostureError } from "../../../platform/errors";
import { parseJson } from "../../../platform/json";
import type { PointId, RecoveryPoint } from "../store";
import type { StoreLayout } from "./layout";
import { openManifest } from "./manifest";

const instant = z.iso.datetime().transform((text) => new Date(text));
const count = z.number().int().nonnegative();

const identitySchema = z.object({
  schedule: z.string(),
  source: z.string(),
  set: z.object({ id: z.string(), sources: z.array(z.string()) }),
  owner: z.string().nullable(),
  pinnedBy: z.string().nullable(),
  startedAt: instant,
});

const headerSchema = identitySchema.extend({
  id: z.string(),
  completedAt: instant,
  files: count,
  directories: count,
  links: count,
  bytes: count,
  addedBytes: count,
  digest: z.string(),
  fidelity: z.object({
    modes: z.boolean(),
    owners: z.boolean(),
    acls: z.boolean(),
    extendedAttributes: z.boolean(),
    encrypted: z.boolean(),
    skipped: count,
    warnings: z.array(z.object({ path: z.string(), why: z.string() })),
  }),
  /** Size of the manifest in bytes. */
  manifestSize: count,
  /** The extended attributes and ACLs, as `getfattr --dump` writes them; null when there are none. */
  attributes: z.object({ digest: z.string(), size: count, pack: z.string(), offset: count }).nullable(),
});

/** What is said of a point at the beginning of its manifest too, so that it is known even when its header is lost. */
export type PointIdentity = z.infer<typeof identitySchema>;
/** Everything that a list says of a point, in a small file of its own. */
export type PointHeader = z.infer<typeof headerSchema>;

export function headerPath(layout: StoreLayout, id: PointId): string {
  return join(layout.points, `${id}.json`);
}

export function manifestPath(layout: StoreLayout, id: PointId): string {
  return join(layout.points, `${id}.manifest`);
}

/** The header's JSON on one line, and its SHA-256 on the next. This write makes a point exist. */
export async function writeHeader(layout: StoreLayout, header: PointHeader): Promise<void> {
  const text = JSON.stringify(header);
  await writeFileAtomically(headerPath(layout, header.id), `${text}\n${digestOfText(text)}\n`);
}

/** Oldest first by `startedAt`, then by id. Reads headers only. */
export function listPoints(layout: StoreLayout): readonly RecoveryPoint[] {
  const points: RecoveryPoint[] = [];
  for (const name of readPointsDirectory(layout)) {
    if (!name.endsWith(".json") || name.startsWith(".")) continue;
    const point = readPoint(layout, name.slice(0, -".json".length));
    if (point !== null) points.push(point);
  }
  return points.sort(compareStart);
}

/** One point as a list shows it, or null when there is none with this id. */
export function readPoint(layout: StoreLayout, id: PointId): RecoveryPoint | null {
  const text = readHeaderText(layout, id);
  if (text === null) return null;
  const { header, damage } = parseHeader(text);
  if (header === null) return pointWithoutHeader(layout, id, damage ?? "its header is changed");
  return toPoint({ ...header, id }, damage ?? findManifestDamage(layout, { ...header, id }));
}

/** A point's header, or null when there is none with this id, or none that can be trusted. */
export function readTrustedHeader(layout: StoreLayout, id: PointId): PointHeader | null {
  const text = readHeaderText(layout, id);
  if (text === null) return null;
  const { header, damage } = parseHeader(text);
  return damage === null ? header : null;
}

function compareStart(one: RecoveryPoint, other: RecoveryPoint): number {
  return one.startedAt.getTime() - other.startedAt.getTime() || (one.id < other.id ? -1 : 1);
}

function readPointsDirectory(layout: StoreLayout): readonly string[] {
  try {
    return readdirSync(layout.points);
  } catch (error) {
    throw new PostureError(
      "unreachable",
      `${layout.points}: the recovery points cannot be listed: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

function readHeaderText(layout: StoreLayout, id: PointId): string | null {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$/.test(id)) return null;
  try {
    return readFileSync(headerPath(layout, id), "utf8");
  } catch (error) {
    if (isAbsent(error)) return null;
    throw new PostureError("unreachable", `${headerPath(layout, id)}: cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function parseHeader(text: string): { readonly header: PointHeader | null; readonly damage: string | null } {
  const [json = ""] = text.split("\n", 1);
  const parsed = headerSchema.safeParse(parseJson(json));
  if (!parsed.success) return { header: null, damage: "its header is changed" };
  return { header: parsed.data, damage: text === `${json}\n${digestOfText(json)}\n` ? null : "its header is changed" };
}

function findManifestDamage(layout: StoreLayout, header: PointHeader): string | null {
  try {
    return statSync(manifestPath(layout, header.id)).size === header.manifestSize
      ? null
      : "its manifest does not have the size it had";
  } catch (error) {
    return isAbsent(error) ? "its manifest is missing" : `its manifest cannot be looked at: ${messageOf(error)}`;
  }
}

function toPoint(header: PointHeader, damage: string | null): RecoveryPoint {
  const { id, schedule, source, set, owner, pinnedBy, startedAt, completedAt } = header;
  const { files, directories, links, bytes, addedBytes, digest, fidelity } = header;
  const origin = { id, schedule, source, set, owner, pinnedBy, startedAt, completedAt };
  return { ...origin, files, directories, links, bytes, addedBytes, digest, fidelity, damage };
}

/** What the manifest still tells; a point of which nothing is known any more belongs to no schedule, and began in 1970. */
function pointWithoutHeader(layout: StoreLayout, id: PointId, damage: string): RecoveryPoint {
  const identity = readIdentity(layout, id);
  const known = identity ?? {
    schedule: "",
    source: "",
    set: { id: "", sources: [] },
    owner: null,
    pinnedBy: null,
    startedAt: new Date(0),
  };
  const counts = { files: 0, directories: 0, links: 0, bytes: 0, addedBytes: 0, digest: "" };
  const fidelity = {
    modes: false,
    owners: false,
    acls: false,
    extendedAttributes: false,
    encrypted: false,
    skipped: 0,
    warnings: [],
  };
  return { id, ...known, completedAt: known.startedAt, ...counts, fidelity, damage };
}

function readIdentity(layout: StoreLayout, id: PointId): PointIdentity | null {
  try {
    const manifest = openManifest(manifestPath(layout, id));
    manifest.close();
    return parseIdentity(manifest.identity);
  } catch {
    // Header and manifest are both unusable: the point is listed as damaged, with nothing else known of it.
    return null;
  }
}

/** What a manifest says of its point; null where that is damaged. */
export function parseIdentity(json: string): PointIdentity | null {
  const parsed = identitySchema.safeParse(parseJson(json));
  return parsed.success ? parsed.data : null;
}

function digestOfText(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}
