import { z } from "zod";
import { parseJson } from "../../../platform/json";
import type { CaptureRequest, Fidelity, RecoveryPoint } from "../store";

/** The tags by which our snapshots are known among others of the repository. */
export const kindTags = {
  /** The captured tree. */
  data: "backup-posture",
  /** Written once a capture is complete: without it, the data is none of a recovery point. */
  header: "backup-posture-header",
  /** Packs that a verification found damaged, for the next capture to put right. */
  damage: "backup-posture-damage",
} as const;

/** The root folder itself: restic keeps what is in it. */
const rootSchema = z.object({
  mode: z.number(),
  user: z.number(),
  group: z.number(),
  /** Nanoseconds since 1970. */
  modifiedAt: z.string().regex(/^-?\d+$/),
});

/** What is to be known of a recovery point beside its tree. It stands in a tag, so that one look at the list tells all points. */
const headerSchema = z.object({
  format: z.literal(1),
  schedule: z.string(),
  source: z.string(),
  set: z.object({ id: z.string(), sources: z.array(z.string()) }),
  owner: z.string().nullable(),
  pinnedBy: z.string().nullable(),
  startedAt: z.iso.datetime(),
  completedAt: z.iso.datetime(),
  files: z.number(),
  directories: z.number(),
  links: z.number(),
  /** Devices, pipes and sockets, which restic keeps, and a recovery point does not. */
  special: z.number(),
  bytes: z.number(),
  addedBytes: z.number(),
  /** restic's hash of the tree's root: names, attributes and content of everything below it. */
  tree: z.string(),
  attributes: z.boolean(),
  skipped: z.number(),
  warnings: z.array(z.object({ path: z.string(), why: z.string() })),
  root: rootSchema,
});

/** See {@link headerSchema}. */
export type Header = z.infer<typeof headerSchema>;

/** Longer ones lose warnings: one argument of a command has its limit. */
const longestHeader = 60_000;

/** A header that one argument of a command can hold. */
export function shortenHeader(header: Header): Header {
  let short = header;
  while (short.warnings.length > 0 && JSON.stringify(short).length > longestHeader)
    short = { ...short, warnings: short.warnings.slice(0, Math.floor(short.warnings.length / 2)) };
  return short;
}

export function toHeaderTags(dataId: string, header: string): readonly string[] {
  return [kindTags.header, `of=${dataId}`, `header=${Buffer.from(header).toString("base64url")}`];
}

/** The header of a snapshot's tags, and the data it belongs to; null where they do not hold one that is whole. */
export function readHeaderTags(
  tags: readonly string[],
): { readonly of: string; readonly header: Header | null } | null {
  const of = findTag(tags, "of");
  const encoded = findTag(tags, "header");
  if (of === undefined || encoded === undefined) return null;
  const parsed = headerSchema.safeParse(parseJson(Buffer.from(encoded, "base64url").toString("utf8")));
  return { of, header: parsed.success ? parsed.data : null };
}

/** What people who list the repository by restic itself see of a point. */
export function toDataTags(request: CaptureRequest): readonly string[] {
  const pinned = request.pinnedBy === undefined ? [] : [`pinned=${encode(request.pinnedBy)}`];
  return [
    kindTags.data,
    `schedule=${encode(request.schedule)}`,
    `source=${encode(request.source)}`,
    `set=${encode(request.set.id)}`,
    ...pinned,
  ];
}

/** The value of a `name=value` tag. */
export function findTag(tags: readonly string[], name: string): string | undefined {
  const tag = tags.find((each) => each.startsWith(`${name}=`));
  return tag === undefined ? undefined : decodeURIComponent(tag.slice(name.length + 1));
}

/** restic takes a comma for the end of a tag. */
function encode(value: string): string {
  return value.replace(/[,%\s]/g, encodeURIComponent);
}

export function toPoint(id: string, header: Header, damage: string | null): RecoveryPoint {
  return {
    id,
    schedule: header.schedule,
    source: header.source,
    set: header.set,
    owner: header.owner,
    pinnedBy: header.pinnedBy,
    startedAt: new Date(header.startedAt),
    completedAt: new Date(header.completedAt),
    files: header.files,
    directories: header.directories,
    links: header.links,
    bytes: header.bytes,
    addedBytes: header.addedBytes,
    digest: header.tree,
    fidelity: toFidelity(header),
    damage,
  };
}

function toFidelity({ attributes, skipped, warnings }: Header): Fidelity {
  return {
    modes: attributes,
    owners: attributes,
    acls: attributes,
    extendedAttributes: attributes,
    encrypted: true,
    skipped,
    warnings,
  };
}
