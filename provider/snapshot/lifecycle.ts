import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { without } from "../lifecycle/bag";
import type { Kind, Target } from "../lifecycle/kind";
import { formatInstant, now } from "../platform/clock";
import { PostureError } from "../platform/errors";
import { findJob, type SnapshotJob, writeJob } from "../runner/job";
import { observeSnapshot } from "../runner/observe";
import { openStaging } from "../runner/staging";
import { openSource } from "../sources";
import { snapshotShape } from "./defaults";
import { type SnapshotDeclaration, snapshotSchema } from "./schema";
import { openStore } from "./stores";
import type { Progress, RecoveryPoint, Store } from "./stores/store";

const controls = ["adopt"] as const;

/** The one source of a snapshot's recovery set. */
const sourceName = "share";

/** How often a capture says how far it is. */
const reportEveryMilliseconds = 5_000;

/** FileShareSnapshot's part of the lifecycle: one pinned recovery point, taken during `up`, and a job file that names it. */
export const snapshotKind: Kind<SnapshotDeclaration> = {
  jobKind: "snapshot",
  schema: snapshotSchema,
  keys: Object.keys(snapshotSchema.shape),
  shape: snapshotShape,
  controls,
  scheduler: () => null,
  starting: () => null,
  announce: () => [],
  refuse: async () => undefined,
  install,
  observe: async (view, id, known) => {
    const { job, gone, faults, point } = await observeSnapshot(view, id, known);
    const found = job.state === "present" && job.job.kind === "snapshot" ? job.job : null;
    const outputs = point === null ? {} : describePoint(point);
    return { gone, settings: found?.declaration ?? null, owner: found?.owner ?? null, faults, outputs };
  },
};

/**
 * Takes a point where there is none to rely on. The job is written before the capture, so that a killed engine leaves an
 * object that tells whose it is, and after it, with the point.
 */
async function install(target: Target<SnapshotDeclaration>): Promise<void> {
  const { view, id, declaration, previous } = target;
  const store = openStore(declaration.store);
  if (previous === null || !isDeepStrictEqual(previous.store, declaration.store)) await store.initialise(view.signal);
  const current = await findJob(view.home, id);
  const point = current.state === "present" && current.job.kind === "snapshot" ? current.job.point : null;
  if (previous !== null && isSameCapture(previous, declaration) && (await isReliable(target, point))) {
    await writeJob(view.home, toJob(target, point));
    return;
  }
  await writeJob(view.home, toJob(target, point));
  const taken = await capture(target, store);
  await requireVerified(target, store, taken);
  await writeJob(view.home, toJob(target, taken.id));
  if (previous === null || isSameCapture(previous, declaration)) await letGoOfOthers(target, store, taken);
  view.forgetPoints();
}

/** A change of what is captured, or where to, takes a new point and keeps the old: it holds other data. */
function isSameCapture(previous: SnapshotDeclaration, declaration: SnapshotDeclaration): boolean {
  return (["share", "store", "exclude"] as const).every((key) => isDeepStrictEqual(previous[key], declaration[key]));
}

/** Whether the point that there is keeps what the snapshot promises. The job's own state does not matter: it is written anew. */
async function isReliable(target: Target<SnapshotDeclaration>, point: string | null): Promise<boolean> {
  const { view, id, declaration, createdAt } = target;
  const seen = await observeSnapshot(view, id, { declaration, createdAt });
  const unreachable = seen.faults.find((fault) => fault.kind === "unreachable");
  if (unreachable !== undefined)
    throw new PostureError("unreachable", `${id}: ${unreachable.sentence}; nothing was captured`);
  if (seen.point === null || (point !== null && seen.point.id !== point)) return false;
  return seen.faults.every((fault) => fault.kind === "not installed");
}

async function capture(target: Target<SnapshotDeclaration>, store: Store): Promise<RecoveryPoint> {
  const { view, id, owner, declaration, report } = target;
  const source = openSource({ kind: "file-share", ...declaration.share, exclude: [...(declaration.exclude ?? [])] });
  report(`${id}: taking a recovery point of ${declaration.share.path}`);
  const { tree } = await source.gather(openStaging(view.home, id), view.signal);
  const point = await store.capture(
    {
      schedule: id,
      source: sourceName,
      set: { id: randomUUID(), sources: [sourceName] },
      owner,
      startedAt: now(),
      tree,
      pinnedBy: id,
      onProgress: reportNowAndThen(target),
    },
    view.signal,
  );
  report(
    `${id}: recovery point ${point.id}: ${point.files} files, ${point.bytes} bytes, ${point.fidelity.skipped} skipped`,
  );
  return point;
}

/** A point replaces another only when all of it was read back. */
async function requireVerified(target: Target<SnapshotDeclaration>, store: Store, point: RecoveryPoint): Promise<void> {
  const verification = await store.verify(point.id, "content", target.view.signal);
  if (verification.damagedFiles === 0) return;
  await store.forget([point.id], { releasePinsOf: target.id }, target.view.signal);
  throw new PostureError(
    "permanent",
    `${target.id}: the new recovery point could not be read back: ${verification.damagedFiles} files differ; the store's disk may be failing`,
  );
}

async function letGoOfOthers(target: Target<SnapshotDeclaration>, store: Store, taken: RecoveryPoint): Promise<void> {
  const points = await store.list({ schedule: target.id }, target.view.signal);
  const others = points
    .filter((point) => point.id !== taken.id && point.pinnedBy === target.id)
    .map((point) => point.id);
  if (others.length > 0) await store.forget(others, { releasePinsOf: target.id }, target.view.signal);
}

function toJob(target: Target<SnapshotDeclaration>, point: string | null): SnapshotJob {
  const { id, owner, incarnation, createdAt, declaration } = target;
  const settings = snapshotSchema.parse(without(declaration, ["id", "host", "home", ...controls]));
  return { format: 1, kind: "snapshot", id, owner, incarnation, createdAt, declaration: settings, point };
}

function describePoint(point: RecoveryPoint) {
  return {
    pointId: point.id,
    takenAt: formatInstant(point.startedAt),
    files: point.files,
    bytes: point.bytes,
    digest: point.digest,
  };
}

function reportNowAndThen({ id, report }: Target<SnapshotDeclaration>): (progress: Progress) => void {
  let last = performance.now();
  return (progress) => {
    if (performance.now() - last < reportEveryMilliseconds) return;
    last = performance.now();
    report(`${id}: ${progress.files} files, ${progress.bytes} bytes so far`);
  };
}
