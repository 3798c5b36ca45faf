import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ensureDirectory, writeFileAtomically } from "../platform/atomic-file";
import { isAbsent } from "../platform/errors";
import type { Home } from "../runner/home";
import type { PointEntry } from "../snapshot/stores/store";
import { folderOf } from "./evidence";

const name = "drilled";
const keyBytes = 8;
const mostKeys = 1_000_000;

/** The start of a digest over source, path and content of a file: nobody can tell a name from it. */
export type FileKey = string;

/** The key of a file of a source; another content makes it another file. */
export function keyOfFile(source: string, { path, digest }: Pick<PointEntry, "path" | "digest">): FileKey {
  const hash = createHash("sha256").update(`${source}\0`).update(path).update(`\0${digest}`);
  return hash.digest().toString("latin1", 0, keyBytes);
}

/** The files that sampled drills of a target have restored, as far as they are remembered; none where nothing is. */
export async function readDrilledFiles(home: Home, id: string): Promise<ReadonlySet<FileKey>> {
  const keys = new Set<FileKey>();
  const bytes = await readRemembered(home, id);
  for (let at = 0; at + keyBytes <= bytes.length; at += keyBytes) keys.add(bytes.toString("latin1", at, at + keyBytes));
  return keys;
}

/** Remembers more files; of more than a million the oldest are forgotten. Only the holder of the id's lock may call this. */
export async function rememberDrilledFiles(
  home: Home,
  id: string,
  known: ReadonlySet<FileKey>,
  drilled: readonly FileKey[],
): Promise<void> {
  const keys = [...new Set([...known, ...drilled])].slice(-mostKeys);
  await ensureDirectory(folderOf(home, id));
  await writeFileAtomically(join(folderOf(home, id), name), Buffer.from(keys.join(""), "latin1"));
}

async function readRemembered(home: Home, id: string): Promise<Buffer> {
  try {
    return await readFile(join(folderOf(home, id), name));
  } catch (error) {
    if (isAbsent(error)) return Buffer.alloc(0);
    throw error;
  }
}
