import { DirectoryStore } from "./directory/directory-store";
import type { StoreDeclaration } from "./schema";
import type { Store } from "./store";

/** One line for each kind of store. */
const kinds: {
  readonly [Kind in StoreDeclaration["kind"]]: (declaration: StoreDeclaration & { kind: Kind }) => Store;
} = {
  directory: ({ path }) => new DirectoryStore(path),
};

/** The store that a declaration speaks of. Nothing is looked at yet. */
export function openStore(declaration: StoreDeclaration): Store {
  return kinds[declaration.kind](declaration);
}
