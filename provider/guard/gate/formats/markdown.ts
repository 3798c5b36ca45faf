import type { PhrasingContent, Root, RootContent, Table } from "mdast";
import { showPath } from "../../../platform/display";
import type { GateReport, Verdict } from "../report";
import { describeDifference } from "./text";

const signs: Readonly<Record<Verdict, string>> = { passed: "✅", failed: "❌", unobserved: "❔", broken: "💥" };

/** A report as Markdown that fits a comment on a pull request: the verdict, then a table each of what changes, drifted, is predicted and fails. */
export async function toMarkdown(report: GateReport): Promise<string> {
  const { toMarkdown: write } = await import("mdast-util-to-markdown");
  const { gfmTableToMarkdown } = await import("mdast-util-gfm-table");
  const of = (...kinds: readonly string[]) => report.findings.filter(({ kind }) => kinds.includes(kind));
  const predicted = [
    ...report.changes.flatMap(({ resource, forecast }) => (forecast === null ? [] : [[resource, forecast]])),
    ...of("warning").map(({ resource, message }) => [resource, message]),
  ];
  const root: Root = {
    type: "root",
    children: [
      heading(2, `${signs[report.verdict]} Backup posture of ${report.stack}`),
      paragraph(report.summary),
      ...section(
        "What changes",
        ["resource", "what", "properties"],
        report.changes.map(({ resource, kind, operation, properties }) => [
          resource,
          `${operation} ${kind}`,
          properties.map(describeDifference).join("; "),
        ]),
      ),
      ...section(
        "What stops being protected, or was refused",
        ["resource", "why", "fails"],
        of("removed", "refused").map(({ resource, message, fails }) => [resource, message, yes(fails)]),
      ),
      ...section(
        "What drifted",
        ["resource", "what is so", "fails"],
        of("drift").map(({ resource, message, fails }) => [resource, message, yes(fails)]),
      ),
      ...section("What is predicted", ["resource", "what"], predicted),
      ...section(
        "Which controls fail",
        ["control", "resource", "what", "new", "fails"],
        of("control", "policy").map(({ rule, resource, message, isNew, fails }) => [
          rule,
          resource,
          message,
          yes(isNew),
          yes(fails),
        ]),
      ),
      ...section(
        "What no stack owns",
        ["what"],
        of("orphan").map(({ message }) => [message]),
      ),
      ...section(
        "Waived",
        ["what"],
        report.waived.map((each) => [each]),
      ),
      ...report.notes.map((note) => paragraph(`Note: ${note}.`)),
    ],
  };
  return write(root, { extensions: [gfmTableToMarkdown()] }).trimEnd();
}

function yes(holds: boolean): string {
  return holds ? "yes" : "";
}

function section(title: string, head: readonly string[], rows: readonly (readonly string[])[]): readonly RootContent[] {
  return rows.length === 0 ? [] : [heading(3, title), table([head, ...rows])];
}

function heading(depth: 2 | 3, value: string): RootContent {
  return { type: "heading", depth, children: [text(value)] };
}

function paragraph(value: string): RootContent {
  return { type: "paragraph", children: [text(value)] };
}

function table(rows: readonly (readonly string[])[]): Table {
  return {
    type: "table",
    children: rows.map((cells) => ({
      type: "tableRow",
      children: cells.map((cell) => ({ type: "tableCell", children: [text(cell)] })),
    })),
  };
}

/** Nothing in it can end a cell, or begin a heading, a link or HTML: the writer escapes what would. */
function text(value: string): PhrasingContent {
  return { type: "text", value: showPath(value) };
}
