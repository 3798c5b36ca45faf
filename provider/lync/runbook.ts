import { listBackupParts } from "./backup-parts";
import { catalogue } from "./catalogue";
import { type CoverageRow, type DeclaredPosture, describeState, listUncovered } from "./coverage";
import { cell, markdownTable } from "./markdown";
import { listNeededPermissions } from "./permissions-needed";
import { formatFailure, listFailures } from "./restore-plan";
import { adviseOnTopology } from "./topology";

/** The runbook of a deployment as Markdown: what is backed up by what, who may do it, what others must do, and how to restore. */
export function renderRunbook(posture: DeclaredPosture, rows: readonly CoverageRow[]): string {
  const { topology } = posture;
  const uncovered = listUncovered(rows);
  return [
    "# Backup and restore runbook",
    `Product: \`${topology.product}\`. ${uncovered.length === 0 ? "Everything is covered." : `**${uncovered.length} items are uncovered.**`}`,
    ...list("What to know", [
      ...adviseOnTopology(topology),
      ...rows.flatMap(({ title, warnings }) => warnings.map((warning) => `${title}: ${warning}`)),
    ]),
    "## Coverage",
    markdownTable(
      ["item", "of", "state"],
      rows.map(({ title, subject, state }) => [title, subject ?? "", describeState(state)]),
    ),
    "## Schedules and what their accounts need",
    ...posture.schedules.map((schedule) => renderSchedule(posture, schedule)),
    ...list(
      "When to back up",
      catalogue.backupItems
        .filter(({ id }) => rows.some(({ item, state }) => item === id && state.kind !== "not-needed"))
        .map(({ title, when }) => `${title}: ${when.advice}`),
    ),
    ...list(
      "What others back up",
      catalogue.outsideRequirements
        .filter(({ id }) => rows.some(({ item, state }) => item === id && state.kind !== "not-needed"))
        .map(
          ({ title, how, why, sameTime }) =>
            `${title}: ${how} ${why}${sameTime ? " It must be of the same time as the recovery set." : ""}`,
        ),
    ),
    ...(topology.exchange.unifiedContactStore
      ? list(
          "Contacts that moved between Lync Server and Exchange",
          catalogue.contactStoreScenarios.map(
            ({ situation, effect, action }) => `${situation} ${effect} ${action ?? "Nothing is to be done."}`,
          ),
        )
      : []),
    "## Restore",
    "For each failure there is a plan, for the newest recovery sets of the schedules that are named:",
    fence(
      "backup-posture restore plan --topology <file> --lost <failure> --from <schedules> --folder <path> --out plan.json\nbackup-posture restore run plan.json",
    ),
    listFailures(topology)
      .map((failure) => `- \`${cell(formatFailure(failure))}\``)
      .join("\n"),
  ]
    .join("\n\n")
    .concat("\n");
}

function renderSchedule(
  { topology, persistentChat }: DeclaredPosture,
  schedule: DeclaredPosture["schedules"][number],
): string {
  const parts = listBackupParts(topology, persistentChat).filter(({ name }) => schedule.sources.includes(name));
  const rows = listNeededPermissions(parts).map(({ permission, parts: needing }) => [
    permission.title,
    needing.join(", "),
  ]);
  return [`### ${cell(schedule.name)}`, markdownTable(["its account must have", "for"], rows)].join("\n\n");
}

function list(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`## ${title}`, lines.map((line) => `- ${cell(line)}`).join("\n")];
}

function fence(text: string): string {
  return `\`\`\`sh\n${text}\n\`\`\``;
}
