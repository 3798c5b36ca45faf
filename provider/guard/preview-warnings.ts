import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { identifyHost } from "../hosts/schema";
import { scheduleSchema } from "../schedule/schema";
import { findOverlaps, type Overlap, type Overlapping } from "./overlap";
import { findPreviewWarnings } from "./warnings";

const simulatedSchema = scheduleSchema.pick({ when: true, keep: true, expectedDuration: true }).strip();
const overlappingSchema = scheduleSchema.pick({ when: true, sources: true, expectedDuration: true }).strip();
/** One home on one host, as text. */
const homeSchema = z
  .object({ home: z.string().default(""), host: z.unknown().optional() })
  .transform(({ home, host }) => ({ home: JSON.stringify([identifyHost(host) ?? null, home]) }));

/** A schedule of the program, and the resource that stands for it. */
type Declared = Overlapping & { readonly resource: pulumi.Resource };

/** Of schedules that overlap with the same one, so many are told of each by itself, the others in one sentence. */
const mostToldSingly = 5;

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
  const simulated = { when, keep, expectedDuration };
  if (!warnOfKnown(resource, simulated)) pulumi.output(simulated).apply((known) => warnOfKnown(resource, known));
  compareWithOthers(resource, name, args);
}

/** Says what is foretold of plain values; false for what is not valid, or not plain. */
function warnOfKnown(resource: pulumi.Resource, simulated: Readonly<Record<string, unknown>>): boolean {
  const parsed = simulatedSchema.safeParse(withoutAbsent(simulated));
  if (!parsed.success) return false;
  for (const { kind, property, sentence } of findPreviewWarnings(parsed.data))
    warn(resource, `${kind}: ${property}: ${sentence}`);
  return true;
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
  const overlaps = findOverlaps(declared).filter(({ schedules }) => schedules.some((schedule) => fresh.has(schedule)));
  for (const { schedule, sentence } of describeOverlaps(overlaps)) warn(schedule.resource, sentence);
  fresh.clear();
}

/** What a preview says of overlaps, and at which schedules: the second of each two. */
export function describeOverlaps<S extends Overlapping>(
  overlaps: readonly Overlap<S>[],
): readonly { readonly schedule: S; readonly sentence: string }[] {
  return [...groupAlike(overlaps)].flatMap((alike) => {
    const singly = alike.length > mostToldSingly + 1 ? mostToldSingly : alike.length;
    return alike.slice(0, singly + 1).map((overlap, index) => ({
      schedule: overlap.schedules[1],
      sentence: index < singly ? describeOverlap(overlap) : describeMore(overlap, alike.length - singly),
    }));
  });
}

/** Overlaps with the same schedule, for the same reason. */
function groupAlike<S extends Overlapping>(overlaps: readonly Overlap<S>[]): Iterable<readonly Overlap<S>[]> {
  const groups = new Map<string, Overlap<S>[]>();
  for (const overlap of overlaps) {
    const key = JSON.stringify([overlap.schedules[0].name, overlap.shared]);
    groups.set(key, [...(groups.get(key) ?? []), overlap]);
  }
  return groups.values();
}

/** What a preview says in place of more warnings that are alike, at the first of them. */
function describeMore({ schedules: [{ name: other }], shared }: Overlap<Overlapping>, count: number): string {
  const what = shared.kind === "source" ? `read ${shared.what}` : "are expected to run on its host";
  return `overlap: when: ${count} more schedules, of which this is the first, ${what} at the same time as ${other}: give them different hours, or let one schedule do several`;
}

/** What a preview says of an overlap, at the second of the two. */
function describeOverlap({ schedules: [{ name: other }], shared, at }: Overlap<Overlapping>): string {
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
