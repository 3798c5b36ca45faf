import { z } from "zod";
import type { PlainResource } from "../guard/controls/properties";
import { nameOf } from "./declared";

/** What `pulumi stack export` writes, as far as a report reads it. */
export const stackExportSchema = z.object({
  deployment: z.object({
    resources: z
      .array(
        z.object({
          urn: z.string(),
          type: z.string(),
          inputs: z.record(z.string(), z.unknown()).default({}),
          outputs: z.record(z.string(), z.unknown()).default({}),
          /** True for what a replacement has left to be deleted. */
          delete: z.boolean().default(false),
        }),
      )
      .default([]),
  }),
});

/** See {@link stackExportSchema}. */
export type StackExport = z.infer<typeof stackExportSchema>;

/** The resources of a stack as controls read them: what programs declare, and of components what they give out. */
export function listResources({ deployment }: StackExport): readonly PlainResource[] {
  return deployment.resources
    .filter((resource) => !resource.delete)
    .map(({ urn, type, inputs, outputs }) => ({
      urn,
      type,
      name: nameOf(urn, urn),
      properties: type.startsWith("backup-posture:") ? outputs : inputs,
    }));
}
