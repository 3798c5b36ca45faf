import { z } from "zod";
import { type Fault, faultOrder } from "../../declaration/health";
import { failureKinds } from "../../platform/errors";

/** The language that engine and runner speak: one JSON document a line. A release that changes it speaks the older one, too. */
export const protocol = 1;

const bag = z.record(z.string(), z.unknown());
const kind = z.enum(["schedule", "snapshot", "drill"]);

/** Release and digest of a runner's file. */
export const runnerStampSchema = z.object({ release: z.string(), sha256: z.string() });

/** See {@link runnerStampSchema}. */
export type RunnerStamp = z.infer<typeof runnerStampSchema>;

/** The runner's first line. */
export const helloSchema = z.object({
  hello: z.object({
    protocol: z.number(),
    release: z.string(),
    /** SHA-256 of its own file as it was when it began, in hex; null where it is not in one file. */
    sha256: z.string().nullable(),
    /** What was written beside its file when that was put there. */
    put: runnerStampSchema.nullable(),
    /** The host's clock. */
    time: z.iso.datetime(),
  }),
});

/** See {@link helloSchema}. */
export type Hello = z.infer<typeof helloSchema>["hello"];

const fault: z.ZodType<Fault> = z.object({
  kind: z.enum(faultOrder),
  sentence: z.string(),
  remedy: z.string(),
  mendedByRun: z.boolean(),
});

/** What the engine asks. */
export const requestSchema = z.discriminatedUnion("method", [
  z.object({
    method: z.literal("create"),
    kind,
    inputs: bag,
    /** What the engine knows of other objects in that home. */
    others: z.object({ known: z.boolean(), unreachable: z.string().nullable() }),
  }),
  z.object({ method: z.literal("read"), kind, id: z.string(), props: bag, beside: z.array(fault) }),
  z.object({ method: z.literal("update"), kind, id: z.string(), olds: bag, news: bag }),
  z.object({ method: z.literal("delete"), kind, id: z.string(), props: bag }),
  z.object({ method: z.literal("listPoints"), home: z.string(), store: z.unknown(), schedule: z.string() }),
]);

/** See {@link requestSchema}. */
export type Request = z.infer<typeof requestSchema>;

/** A request, and the number that its answer bears. */
export const numberedSchema = z.object({ number: z.number(), request: requestSchema });

/** A failure on its way from the host: with what was seen, where something was done in spite of it. */
export const failureSchema = z.object({
  kind: z.enum(failureKinds).nullable(),
  message: z.string(),
  partial: z.object({ id: z.string(), properties: bag, reasons: z.array(z.string()) }).nullable(),
});

/** See {@link failureSchema}. */
export type Failure = z.infer<typeof failureSchema>;

/** What the runner says after its hello: a line for the person who runs the engine, or an answer. */
export const sayingSchema = z.union([
  z.object({ report: z.string() }),
  z.object({ number: z.number(), result: z.unknown() }),
  z.object({ number: z.number(), failure: failureSchema }),
]);

const instant = z.iso.datetime().transform((text) => new Date(text));

/** Recovery points on their way from the host. */
export const pointsSchema = z.array(
  z.object({
    id: z.string(),
    schedule: z.string(),
    source: z.string(),
    set: z.object({ id: z.string(), sources: z.array(z.string()) }),
    owner: z.string().nullable(),
    pinnedBy: z.string().nullable(),
    startedAt: instant,
    completedAt: instant,
    files: z.number(),
    directories: z.number(),
    links: z.number(),
    bytes: z.number(),
    addedBytes: z.number(),
    digest: z.string(),
    fidelity: z.object({
      modes: z.boolean(),
      owners: z.boolean(),
      acls: z.boolean(),
      extendedAttributes: z.boolean(),
      encrypted: z.boolean(),
      skipped: z.number(),
      warnings: z.array(z.object({ path: z.string(), why: z.string() })),
    }),
    damage: z.string().nullable(),
  }),
);

/** What `create`, `read` and `update` answer. */
export const createdSchema = z.object({ id: z.string(), outs: bag });
export const lookedSchema = z.object({ id: z.string(), props: bag, inputs: bag.optional() });
export const updatedSchema = z.object({ outs: bag });
