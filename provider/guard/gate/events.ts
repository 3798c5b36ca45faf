import { z } from "zod";

const bag = z.record(z.string(), z.unknown());
const side = z
  .object({
    inputs: bag.nullish().transform((inputs) => inputs ?? {}),
    outputs: bag.nullish(),
    provider: z.string().default(""),
  })
  .nullish();

const stepSchema = z.object({
  metadata: z.object({ op: z.string(), urn: z.string(), type: z.string(), old: side, new: side }),
});

/** One step of the engine: what it does to a resource, and the resource before and after. */
type Step = z.infer<typeof stepSchema>["metadata"];

const eventSchema = z.object({
  preludeEvent: z.object({ config: z.record(z.string(), z.string()).default({}) }).optional(),
  resourcePreEvent: stepSchema.optional(),
  resOutputsEvent: stepSchema.optional(),
  diagnosticEvent: z
    .object({ urn: z.string().optional(), message: z.string(), severity: z.string(), prefix: z.string().default("") })
    .optional(),
  policyEvent: z
    .object({
      resourceUrn: z.string().optional(),
      message: z.string(),
      policyName: z.string(),
      policyPackName: z.string(),
      enforcementLevel: z.string(),
    })
    .optional(),
  summaryEvent: z.object({}).optional(),
});

/** A resource as a preview shows it. */
export interface SeenResource {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  /** What the preview would do: `same`, `create`, `update`, `replace`, `delete`, …; null where the preview stopped before it came to it. */
  operation: string | null;
  /** As the state has it; null for one that is new. */
  state: Readonly<Record<string, unknown>> | null;
  /** As the refresh found it; null where it is gone, undefined where there was no refresh of it. */
  observed: Readonly<Record<string, unknown>> | null | undefined;
  /** As the program declares it; null for one that is removed. */
  declared: Readonly<Record<string, unknown>> | null;
  /** What is known beside its inputs: a component has nothing else. */
  outputs: Readonly<Record<string, unknown>>;
  provider: string;
}

/** What an engine said at a resource, or at none. */
export interface Message {
  readonly urn: string | null;
  readonly text: string;
}

/** A violation of any policy of any pack. */
export interface Violation extends Message {
  readonly policy: string;
  readonly pack: string;
  readonly mandatory: boolean;
}

/** All that a preview told by its events, in order. */
export interface PreviewSeen {
  readonly config: Record<string, string>;
  readonly resources: Map<string, SeenResource>;
  readonly warnings: Message[];
  readonly errors: Message[];
  readonly violations: Violation[];
  /** Whether the engine came to its summary. */
  ended: boolean;
}

/** Nothing seen yet. */
export function startSeeing(): PreviewSeen {
  return { config: {}, resources: new Map(), warnings: [], errors: [], violations: [], ended: false };
}

/** Takes one event in. Events of other kinds, and of engines yet to come, are passed over. */
export function see(seen: PreviewSeen, event: unknown): void {
  const parsed = eventSchema.safeParse(event);
  if (!parsed.success) return;
  const { preludeEvent, resourcePreEvent, resOutputsEvent, diagnosticEvent, policyEvent, summaryEvent } = parsed.data;
  if (preludeEvent !== undefined) Object.assign(seen.config, preludeEvent.config);
  if (resourcePreEvent !== undefined) seeStep(seen, resourcePreEvent.metadata);
  if (resOutputsEvent !== undefined) seeOutputs(seen, resOutputsEvent.metadata);
  if (summaryEvent !== undefined) seen.ended = true;
  if (diagnosticEvent !== undefined) {
    const message = { urn: diagnosticEvent.urn ?? null, text: diagnosticEvent.message.trim() };
    if (diagnosticEvent.severity === "warning") seen.warnings.push(message);
    if (diagnosticEvent.severity === "error") seen.errors.push(message);
  }
  if (policyEvent !== undefined)
    seen.violations.push({
      urn: policyEvent.resourceUrn ?? null,
      text: lastLine(policyEvent.message),
      policy: policyEvent.policyName,
      pack: policyEvent.policyPackName,
      mandatory: policyEvent.enforcementLevel === "mandatory",
    });
}

function seeStep(seen: PreviewSeen, step: Step): void {
  if (step.op === "refresh") return;
  const resource = findOrAdd(seen, step);
  // A replacement is several steps; the first says what it is.
  resource.operation ??= step.op;
  resource.state ??= step.old?.inputs ?? null;
  if (step.new !== null && step.new !== undefined) resource.declared = step.new.inputs;
  resource.provider = (step.new ?? step.old)?.provider ?? "";
}

function seeOutputs(seen: PreviewSeen, step: Step): void {
  const resource = findOrAdd(seen, step);
  if (step.op === "refresh") {
    resource.state = step.old?.inputs ?? null;
    resource.observed = step.new?.inputs ?? null;
    resource.provider = step.old?.provider ?? "";
  } else resource.outputs = step.new?.outputs ?? {};
}

function findOrAdd(seen: PreviewSeen, { urn, type }: Step): SeenResource {
  const known = seen.resources.get(urn);
  if (known !== undefined) return known;
  const name = urn.slice(urn.lastIndexOf("::") + 2);
  const fresh: SeenResource = {
    urn,
    type,
    name,
    operation: null,
    state: null,
    observed: undefined,
    declared: null,
    outputs: {},
    provider: "",
  };
  seen.resources.set(urn, fresh);
  return fresh;
}

/** The engine puts the policy's description above what was reported. */
function lastLine(message: string): string {
  return message.trim().split("\n").at(-1) ?? "";
}
