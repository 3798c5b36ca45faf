import { formatMilliseconds } from "../platform/durations";
import type { EvidenceRecord } from "../restore/evidence";
import { colors, formatBytes, formatCount, formatTable } from "./format";

/** What a drill found, line by line, for people: it names files. */
export function describeRecord(record: EvidenceRecord): readonly string[] {
  return [
    `restored ${formatCount(record.files, "file")}, ${formatBytes(record.bytes)} in ${formatMilliseconds(record.restoreMilliseconds)}, compared ${record.compared} entries`,
    ...describeDifferences(record.differences.listed),
    ...(record.unrestorable === undefined ? [] : [describeUnrestorable(record.unrestorable)]),
  ];
}

/** One verdict as a word. */
export function describeVerdict({ verdict }: Pick<EvidenceRecord, "verdict">): string {
  return verdict === "passed" ? colors.green(verdict) : colors.red(verdict);
}

function describeDifferences(listed: EvidenceRecord["differences"]["listed"]): readonly string[] {
  if (listed.length === 0) return [];
  const rows = listed.map(({ path, what }) => [path, what]);
  return ["", formatTable(["path", "difference"], rows), ""];
}

/** What could not be proved, and is no fault of the backup. */
function describeUnrestorable(unrestorable: NonNullable<EvidenceRecord["unrestorable"]>): string {
  const parts = [
    [unrestorable.owner, "the owner"],
    [unrestorable.mode, "the mode"],
    [unrestorable.extendedAttributes, "extended attributes or ACLs"],
  ] as const;
  const told = parts.flatMap(([entries, what]) => (entries === 0 ? [] : [`${what} of ${entries}`]));
  return colors.yellow(`not restored, since this account or this place cannot: ${told.join(", ")}`);
}
