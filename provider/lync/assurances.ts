import { z } from "zod";
import { commandLine, duration, instant, sentence } from "../declaration/primitives";
import { catalogue } from "./catalogue";

/** What others back up, and until when that may be relied on. */
export const evidenceSchema = z.strictObject({
  /** What was backed up, and where that can be seen. */
  what: sentence,
  /** When it was backed up. */
  at: instant,
  /** From then on it no longer counts. */
  until: instant,
});

/** What others back up, and until when that may be relied on. */
export type Evidence = z.infer<typeof evidenceSchema>;

/** What others back up, and a command that tells when they did so last. */
export const probedEvidenceSchema = z.strictObject({
  /** What is backed up, and where that can be seen. */
  what: sentence,
  /** Prints the ISO 8601 instant of the last backup; run by the runner's account, in previews too. */
  command: commandLine,
  /** Default: `5m`. */
  timeout: duration.optional(),
  /** The oldest that the last backup may be. */
  maxAge: duration,
});

/** What others back up, and a command that tells when they did so last. */
export type ProbedEvidence = z.infer<typeof probedEvidenceSchema>;

/** That something is knowingly left without a backup. */
export const waiverSchema = z.strictObject({
  /** Who decided. */
  by: sentence,
  reason: sentence,
  /** From then on it no longer counts. Default: it always does. */
  until: instant.optional(),
});

/** That something is knowingly left without a backup. */
export type Waiver = z.infer<typeof waiverSchema>;

/** What can be left without a backup, by the catalogue's ids. */
const waivable: readonly string[] = [
  ...catalogue.backupItems,
  ...catalogue.transientData,
  ...catalogue.outsideRequirements,
].map(({ id }) => id);

const outside: readonly string[] = catalogue.outsideRequirements.map(({ id }) => id);

/** Evidence by the id of the outside requirement that it is for. */
export const evidenceByIdSchema = z.record(
  z.string().refine((id) => outside.includes(id), `must be one of ${outside.join(", ")}`),
  z.union(
    [evidenceSchema, probedEvidenceSchema],
    "must be an object with what, at and until, or with what, command and maxAge",
  ),
  "must be an object of evidence by the requirement's id",
);

/** Waivers by the catalogue's id, and, for one of several, its subject: `user-data`, or `user-data:pool01.contoso.com`. */
export const waiversSchema = z.record(
  z
    .string()
    .refine((key) => waivable.includes(key.split(":")[0] ?? ""), `must begin with one of ${waivable.join(", ")}`),
  waiverSchema,
  "must be an object of waivers by what they are for",
);
