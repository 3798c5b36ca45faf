import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import { z } from "zod";
import { parseJson } from "../../../platform/json";
import type { PointId } from "../store";

/** One entry of a manifest. The root is the directory with the empty path. */
export interface ManifestEntry {
  readonly kind: "file" | "directory";
  /** Relative to the tree's root. */
  readonly path: string;
  /** Milliseconds since 1970: what the service's lists tell. */
  readonly modified: number;
  /** Files only. */
  readonly size: number;
  /** SHA-256 of a file's content in hex; empty for directories. */
  readonly digest: string;
  /** Changes with every change of a file, as the service tells; empty where it does not, and for directories. */
  readonly version: string;
}

const format = "backup-posture azure-files manifest";
const whole = z.number().int().nonnegative();
const milliseconds = z.number().int();

/** `["d", path, modified]` or `["f", path, modified, size, digest, version]`. */
const lineSchema = z.union([
  z.tuple([z.literal("d"), z.string(), milliseconds]),
  z.tuple([z.literal("f"), z.string(), milliseconds, whole, z.string().regex(/^[0-9a-f]{64}$/), z.string()]),
]);
const headSchema = z.object({ format: z.literal(format), version: z.literal(1), point: z.string() });

/** A manifest, compressed, and the SHA-256 of what it says. */
export interface WrittenManifest {
  readonly content: Buffer;
  readonly digest: string;
}

/** Writes a manifest: a line that says what it is, then one an entry, in the order in which the store lists entries. */
export async function writeManifest(point: PointId, entries: readonly ManifestEntry[]): Promise<WrittenManifest> {
  const text = `${[JSON.stringify({ format, version: 1, point }), ...entries.map(toLine)].join("\n")}\n`;
  const bytes = Buffer.from(text);
  return { content: await promisify(gzip)(bytes), digest: createHash("sha256").update(bytes).digest("hex") };
}

/** What a manifest holds; or why it cannot be trusted. */
export type ReadManifest = { readonly entries: readonly ManifestEntry[] } | { readonly damage: string };

/** @param digest that of the point's header. */
export async function readManifest(content: Buffer, digest: string): Promise<ReadManifest> {
  const bytes = await unpack(content);
  if (bytes === null || createHash("sha256").update(bytes).digest("hex") !== digest)
    return { damage: "its manifest is not as it was written" };
  const [head, ...lines] = bytes.toString("utf8").trimEnd().split("\n");
  if (!headSchema.safeParse(parseJson(head ?? "")).success) return { damage: "its manifest is of an unknown format" };
  const entries = lines.map(readLine);
  return entries.every((entry) => entry !== null) ? { entries } : { damage: "its manifest cannot be read" };
}

/** What a capture that was broken off had found out: entries without order, each by itself. */
export async function readCheckpoint(content: Buffer): Promise<readonly ManifestEntry[]> {
  const lines = (await unpack(content))?.toString("utf8").split("\n") ?? [];
  return lines.map(readLine).filter((entry) => entry !== null);
}

export async function writeCheckpoint(entries: readonly ManifestEntry[]): Promise<Buffer> {
  return promisify(gzip)(Buffer.from(entries.map(toLine).join("\n")));
}

async function unpack(content: Buffer): Promise<Buffer | null> {
  try {
    return await promisify(gunzip)(content);
  } catch {
    return null;
  }
}

function toLine(entry: ManifestEntry): string {
  return JSON.stringify(
    entry.kind === "directory"
      ? ["d", entry.path, entry.modified]
      : ["f", entry.path, entry.modified, entry.size, entry.digest, entry.version],
  );
}

function readLine(line: string): ManifestEntry | null {
  const parsed = lineSchema.safeParse(parseJson(line));
  if (!parsed.success || !staysWithin(parsed.data[1])) return null;
  if (parsed.data[0] === "d") {
    const [, path, modified] = parsed.data;
    return { kind: "directory", path, modified, size: 0, digest: "", version: "" };
  }
  const [, path, modified, size, digest, version] = parsed.data;
  return { kind: "file", path, modified, size, digest, version };
}

/** What is restored stays within the place that it is restored to. */
function staysWithin(path: string): boolean {
  return (
    path === "" || path.split("/").every((name) => name !== "" && name !== "." && name !== ".." && !/[\\\0]/.test(name))
  );
}
