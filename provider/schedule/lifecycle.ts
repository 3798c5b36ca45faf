import { isDeepStrictEqual } from "node:util";
import { findMisplacedShares } from "../declaration/azure-share";
import { describeForecast, findUnmetRpo } from "../guard/warnings";
import { without } from "../lifecycle/bag";
import { refuseLoss } from "../lifecycle/consent";
import type { Bag, Kind, Target, Worker } from "../lifecycle/kind";
import { now } from "../platform/clock";
import { toMilliseconds } from "../platform/durations";
import { entryOf } from "../platform/records";
import { findJob, writeJob } from "../runner/job";
import { observeSchedule } from "../runner/observe";
import { describeSource } from "../sources/schema";
import { scheduleShape } from "./defaults";
import { describeRunsAs, installEntry, schedulerOf } from "./entry";
import { foreseeCopies } from "./foresee-copies";
import { findLogonFault } from "./logon";
import { needsOfSchedule } from "./needs";
import { type ScheduleDeclaration, scheduleSchema } from "./schema";

/** Inputs of a schedule that steer `up` and are not written to its host. */
const controls = ["adopt", "runOnCreate", "waitFor", "onStale", "acknowledgeDataLoss"] as const;

/** BackupSchedule's part of the lifecycle: a job file, and an entry in the scheduler that runs it. */
export const scheduleKind: Kind<ScheduleDeclaration> = {
  jobKind: "schedule",
  schema: scheduleSchema,
  keys: Object.keys(scheduleSchema.shape),
  shape: scheduleShape,
  controls,
  scheduler: schedulerOf,
  starting: (view, declaration) => ({
    scheduler: schedulerOf(view, declaration),
    onCreate: declaration.runOnCreate ?? false,
    whenStale: declaration.onStale === "run",
    waitMilliseconds: toMilliseconds(declaration.waitFor ?? "0s"),
  }),
  announce,
  foresee,
  refuse: refuseLoss,
  install,
  observe: async (view, id, known) => {
    const { job, entry, gone, faults } = await observeSchedule(view, id, known);
    if (job.state !== "present" || job.job.kind !== "schedule")
      return { gone, settings: null, owner: null, incarnation: null, faults, outputs: {} };
    const { declaration, owner, incarnation } = job.job;
    const changedOnHost = known !== null && !isDeepStrictEqual(declaration.when, known.declaration.when);
    const when = changedOnHost ? declaration.when : (entry?.when ?? declaration.when);
    return { gone, settings: { ...declaration, when }, owner, incarnation, faults, outputs: {} };
  },
};

async function install(target: Target<ScheduleDeclaration>): Promise<void> {
  const { view, id, owner, incarnation, createdAt, declaration, previous } = target;
  if (previous === null || !isDeepStrictEqual(previous.store, declaration.store))
    await view.prepareStore(declaration.store);
  for (const [name, { store }] of Object.entries(declaration.copies ?? {}))
    if (!isDeepStrictEqual(entryOf(previous?.copies, name)?.store, store)) await view.prepareStore(store);
  const settings = scheduleSchema.parse(without(declaration, ["id", "host", "home", ...controls]));
  const copiesSince = await findCopiesSince(target);
  await writeJob(view.home, {
    format: 1,
    kind: "schedule",
    id,
    owner,
    incarnation,
    createdAt,
    declaration: settings,
    ...(copiesSince === undefined ? {} : { copiesSince }),
  });
  const pausedUntil = declaration.paused?.until ?? null;
  const entry = {
    id,
    verb: "run" as const,
    when: declaration.when,
    owner,
    incarnation,
    pausedUntil,
    needs: needsOfSchedule(declaration),
  };
  await installEntry(view, entry, declaration, previous);
}

/** When copies were declared that were added, or got another store, after the schedule was made: what they lack from before is no fault of theirs. */
async function findCopiesSince(target: Target<ScheduleDeclaration>): Promise<Record<string, string> | undefined> {
  const { view, id, declaration, previous } = target;
  if (previous === null) return undefined;
  const found = await findJob(view.home, id);
  const known = found.state === "present" && found.job.kind === "schedule" ? (found.job.copiesSince ?? {}) : {};
  const since = Object.entries(declaration.copies ?? {}).flatMap(([name, { store }]) => {
    const stood = isDeepStrictEqual(entryOf(previous.copies, name)?.store, store);
    const at = stood ? entryOf(known, name) : now().toISOString();
    return at === undefined ? [] : [[name, at] as const];
  });
  return since.length === 0 ? undefined : Object.fromEntries(since);
}

function announce(
  declaration: ScheduleDeclaration,
  previous: ScheduleDeclaration | null,
  worker: Worker,
): readonly string[] {
  const account = describeRunsAs(declaration, worker);
  const sources = Object.entries(declaration.sources)
    .filter(([name, source]) => !isDeepStrictEqual(source, entryOf(previous?.sources, name)))
    .map(([name, source]) => `${account}: source ${name} (${describeSource(source)})`);
  const hooks = Object.entries(declaration.hooks ?? {})
    .filter(([name, hook]) => !isDeepStrictEqual(hook, entryOf(previous?.hooks, name)))
    .map(([name, hook]) => `${account}: hook ${name} (${hook.at}: ${hook.command[0] ?? ""})`);
  return [
    ...sources,
    ...hooks,
    ...announceProbes(declaration, previous, account),
    ...(isForetoldAlike(declaration, previous) ? [] : [`forecast: ${describeForecast(declaration)}`]),
  ];
}

/** Commands that a look at this schedule runs, in previews too. */
function announceProbes(
  declaration: ScheduleDeclaration,
  previous: ScheduleDeclaration | null,
  account: string,
): readonly string[] {
  const changes = Object.entries(declaration.afterChange ?? {})
    .filter(([name, probe]) => !isDeepStrictEqual(probe, entryOf(previous?.afterChange, name)))
    .map(([name, probe]) => [name, probe.kind === "command" ? probe.command[0] : probe.kind] as const);
  const outside = Object.entries(declaration.outside ?? {})
    .filter(([name, item]) => !isDeepStrictEqual(item, entryOf(previous?.outside, name)))
    .flatMap(([name, item]) => (item.kind === "probe" ? [[name, item.command[0]] as const] : []));
  return [...changes, ...outside].map(([name, what]) => `${account}: probe ${name} (${what ?? ""}), at every look`);
}

function isForetoldAlike(declaration: ScheduleDeclaration, previous: ScheduleDeclaration | null): boolean {
  return (["when", "keep", "expectedDuration"] as const).every((key) =>
    isDeepStrictEqual(declaration[key], previous?.[key]),
  );
}

const foreseenSchema = scheduleSchema.pick({ when: true, rpo: true, expectedDuration: true }).strip();

function foresee(inputs: Bag): readonly string[] {
  const logon = findLogonFault(inputs.scheduler, { sources: inputs.sources, store: inputs.store });
  if (logon !== null) return [logon];
  const parsed = foreseenSchema.safeParse(inputs);
  const unmet = parsed.success
    ? findUnmetRpo(parsed.data).map(({ property, sentence }) => `${property}: ${sentence}`)
    : [];
  return [...unmet, ...foreseeCopies(inputs), ...foreseeMisplaced(inputs)];
}

const placedSchema = scheduleSchema.pick({ sources: true, store: true }).strip();

function foreseeMisplaced(inputs: Bag): readonly string[] {
  const { data } = placedSchema.safeParse(inputs);
  if (data === undefined) return [];
  const paths = Object.entries(data.sources).map(([name, source]) =>
    source.kind === "file-share"
      ? ([`sources.${name}.path`, source.path] as const)
      : ([`sources.${name}`, null] as const),
  );
  return findMisplacedShares({ store: data.store, paths: Object.fromEntries(paths) });
}
