import type { GateReport } from "../report";

/** A report as one JSON document. */
export function toJson(report: GateReport): string {
  return JSON.stringify(report, null, 2);
}
