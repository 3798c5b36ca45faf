import { restoreTargetKind } from "../restore/lifecycle";
import type { RestoreTargetDeclaration } from "../restore/schema";
import { describeHome } from "../runner/home";
import { HomeView } from "../runner/home-view";
import { scheduleKind } from "../schedule/lifecycle";
import type { ScheduleDeclaration } from "../schedule/schema";
import { snapshotKind } from "../snapshot/lifecycle";
import type { SnapshotDeclaration } from "../snapshot/schema";
import { LifecycleProvider, type Shared } from "./provider";
import { RemoteHosts } from "./remote/hosts";

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
 * @param openView the one look at a home of this machine.
 */
export function createProviders(
  report: Shared["report"],
  openView = shareViews(),
  remoteHosts = new RemoteHosts(report),
): Providers {
  const shared: Shared = { openView, remoteHosts, report, reminded: new Set() };
  return {
    BackupSchedule: new LifecycleProvider(scheduleKind, shared),
    FileShareSnapshot: new LifecycleProvider(snapshotKind, shared),
    RestoreTarget: new LifecycleProvider(restoreTargetKind, shared),
  };
}

function shareViews(): Shared["openView"] {
  const views = new Map<string, HomeView>();
  return (root) => {
    const view = views.get(root) ?? new HomeView(describeHome(root), new AbortController().signal);
    views.set(root, view);
    return view;
  };
}
