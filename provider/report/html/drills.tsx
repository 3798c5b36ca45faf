import type { Report } from "../describe-report";
import type { Drill, TargetReport } from "../model";
import { listSeen, type Seen } from "../seen";
import { showBytes, showCount, showLength } from "../words";
import { itemAttributes, Mark, Moment, Section, Table } from "./parts";

/** Restore targets, and what their drills have proved. */
export function DrillsSection({ report }: { readonly report: Report }) {
  const targets = listSeen(report, "target");
  return (
    <Section
      id="drills"
      title="Restore drills"
      note="A backup that was never restored is a hope. Each drill restores into a scratch place, compares and is timed; its record names the one before it by digest."
    >
      {targets.length === 0 ? (
        <p>
          <Mark is="warn">No restore target is declared: nothing proves that a restore works.</Mark>
        </p>
      ) : (
        <Table
          caption="Restore drills"
          head={["Restore target", "Last drill", "Restored", "Compared", "Took", "Evidence"]}
          columns={["", "", "number", "number", "number", ""]}
        >
          {targets.map((seen) => (
            <TargetRow key={seen.number} seen={seen} />
          ))}
        </Table>
      )}
      {targets
        .filter(({ item }) => item.drills.length > 1)
        .map(({ item, number }) => (
          <EarlierDrills key={number} target={item} number={number} />
        ))}
    </Section>
  );
}

function TargetRow({ seen: { item, number } }: { readonly seen: Seen<TargetReport> }) {
  const [drill] = item.drills;
  const bad = item.faults.length > 0;
  return (
    <tr {...itemAttributes(number, item.faults)}>
      <th scope="row">
        <Mark is={bad ? "bad" : drill === undefined ? "none" : "ok"}>{item.name}</Mark>
        <small>
          restores {item.of} to {item.place},{" "}
          {item.everyMilliseconds === null ? "never drilled" : `every ${showLength(item.everyMilliseconds)}`}
        </small>
        {bad ? <small class="bad">{item.health}</small> : null}
      </th>
      <td>
        <Moment at={drill?.endedAt ?? null} />
        {drill === undefined ? null : <small>{describeVerdict(drill)}</small>}
      </td>
      <td class="number" data-label="restored">
        {drill === undefined ? "" : showBytes(drill.bytes)}
        <small>{drill === undefined ? "" : `${showCount(drill.files)} files, ${drill.scope}`}</small>
      </td>
      <td class="number" data-label="compared">
        {drill === undefined ? "" : showCount(drill.compared)}
        <small>
          {drill === undefined ? "" : `${drill.differences} differ, ${drill.checksPassed} of ${drill.checks} checks`}
        </small>
      </td>
      <td class="number" data-label="took">
        {drill === undefined ? "" : showLength(drill.restoreMilliseconds)}
        <small>{item.limitMilliseconds === null ? "no limit" : `limit ${showLength(item.limitMilliseconds)}`}</small>
      </td>
      <td>
        <Evidence item={item} />
      </td>
    </tr>
  );
}

function Evidence({ item }: { readonly item: TargetReport }) {
  const [drill] = item.drills;
  if (item.broken !== null) return <Mark is="bad">broken: {item.broken}</Mark>;
  if (drill === undefined) return <span class="muted">none</span>;
  return (
    <>
      {item.attestation}
      <small>
        <code>{drill.digest.slice(0, 16)}</code>, by {drill.account} on {drill.host}; {item.passed} passed,{" "}
        {item.failed} failed
      </small>
    </>
  );
}

function describeVerdict({ verdict, message }: Drill): string {
  return message === "" ? verdict : `${verdict}: ${message}`;
}

function EarlierDrills({ target, number }: { readonly target: TargetReport; readonly number: number }) {
  return (
    <details {...itemAttributes(number, target.faults)}>
      <summary>Earlier drills of {target.name}</summary>
      <Table
        caption={`Earlier drills of ${target.name}`}
        head={["Ended", "Verdict", "Compared", "Took", "Digest"]}
        columns={["", "", "number", "number", ""]}
      >
        {target.drills.slice(1).map((drill) => (
          <tr key={drill.digest}>
            <th scope="row">
              <Moment at={drill.endedAt} />
            </th>
            <td>
              <Mark is={drill.verdict === "passed" ? "ok" : "bad"}>{describeVerdict(drill)}</Mark>
            </td>
            <td class="number">{showCount(drill.compared)}</td>
            <td class="number">{showLength(drill.restoreMilliseconds)}</td>
            <td>
              <code>{drill.digest}</code>
            </td>
          </tr>
        ))}
      </Table>
    </details>
  );
}
