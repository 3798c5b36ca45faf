import { without } from "../lifecycle/bag";
import type { Kind, Target } from "../lifecycle/kind";
import { toMilliseconds } from "../platform/durations";
import { messageOf, PostureError } from "../platform/errors";
import type { Home } from "../runner/home";
import { writeJob } from "../runner/job";
import { observeRestoreTarget } from "../runner/observe";
import { findForeignOwner, makeFolderFor } from "../runner/ownership";
import { installEntry, schedulerOf } from "../schedule/entry";
import { findLogonFault } from "../schedule/logon";
import { needsOfDrill } from "../schedule/needs";
import { restoreTargetShape } from "./defaults";
import { evidenceSummarySchema } from "./evidence-observation";
import { type RestoreTargetDeclaration, restoreTargetSchema } from "./schema";

const controls = ["adopt", "runOnCreate", "waitFor", "onStale"] as const;

/** RestoreTarget's part of the lifecycle: a place, a job file, and, where drills are declared, an entry that starts them. */
export const restoreTargetKind: Kind<RestoreTargetDeclaration> = {
  jobKind: "drill",
  schema: restoreTargetSchema,
  keys: Object.keys(restoreTargetSchema.shape),
  shape: restoreTargetShape,
  controls,
  scheduler: schedulerOf,
  starting: (view, declaration) =>
    declaration.drill === undefined
      ? null
      : {
          scheduler: schedulerOf(view, declaration),
          onCreate: declaration.runOnCreate ?? false,
          whenStale: declaration.onStale === "run",
          waitMilliseconds: toMilliseconds(declaration.waitFor ?? "0s"),
        },
  announce: () => [],
  foresee: (inputs) => {
    const logon = findLogonFault(inputs.scheduler, { from: inputs.from, to: inputs.to });
    return logon === null ? [] : [logon];
  },
  refuse: async () => undefined,
  install,
  observe: async (view, id, known) => {
    const witness = evidenceSummarySchema.safeParse(known?.state.evidence).data ?? null;
    const { job, entry, gone, faults, evidence } = await observeRestoreTarget(view, id, known, witness);
    const outputs = evidence === null ? {} : { evidence };
    if (job.state !== "present" || job.job.kind !== "drill")
      return { gone, settings: null, owner: null, incarnation: null, faults, outputs };
    const { declaration, owner, incarnation } = job.job;
    return { gone, settings: withEntry(declaration, entry?.when.every), owner, incarnation, faults, outputs };
  },
};

async function install(target: Target<RestoreTargetDeclaration>): Promise<void> {
  const { view, id, owner, incarnation, createdAt, declaration, previous } = target;
  await makePlace(view.home, id, declaration.to);
  const settings = restoreTargetSchema.parse(without(declaration, ["id", "host", "home", ...controls]));
  await writeJob(view.home, { format: 1, kind: "drill", id, owner, incarnation, createdAt, declaration: settings });
  if (declaration.drill === undefined) {
    await schedulerOf(view, previous ?? declaration).remove(id, view.signal);
    return;
  }
  const when = { every: declaration.drill.every };
  const entry = {
    id,
    verb: "drill" as const,
    when,
    owner,
    incarnation,
    pausedUntil: null,
    needs: needsOfDrill(declaration),
  };
  await installEntry(view, entry, declaration, previous);
}

/** What somebody changed in the entry shows where it was declared. */
function withEntry(declaration: RestoreTargetDeclaration, every: string | undefined): RestoreTargetDeclaration {
  if (declaration.drill === undefined || every === undefined) return declaration;
  return { ...declaration, drill: { ...declaration.drill, every } };
}

async function makePlace(home: Home, id: string, to: string): Promise<void> {
  try {
    await makeFolderFor(await findForeignOwner(home), to);
  } catch (error) {
    throw new PostureError("permanent", `${id}: the restore place ${to} cannot be made: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
