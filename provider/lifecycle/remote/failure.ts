import { z } from "zod";
import { messageOf, PostureError } from "../../platform/errors";
import { readRelease } from "../../platform/release";
import { type Failure, failureSchema } from "./protocol";

const partialSchema = z.object({
  id: z.string(),
  properties: z.record(z.string(), z.unknown()),
  reasons: z.array(z.string()),
});

/** A failure as it travels to the engine. */
export function describeFailure(error: unknown): Failure {
  const partial = partialSchema.safeParse(error);
  return {
    kind: error instanceof PostureError ? error.kind : error instanceof z.ZodError ? "usage" : null,
    message: error instanceof z.ZodError ? describeUnknown(error) : messageOf(error),
    partial: partial.success && error instanceof Error ? { ...partial.data } : null,
  };
}

/** The failure as the engine is to see it; `mend` gives back what did not travel. */
export function reviveFailure(given: Failure, mend: (properties: Failure["partial"]) => object): Error {
  const { kind, message, partial } = failureSchema.parse(given);
  const error = kind === null ? new Error(message) : new PostureError(kind, message);
  return partial === null ? error : Object.assign(error, mend(partial));
}

/** The engine has judged the declaration already: what is not understood here is of a later release. */
function describeUnknown({ issues }: z.ZodError): string {
  const paths = [...new Set(issues.map((issue) => issue.path.join(".") || "the whole"))].slice(0, 5).join(", ");
  return `the runner on the host, of release ${readRelease()}, does not know what is declared at ${paths}; declare a later release of it: runner`;
}
