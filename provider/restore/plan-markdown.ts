import type { PlanCheck, PlanStep, RestorePlan } from "./plan";

/** A restore plan as Markdown: a checklist to print or to follow. */
export function renderPlan(plan: RestorePlan): string {
  return [
    `# ${plan.title}`,
    `From recovery set \`${plan.recoverySet.id}\`, taken from ${plan.recoverySet.startedAt} on.`,
    ...section("Before you begin", plan.preconditions),
    ...section("Warnings", plan.warnings),
    ...plan.steps.map(renderStep),
  ]
    .join("\n\n")
    .concat("\n");
}

/** One step of a plan as Markdown. */
export function renderStep(step: PlanStep, index: number): string {
  return [
    `## ${index + 1}. ${step.title}`,
    `- [ ] **${step.id}**, ${step.kind === "automated" ? "by command" : "by hand"}`,
    [
      `- Where: ${step.computer ?? "any computer with the administrative tools, outside every pool"}`,
      `- Who: ${step.permissions.join(", ")}${step.elevated ? "; elevated" : ""}`,
      ...(step.destroys === null ? [] : [`- **Destroys:** ${step.destroys}`]),
    ].join("\n"),
    ...checks("Check before", step.before),
    ...step.instructions,
    ...step.commands.map(({ display }) => fence(display)),
    ...checks("Check after", step.after),
    ...(step.pitfalls.length === 0 ? [] : [`Pitfalls:\n\n${bullets(step.pitfalls)}`]),
  ].join("\n\n");
}

function checks(title: string, found: readonly PlanCheck[]): readonly string[] {
  if (found.length === 0) return [];
  return [
    `${title}:`,
    ...found.map(({ text, command }) =>
      command === undefined ? `- ${text}` : `- ${text}\n\n${fence(command.display)}`,
    ),
  ];
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`## ${title}`, bullets(lines)];
}

function bullets(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}`).join("\n");
}

/** A block that no content can end: its fence is longer than any run of backticks in it. */
function fence(content: string): string {
  const longest = Math.max(2, ...(content.match(/`+/g) ?? []).map((run) => run.length));
  const mark = "`".repeat(longest + 1);
  return `${mark}powershell\n${content}\n${mark}`;
}
