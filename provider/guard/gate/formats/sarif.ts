import type { Log, ReportingDescriptor, Result } from "sarif";
import { controls } from "../../controls/controls";
import { controlIds } from "../../controls/ids";
import type { GateFinding, GateReport } from "../report";

const rules: Readonly<Record<GateFinding["kind"], string>> = {
  refused: "A declaration was refused, because it cannot come true or would lose data without consent.",
  removed: "A removed resource stops protecting something.",
  drift: "What stands is not what was declared.",
  control: "A declaration does not satisfy a control.",
  policy: "A policy of a policy pack is violated.",
  warning: "Something is foretold that whoever declares it should know.",
  orphan: "Something on the host belongs to no stack.",
};

/** A report as SARIF 2.1.0. Findings have a resource in place of a line: a program's lines are not known to the engine. */
export function toSarif(report: GateReport): string {
  const log: Log = {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "backup-posture",
            informationUri: "https://www.npmjs.com/package/pulumi-backup-posture",
            rules: listRules(report),
          },
        },
        invocations: [
          {
            executionSuccessful: report.verdict !== "broken",
            properties: { stack: report.stack, verdict: report.verdict },
          },
        ],
        results: report.findings.map((finding) => toResult(finding, report)),
      },
    ],
  };
  return JSON.stringify(log, null, 2);
}

function listRules({ findings }: GateReport): ReportingDescriptor[] {
  const used = new Map(findings.map((finding) => [ruleOf(finding), finding]));
  return [...used].map(([id, { kind, rule }]) => {
    const control = kind === "control" ? controlIds.find((each) => each === rule) : undefined;
    return {
      id,
      shortDescription: { text: control === undefined ? rules[kind] : controls[control].title },
      fullDescription: { text: control === undefined ? rules[kind] : controls[control].asks },
    };
  });
}

function toResult(finding: GateFinding, { stack }: GateReport): Result {
  const { kind, resource, message, isNew, fails } = finding;
  return {
    ruleId: ruleOf(finding),
    level: fails ? "error" : kind === "drift" || kind === "control" ? "warning" : "note",
    message: { text: `${resource}: ${message}` },
    baselineState: isNew ? "new" : "unchanged",
    locations: [
      {
        // Code-scanning services show nothing without a file: the program's project file stands for it.
        physicalLocation: { artifactLocation: { uri: "Pulumi.yaml" }, region: { startLine: 1 } },
        logicalLocations: [{ name: resource, fullyQualifiedName: `${stack}::${resource}`, kind: "resource" }],
      },
    ],
    partialFingerprints: { "backupPosture/v1": `${ruleOf(finding)}:${stack}:${resource}` },
  };
}

function ruleOf({ kind, rule }: GateFinding): string {
  return kind === rule ? kind : `${kind}/${rule}`;
}
