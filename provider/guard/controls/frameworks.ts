import type { ControlId, FrameworkId } from "./ids";
import type { ControlSettings } from "./settings";

/** One thing that a framework asks for, by the framework's own name, and the control that shows it. */
export interface Mapping {
  readonly name: string;
  readonly control: ControlId;
  /** Where the framework asks for another figure than the control's default. */
  readonly settings?: ControlSettings;
}

/** A framework, and what it asks of backups that a posture can show. */
export interface Framework {
  readonly title: string;
  readonly mappings: readonly Mapping[];
}

/** What each framework asks for, in its own order. */
export const frameworks: Readonly<Record<FrameworkId, Framework>> = {
  "aws-backup-audit-manager": {
    title: "AWS Backup Audit Manager",
    mappings: [
      { name: "BACKUP_RESOURCES_PROTECTED_BY_BACKUP_PLAN", control: "covered" },
      { name: "BACKUP_PLAN_MIN_FREQUENCY_AND_MIN_RETENTION_CHECK", control: "frequency", settings: { atMost: "1d" } },
      {
        name: "BACKUP_PLAN_MIN_FREQUENCY_AND_MIN_RETENTION_CHECK",
        control: "retention-floor",
        settings: { atLeast: "35d" },
      },
      {
        name: "BACKUP_RECOVERY_POINT_MINIMUM_RETENTION_CHECK",
        control: "retention-floor",
        settings: { atLeast: "35d" },
      },
      { name: "BACKUP_RECOVERY_POINT_MANUAL_DELETION_DISABLED", control: "deletion-guarded" },
      { name: "BACKUP_RECOVERY_POINT_ENCRYPTED", control: "encrypted" },
      { name: "BACKUP_RESOURCES_PROTECTED_BY_CROSS_REGION", control: "off-site" },
      { name: "BACKUP_RESOURCES_PROTECTED_BY_CROSS_ACCOUNT", control: "isolated" },
      { name: "BACKUP_RESOURCES_PROTECTED_BY_BACKUP_VAULT_LOCK", control: "immutable" },
      { name: "BACKUP_LAST_RECOVERY_POINT_CREATED", control: "fresh" },
      { name: "RESTORE_TIME_FOR_RESOURCES_MEET_TARGET", control: "restore-in-time" },
      { name: "RESOURCES_IN_LOGICALLY_AIR_GAPPED_VAULT", control: "isolated" },
    ],
  },
  "cis-v8": {
    title: "CIS Controls v8",
    mappings: [
      { name: "11.1", control: "process-reviewed", settings: { atMost: "365d" } },
      { name: "11.2", control: "covered" },
      { name: "11.2", control: "frequency", settings: { atMost: "7d" } },
      { name: "11.3", control: "encrypted" },
      { name: "11.3", control: "deletion-guarded" },
      { name: "11.4", control: "isolated" },
      { name: "11.5", control: "restore-tested", settings: { atMost: "90d" } },
    ],
  },
  "nist-800-53r5": {
    title: "NIST SP 800-53 revision 5",
    mappings: [
      { name: "CP-4", control: "restore-tested" },
      { name: "CP-6", control: "off-site" },
      { name: "CP-9", control: "covered" },
      { name: "CP-9", control: "frequency" },
      { name: "CP-9", control: "fresh" },
      { name: "CP-9(1)", control: "verified" },
      { name: "CP-9(2)", control: "restore-tested" },
      { name: "CP-9(3)", control: "off-site" },
      { name: "CP-9(8)", control: "encrypted" },
      { name: "CP-10", control: "restore-tested" },
      { name: "CP-10(4)", control: "restore-in-time" },
    ],
  },
  "iso-27001-2022": {
    title: "ISO/IEC 27001:2022, Annex A",
    mappings: [
      { name: "A.8.13", control: "covered" },
      { name: "A.8.13", control: "frequency" },
      { name: "A.8.13", control: "retention-floor" },
      { name: "A.8.13", control: "restore-tested" },
      { name: "A.8.14", control: "copies", settings: { count: 2 } },
      { name: "A.5.30", control: "restore-in-time" },
      { name: "A.5.30", control: "process-reviewed" },
    ],
  },
  dora: {
    title: "DORA, Regulation (EU) 2022/2554",
    mappings: [
      { name: "Art. 11", control: "restore-tested" },
      { name: "Art. 11", control: "process-reviewed" },
      { name: "Art. 12", control: "covered" },
      { name: "Art. 12", control: "frequency" },
      { name: "Art. 12", control: "retention-floor" },
      { name: "Art. 12", control: "isolated" },
    ],
  },
  "3-2-1-1-0": {
    title: "3-2-1-1-0",
    mappings: [
      { name: "3 copies", control: "copies", settings: { count: 3 } },
      { name: "2 media", control: "media", settings: { count: 2 } },
      { name: "1 off-site", control: "off-site" },
      { name: "1 offline or immutable", control: "immutable" },
      { name: "0 errors", control: "verified" },
    ],
  },
};

/** By what names the frameworks know a control, `CIS Controls v8 11.2`. */
export function namesOf(control: ControlId): readonly string[] {
  return Object.values(frameworks).flatMap(({ title, mappings }) =>
    mappings.filter((mapping) => mapping.control === control).map(({ name }) => `${title} ${name}`),
  );
}
