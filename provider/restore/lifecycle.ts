import { isDeepStrictEqual } from "node:util";
import { without } from "../lifecycle/bag";
import type { Kind, Target, Worker } from "../lifecycle/kind";
import { toMilliseconds } from "../platform/durations";
import { messageOf, PostureError } from "../platform/errors";
import { entryOf } from "../platform/records";
import type { Home } from "../runner/home";
import { writeJob } from "../runner/job";
import { observeRestoreTarget } from "../runner/observe";
import { findForeignOwner, makeFolderFor } from "../runner/ownership";
import { describeRunsAs, installEntry, schedulerOf } from "../schedule/entry";
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
  announce,
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

/** Commands that a drill runs; the sink's also sends what drills before it found. */
function announce(
  declaration: RestoreTargetDeclaration,
  previous: RestoreTargetDeclaration | null,
  worker: Worker,
): readonly string[] {
  const account = describeRunsAs(declaration, worker);
  const checks = Object.entries(declaration.drill?.checks ?? {})
    .filter(([name, check]) => !isDeepStrictEqual(check, entryOf(previous?.drill?.checks, name)))
    .flatMap(([name, check]) => (check.kind === "command" ? [`check ${name} (${check.command[0] ?? ""})`] : []));
  const sink = declaration.evidenceSink;
  const sinks =
    sink?.kind !== "command" || isDeepStrictEqual(sink, previous?.evidenceSink)
      ? []
      : [`evidence sink (${sink.command[0] ?? ""})`];
  return [...checks, ...sinks].map((what) => `${account}: ${what}, at every drill`);
}

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
