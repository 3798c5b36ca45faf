import type { Report } from "../describe-report";
import type { LyncReport, LyncRow } from "../lync-coverage";
import { Mark, Section, type Standing, Table } from "./parts";

const standings: Readonly<Record<LyncRow["state"], Standing>> = {
  covered: "ok",
  outside: "ok",
  "not-needed": "none",
  waived: "warn",
  uncovered: "bad",
  expired: "bad",
};

/** What becomes of every item of the product's documentation, and of what others have to back up. */
export function LyncSection({ report }: { readonly report: Report }) {
  const { lync } = report;
  if (lync === null || lync.length === 0) return null;
  return (
    <Section
      id="lync"
      title="Lync and Skype for Business"
      note="Each item that the product's documentation names, in each place of the deployment, as the stack declares it."
    >
      {lync.map((deployment) => (
        <Deployment key={deployment.name} deployment={deployment} />
      ))}
    </Section>
  );
}

function Deployment({ deployment: { name, rows } }: { readonly deployment: LyncReport }) {
  const groups = [
    [`${name}: what is backed up`, rows.filter(({ isOutside }) => !isOutside)],
    [`${name}: what others back up`, rows.filter(({ isOutside }) => isOutside)],
  ] as const;
  return (
    <>
      {groups.map(([title, own]) => (
        <div key={title}>
          <h3>{title}</h3>
          <Table caption={title} head={["Item", "State"]}>
            {own.map(({ title: item, subject, state, says, warnings }) => (
              <tr key={`${item} ${subject ?? ""}`}>
                <th scope="row">
                  {item}
                  {subject === null ? null : <small>{subject}</small>}
                </th>
                <td>
                  <Mark is={standings[state]}>{says}</Mark>
                  {warnings.map((warning) => (
                    <small key={warning}>{warning}</small>
                  ))}
                </td>
              </tr>
            ))}
          </Table>
        </div>
      ))}
    </>
  );
}
