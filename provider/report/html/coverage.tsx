import type { Report } from "../describe-report";
import type { Copy, ScheduleReport, SnapshotReport, SourceInCopy, TargetReport } from "../model";
import { listSeen, type Seen } from "../seen";
import { showCount } from "../words";
import { itemAttributes, Mark, Moment, Section, Table } from "./parts";

/** A longer table is folded. */
const mostUnfolded = 200;

/** Every item that is backed up, against every copy of it and the proof that it comes back. */
export function CoverageSection({ report }: { readonly report: Report }) {
  const schedules = listSeen(report, "schedule");
  const snapshots = listSeen(report, "snapshot");
  const targets = listSeen(report, "target").map(({ item }) => item);
  const copies = [...new Set(schedules.flatMap(({ item }) => item.copies.map(({ name }) => name)))];
  const columns = copies.length === 0 ? ["primary"] : copies;
  const rows = snapshots.length + schedules.reduce((sum, { item }) => sum + Object.keys(item.sources).length, 0);
  if (rows === 0) return null;
  const table = (
    <Table
      caption="Coverage: items against copies"
      head={["Item", ...columns.map((name) => `Copy: ${name}`), "Restore drill"]}
    >
      {schedules.flatMap((seen) =>
        Object.entries(seen.item.sources).map(([source, what]) => (
          <tr key={`${seen.number} ${source}`} {...itemAttributes(seen.number, seen.item.faults)}>
            <th scope="row">
              {what}
              <small>
                {source} of {seen.item.name}
              </small>
            </th>
            {columns.map((name) => (
              <td key={name} data-label={name}>
                <CopyCell copy={seen.item.copies.find((copy) => copy.name === name)} source={source} seen={seen} />
              </td>
            ))}
            <td data-label="restored">
              <DrillCell schedule={seen.item} targets={targets} />
            </td>
          </tr>
        )),
      )}
      {snapshots.map((seen) => (
        <SnapshotRow key={seen.number} seen={seen} columns={columns} />
      ))}
    </Table>
  );
  return (
    <Section
      id="coverage"
      title="Coverage"
      note="Items against copies: when the newest good recovery point of each was begun, and whether a drill has brought it back."
    >
      {rows <= mostUnfolded ? (
        table
      ) : (
        <details>
          <summary>{showCount(rows)} items</summary>
          {table}
        </details>
      )}
    </Section>
  );
}

interface CopyCellProps {
  readonly copy: Copy | undefined;
  readonly source: string;
  readonly seen: Seen<ScheduleReport>;
}

function CopyCell({ copy, source, seen: { item, home } }: CopyCellProps) {
  if (copy === undefined) return <Mark is="none">not declared</Mark>;
  if (copy.unreachable !== null) return <Mark is="bad">not seen</Mark>;
  const held = copy.sources[source];
  if (held === undefined || held.newest === null) return <Mark is="bad">no recovery point</Mark>;
  const age = Date.parse(home.observedAt) - Date.parse(held.newest);
  const late = age > copy.rpoMilliseconds + item.graceMilliseconds;
  return (
    <>
      <Mark is={late ? "bad" : held.damaged > 0 ? "warn" : "ok"}>
        <Moment at={held.newest} />
      </Mark>
      <small>{describeHeld(held, copy.traits)}</small>
    </>
  );
}

/** What it keeps, and what it lacks. */
function describeHeld(
  { points, damaged, skipped, keepsRights, encrypted }: SourceInCopy,
  traits: readonly string[],
): string {
  return [
    `${points} kept`,
    ...(damaged > 0 ? [`${damaged} damaged`] : []),
    ...(skipped > 0 ? [`${skipped} files skipped`] : []),
    ...(keepsRights === false ? ["content only"] : []),
    ...traits,
    ...(traits.includes("encrypted") ? [] : [encrypted === true ? "encrypted" : "not encrypted"]),
  ].join(" · ");
}

interface DrillCellProps {
  readonly schedule: ScheduleReport;
  readonly targets: readonly TargetReport[];
}

function DrillCell({ schedule, targets }: DrillCellProps) {
  const own = targets.filter(({ of }) => of === schedule.id);
  const [target] = own;
  if (target === undefined) return <Mark is="none">no restore target</Mark>;
  const [drill] = target.drills;
  if (drill === undefined) return <Mark is={target.faults.length > 0 ? "bad" : "warn"}>never drilled</Mark>;
  const good = drill.verdict === "passed" && target.faults.length === 0;
  return (
    <Mark is={good ? "ok" : "bad"}>
      <Moment at={drill.endedAt} />
    </Mark>
  );
}

function SnapshotRow({
  seen: { item, number },
  columns,
}: {
  readonly seen: Seen<SnapshotReport>;
  readonly columns: readonly string[];
}) {
  return (
    <tr {...itemAttributes(number, item.faults)}>
      <th scope="row">
        {item.source}
        <small>snapshot {item.name}</small>
      </th>
      <td colSpan={columns.length}>
        <Mark is={item.faults.length > 0 ? "bad" : "ok"}>
          <Moment at={item.takenAt} none="no recovery point" />
        </Mark>
        <small>{item.store}</small>
      </td>
      <td>
        <Mark is="none">kept out of every prune</Mark>
      </td>
    </tr>
  );
}
