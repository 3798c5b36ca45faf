import { openStore } from "../snapshot/stores";
import type { StoreDeclaration } from "../snapshot/stores/schema";
import type { Store } from "../snapshot/stores/store";
import { openSource } from "../sources";
import type { SourceDeclaration } from "../sources/schema";
import type { Source } from "../sources/source";

/** What a run reaches the world through. */
export interface Drivers {
  openStore(declaration: StoreDeclaration): Store;
  openSource(declaration: SourceDeclaration): Source;
}

/** The drivers of the declared kinds. */
export const standardDrivers: Drivers = { openStore, openSource };
