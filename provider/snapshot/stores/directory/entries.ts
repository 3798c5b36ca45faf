import { setImmediate as nextTurn } from "node:timers/promises";
import { PostureError } from "../../../platform/errors";
import type { PointEntry, PointId } from "../store";
import { parseDump } from "./attribute-dump";
import { type BytePath, joinPath } from "./byte-path";
import { DamageError } from "./damage";
import type { StoreLayout } from "./layout";
import { type Attributes, type BlockCursor, entryKinds } from "./manifest-format";
import { requireManifest } from "./point-access";
import { checkEntry, VisitedDirectories } from "./point-content";
import { readTrustedHeader } from "./point-header";
import { readAttributes } from "./stored-attributes";

/** Everything that a point holds: each directory is followed by its entries in the order of their bytes, and each of those by what it holds. */
export async function* listEntries(layout: StoreLayout, id: PointId, signal: AbortSignal): AsyncGenerator<PointEntry> {
  const { manifest, damage } = requireManifest(layout, id);
  try {
    if (damage !== null) throw new DamageError(damage);
    const visited = new VisitedDirectories(manifest.directoryCount);
    visited.visit(0);
    const root = manifest.block(0);
    const extended = readExtendedAttributes(layout, id);
    yield toDirectory("", root.own, extended);
    const open: { readonly path: BytePath; readonly entries: BlockCursor }[] = [{ path: "", entries: root }];
    let count = 0;
    for (let current = open.at(-1); current !== undefined; current = open.at(-1)) {
      if (++count % 1_024 === 0) await nextTurn(undefined, { signal });
      const { path, entries } = current;
      if (!entries.next()) {
        open.pop();
        continue;
      }
      checkEntry(manifest, entries);
      const inner = joinPath(path, entries.name);
      if (entries.kind !== entryKinds.directory) {
        yield toEntry(inner, entries, extended);
        continue;
      }
      visited.visit(entries.directory);
      const block = manifest.block(entries.directory);
      yield toDirectory(inner, block.own, extended);
      open.push({ path: inner, entries: block });
    }
  } catch (error) {
    if (!(error instanceof DamageError)) throw error;
    throw new PostureError(
      "permanent",
      `${layout.root}: recovery point ${id} is damaged: ${error.message}; backup-posture verify names what is affected`,
      {
        cause: error,
      },
    );
  } finally {
    manifest.close();
  }
}

type ExtendedAttributes = ReadonlyMap<BytePath, readonly string[]>;

function readExtendedAttributes(layout: StoreLayout, id: PointId): ExtendedAttributes {
  const dump = readAttributes(layout, readTrustedHeader(layout, id)?.attributes ?? null);
  return new Map([...parseDump(dump.toString("latin1"))].map(({ path, lines }) => [path, lines]));
}

function toDirectory(path: BytePath, own: Attributes, extended: ExtendedAttributes): PointEntry {
  return { ...common(path, own, extended), kind: "directory", size: 0, digest: "", target: null };
}

function toEntry(path: BytePath, entry: BlockCursor, extended: ExtendedAttributes): PointEntry {
  const shared = common(path, entry.attributes, extended);
  if (entry.kind === entryKinds.link)
    return { ...shared, kind: "link", size: 0, digest: "", target: Buffer.from(entry.target, "latin1") };
  return { ...shared, kind: "file", size: entry.size, digest: entry.digest.toString("hex"), target: null };
}

function common(
  path: BytePath,
  attributes: Attributes,
  extended: ExtendedAttributes,
): Pick<PointEntry, "path" | "mode" | "owner" | "modifiedAt" | "extendedAttributes"> {
  const { seconds, nanoseconds } = attributes.modified;
  return {
    path: Buffer.from(path, "latin1"),
    mode: attributes.mode,
    owner: { user: attributes.user, group: attributes.group },
    extendedAttributes: extended.get(path) ?? [],
    modifiedAt: BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds),
  };
}
