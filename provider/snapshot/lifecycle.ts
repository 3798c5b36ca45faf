import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { findMisplacedShares } from "../declaration/azure-share";
import { without } from "../lifecycle/bag";
import type { Bag, Kind, Target } from "../lifecycle/kind";
import { formatInstant, now } from "../platform/clock";
import { PostureError } from "../platform/errors";
import type { Home } from "../runner/home";
import { type SnapshotJob, writeJob } from "../runner/job";
import { observeSnapshot } from "../runner/observe";
import { findForeignOwner } from "../runner/ownership";
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
  foresee,
  refuse: async () => undefined,
  install,
  observe: async (view, id, known) => {
    const { job, gone, faults, point } = await observeSnapshot(view, id, known);
    const found = job.state === "present" && job.job.kind === "snapshot" ? job.job : null;
    const outputs = point === null ? {} : describePoint(point);
    const { declaration: settings = null, owner = null, incarnation = null } = found ?? {};
    return { gone, settings, owner, incarnation, faults, outputs };
  },
};

const foreseenSchema = snapshotSchema.pick({ share: true, store: true }).strip();

function foresee(inputs: Bag): readonly string[] {
  const { data } = foreseenSchema.safeParse(inputs);
  return data === undefined ? [] : findMisplacedShares({ store: data.store, paths: { "share.path": data.share.path } });
}

/**
 * Takes a point where there is none to rely on. The job is written before the capture, so that a killed engine leaves an
 * object that tells whose it is, and after it, with the point. Only a point that was found old or damaged is let go, and only
 * for one that was read back; whatever else the store holds of this id stays.
 */
async function install(target: Target<SnapshotDeclaration>): Promise<void> {
  const { view, declaration, previous } = target;
  await refuseForeignHome(view.home);
  const store = openStore(declaration.store);
  if (previous === null || !isDeepStrictEqual(previous.store, declaration.store))
    await view.prepareStore(declaration.store);
  const standing =
    previous !== null && isSameCapture(previous, declaration)
      ? await findStanding(target)
      : { point: null, good: false };
  await writeJob(view.home, toJob(target, standing.point));
  if (standing.good) return;
  const taken = await capture(target, store);
  await requireReplacement(target, store, taken, standing.point);
  await writeJob(view.home, toJob(target, taken));
  if (standing.point !== null) await store.forget([standing.point.id], { releasePinsOf: target.id }, view.signal);
  view.forgetPoints();
}

/** `up` itself captures; what root put into another account's store, that account could neither verify nor prune. */
async function refuseForeignHome(home: Home): Promise<void> {
  if ((await findForeignOwner(home)) === null) return;
  throw new PostureError(
    "usage",
    `home: ${home.root} is that of another account, and a snapshot is taken by the one that deploys; declare another home and another store for it`,
  );
}

/** A change of what is captured, or where to, takes a new point and keeps the old: it holds other data. */
function isSameCapture(previous: SnapshotDeclaration, declaration: SnapshotDeclaration): boolean {
  return (["share", "store", "exclude"] as const).every((key) => isDeepStrictEqual(previous[key], declaration[key]));
}

/** The point that there is, and whether it keeps what the snapshot promises. The job's own state does not matter: it is written anew. */
async function findStanding(
  target: Target<SnapshotDeclaration>,
): Promise<{ point: RecoveryPoint | null; good: boolean }> {
  const { view, id, declaration, createdAt } = target;
  const { point, faults } = await observeSnapshot(view, id, { declaration, createdAt });
  const unreachable = faults.find((fault) => fault.kind === "unreachable");
  if (unreachable !== undefined)
    throw new PostureError("unreachable", `${id}: ${unreachable.sentence}; nothing was captured`);
  return { point, good: point !== null && faults.every((fault) => fault.kind === "not installed") };
}

async function capture(target: Target<SnapshotDeclaration>, store: Store): Promise<RecoveryPoint> {
  const { view, id, owner, declaration, report } = target;
  const source = openSource({ kind: "file-share", ...declaration.share, exclude: [...(declaration.exclude ?? [])] });
  report(`${id}: taking a recovery point of ${declaration.share.path}`);
  const { tree } = await source.gather(openStaging(view.home, id, sourceName), view.signal);
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

/**
 * Makes sure that a new point may stand in for the one before it: all of it can be read back, and it is not empty where that one
 * is not, which is more likely a mount that is missing than a share that was cleared.
 */
async function requireReplacement(
  target: Target<SnapshotDeclaration>,
  store: Store,
  taken: RecoveryPoint,
  standing: RecoveryPoint | null,
): Promise<void> {
  const fault = (await findFault(target, store, taken)) ?? findEmptying(target, taken, standing);
  if (fault === undefined) return;
  await store.forget([taken.id], { releasePinsOf: target.id }, target.view.signal);
  throw new PostureError("permanent", `${target.id}: ${fault}`);
}

async function findFault(
  { view }: Target<SnapshotDeclaration>,
  store: Store,
  taken: RecoveryPoint,
): Promise<string | undefined> {
  const { damagedFiles } = await store.verify(taken.id, "content", view.signal);
  return damagedFiles === 0
    ? undefined
    : `the new recovery point could not be read back: ${damagedFiles} files differ; the store's disk may be failing`;
}

function findEmptying(
  { id, declaration }: Target<SnapshotDeclaration>,
  taken: RecoveryPoint,
  standing: RecoveryPoint | null,
): string | undefined {
  if (taken.files > 0 || standing === null || standing.files === 0) return undefined;
  return `${declaration.share.path} is empty, and the last recovery point holds ${standing.files} files; if it is not mounted, mount it; if it is meant to be empty, give up that point first: backup-posture purge ${id} --point ${standing.id}`;
}

function toJob(target: Target<SnapshotDeclaration>, point: RecoveryPoint | null): SnapshotJob {
  const { id, owner, incarnation, createdAt, declaration } = target;
  const settings = snapshotSchema.parse(without(declaration, ["id", "host", "home", ...controls]));
  return {
    format: 1,
    kind: "snapshot",
    id,
    owner,
    incarnation,
    createdAt,
    declaration: settings,
    point: point?.id ?? null,
  };
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
