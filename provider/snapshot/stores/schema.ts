import { z } from "zod";
import { absolutePath } from "../../declaration/primitives";

const directoryStore = z.strictObject({
  kind: z.literal("directory"),
  /** Absolute path of the store on the host. Created when it is declared; never by a run. */
  path: absolutePath,
});

/** Where recovery points live, told apart by `kind`. */
export const storeSchema = z.discriminatedUnion(
  "kind",
  [directoryStore],
  'must be an object whose kind is "directory"',
);

/** Where recovery points live. */
export type StoreDeclaration = z.infer<typeof storeSchema>;
