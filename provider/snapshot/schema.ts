import { z } from "zod";
import { sharePath } from "../declaration/azure-share";
import { duration } from "../declaration/primitives";
import { placementFields } from "../schedule/schema";
import { excludeSchema, workloadSchema } from "../sources/schema";
import { storeSchema } from "./stores/schema";

/** What a FileShareSnapshot declares. */
export const snapshotSchema = z.strictObject({
  ...placementFields,
  /** The share to take a recovery point of: an absolute path, or `azure-files://account/share/folder` with the store of that share. */
  share: z.strictObject(
    { path: sharePath, workload: workloadSchema.optional() },
    "must be an object with the share's path",
  ),
  store: storeSchema,
  exclude: excludeSchema.optional(),
  /** Older than this, the point is taken anew by `up`. Default: it may grow as old as it likes. */
  maxAge: duration.optional(),
  /** How deeply every refresh looks at the point: `metadata` (presence and sizes) or `content` (reads it all). Default: `metadata`. */
  verify: z.enum(["metadata", "content"], 'must be "metadata" or "content"').optional(),
});

/** What a FileShareSnapshot declares, as a plain value. */
export type SnapshotDeclaration = z.infer<typeof snapshotSchema>;
