import { readdir } from "node:fs/promises";
import { isAbsent, PostureError } from "../../../platform/errors";
import type {
  CaptureRequest,
  PointEntry,
  PointFilter,
  PointId,
  RecoveryPoint,
  RestoreRequest,
  RestoreResult,
  Store,
  Verification,
  VerificationDepth,
} from "../store";
import { capturePoint } from "./capture";
import { listEntries } from "./entries";
import { findReason } from "./failure";
import { forgetPoints } from "./forget";
import { type Patience, Restic, type ResticDeclaration } from "./restic";
import { restorePoint } from "./restore";
import { readContents } from "./snapshots";
import { verifyPoint } from "./verify";

const defaultPatience: Patience = { shared: 600_000, exclusive: 30_000 };

/** Ends when every repository that this process was asked to make before is made, or could not be. */
let initialisations: Promise<void> = Promise.resolve();

/**
 * Recovery points as snapshots of a restic repository, encrypted, on this host or behind a network. Each is two snapshots: the tree, which
 * `restic restore` brings back without us, and a small one that says what the tree holds. Others' snapshots in the same repository are left alone.
 */
export class ResticStore implements Store {
  readonly kind = "restic";
  readonly #restic: Restic;

  /**
   * @param patience default: captures, verifications and restores wait 10 minutes for a prune, a prune waits 30 seconds for them.
   */
  constructor(declaration: ResticDeclaration, patience: Partial<Patience> = {}) {
    this.#restic = new Restic(declaration, { ...defaultPatience, ...patience });
  }

  /** Within a process one after another: of two `restic init` at once, one can overwrite the key that the other's repository needs. */
  initialise(signal: AbortSignal): Promise<void> {
    const made = initialisations.then(() => this.#initialise(signal));
    initialisations = made.catch(() => undefined);
    return made;
  }

  async #initialise(signal: AbortSignal): Promise<void> {
    const restic = this.#restic;
    const look = { what: "looking", arguments: ["cat", "config"], lock: "none" } as const;
    const looked = await restic.tryToRun(look, signal);
    if (looked.exitCode === 0) return;
    if (findReason(looked.exitCode, looked.stderr) !== "absent") throw restic.explain(look, looked);
    if (restic.folder !== null) await refuseForeignContent(restic.folder);
    await restic.run({ what: "making a repository", arguments: ["init"], lock: "none" }, signal);
  }

  async capture(request: CaptureRequest, signal: AbortSignal): Promise<RecoveryPoint> {
    return capturePoint(this.#restic, request, signal);
  }

  async list(filter: PointFilter, signal: AbortSignal): Promise<readonly RecoveryPoint[]> {
    const points = (await readContents(this.#restic, signal)).points.map(({ point }) => point);
    return filter.schedule === undefined ? points : points.filter(({ schedule }) => schedule === filter.schedule);
  }

  async verify(id: PointId, depth: VerificationDepth, signal: AbortSignal): Promise<Verification> {
    return verifyPoint(this.#restic, id, depth, signal);
  }

  async restore(id: PointId, request: RestoreRequest, signal: AbortSignal): Promise<RestoreResult> {
    return restorePoint(this.#restic, id, request, signal);
  }

  async *entries(id: PointId, signal: AbortSignal): AsyncGenerator<PointEntry> {
    yield* listEntries(this.#restic, id, signal);
  }

  async forget(
    ids: readonly PointId[],
    options: { readonly releasePinsOf?: string },
    signal: AbortSignal,
  ): Promise<void> {
    await forgetPoints(this.#restic, ids, options.releasePinsOf, signal);
  }
}

/** restic would make its repository among whatever is there. */
async function refuseForeignContent(folder: string): Promise<void> {
  let names: readonly string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if (isAbsent(error)) return;
    throw error;
  }
  if (names.some((name) => name !== "lost+found"))
    throw new PostureError(
      "conflict",
      `${folder}: holds something that is not a restic repository; choose an empty directory, or one that does not exist yet`,
    );
}
