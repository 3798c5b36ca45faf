import reports from "junit-report-builder";
import { withoutControlCharacters } from "../redact";
import type { GateFinding, GateReport } from "../report";

/** A report as JUnit XML: a suite for each kind of finding, a case for each finding, and one for the verdict. */
export function toJunit(report: GateReport): string {
  const builder = reports.newBuilder();
  const verdict = builder.testSuite().name("backup-posture gate");
  const whole = verdict.testCase().className("gate").name(`${report.stack}: verdict`);
  if (report.verdict === "unobserved") whole.standardOutput(report.summary).skipped();
  else if (report.verdict === "broken") whole.error(report.summary);
  else if (report.verdict === "failed") whole.failure(report.summary);
  for (const kind of new Set(report.findings.map((finding) => finding.kind))) {
    const suite = builder.testSuite().name(kind);
    for (const finding of report.findings.filter((each) => each.kind === kind)) addCase(suite, finding);
  }
  return builder.build();
}

function addCase(suite: ReturnType<ReturnType<typeof reports.newBuilder>["testSuite"]>, finding: GateFinding): void {
  const { rule, resource, fails } = finding;
  const message = withoutControlCharacters(finding.message);
  const testCase = suite
    .testCase()
    .className(rule)
    .name(withoutControlCharacters(`${resource}: ${rule}`));
  if (fails) testCase.failure(message, rule);
  else testCase.standardOutput(message).skipped();
}
