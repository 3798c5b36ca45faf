import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { scheduleSchema } from "../schedule/schema";
import { findOverlaps, type Overlap, type Overlapping } from "./overlap";
import { findPreviewWarnings } from "./warnings";

const simulatedSchema = scheduleSchema.pick({ when: true, keep: true, expectedDuration: true }).strip();
const overlappingSchema = scheduleSchema.pick({ when: true, sources: true, expectedDuration: true }).strip();
const homeSchema = z.object({ home: z.string().default("") });

/** A schedule of the program, and the resource that stands for it. */
type Declared = Overlapping & { readonly resource: pulumi.Resource };

/** The program's schedules so far, and those of them that have not been compared with the others yet. */
const declared: Declared[] = [];
const fresh = new Set<Declared>();

/**
 * Says at a schedule's own row of a preview what can be foretold of it. Values that are not known yet, or not valid, are passed over: `check`
 * tells of those. Nothing depends on the clock, so two previews of one commit say the same.
 */
export function warnOfForecast(resource: pulumi.Resource, name: string, args: object): void {
  if (!pulumi.runtime.isDryRun()) return;
  const { when, keep, expectedDuration }: Readonly<Record<string, unknown>> = { ...args };
  pulumi.output({ when, keep, expectedDuration }).apply((known) => {
    const parsed = simulatedSchema.safeParse(withoutAbsent(known));
    if (!parsed.success) return;
    for (const { kind, property, sentence } of findPreviewWarnings(parsed.data))
      warn(resource, `${kind}: ${property}: ${sentence}`);
  });
  compareWithOthers(resource, name, args);
}

/**
 * Compares schedules once the program has declared them all, so that what is said does not depend on the order in which outputs become known.
 * Arguments that are outputs are passed over for the same reason.
 */
function compareWithOthers(resource: pulumi.Resource, name: string, args: object): void {
  const schedule = overlappingSchema.safeParse(args);
  const home = homeSchema.safeParse(args);
  if (!schedule.success || !home.success) return;
  if (fresh.size === 0) setImmediate(reportOverlaps);
  const one = { ...schedule.data, ...home.data, name, resource };
  declared.push(one);
  fresh.add(one);
}

function reportOverlaps(): void {
  for (const overlap of findOverlaps(declared)) {
    const [, second] = overlap.schedules;
    if (overlap.schedules.some((schedule) => fresh.has(schedule))) warn(second.resource, describeOverlap(overlap));
  }
  fresh.clear();
}

/** What a preview says of an overlap, at the second of the two. */
export function describeOverlap({ schedules: [{ name: other }], shared, at }: Overlap<Overlapping>): string {
  const first = at.toISOString().replace(/:00\.000Z$/, "Z");
  return shared.kind === "source"
    ? `overlap: when: reads ${shared.what} at the same time as ${other}, first at ${first}: give them different hours, or let one schedule do both`
    : `overlap: when: is expected to run on its host at the same time as ${other}, first at ${first}, and others may too: give them different hours, or jitter`;
}

function withoutAbsent(bag: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(bag).filter(([, value]) => value !== undefined));
}

function warn(resource: pulumi.Resource, text: string): void {
  void pulumi.log.warn(text, resource);
}
