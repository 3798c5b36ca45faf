import { readdir, realpath } from "node:fs/promises";
import { isAbsolute, relative, sep } from "node:path";
import { isShareAddress } from "../declaration/azure-share";
import { now } from "../platform/clock";
import { formatMilliseconds, toMilliseconds } from "../platform/durations";
import { isAbsent, PostureError } from "../platform/errors";
import { measureSkew } from "../snapshot/sets";
import { folderOfStore } from "../snapshot/stores/schema";
import type { RecoveryPoint, Tree } from "../snapshot/stores/store";
import type { SourceDeclaration } from "../sources/schema";
import { storesOf } from "./places";
import type { RunContext } from "./run-context";
import { openStaging } from "./staging";

/**
 * Captures every source of a schedule, one after the other in order of their names, and verifies what was taken. The set
 * is whole once the last of its points is listed by the store.
 *
 * @throws when anything of it fails; points taken until then stand in the store, and the caller forgets them.
 */
export async function captureSet(context: RunContext): Promise<CapturedSet> {
  const earlier = await context.store.list({ schedule: context.job.id }, context.options.signal);
  const points: RecoveryPoint[] = [];
  const notes: string[] = [];
  for (const [name, declaration] of listSources(context)) {
    const captured = await captureSource(context, name, declaration, earlier);
    points.push(captured.point);
    notes.push(...captured.notes);
  }
  refuseSkew(context, points);
  for (const point of points) await verifyPoint(context, point);
  return { points, notes };
}

/** The recovery points of one run, and what its sources had to say of how they came about. */
export interface CapturedSet {
  readonly points: readonly RecoveryPoint[];
  readonly notes: readonly string[];
}

async function captureSource(
  context: RunContext,
  name: string,
  declaration: SourceDeclaration,
  earlier: readonly RecoveryPoint[],
): Promise<{ readonly point: RecoveryPoint; readonly notes: readonly string[] }> {
  const { job, run, store, drivers, options, home } = context;
  const last = earlier.findLast((point) => point.source === name && point.damage === null);
  const totals = last === undefined ? {} : { totalFiles: last.files, totalBytes: last.bytes };
  options.onProgress?.({ step: "capture", subject: name, files: 0, bytes: 0, ...totals });
  const startedAt = now();
  const staging = openStaging(home, job.id, name);
  const { tree, notes = [] } = await drivers.openSource(declaration).gather(staging, options.signal);
  await refuseStoreWithin(context, name, tree);
  const accepts = { empty: options.acceptEmpty === true, last, notes };
  if (!isShareAddress(tree.root) && (await readdir(tree.root)).length === 0) refuseEmptied(name, accepts);
  const point = await store.capture(
    {
      schedule: job.id,
      source: name,
      set: { id: run, sources: listSources(context).map(([source]) => source) },
      owner: job.owner,
      startedAt,
      tree,
      onProgress: (progress) => options.onProgress?.({ step: "capture", subject: name, ...totals, ...progress }),
    },
    options.signal,
  );
  if (point.files === 0 && isShareAddress(tree.root)) refuseEmptied(name, accepts);
  refuseUnreadable(name, point);
  return { point, notes };
}

/** Files that could not be read are warnings; a source of which none could be read is a failure. */
function refuseUnreadable(name: string, point: RecoveryPoint): void {
  if (point.files > 0 || point.fidelity.skipped === 0) return;
  throw new PostureError(
    "permanent",
    `source ${name}: none of its ${point.fidelity.skipped} files could be read; grant the runner's account read access`,
  );
}

/** An empty folder where files were is more likely a mount that is missing than a share that was cleared. */
function refuseEmptied(
  name: string,
  {
    empty,
    last,
    notes,
  }: { readonly empty: boolean; readonly last: RecoveryPoint | undefined; readonly notes: readonly string[] },
): void {
  if (empty || last === undefined || last.files === 0) return;
  const why = notes.length === 0 ? "if it is not mounted, mount it" : notes.join("; ");
  throw new PostureError(
    "permanent",
    `source ${name}: is empty, and its last recovery point holds ${last.files} files; ${why}; if it is meant to be empty, run once with --accept-empty`,
  );
}

/** A store below the tree that it keeps would copy itself, more with every run. */
async function refuseStoreWithin({ job, home }: RunContext, name: string, tree: Tree): Promise<void> {
  if (isShareAddress(tree.root)) return;
  for (const [what, path] of [
    ...storesOf(job).map((store) => ["store", folderOfStore(store)] as const),
    ["posture home", home.root] as const,
  ]) {
    if (path !== null && isWithin(tree.root, await resolveIfPresent(path))) {
      throw new PostureError(
        "permanent",
        `source ${name}: the ${what} ${path} lies within it and would be copied into itself; move it elsewhere`,
      );
    }
  }
}

function refuseSkew({ job }: RunContext, points: readonly RecoveryPoint[]): void {
  const { maxSkew } = job.declaration;
  const skew = measureSkew(points);
  if (maxSkew === undefined || skew <= toMilliseconds(maxSkew)) return;
  throw new PostureError(
    "permanent",
    `the captures began ${formatMilliseconds(skew)} apart, and maxSkew is ${maxSkew}`,
  );
}

async function verifyPoint({ store, options }: RunContext, point: RecoveryPoint): Promise<void> {
  options.onProgress?.({ step: "verify", subject: point.source, files: 0, bytes: 0 });
  const { damagedFiles } = await store.verify(point.id, "metadata", options.signal);
  if (damagedFiles > 0)
    throw new PostureError(
      "permanent",
      `source ${point.source}: its new recovery point does not verify, ${damagedFiles} files are damaged`,
    );
}

function listSources({ job }: RunContext): readonly (readonly [string, SourceDeclaration])[] {
  return Object.entries(job.declaration.sources).sort(([a], [b]) => (a < b ? -1 : 1));
}

async function resolveIfPresent(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (isAbsent(error)) return path;
    throw error;
  }
}

function isWithin(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
