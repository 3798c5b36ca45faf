import { z } from "zod";
import { duration, wholeNumber } from "../../declaration/primitives";
import { controlIds, frameworkIds } from "./ids";

/** How much a control weighs: `mandatory` fails, `advisory` warns, `disabled` is not looked at. */
export const levelSchema = z.enum(
  ["mandatory", "advisory", "disabled"],
  'must be "mandatory", "advisory" or "disabled"',
);

/** See {@link levelSchema}. */
export type Level = z.infer<typeof levelSchema>;

const date = z.iso.date("must be a date, YYYY-MM-DD");

/** What a declaration cannot show of a place that holds recovery points. */
const placeFactsSchema = z.strictObject({
  /** What recovery points lie on, for counting media: `disk`, `tape`, … Default: `disk`, or what Azure says. */
  medium: z.string().min(1).optional(),
  /** Whoever takes the disks away cannot read them. */
  encrypted: z.boolean().optional(),
  /** A fire or flood that takes the original does not take it. */
  offSite: z.boolean().optional(),
  /** Nobody can change or delete what lies there before its time; offline counts. */
  immutable: z.boolean().optional(),
  /** Whoever holds all rights where the original lies holds none there. */
  isolated: z.boolean().optional(),
  /** Nobody can delete recovery points there by hand, or it can be undone. */
  deletionGuarded: z.boolean().optional(),
});

/** See the schema. */
export type PlaceFacts = z.infer<typeof placeFactsSchema>;

/** Facts by path, or by vault; the longest path that holds a store counts. */
export type PlacesByPath = Readonly<Record<string, PlaceFacts>>;

const controlSettingsSchema = z.strictObject({
  level: levelSchema.optional(),
  /** The longest that is allowed, of `frequency`, `fresh`, `restore-tested`, `restore-in-time` and `process-reviewed`. */
  atMost: duration.optional(),
  /** The shortest that `retention-floor` allows. */
  atLeast: duration.optional(),
  /** How many copies, or media, there are to be, the original among them. */
  count: wholeNumber(1, 100).optional(),
  /** What `covered` looks for besides: each path must be read by a schedule. */
  paths: z.array(z.string().min(1)).optional(),
});

/** The settings of one control. */
export type ControlSettings = z.infer<typeof controlSettingsSchema>;

/** A finding that somebody has taken upon themselves, for a time. */
const waiverSchema = z.strictObject({
  control: z.enum(controlIds),
  /** The resource's name or URN. Default: every resource. */
  resource: z.string().min(1).optional(),
  reason: z.string().min(1),
  /** Who answers for it. */
  owner: z.string().min(1),
  /** The last day on which it holds, in UTC. After it the finding fails, whatever the control's level. */
  expires: date,
});

/** See the schema. */
export type Waiver = z.infer<typeof waiverSchema>;

export const settingsSchema = z.strictObject({
  /** Switches on what a framework asks for, as mandatory, and all else off. Default: the controls' own levels. */
  framework: z.enum(frameworkIds).optional(),
  controls: z.partialRecord(z.enum(controlIds), z.union([levelSchema, controlSettingsSchema])).optional(),
  /** What the declarations cannot show, by path of a store or name of a vault. */
  places: z.record(z.string(), placeFactsSchema).optional(),
  /** The written backup process, and when it was last reviewed. */
  process: z.strictObject({ document: z.string().min(1), reviewedOn: date }).optional(),
  waivers: z.array(waiverSchema).optional(),
});

/** What a policy pack is given; everything has a default. */
export type ControlsSettings = z.infer<typeof settingsSchema>;

/**
 * Reads settings.
 *
 * @throws Error that names what is wrong, all at once.
 */
export function parseSettings(settings: unknown): ControlsSettings {
  const parsed = settingsSchema.safeParse(settings);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join(".") || "settings"}: ${message}`);
  throw new Error(`controls: ${faults.join("; ")}`);
}
