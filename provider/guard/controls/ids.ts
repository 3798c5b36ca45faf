/** The controls, by their own names. They do not change. */
export const controlIds = [
  "covered",
  "frequency",
  "fresh",
  "retention-floor",
  "encrypted",
  "off-site",
  "immutable",
  "isolated",
  "copies",
  "media",
  "deletion-guarded",
  "verified",
  "restore-tested",
  "restore-in-time",
  "process-reviewed",
] as const;

/** See {@link controlIds}. */
export type ControlId = (typeof controlIds)[number];

/** The frameworks whose names people look for. */
export const frameworkIds = [
  "aws-backup-audit-manager",
  "cis-v8",
  "nist-800-53r5",
  "iso-27001-2022",
  "dora",
  "3-2-1-1-0",
] as const;

/** See {@link frameworkIds}. */
export type FrameworkId = (typeof frameworkIds)[number];
