import { z } from "zod";
import { formatShareAddress } from "../../declaration/azure-share";
import { absolutePath } from "../../declaration/primitives";
import { azureFilesStore } from "./azure-files/schema";

const directoryStore = z.strictObject({
  kind: z.literal("directory"),
  /** Absolute path of the store on the host. Created when it is declared; never by a run. */
  path: absolutePath,
});

/** Where recovery points live, told apart by `kind`. */
export const storeSchema = z.discriminatedUnion(
  "kind",
  [directoryStore, azureFilesStore],
  'must be an object whose kind is "directory" or "azure-files"',
);

/** Where recovery points live. */
export type StoreDeclaration = z.infer<typeof storeSchema>;

/** A store as messages name it: where it is, without anything secret. */
export function describePlace(store: StoreDeclaration): string {
  return store.kind === "directory" ? store.path : formatShareAddress({ ...store, folder: "" });
}
