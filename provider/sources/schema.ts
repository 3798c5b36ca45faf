import { z } from "zod";
import { absolutePath } from "../declaration/primitives";

/** Globs of what is left out, relative to the root; a pattern without a slash matches at every depth. A set: order means nothing. */
export const excludeSchema = z
  .array(
    z
      .string("must be a glob")
      .min(1, "must not be empty")
      .max(1024, "must be at most 1024 characters")
      .refine((value) => !value.includes("\0"), "must not contain NUL"),
    "must be an array of globs",
  )
  .max(1000, "must be at most 1000 globs");

/** What is known of the data in a share: `lync` leaves out `Meeting.Active`, which is locked while a meeting takes place. */
export const workloadSchema = z.enum(["lync"], 'must be "lync"');

const fileShareSource = z.strictObject({
  kind: z.literal("file-share"),
  /** Absolute path of the share's root on the host. Symlinks are kept as links and never followed. */
  path: absolutePath,
  exclude: excludeSchema.optional(),
  workload: workloadSchema.optional(),
});

/** Something to back up, told apart by `kind`. */
export const sourceSchema = z.discriminatedUnion(
  "kind",
  [fileShareSource],
  'must be an object whose kind is "file-share"',
);

/** Something to back up. */
export type SourceDeclaration = z.infer<typeof sourceSchema>;
