import { Fragment } from "preact";
import type { Report } from "../describe-report";
import type { Copy, History, ScheduleReport } from "../model";
import { listSeen, type Seen } from "../seen";
import { describeYear, showBytes, showCount, showLength, showMoment, showTrend } from "../words";
import { LineChart } from "./charts/line-chart";
import { RetentionChart } from "./charts/retention-chart";
import { itemAttributes, Mark, Section } from "./parts";

/** Schedules that need attention are unfolded while they are this few. */
const mostOpen = 5;

/** One fold a schedule: its promises, its sizes and durations over time, its retention as it will be, and what went wrong. */
export function ScheduleDetailsSection({ report }: { readonly report: Report }) {
  const schedules = listSeen(report, "schedule");
  if (schedules.length === 0) return null;
  const bad = schedules.filter(({ item }) => item.faults.length > 0).length;
  return (
    <Section id="details" title="Schedule by schedule">
      {schedules.map((seen) => (
        <ScheduleDetails key={seen.number} seen={seen} open={seen.item.faults.length > 0 && bad <= mostOpen} />
      ))}
    </Section>
  );
}

function ScheduleDetails({
  seen: { item, home, number },
  open,
}: {
  readonly seen: Seen<ScheduleReport>;
  readonly open: boolean;
}) {
  const { history, retention } = item;
  return (
    <details id={`s${number}`} class="fold" open={open} {...itemAttributes(number, item.faults)}>
      <summary>
        <Mark is={item.faults.length > 0 ? "bad" : "ok"}>{item.name}</Mark> <span class="muted">{item.health}</span>
      </summary>
      <Facts item={item} host={home.host} />
      <div class="charts">
        <LineChart
          title="Duration"
          measures={history.measures}
          of={({ milliseconds }) => milliseconds}
          show={showLength}
        />
        <LineChart title="Size" measures={history.measures} of={({ bytes }) => bytes} show={showBytes} />
        <RetentionChart retention={retention} />
      </div>
      <Troubles history={history} />
    </details>
  );
}

function Facts({ item, host }: { readonly item: ScheduleReport; readonly host: string }) {
  const { history, retention, paused, nextDue, rpoMilliseconds, graceMilliseconds, copies } = item;
  const trends = [
    ["Duration", showTrend(history.trend.milliseconds, showLength)],
    ["Size", showTrend(history.trend.bytes, showBytes)],
  ].flatMap(([name, says]) => (says === "" ? [] : [`${name ?? ""}: ${says ?? ""}`]));
  const next =
    paused === null
      ? nextDue === null
        ? "nothing fires it from here"
        : showMoment(nextDue)
      : `paused until ${paused.until}: ${paused.reason}`;
  const facts = [
    ["Id", `${item.id} on ${host}`],
    ["Promise", `RPO ${showLength(rpoMilliseconds)}, grace ${showLength(graceMilliseconds)}; next start ${next}`],
    ...copies.map((copy) => [copy.name === "primary" ? "Store" : `Copy ${copy.name}`, describeCopy(copy)]),
    ["Keeps", describeRetention(item)],
    ["A year", describeYear(history)],
    ...(trends.length === 0 ? [] : [["Trend", trends.join("; ")]]),
    ...(retention.suspended === null ? [] : [["Pruning", `suspended: ${retention.suspended}`]]),
  ];
  return (
    <dl class="facts">
      {facts.map(([name, says]) => (
        <Fragment key={name}>
          <dt>{name}</dt>
          <dd>{says}</dd>
        </Fragment>
      ))}
    </dl>
  );
}

function describeRetention({ retention: { rule, leaving, afterYear } }: ScheduleReport): string {
  const going = leaving === 0 ? "" : `; the next run lets ${leaving} go`;
  if (afterYear === null || afterYear.ages.length === 0) return `${rule}${going}`;
  const reach = showLength(afterYear.ages.at(-1) ?? 0);
  const still = afterYear.stillGrowing ? ", and still growing" : "";
  return `${rule}${going}; after a year of runs ${afterYear.sets} sets, back ${reach}${still}`;
}

function describeCopy({ place, unreachable, points, sets, addedBytes, oldest }: Copy): string {
  if (unreachable !== null) return `${place}: ${unreachable}`;
  const since = oldest === null ? "" : `, the oldest of ${oldest.slice(0, 10)}`;
  return `${place}: ${showCount(sets)} sets of ${showCount(points)} points${since}, ${showBytes(addedBytes)} added`;
}

function Troubles({ history }: { readonly history: History }) {
  const all = history.failed + history.interrupted + history.missed;
  if (all === 0) return null;
  return (
    <>
      <p class="troubles">
        {all > history.troubles.length
          ? `The last ${history.troubles.length} of ${all} failures and misses`
          : "Failures and misses"}
      </p>
      <ul>
        {history.troubles.map(({ at, what, message }) => (
          <li key={`${at} ${what}`}>{`${showMoment(at)} ${what}${message === "" ? "" : `: ${message}`}`}</li>
        ))}
      </ul>
    </>
  );
}
