import type { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { z } from "zod";
import { now } from "../../../platform/clock";
import { showPath } from "../../../platform/display";
import type { Completed } from "../../../platform/processes";
import type { PointId, Verification, VerificationDepth } from "../store";
import { writeNote } from "./capture";
import { findReason } from "./failure";
import { kindTags } from "./header";
import { canRepairPacks, type Restic } from "./restic";
import { type Contents, readContents, requireOf, type StoredPoint } from "./snapshots";

const mostDamaged = 1_000;
/** Files whose pack is damaged are read one by one, to tell which of them are: each takes a command. */
const readOneByOne = 200;
const idsPerNote = 100;

/**
 * `metadata`: the point's own snapshots, the structure of the repository, and presence and size of its packs, trees by way of this host's cache
 * where the repository is on another. `content`: everything that the point needs is read from the repository. What is found is noted there for
 * the next capture.
 */
export async function verifyPoint(
  restic: Restic,
  id: PointId,
  depth: VerificationDepth,
  signal: AbortSignal,
): Promise<Verification> {
  const contents = await readContents(restic, signal);
  const stored = requireOf(restic, contents, id);
  const findings = new Findings(id, depth);
  const whole = stored.point.damage ?? (await findUnreadable(restic, stored, depth, signal));
  if (whole !== null) {
    findings.add(".", whole);
    return findings.toVerification(stored);
  }
  if (depth === "content" && (await readsWhole(restic, stored, signal))) return findings.toVerification(stored);
  const { missing, damaged } = await findBadPacks(restic, depth, signal);
  await noteDamage(restic, contents, missing, damaged, signal);
  for (const path of await findFilesOf(restic, id, missing, signal))
    findings.add(path, "part of its content is missing");
  const suspects = (await findFilesOf(restic, id, damaged, signal)).filter((path) => !findings.has(path));
  for (const [index, path] of suspects.entries())
    if (index >= readOneByOne || !(await readsFile(restic, id, path, signal)))
      findings.add(path, "part of its content is damaged");
  if (depth === "content" && findings.count === 0) findings.add(".", "its content cannot be read");
  return findings.toVerification(stored);
}

/** Why the point cannot be looked into at all. */
async function findUnreadable(
  restic: Restic,
  { snapshots, point }: StoredPoint,
  depth: VerificationDepth,
  signal: AbortSignal,
): Promise<string | null> {
  for (const snapshot of restic.folder === null ? snapshots : []) {
    const what = { what: "reading a snapshot", arguments: ["cat", "snapshot", snapshot], lock: "none" } as const;
    const read = await restic.tryToRun(what, signal);
    if (read.exitCode !== 0) return requireDamage(restic, what, read, "its snapshot cannot be read");
  }
  if (depth === "content") return null;
  const what = `listing ${point.id.slice(0, 8)}`;
  const list = { what, arguments: ["ls", "--json", point.id], lock: "none", cache: true } as const;
  const listed = await restic.tryToRun({ ...list, onOutput: drain }, signal);
  return listed.exitCode === 0 ? null : requireDamage(restic, list, listed, "the list of its files cannot be read");
}

async function readsWhole(restic: Restic, { point }: StoredPoint, signal: AbortSignal): Promise<boolean> {
  const what = `reading ${point.id.slice(0, 8)}`;
  const dump = { what, arguments: ["dump", "--archive", "tar", point.id, "/"], lock: "reading" } as const;
  const dumped = await restic.tryToRun({ ...dump, onOutput: drain }, signal);
  if (dumped.exitCode === 0) return true;
  requireDamage(restic, dump, dumped, "");
  return false;
}

async function readsFile(restic: Restic, id: PointId, path: string, signal: AbortSignal): Promise<boolean> {
  const dump = { what: `reading ${id.slice(0, 8)}`, arguments: ["dump", id, `/${path}`], lock: "reading" } as const;
  return (await restic.tryToRun({ ...dump, onOutput: drain }, signal)).exitCode === 0;
}

/** What failed because of the store's state rather than of what it holds, is thrown. */
function requireDamage(restic: Restic, what: { readonly what: string }, completed: Completed, damage: string): string {
  const reason = findReason(completed.exitCode, `${completed.stderr}\n${completed.stdout}`);
  if (reason !== "damaged" && reason !== "unknown") throw restic.explain(what, completed);
  return damage;
}

interface BadPacks {
  readonly missing: readonly string[];
  readonly damaged: readonly string[];
}

/** Looks without a lock first; what is found then may come from a prune that goes on, and is looked at again alone. */
async function findBadPacks(restic: Restic, depth: VerificationDepth, signal: AbortSignal): Promise<BadPacks> {
  const options = depth === "content" ? ["--read-data"] : restic.folder === null ? ["--with-cache"] : [];
  const check = {
    what: "checking the repository",
    arguments: ["check", ...options],
    cache: depth === "metadata",
    results: [1],
  };
  for (const lock of ["none", "exclusive"] as const) {
    const checked = await checkOnce(restic, { ...check, lock }, signal);
    if (checked === null) return { missing: [], damaged: [] };
    if (lock === "exclusive") return checked;
  }
  return { missing: [], damaged: [] };
}

async function checkOnce(
  restic: Restic,
  check: Parameters<Restic["tryToRun"]>[0],
  signal: AbortSignal,
): Promise<BadPacks | null> {
  const completed = await restic.tryToRun(check, signal);
  if (completed.exitCode === 0) return null;
  const text = `${completed.stdout}\n${completed.stderr}`;
  const missing = matchIds(text, /pack ([0-9a-f]{64}):? does not exist/g);
  const damaged = [
    ...matchIds(text, /pack ([0-9a-f]{64})/gi),
    ...matchIds(text, /want ([0-9a-f]{64})/g),
    ...matchIds(text, /repair packs ([0-9a-f ]{64,})/g).flatMap((ids) => ids.split(" ")),
  ].filter((pack) => !missing.includes(pack));
  if (missing.length + damaged.length === 0) requireDamage(restic, check, completed, "");
  return { missing: [...new Set(missing)], damaged: [...new Set(damaged)] };
}

function matchIds(text: string, pattern: RegExp): readonly string[] {
  return [...text.matchAll(pattern)].flatMap(([, id]) => (id === undefined ? [] : [id]));
}

const foundSchema = z.array(z.object({ path: z.string() }));

/** The files of a point that have content in one of these packs. */
async function findFilesOf(
  restic: Restic,
  id: PointId,
  packs: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (packs.length === 0) return [];
  const find = ["find", "--json", "--snapshot", id, "--pack", ...packs];
  const { stdout } = await restic.run({ what: "finding what is damaged", arguments: find, lock: "none" }, signal);
  const found = foundSchema.parse(JSON.parse(stdout.trim() === "" ? "[]" : stdout));
  return [...new Set(found.map(({ path }) => path.replace(/^\//, "")))].sort();
}

/** Notes nothing that is noted, or that no capture could heal. A repository that may only be read is left as it is. */
async function noteDamage(
  restic: Restic,
  { damage: noted }: Contents,
  missing: readonly string[],
  damaged: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  const healable = [...missing, ...((await canRepairPacks(signal)) ? damaged : [])]
    .filter((pack) => !noted.packs.includes(pack))
    .slice(0, idsPerNote);
  if (healable.length === 0) return;
  const tags = [kindTags.damage, ...healable.map((pack) => `pack=${pack}`)];
  const note = JSON.stringify({ packs: healable });
  try {
    await writeNote(restic, "backup-posture-damage.json", note, tags, now().toISOString(), signal);
  } catch (error) {
    if (!isForbidden(error)) throw error;
  }
}

function isForbidden(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof Error && findReason(1, error.cause.message) === "forbidden";
}

async function drain(output: Readable): Promise<void> {
  output.resume();
  await finished(output);
}

class Findings {
  readonly #paths = new Map<string, string>();

  constructor(
    readonly point: PointId,
    readonly depth: VerificationDepth,
  ) {}

  get count(): number {
    return this.#paths.size;
  }

  has(path: string): boolean {
    return this.#paths.has(path);
  }

  add(path: string, why: string): void {
    this.#paths.set(path, why);
  }

  toVerification({ point }: StoredPoint): Verification {
    const damaged = [...this.#paths].slice(0, mostDamaged).map(([path, why]) => ({ path: showPath(path), why }));
    const whole = this.#paths.has(".");
    return {
      point: this.point,
      depth: this.depth,
      files: whole ? 0 : Math.max(0, point.files - this.#paths.size),
      bytes: this.#paths.size === 0 ? point.bytes : 0,
      damagedFiles: this.#paths.size,
      damaged,
    };
  }
}
