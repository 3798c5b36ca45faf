import type { Report } from "../describe-report";
import { Mark, Section, Table } from "./parts";

const kinds = {
  home: "posture home",
  schedule: "schedule",
  target: "restore target",
  snapshot: "snapshot",
  unknown: "job",
} as const;

/** Open drift: everything that is not as promised, and what mends it. */
export function AttentionSection({ report }: { readonly report: Report }) {
  const { attention, homes } = report;
  if (attention.length === 0)
    return (
      <Section id="drift" title="Open drift">
        <p>
          <Mark is="ok">None: everything that was looked at is as declared.</Mark>
        </p>
      </Section>
    );
  return (
    <Section id="drift" title="Open drift" note="The same sentences as pulumi preview --refresh shows as drift.">
      <Table caption="Open drift" head={["What", "What is so", "What to do"]} className="drift">
        {attention.map(({ host, home, id, name, kind, sentence, remedy }) => (
          <tr key={`${host} ${home} ${id ?? ""} ${sentence}`}>
            <th scope="row">
              {name}
              <small>
                {kinds[kind]}
                {homes.length > 1 ? ` on ${host}` : ""}
              </small>
            </th>
            <td>
              <Mark is="bad">{sentence}</Mark>
            </td>
            <td class="remedy">{remedy}</td>
          </tr>
        ))}
      </Table>
    </Section>
  );
}
