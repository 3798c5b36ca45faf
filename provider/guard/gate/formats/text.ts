import { showPath } from "../../../platform/display";
import type { Difference } from "../differences";
import type { DeclaredChange, GateFinding, GateReport } from "../report";

/** A report for people at a terminal. */
export function toText(report: GateReport): string {
  const failing = report.findings.filter(({ fails }) => fails);
  const listed = report.findings.filter(({ fails }) => !fails);
  return [
    `gate on ${report.on}, stack ${report.stack}`,
    ...section("What changes", report.changes.flatMap(describeChange)),
    ...section("What fails", failing.map(describeFinding)),
    ...section("What else there is", listed.map(describeFinding)),
    ...section("Waived", report.waived),
    ...section("Notes", report.notes),
    "",
    report.summary,
  ]
    .map(showPath)
    .join("\n");
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ["", `${title}:`, ...lines.map((line) => `  ${line}`)];
}

function describeChange({ resource, kind, operation, properties, forecast }: DeclaredChange): readonly string[] {
  return [
    `${operation} ${kind} ${resource}`,
    ...properties.map((difference) => `  ${describeDifference(difference)}`),
    ...(forecast === null ? [] : [`  predicted: ${forecast}`]),
  ];
}

/** A property's old and new value in a line. */
export function describeDifference({ path, from, to }: Difference): string {
  if (from === null) return `${path}: ${to ?? ""} (new)`;
  return to === null ? `${path}: ${from} (removed)` : `${path}: ${from} => ${to}`;
}

function describeFinding({ kind, rule, resource, message, isNew }: GateFinding): string {
  const what = kind === rule ? kind : `${kind} ${rule}`;
  return `${resource}: ${what}: ${message}${isNew ? "" : " (was there before)"}`;
}
