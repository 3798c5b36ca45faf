import { createRequire } from "node:module";
import Ajv, { type SchemaObject } from "ajv";
import { XMLParser, XMLValidator } from "fast-xml-parser";
import { createGenerator } from "ts-json-schema-generator";
import { z } from "zod";
import { type FormatName, formatNames, writeReport } from "../../../provider/guard/gate/formats";
import { withoutPaths } from "../../../provider/guard/gate/redact";
import type { GateFinding, GateReport, Verdict } from "../../../provider/guard/gate/report";

const hostile = "`a` | b <script>alert(1)</script> ]]> & \u0007 \u202e [x](http://x) # _y_ *z*\n| --- |\n<!-- c -->";
const kinds = ["refused", "removed", "drift", "control", "policy", "warning", "orphan"] as const;
const findings = kinds.flatMap((kind) =>
  [true, false].map(
    (fails): GateFinding => ({
      kind,
      rule: kind === "control" ? "restore-tested" : kind,
      resource: `${kind} ${hostile}`,
      message: hostile,
      isNew: fails,
      fails,
    }),
  ),
);

function report(verdict: Verdict, more: Partial<GateReport> = {}): GateReport {
  const change = { resource: hostile, kind: "BackupSchedule", operation: "update", forecast: hostile } as const;
  return {
    format: 1,
    stack: "prod",
    on: "pr",
    verdict,
    summary: `${verdict}: ${hostile}`,
    changes: [{ ...change, properties: [{ path: "keep.daily", from: "14", to: hostile }] }],
    findings,
    waived: [hostile],
    notes: [hostile],
    ...more,
  };
}

const verdicts = ["passed", "failed", "unobserved", "broken"] as const;

describe.each(verdicts)("a report that is %s", (verdict) => {
  it("is SARIF 2.1.0 by its schema", async () => {
    const sarif: unknown = JSON.parse(await writeReport(report(verdict), "sarif"));
    const validate = sarifValidator();
    expect(validate(sarif)).toBe(true);
    expect(sarif).toMatchObject({ runs: [{ results: { length: findings.length } }] });
  });

  it("is JUnit that a parser of XML reads back, with a case for each finding", async () => {
    const xml = await writeReport(report(verdict), "junit");
    expect(XMLValidator.validate(xml)).toBe(true);
    const parsed: unknown = new XMLParser({
      ignoreAttributes: false,
      isArray: (name) => /^test(suite|case)$/.test(name),
    }).parse(xml);
    const own =
      verdict === "passed"
        ? {}
        : verdict === "unobserved"
          ? { skipped: "" }
          : { [verdict === "broken" ? "error" : "failure"]: expect.anything() as unknown };
    expect(parsed).toMatchObject({
      testsuites: {
        "@_tests": String(findings.length + 1),
        "@_failures": String(kinds.length + (verdict === "failed" ? 1 : 0)),
        testsuite: [
          { testcase: [{ "@_name": "prod: verdict", ...own }] },
          ...kinds.map((kind) => ({ "@_name": kind, testcase: { length: 2 } })),
        ],
      },
    });
  });

  it("is Markdown of headings, paragraphs and tables only, whatever names hold", async () => {
    const markdown = await writeReport(report(verdict), "markdown");
    const { fromMarkdown } = await import("mdast-util-from-markdown");
    const { gfmTableFromMarkdown } = await import("mdast-util-gfm-table");
    const { gfmTable } = await import("micromark-extension-gfm-table");
    const tree = fromMarkdown(markdown, { extensions: [gfmTable()], mdastExtensions: [gfmTableFromMarkdown()] });
    expect([...new Set(typesOf(tree))].sort()).toEqual([
      "heading",
      "paragraph",
      "root",
      "table",
      "tableCell",
      "tableRow",
      "text",
    ]);
    const tables = tree.children.filter((node) => node.type === "table");
    expect(tables).toHaveLength(7);
    for (const { children } of tables)
      expect(new Set(children.map((row) => row.children.length))).toEqual(new Set([children[0]?.children.length]));
  });

  it("is one JSON document, and text without control characters", async () => {
    expect(JSON.parse(await writeReport(report(verdict), "json"))).toEqual(report(verdict));
    expect(await writeReport(report(verdict), "text")).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/);
  });
});

it.each(formatNames)("nothing found is a valid report as well: %s", async (format: FormatName) => {
  const empty = { changes: [], findings: [], waived: [], notes: [], summary: "passed" };
  expect(await writeReport(report("passed", empty), format)).toContain("prod");
});

describe("withoutPaths", () => {
  it.each([
    ["share /srv/Board minutes/a b: is not there", "share <path>: is not there"],
    ['source "/srv/files" and C:\\Data\\x and \\\\server\\share\\y', 'source "<path>" and <path> and <path>'],
    [
      "rpo 24h, 0 5 * * * => */5 * * * *, 3/4 of https://example.com/a",
      "rpo 24h, 0 5 * * * => */5 * * * *, 3/4 of https://example.com/a",
    ],
    ["posture home /var/lib/backup-posture: it is not there", "posture home <path>: it is not there"],
  ])("%s", (text, shown) => {
    expect(withoutPaths(text, ["/srv/Board minutes", "/srv/Board minutes/a b"])).toBe(shown);
  });
});

let compiled: ReturnType<Ajv["compile"]> | undefined;

/** The schema of SARIF, as the types that are generated from it have it. */
function sarifValidator(): ReturnType<Ajv["compile"]> {
  compiled ??= new Ajv({ strict: false, allErrors: true }).compile(generateSarifSchema());
  return compiled;
}

function generateSarifSchema(): SchemaObject {
  const path = createRequire(__filename).resolve("@types/sarif/index.d.ts");
  const generator = createGenerator({ path, type: "Log", skipTypeCheck: true, additionalProperties: false });
  return z.custom<SchemaObject>().parse(generator.createSchema("Log"));
}

function typesOf(node: { readonly type: string }): readonly string[] {
  const children = "children" in node && Array.isArray(node.children) ? node.children : [];
  return [node.type, ...children.flatMap(typesOf)];
}
