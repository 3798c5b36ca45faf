import { messageOf, PostureError } from "../platform/errors";
import type { HomeView } from "../runner/home-view";
import type { StoreDeclaration } from "../snapshot/stores/schema";
import type { RecoveryPoint } from "../snapshot/stores/store";

/** The recovery points that a store holds of an id, or why it could not be looked at. */
export interface ListedPoints {
  readonly points: readonly RecoveryPoint[];
  readonly unreachable: string | null;
}

/** Lists points through a shared look. A store that cannot be looked at is a finding, and no error. */
export async function listPoints(view: HomeView, store: StoreDeclaration, id: string): Promise<ListedPoints> {
  try {
    return { points: await view.listPoints(store, id), unreachable: null };
  } catch (error) {
    view.signal.throwIfAborted();
    if (!(error instanceof PostureError)) throw error;
    return { points: [], unreachable: messageOf(error) };
  }
}
