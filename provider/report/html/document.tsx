import { createHash } from "node:crypto";
import { render } from "preact-render-to-string";
import { showPath } from "../../platform/display";
import type { Report } from "../describe-report";
import { showMoment } from "../words";
import { AttentionSection } from "./attention";
import { behaviour } from "./behaviour";
import { ChartToolsProvider, loadChartTools } from "./charts/tools";
import { ControlsSection } from "./controls";
import { CoverageSection } from "./coverage";
import { DrillsSection } from "./drills";
import { LyncSection } from "./lync";
import { RunsSection } from "./runs";
import { ScheduleDetailsSection } from "./schedule-details";
import { style } from "./style";
import { Verdict } from "./verdict";

/** Nothing is loaded, sent or embedded; only this very style sheet and this very script count. */
const policy = [
  "default-src 'none'",
  `style-src '${digestOf(style)}'`,
  `script-src '${digestOf(behaviour)}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "require-trusted-types-for 'script'",
].join("; ");

/**
 * A report as one HTML file that needs nothing else. What stands in it is escaped by the writer of its markup; characters that are not
 * seen, or that turn the direction of text, show as `\u{N}`.
 */
export async function toHtml(report: Report): Promise<string> {
  const tools = await loadChartTools();
  const markup = render(
    <ChartToolsProvider value={tools}>
      <Page report={report} />
    </ChartToolsProvider>,
  );
  return `<!doctype html>\n${markup.replace(/[^\n]+/g, showPath)}`;
}

function Page({ report }: { readonly report: Report }) {
  const hasLync = report.lync !== null && report.lync.length > 0;
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content={policy} />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="referrer" content="no-referrer" />
        <meta name="robots" content="noindex" />
        <title>{`Backup posture: ${report.summary}`}</title>
        <style dangerouslySetInnerHTML={{ __html: style }} />
      </head>
      <body class={report.homes.flatMap(({ items }) => items).length > 200 ? "many" : undefined}>
        <a class="skip" href="#main">
          To the report
        </a>
        <Verdict report={report} />
        <Bar hasLync={hasLync} />
        <main id="main">
          <AttentionSection report={report} />
          <CoverageSection report={report} />
          <RunsSection report={report} />
          <DrillsSection report={report} />
          <ScheduleDetailsSection report={report} />
          <ControlsSection report={report} />
          <LyncSection report={report} />
        </main>
        <footer>
          Written by backup-posture at <time dateTime={report.generatedAt}>{showMoment(report.generatedAt)}</time>. All
          times are UTC; calendars of schedules name their own time zone. Ages are as of the look at each host.
        </footer>
        <script dangerouslySetInnerHTML={{ __html: behaviour }} />
      </body>
    </html>
  );
}

function Bar({ hasLync }: { readonly hasLync: boolean }) {
  return (
    <div class="bar">
      <nav aria-label="Sections">
        <ul>
          {[
            ["drift", "Drift"],
            ["coverage", "Coverage"],
            ["runs", "Schedules"],
            ["drills", "Drills"],
            ["controls", "Controls"],
            ...(hasLync ? [["lync", "Lync"]] : []),
          ].map(([id, name]) => (
            <li key={id}>
              <a href={`#${id ?? ""}`}>{name}</a>
            </li>
          ))}
        </ul>
      </nav>
      <div id="tools" class="tools" role="search" hidden>
        <label>
          <span class="unseen">Search</span>
          <input id="search" type="search" placeholder="Search ( / )" autocomplete="off" />
        </label>
        <label>
          <span class="unseen">Show</span>
          <select id="filter">
            <option value="all">All items</option>
            <option value="bad">Needs attention</option>
          </select>
        </label>
        <button id="expand" type="button">
          Expand all
        </button>
        <button id="collapse" type="button">
          Collapse all
        </button>
        <output id="found" aria-live="polite" />
      </div>
    </div>
  );
}

function digestOf(content: string): string {
  return `sha256-${createHash("sha256").update(content).digest("base64")}`;
}
