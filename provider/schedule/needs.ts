import type { RestoreTargetDeclaration } from "../restore/schema";
import type { StoreDeclaration } from "../snapshot/stores/schema";
import type { EntryNeeds } from "./schedulers/scheduler";
import type { ScheduleDeclaration } from "./schema";

/** What of a BackupSchedule starts no command on its host. All else may: a property that is added later, too. */
const calm: ReadonlySet<string> = new Set<keyof ScheduleDeclaration>([
  ...(["id", "host", "home", "adopt", "scheduler", "when", "sources", "store", "keep", "rpo", "grace"] as const),
  ...(["maxSkew", "expectedDuration", "outside", "paused", "runOnCreate", "onStale", "waitFor"] as const),
  ...(["copies", "notify", "acknowledgeDataLoss"] as const),
]);

/** The same of a RestoreTarget. */
const calmTarget: ReadonlySet<string> = new Set<keyof RestoreTargetDeclaration>([
  ...(["id", "host", "home", "adopt", "scheduler", "from", "to", "drill", "maxRestoreTime", "grace"] as const),
  ...(["notify", "runOnCreate", "onStale", "waitFor"] as const),
]);

/** The path of a store that is a folder, which the runner reads and writes by itself; null for any other. */
function folderOf(store: StoreDeclaration): string | null {
  return store.kind === "directory" ? store.path : null;
}

/** The folders that the runs of a schedule need; null where that cannot be told. */
export function needsOfSchedule(declaration: ScheduleDeclaration): EntryNeeds | null {
  const { sources, store, copies = {} } = declaration;
  const folders = [store, ...Object.values(copies).map((copy) => copy.store)].map(folderOf);
  const writes = folders.filter((folder) => folder !== null);
  if (!isCalm(declaration, calm) || writes.length < folders.length) return null;
  const reads: string[] = [];
  for (const source of Object.values(sources)) {
    if (source.kind !== "file-share") return null;
    reads.push(source.path);
  }
  return { reads: reads.sort(), writes: writes.sort() };
}

/** The folders that the drills of a restore target need; null where that cannot be told. */
export function needsOfDrill(declaration: RestoreTargetDeclaration): EntryNeeds | null {
  const { from, to, drill } = declaration;
  const runsCommands = Object.values(drill?.checks ?? {}).some(({ kind }) => kind === "command");
  const store = folderOf(from.store);
  if (!isCalm(declaration, calmTarget) || runsCommands || store === null) return null;
  return { reads: [], writes: [store, to] };
}

function isCalm(declaration: object, keys: ReadonlySet<string>): boolean {
  return Object.entries(declaration).every(([key, value]) => value === undefined || keys.has(key));
}
