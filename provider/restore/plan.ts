import { createHash } from "node:crypto";
import { z } from "zod";
import { commandLine } from "../declaration/primitives";

/** Something that must hold before or after a step, and the command that shows it, where there is one. */
const planCheckSchema = z.strictObject({
  text: z.string().min(1),
  command: z.strictObject({ display: z.string().min(1), arguments: commandLine }).optional(),
});

/** A command of a step: as a person types it, and as it is run. */
const planCommandSchema = z.strictObject({
  display: z.string().min(1),
  arguments: commandLine,
  /** Exit codes that mean success. */
  succeedsWith: z.array(z.int().min(0)).min(1),
});

const planStepSchema = z.strictObject({
  /** Unique in its plan. */
  id: z.string().min(1),
  title: z.string().min(1),
  /** `automated` has commands; `manual` has instructions for a person. */
  kind: z.enum(["automated", "manual"]),
  commands: z.array(planCommandSchema),
  instructions: z.array(z.string().min(1)),
  /** The computer that it is to be done on; null: any computer with the administrative tools. */
  computer: z.string().nullable(),
  /** What the account that does it must be a member of or be granted. */
  permissions: z.array(z.string().min(1)).min(1),
  /** Whether it needs an elevated prompt. */
  elevated: z.boolean(),
  before: z.array(planCheckSchema),
  after: z.array(planCheckSchema),
  /** What is lost for good when it is done; null: nothing. */
  destroys: z.string().min(1).nullable(),
  /** The parts of the recovery set that it reads, by name. */
  reads: z.array(z.string().min(1)),
  /** Whether it may be done again when it is not known how it ended. */
  repeatable: z.boolean(),
  pitfalls: z.array(z.string().min(1)),
});

/** A restore plan: what to do, in order, to bring something back from one recovery set. */
export const restorePlanSchema = z
  .strictObject({
    format: z.literal(1),
    title: z.string().min(1),
    /** The recovery set that it restores from. */
    recoverySet: z.strictObject({ id: z.string().min(1), startedAt: z.iso.datetime() }),
    /** What must be true before the first step. */
    preconditions: z.array(z.string().min(1)),
    /** What a reader must know before beginning: parts that the set lacks, outside backups that do not fit. */
    warnings: z.array(z.string().min(1)),
    steps: z.array(planStepSchema).min(1),
  })
  .refine(({ steps }) => new Set(steps.map((step) => step.id)).size === steps.length, "must not repeat a step's id")
  .refine(
    ({ steps }) => steps.every((step) => (step.kind === "automated") === step.commands.length > 0),
    "an automated step has commands, a manual one has none",
  );

export type RestorePlan = z.infer<typeof restorePlanSchema>;
export type PlanStep = z.infer<typeof planStepSchema>;
export type PlanCheck = z.infer<typeof planCheckSchema>;
export type PlanCommand = z.infer<typeof planCommandSchema>;

/** SHA-256 of a plan, in hex: a walk through one plan is never continued with another. */
export function digestOf(plan: RestorePlan): string {
  return createHash("sha256")
    .update(JSON.stringify(restorePlanSchema.parse(plan)))
    .digest("hex");
}
