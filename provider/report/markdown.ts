import type { PhrasingContent, Root, RootContent, Table } from "mdast";
import { explainFinding } from "../guard/controls/judge";
import { showPath } from "../platform/display";
import { entryOf } from "../platform/records";
import type { Attention, Report } from "./describe-report";
import type { HomeReport, ScheduleReport, TargetReport } from "./model";
import { listSeen } from "./seen";
import { ageOf, describeYear, showBytes, showCount, showLength, showMoment, showTrend } from "./words";

const signs: Readonly<Record<Report["verdict"], string>> = { healthy: "✅", unhealthy: "❌", empty: "❔" };
/** What follows is cut off, and said to be: a comment or a wiki page of thousands of rows helps nobody. */
const mostRows = 200;

/** A report as Markdown with tables, in the order of the HTML page: the verdict first. */
export async function toMarkdown(report: Report): Promise<string> {
  const { toMarkdown: write } = await import("mdast-util-to-markdown");
  const { gfmTableToMarkdown } = await import("mdast-util-gfm-table");
  const root: Root = {
    type: "root",
    children: [
      heading(1, `${signs[report.verdict]} Backup posture: ${report.summary}`),
      ...report.homes
        .slice(0, mostRows)
        .map(({ host, home, observedAt }) => paragraph(`Looked at ${showMoment(observedAt)} on ${host}, in ${home}.`)),
      ...section("Open drift", ["what", "what is so", "what to do"], report.attention.map(toAttentionRow)),
      ...coverage(report),
      ...schedules(report),
      ...drills(report),
      ...controls(report),
      ...lync(report),
      paragraph(`Written by backup-posture at ${showMoment(report.generatedAt)}. All times are UTC.`),
    ],
  };
  return write(root, { extensions: [gfmTableToMarkdown()] }).trimEnd();
}

function toAttentionRow({ name, kind, host, sentence, remedy }: Attention): readonly string[] {
  return [`${name} (${kind}, ${host})`, sentence, remedy];
}

function coverage(report: Report): readonly RootContent[] {
  const seen = listSeen(report, "schedule");
  const targets = listSeen(report, "target").map(({ item }) => item);
  const copies = [...new Set(seen.flatMap(({ item }) => item.copies.map(({ name }) => name)))];
  const rows = seen.flatMap(({ item }) =>
    Object.entries(item.sources).map(([source, what]) => [
      `${what} (${source} of ${item.name})`,
      ...copies.map((name) => describeHeld(item, name, source)),
      describeProof(item, targets),
    ]),
  );
  const snapshots = listSeen(report, "snapshot").map(({ item }) => [
    `${item.source} (snapshot ${item.name})`,
    item.takenAt === null ? "no recovery point" : showMoment(item.takenAt),
    ...copies.slice(1).map(() => ""),
    "",
  ]);
  return section(
    "Coverage",
    ["item", ...(copies.length === 0 ? ["primary"] : copies), "restored"],
    [...rows, ...snapshots],
  );
}

function describeHeld({ copies }: ScheduleReport, name: string, source: string): string {
  const copy = copies.find((each) => each.name === name);
  if (copy === undefined) return "not declared";
  if (copy.unreachable !== null) return "not seen";
  const held = entryOf(copy.sources, source);
  if (held === undefined || held.newest === null) return "no recovery point";
  return `${showMoment(held.newest)}, ${held.points} kept${held.damaged === 0 ? "" : `, ${held.damaged} damaged`}`;
}

function describeProof({ id }: ScheduleReport, targets: readonly TargetReport[]): string {
  const target = targets.find(({ of }) => of === id);
  if (target === undefined) return "no restore target";
  const [drill] = target.drills;
  return drill === undefined ? "never drilled" : `${drill.verdict} ${showMoment(drill.endedAt)}`;
}

function schedules(report: Report): readonly RootContent[] {
  const rows = listSeen(report, "schedule").map(({ item, home }) => [
    item.name,
    item.health,
    item.when,
    describeAge(item, home),
    describeYear(item.history),
    describeTrends(item),
    describeRetention(item),
  ]);
  const head = ["schedule", "health", "when", "age of the last good backup", "a year", "trend", "keeps"];
  return section("Schedules", head, rows);
}

function describeAge(item: ScheduleReport, { observedAt }: HomeReport): string {
  const age = ageOf(item, observedAt);
  return age === null ? "none yet" : `${showLength(age)} of ${showLength(item.rpoMilliseconds)}`;
}

function describeTrends({ history: { trend } }: ScheduleReport): string {
  const duration = showTrend(trend.milliseconds, showLength);
  const size = showTrend(trend.bytes, showBytes);
  return [...(duration === "" ? [] : [`duration ${duration}`]), ...(size === "" ? [] : [`size ${size}`])].join("; ");
}

function describeRetention({ retention: { rule, afterYear } }: ScheduleReport): string {
  return afterYear === null ? rule : `${rule}; ${afterYear.sets} sets after a year of runs`;
}

function drills(report: Report): readonly RootContent[] {
  const rows = listSeen(report, "target").map(({ item }) => {
    const [drill] = item.drills;
    if (drill === undefined) return [item.name, item.health, "never", "", "", "", item.attestation];
    return [
      item.name,
      item.health,
      `${drill.verdict} ${showMoment(drill.endedAt)}`,
      `${showCount(drill.files)} files, ${showBytes(drill.bytes)}`,
      `${showCount(drill.compared)}, ${drill.differences} differ`,
      `${showLength(drill.restoreMilliseconds)}, ${item.limitMilliseconds === null ? "no limit" : `limit ${showLength(item.limitMilliseconds)}`}`,
      item.broken === null ? `${item.attestation}, ${drill.digest.slice(0, 16)}` : `broken: ${item.broken}`,
    ];
  });
  return section(
    "Restore drills",
    ["target", "health", "last drill", "restored", "compared", "took", "evidence"],
    rows,
  );
}

function controls({ controls: { controls: all, frameworks } }: Report): readonly RootContent[] {
  const rows = all.map(({ id, level, state, findings }) => {
    const [first] = findings;
    const more = findings.length > 1 ? ` (and ${findings.length - 1} more)` : "";
    return [id, level, state, first === undefined ? "" : `${first.name}: ${explainFinding(first)}${more}`];
  });
  const byFramework = frameworks.flatMap(({ title, mappings }) =>
    mappings.map(({ name, control, figures, state, open }) => [
      title,
      name,
      control,
      figures,
      state === "open" ? `${open} open` : state,
    ]),
  );
  return [
    ...section("Controls", ["control", "level", "state", "what does not satisfy it"], rows),
    ...section("Frameworks", ["framework", "its name", "control", "figure", "state"], byFramework),
  ];
}

function lync(report: Report): readonly RootContent[] {
  return (report.lync ?? []).flatMap(({ name, rows }) =>
    section(
      `Lync and Skype for Business: ${name}`,
      ["item", "where", "state"],
      rows.map(({ title, subject, says, warnings }) => [title, subject ?? "", [says, ...warnings].join(" ")]),
    ),
  );
}

function section(title: string, head: readonly string[], rows: readonly (readonly string[])[]): readonly RootContent[] {
  if (rows.length === 0) return [];
  const left = rows.length - mostRows;
  return [
    heading(2, title),
    table([head, ...rows.slice(0, mostRows)]),
    ...(left > 0 ? [paragraph(`And ${showCount(left)} more: report --json and the HTML page have them all.`)] : []),
  ];
}

function heading(depth: 1 | 2, value: string): RootContent {
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
