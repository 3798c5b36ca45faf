import { restoreTargetKind } from "../restore/lifecycle";
import type { RestoreTargetDeclaration } from "../restore/schema";
import { scheduleKind } from "../schedule/lifecycle";
import type { ScheduleDeclaration } from "../schedule/schema";
import { snapshotKind } from "../snapshot/lifecycle";
import type { SnapshotDeclaration } from "../snapshot/schema";
import { LifecycleProvider, type Shared } from "./provider";

/** The dynamic providers of all kinds. */
export interface Providers {
  readonly BackupSchedule: LifecycleProvider<ScheduleDeclaration>;
  readonly FileShareSnapshot: LifecycleProvider<SnapshotDeclaration>;
  readonly RestoreTarget: LifecycleProvider<RestoreTargetDeclaration>;
}

/**
 * Providers that look at each home once, together: one call is one process of the engine.
 *
 * @param report where lines for the person who runs the engine go.
 */
export function createProviders(report: Shared["report"]): Providers {
  const shared: Shared = { views: new Map(), report, reminded: new Set() };
  return {
    BackupSchedule: new LifecycleProvider(scheduleKind, shared),
    FileShareSnapshot: new LifecycleProvider(snapshotKind, shared),
    RestoreTarget: new LifecycleProvider(restoreTargetKind, shared),
  };
}
