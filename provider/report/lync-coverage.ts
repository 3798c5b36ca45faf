import { z } from "zod";
import type { PlainResource } from "../guard/controls/properties";
import { catalogue } from "../lync/catalogue";
import { describeState } from "../lync/coverage";

const stateSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("covered"), by: z.array(z.string()) }),
  z.object({ kind: z.literal("not-needed"), because: z.string() }),
  z.object({ kind: z.literal("outside"), evidence: z.string(), at: z.string(), until: z.string() }),
  z.object({ kind: z.literal("waived"), by: z.string(), reason: z.string(), until: z.string().nullable() }),
  z.object({ kind: z.literal("uncovered"), why: z.string() }),
]);

const rowsSchema = z.array(
  z.object({
    item: z.string(),
    title: z.string(),
    subject: z.string().nullable().default(null),
    state: stateSchema,
    warnings: z.array(z.string()).default([]),
  }),
);

/** What becomes of one item of the product's documentation in one place of a deployment. */
export interface LyncRow {
  readonly title: string;
  readonly subject: string | null;
  readonly state: z.infer<typeof stateSchema>["kind"] | "expired";
  /** The state in words. */
  readonly says: string;
  readonly warnings: readonly string[];
  /** Whether somebody else has to back it up. */
  readonly isOutside: boolean;
}

/** A deployment of Lync or Skype for Business Server, as a stack declares it. */
export interface LyncReport {
  readonly name: string;
  readonly rows: readonly LyncRow[];
}

const outsideItems: readonly string[] = catalogue.outsideRequirements.map(({ id }) => id);

/** The coverage of every deployment of a stack. What a program said of evidence and waivers without a clock is judged here by the moment. */
export function readLyncReports(resources: readonly PlainResource[], moment: Date): readonly LyncReport[] {
  return resources.flatMap(({ type, name, properties }) => {
    if (!type.endsWith(":LyncBackupPosture")) return [];
    const rows = rowsSchema.safeParse(properties.coverage);
    return rows.success ? [{ name, rows: rows.data.map((row) => toRow(row, moment)) }] : [];
  });
}

function toRow({ item, title, subject, state, warnings }: z.infer<typeof rowsSchema>[number], moment: Date): LyncRow {
  const until = "until" in state && state.until !== null ? Date.parse(state.until) : Number.NaN;
  const expired = until <= moment.getTime();
  const says = describeState(state);
  return {
    title,
    subject,
    state: expired ? "expired" : state.kind,
    says: expired ? `expired: ${says}` : says,
    warnings,
    isOutside: outsideItems.includes(item),
  };
}
