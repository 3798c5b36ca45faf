import { explainFinding } from "../../guard/controls/judge";
import type { ControlReport, ControlState, FrameworkReport } from "../controls";
import type { Report } from "../describe-report";
import { Mark, Section, type Standing, Table } from "./parts";

const mostFindings = 50;

const standings: Readonly<Record<ControlState, Standing>> = {
  satisfied: "ok",
  waived: "warn",
  open: "bad",
  disabled: "none",
};

/** How the declarations stand to the controls, and to each framework by its own names. */
export function ControlsSection({ report }: { readonly report: Report }) {
  const { controls, frameworks } = report.controls;
  return (
    <Section
      id="controls"
      title="Controls"
      note="Controls judge what is declared; drift, above, is what was observed. What a declaration cannot show of a place is taken for not so, until --controls says otherwise."
    >
      <Table caption="Controls" head={["Control", "Level", "State", "What does not satisfy it"]} columns={[""]}>
        {controls.map((control) => (
          <ControlRow key={control.id} control={control} />
        ))}
      </Table>
      {frameworks.map((framework) => (
        <Framework key={framework.id} framework={framework} open={frameworks.length === 1} />
      ))}
    </Section>
  );
}

function ControlRow({ control }: { readonly control: ControlReport }) {
  const { id, asks, level, state, findings } = control;
  const [first] = findings;
  return (
    <tr>
      <th scope="row">
        <code>{id}</code>
        <small>{asks}</small>
      </th>
      <td>{level}</td>
      <td>
        <Mark is={standings[state]}>{state}</Mark>
      </td>
      <td>
        {first === undefined ? null : findings.length === 1 ? (
          `${first.name}: ${explainFinding(first)}`
        ) : (
          <Findings control={control} />
        )}
      </td>
    </tr>
  );
}

function Findings({ control: { findings } }: { readonly control: ControlReport }) {
  return (
    <details>
      <summary>{findings.length} findings</summary>
      <ul>
        {findings.slice(0, mostFindings).map((finding) => (
          <li key={`${finding.urn ?? ""} ${finding.found}`}>
            <b>{finding.name}</b>: {explainFinding(finding)}
            {finding.state === "waived" && finding.waiver !== null
              ? ` Waived by ${finding.waiver.owner} until ${finding.waiver.expires}: ${finding.waiver.reason}`
              : ""}
          </li>
        ))}
        {findings.length > mostFindings ? (
          <li>and {findings.length - mostFindings} more: report --json has them all</li>
        ) : null}
      </ul>
    </details>
  );
}

function Framework({ framework, open }: { readonly framework: FrameworkReport; readonly open: boolean }) {
  const { id, title, mappings } = framework;
  const satisfied = mappings.filter(({ state }) => state === "satisfied" || state === "waived").length;
  return (
    <details class="fold" id={`framework-${id}`} open={open}>
      <summary>
        <b>{title}</b>{" "}
        <span class="muted">
          {satisfied} of {mappings.length} satisfied
        </span>
      </summary>
      <Table caption={title} head={["Its name", "Control", "Figure", "State"]} columns={["", ""]}>
        {mappings.map(({ name, control, figures, state, open: left, waived }) => (
          <tr key={`${name} ${control}`}>
            <th scope="row">{name}</th>
            <td>
              <code>{control}</code>
            </td>
            <td>{figures}</td>
            <td>
              <Mark is={standings[state]}>{describeState(state, left, waived)}</Mark>
            </td>
          </tr>
        ))}
      </Table>
    </details>
  );
}

function describeState(state: ControlState, open: number, waived: number): string {
  if (state !== "open") return state;
  return waived === 0 ? `${open} open` : `${open} open, ${waived} waived`;
}
