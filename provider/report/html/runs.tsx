import type { Report } from "../describe-report";
import type { History, ScheduleReport } from "../model";
import { listSeen, type Seen } from "../seen";
import { ageOf, showBytes, showChange, showLength } from "../words";
import { AgeBar } from "./charts/age-bar";
import { YearAxis, YearStrip } from "./charts/year-strip";
import { itemAttributes, Mark, Moment, Section, Table } from "./parts";

/** Every schedule: how it is, how old its last backup is against its RPO, and its last year day by day. */
export function RunsSection({ report }: { readonly report: Report }) {
  const schedules = listSeen(report, "schedule");
  const [first] = schedules;
  if (first === undefined) return null;
  const { from, to } = first.item.history;
  return (
    <Section
      id="runs"
      title="Schedules"
      note={
        <>
          <Legend />
          Days are days in UTC. Missed starts are known since a schedule was last changed.
        </>
      }
    >
      <Table
        caption="Schedules: health, age against RPO, a year of runs"
        className="runs"
        columns={["", "", "year"]}
        head={["Schedule", "Last good backup", <YearAxis key="axis" from={from} to={to} />, "Last run"]}
      >
        {schedules.map((seen) => (
          <RunsRow key={seen.number} seen={seen} severalHosts={report.homes.length > 1} />
        ))}
      </Table>
    </Section>
  );
}

function Legend() {
  return (
    <span class="legend">
      <svg aria-hidden="true" viewBox="0 0 12 20">
        <path class="day-ok" d="M0 6h12v7h-12z" />
      </svg>
      a run succeeded
      <svg aria-hidden="true" viewBox="0 0 12 20">
        <path class="day-bad" d="M0 0h12v13h-12z" />
      </svg>
      a run failed
      <svg aria-hidden="true" viewBox="0 0 12 20">
        <path class="day-late" d="M0 15h12v5h-12z" />
      </svg>
      missed, or older than RPO and grace.
    </span>
  );
}

function RunsRow({
  seen: { item, home, number },
  severalHosts,
}: {
  readonly seen: Seen<ScheduleReport>;
  readonly severalHosts: boolean;
}) {
  const { name, when, faults, health, history } = item;
  return (
    <tr {...itemAttributes(number, faults)}>
      <th scope="row">
        <Mark is={faults.length > 0 ? "bad" : "ok"}>
          <a href={`#s${number}`}>{name}</a>
        </Mark>
        <small>
          {when}
          {severalHosts ? ` on ${home.host}` : ""}
        </small>
        {faults.length > 0 ? <small class="bad">{health}</small> : null}
      </th>
      <td>
        <Age item={item} observedAt={home.observedAt} />
      </td>
      <td class="year">
        <YearStrip history={history} />
      </td>
      <td>
        <LastRun history={history} />
      </td>
    </tr>
  );
}

function Age({ item, observedAt }: { readonly item: ScheduleReport; readonly observedAt: string }) {
  const age = ageOf(item, observedAt);
  if (age === null) return <Moment at={null} none="none yet" />;
  return (
    <>
      <Moment at={item.lastSuccess} />
      <AgeBar age={age} rpo={item.rpoMilliseconds} grace={item.graceMilliseconds} />
      <small>
        {showLength(age)} of {showLength(item.rpoMilliseconds)}
      </small>
    </>
  );
}

function LastRun({ history: { last, trend } }: { readonly history: History }) {
  if (last === null) return <Moment at={null} />;
  return (
    <>
      {last.outcome === "succeeded" ? last.outcome : <span class="bad">{last.outcome}</span>}
      <small>
        {showLength(last.milliseconds)}
        {trend.milliseconds === null ? "" : ` (${showChange(trend.milliseconds)})`}, {showBytes(last.bytes)}
        {trend.bytes === null ? "" : ` (${showChange(trend.bytes)})`}
      </small>
    </>
  );
}
