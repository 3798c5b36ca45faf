import { formatCount } from "../../platform/quantities";
import type { Report } from "../describe-report";
import type { HomeReport } from "../model";
import { listSeen } from "../seen";
import { showCount, showMoment, showShare } from "../words";
import { Mark, type Standing } from "./parts";

const words: Readonly<Record<Report["verdict"], { readonly word: string; readonly is: Standing }>> = {
  healthy: { word: "Healthy", is: "ok" },
  unhealthy: { word: "Needs attention", is: "bad" },
  empty: { word: "Nothing declared", is: "none" },
};

/** The verdict, where and when it was found, and the figures that people ask for first. */
export function Verdict({ report }: { readonly report: Report }) {
  const { word, is } = words[report.verdict];
  return (
    <header class={`verdict ${is}`}>
      <p class="eyebrow">Backup posture</p>
      <h1>
        <Mark is={is}>{word}</Mark>
      </h1>
      <p class="summary">{report.summary}.</p>
      <Looks homes={report.homes} />
      <Figures report={report} />
    </header>
  );
}

/** Where it was looked, folded where that is much to read. */
function Looks({ homes }: { readonly homes: readonly HomeReport[] }) {
  const looks = (
    <ul class="looked">
      {homes.map((home) => (
        <li key={`${home.host} ${home.home}`}>{describeLook(home)}</li>
      ))}
    </ul>
  );
  if (homes.length <= 3) return looks;
  const [first = "", ...more] = homes.map(({ observedAt }) => observedAt).sort();
  return (
    <details class="looked">
      <summary>
        Looked at {homes.length} posture homes, between {showMoment(first)} and {showMoment(more.at(-1) ?? first)}
      </summary>
      {looks}
    </details>
  );
}

function describeLook({ host, home, observedAt }: HomeReport) {
  return (
    <>
      Looked at <time dateTime={observedAt}>{showMoment(observedAt)}</time> on <b>{host}</b>, in <code>{home}</code>
    </>
  );
}

function Figures({ report }: { readonly report: Report }) {
  const schedules = listSeen(report, "schedule").map(({ item }) => item);
  const targets = listSeen(report, "target").map(({ item }) => item);
  const sum = (of: (schedule: (typeof schedules)[number]) => number) =>
    schedules.reduce((total, schedule) => total + of(schedule), 0);
  const succeeded = sum(({ history }) => history.succeeded);
  const failed = sum(({ history }) => history.failed + history.interrupted);
  const missed = sum(({ history }) => history.missed);
  const fresh = schedules.filter((schedule) => isFresh(schedule, report)).length;
  const proven = targets.filter(({ faults, drills }) => faults.length === 0 && drills[0]?.verdict === "passed").length;
  const asked = report.controls.controls.filter(({ state }) => state !== "disabled");
  const satisfied = asked.filter(({ state }) => state !== "open").length;
  return (
    <dl class="figures">
      <Figure name="Fresh backups" value={showOf(fresh, schedules.length)} more="last good backup within its RPO" />
      <Figure
        name="Runs in a year"
        value={showShare(succeeded, succeeded + failed + missed)}
        more={`${showCount(succeeded)} succeeded, ${showCount(failed)} failed, ${showCount(missed)} missed`}
      />
      <Figure
        name="Recovery sets"
        value={showCount(sum(({ copies }) => copies.reduce((total, { sets }) => total + sets, 0)))}
        more={`in ${formatCount(new Set(schedules.flatMap(({ copies }) => copies.map(({ place }) => place))).size, "store")}`}
      />
      <Figure name="Restores proven" value={showOf(proven, targets.length)} more="restore targets with a valid drill" />
      <Figure name="Controls satisfied" value={showOf(satisfied, asked.length)} more="as declared, waivers included" />
    </dl>
  );
}

function showOf(part: number, whole: number): string {
  return whole === 0 ? "none" : `${showCount(part)} of ${showCount(whole)}`;
}

function isFresh(
  { lastSuccess, rpoMilliseconds }: { lastSuccess: string | null; rpoMilliseconds: number },
  report: Report,
) {
  const observed = Math.max(...report.homes.map(({ observedAt }) => Date.parse(observedAt)));
  return lastSuccess !== null && observed - Date.parse(lastSuccess) <= rpoMilliseconds;
}

function Figure({ name, value, more }: { readonly name: string; readonly value: string; readonly more: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <strong>{value}</strong>
        <span>{more}</span>
      </dd>
    </div>
  );
}
