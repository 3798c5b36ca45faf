import { randomUUID } from "node:crypto";
import { mkdir, readdir, realpath, rm } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { ensureDirectory } from "../../../platform/atomic-file";
import { showPath } from "../../../platform/display";
import { PostureError } from "../../../platform/errors";
import { toSelection } from "../directory/restore-selection";
import { explainRestoreFailure } from "../restore-failure";
import type { CaptureWarning, PointId, RestoreRequest, RestoreResult } from "../store";
import { findReason } from "./failure";
import { countRestored, dropRestored, isRestored, moveInPlace, setRoot } from "./place-restored";
import type { Restic } from "./restic";
import { requireStored, type StoredPoint } from "./snapshots";

const mostWarnings = 100;

/**
 * Restores a point, or parts of it: restic writes into a fresh folder within the target, and only what it has restored whole is then moved to its
 * place. So nothing is written through links that stand in the target, and what is damaged is left out.
 */
export async function restorePoint(
  restic: Restic,
  id: PointId,
  request: RestoreRequest,
  signal: AbortSignal,
): Promise<RestoreResult> {
  const paths = request.only === undefined ? null : toSelection(request.only).paths;
  const only = paths === null || paths.includes("") ? null : paths;
  const stored = await requireStored(restic, id, signal);
  if (!stored.readable) throw describeDamage(restic, id, [{ path: ".", why: stored.point.damage ?? "" }]);
  const target = await prepareTarget(request);
  const staged = join(target, `.backup-posture-${randomUUID()}`);
  try {
    await mkdir(staged, { mode: 0o700 });
    return await restoreStaged(restic, stored, { request, target, staged, only }, signal);
  } catch (error) {
    throw explainRestoreFailure(request.to, error);
  } finally {
    await rm(staged, { recursive: true, force: true });
  }
}

interface Restoration {
  readonly request: RestoreRequest;
  readonly target: string;
  readonly staged: string;
  readonly only: readonly string[] | null;
}

async function restoreStaged(
  restic: Restic,
  stored: StoredPoint,
  { request, target, staged, only }: Restoration,
  signal: AbortSignal,
): Promise<RestoreResult> {
  const { id } = stored.point;
  const { damaged, warnings } = await runRestore(restic, id, staged, only, signal);
  for (const { path } of damaged) await dropRestored(staged, path);
  for (const path of only ?? [])
    if (!(await isRestored(staged, path)) && !damaged.some((each) => isAt(each.path, path)))
      throw new PostureError(
        "usage",
        `${showPath(Buffer.from(path, "latin1"))}: recovery point ${id} holds nothing of this name`,
      );
  const { header } = stored;
  const isKnown = only === null && damaged.length === 0 && header?.special === 0;
  const counts = isKnown ? { ...header, directories: header.directories - 1 } : await countRestored(staged, signal);
  await moveInPlace(staged, target, signal);
  request.onProgress?.({ files: counts.files, bytes: counts.bytes });
  const rootWarnings = only === null && header !== null ? await setRoot(target, header.root) : [];
  if (damaged.length > 0) throw describeDamage(restic, id, damaged.map(show));
  return {
    files: counts.files,
    directories: counts.directories + 1,
    links: counts.links,
    bytes: counts.bytes,
    warnings: [...warnings.map(show), ...rootWarnings].slice(0, mostWarnings),
  };
}

async function prepareTarget(request: RestoreRequest): Promise<string> {
  if (!isAbsolute(request.to))
    throw new PostureError("usage", `${request.to}: the place to restore to must be an absolute path`);
  try {
    await ensureDirectory(request.to);
    const target = await realpath(request.to);
    if (request.overwrite !== true && (await readdir(target)).length > 0)
      throw new PostureError("conflict", `${request.to}: is not empty; choose an empty place, or ask for overwriting`);
    return target;
  } catch (error) {
    throw explainRestoreFailure(request.to, error);
  }
}

/** A path below the root, as bytes, each a character. */
interface Remark {
  readonly path: string;
  readonly why: string;
}

interface Restored {
  readonly damaged: readonly Remark[];
  readonly warnings: readonly Remark[];
}

const remarkStart = Buffer.from("ignoring error for ").toString("latin1");

/** What the account or the place cannot take is a warning; everything else that restic reports of a file is damage. */
const unsettable = /xattr|lchown|chown|chmod|operation not (?:supported|permitted)/i;

async function runRestore(
  restic: Restic,
  id: PointId,
  staged: string,
  only: readonly string[] | null,
  signal: AbortSignal,
): Promise<Restored> {
  const includes = (only ?? []).flatMap((path) => ["--include", `/${escapePattern(path)}`]);
  const restore = {
    what: `a restore of ${id.slice(0, 8)}`,
    arguments: ["restore", id, "--target", staged, ...includes],
    lock: "reading",
  } as const;
  const lines: string[] = [];
  const completed = await restic.tryToRun({ ...restore, onErrorLine: (line) => lines.push(line) }, signal);
  if (completed.exitCode === 0) return { damaged: [], warnings: [] };
  const reason = findReason(completed.exitCode, completed.stderr);
  const remarks: Remark[] = [];
  for (const line of lines) {
    if (!line.startsWith(remarkStart)) continue;
    remarks.push(await readRemark(staged, Buffer.from(line.slice(remarkStart.length)).toString("latin1")));
  }
  if (remarks.length === 0 || reason === "full") throw restic.explain(restore, completed);
  const damaged = remarks.filter(({ why }) => !unsettable.test(why));
  return {
    damaged: [...new Map(damaged.map((each) => [each.path, each])).values()],
    warnings: remarks.filter(({ why }) => unsettable.test(why)),
  };
}

/** `/path: reason`, where both may hold colons: the longest path that is there counts. */
async function readRemark(staged: string, text: string): Promise<Remark> {
  const ends = [...text.matchAll(/: /g)].map(({ index }) => index).reverse();
  for (const end of ends) {
    const path = text.slice(1, end);
    if (await isRestored(staged, path)) return { path, why: text.slice(end + 2) };
  }
  const first = ends.at(-1) ?? text.length;
  return { path: text.slice(1, first), why: text.slice(first + 2) };
}

function isAt(path: string, root: string): boolean {
  return path === root || path.startsWith(`${root}/`);
}

/** restic takes what is included for a pattern. */
function escapePattern(path: string): string {
  return Buffer.from(path.replace(/[*?[\]\\]/g, "\\$&"), "latin1").toString("utf8");
}

function show({ path, why }: Remark): CaptureWarning {
  const reason = unsettable.test(why) ? "its attributes could not all be set here by this account" : "is damaged";
  return { path: showPath(Buffer.from(path, "latin1")), why: reason };
}

function describeDamage(restic: Restic, id: PointId, damaged: readonly CaptureWarning[]): PostureError {
  const [first] = damaged;
  const more = damaged.length > 1 ? ` (+${damaged.length - 1} more)` : "";
  const what = first === undefined ? "something" : `${first.path}: ${first.why}`;
  return new PostureError(
    "permanent",
    `${restic.subject}: recovery point ${id} is damaged: ${what}${more}; everything else was restored; backup-posture verify names all that is affected`,
  );
}
