import type { GateReport } from "../report";
import { toJson } from "./json";
import { toMarkdown } from "./markdown";
import { toSarif } from "./sarif";
import { toText } from "./text";

/** What a report can be written as. */
export const formatNames = ["text", "json", "junit", "sarif", "markdown"] as const;

/** See {@link formatNames}. */
export type FormatName = (typeof formatNames)[number];

/** Writes a report in a format. */
export async function writeReport(report: GateReport, format: FormatName): Promise<string> {
  switch (format) {
    case "text":
      return toText(report);
    case "json":
      return toJson(report);
    case "junit": {
      const { toJunit } = await import("./junit.js"); // its library takes longer to load than most commands take
      return toJunit(report);
    }
    case "sarif":
      return toSarif(report);
    case "markdown":
      return await toMarkdown(report);
  }
}
