import { healthy } from "../declaration/health";
import type { PlainResource } from "../guard/controls/properties";
import type { ControlsSettings } from "../guard/controls/settings";
import { formatInstant } from "../platform/clock";
import { formatCount } from "../platform/quantities";
import { type ControlsReport, reportControls } from "./controls";
import { type LyncReport, readLyncReports } from "./lync-coverage";
import type { HomeReport, ItemReport } from "./model";
import { listResources, type StackExport } from "./stack-export";

/** A look that is older than this when a report is written says nothing of now, in milliseconds. */
const outdatedAfter = 25 * 3_600_000;

/** One thing that is not as promised. */
export interface Attention {
  readonly host: string;
  readonly home: string;
  /** Null: of the home as a whole. */
  readonly id: string | null;
  readonly name: string;
  readonly kind: ItemReport["kind"] | "home";
  readonly sentence: string;
  readonly remedy: string;
}

/** Everything that a report says; HTML and Markdown are views of it. */
export interface Report {
  readonly format: 1;
  readonly generatedAt: string;
  /** `empty`: nothing is declared, so nothing is known to be well. */
  readonly verdict: "healthy" | "unhealthy" | "empty";
  /** The verdict in one sentence. */
  readonly summary: string;
  /** Open drift: the homes' own faults first, then those of their jobs, the worst first within each. */
  readonly attention: readonly Attention[];
  readonly homes: readonly HomeReport[];
  readonly controls: ControlsReport;
  /** Null where no stack was given: homes do not tell of deployments. */
  readonly lync: readonly LyncReport[] | null;
}

/** Draws one report from looks at homes, and from the stack that declares them where it is given. Pure. */
export function describeReport(
  homes: readonly HomeReport[],
  {
    controls,
    stack,
    now,
  }: { readonly controls: ControlsSettings; readonly stack: StackExport | null; readonly now: Date },
): Report {
  const attention = [
    ...homes.flatMap((home) => findHomeFaults(home, now)),
    ...homes.flatMap((home) => home.items.flatMap((item) => toAttention(home, item))),
  ];
  const items = homes.flatMap((home) => home.items);
  const resources = stack === null ? homes.flatMap(listDeclared) : listResources(stack);
  return {
    format: 1,
    generatedAt: formatInstant(now),
    verdict: items.length === 0 ? "empty" : attention.length === 0 ? "healthy" : "unhealthy",
    summary: summarise(items, attention),
    attention,
    homes,
    controls: reportControls(resources, controls, now),
    lync: stack === null ? null : readLyncReports(resources, now),
  };
}

function findHomeFaults({ host, home, observedAt, fired }: HomeReport, now: Date): readonly Attention[] {
  const of = { host, home, id: null, name: home, kind: "home" } as const;
  return [
    ...(now.getTime() - Date.parse(observedAt) <= outdatedAfter
      ? []
      : [
          {
            ...of,
            sentence: `not observed since ${observedAt}: what follows was so then`,
            remedy: `see why ${host} sends no newer report`,
          },
        ]),
    ...(fired
      ? []
      : [
          {
            ...of,
            sentence: "no agent runs, so nothing that is due fires",
            remedy: `backup-posture agent --home ${home}`,
          },
        ]),
  ];
}

function toAttention({ host, home }: HomeReport, { id, name, kind, faults }: ItemReport): readonly Attention[] {
  return faults.map(({ sentence, remedy }) => ({ host, home, id, name, kind, sentence, remedy }));
}

function summarise(items: readonly ItemReport[], attention: readonly Attention[]): string {
  if (items.length === 0) return "Nothing is declared here, so nothing is known to be well";
  const bad = items.filter(({ health }) => health !== healthy).length;
  const homes = attention.filter(({ kind }) => kind === "home").length;
  if (bad === 0 && homes === 0)
    return items.length === 1 ? "The one promise is kept" : `All ${items.length} promises are kept`;
  const ofItems = `${bad} of ${formatCount(items.length, "promise")} ${bad === 1 ? "is" : "are"} not kept`;
  return homes === 0 ? ofItems : `${ofItems}, and ${homes} of the hosts ${homes === 1 ? "needs" : "need"} a look`;
}

const tokens: Readonly<Partial<Record<ItemReport["kind"], string>>> = {
  schedule: "pulumi-nodejs:dynamic/backup-posture:BackupSchedule",
  target: "pulumi-nodejs:dynamic/backup-posture:RestoreTarget",
  snapshot: "pulumi-nodejs:dynamic/backup-posture:FileShareSnapshot",
};

/** What jobs declare, as controls read resources of a stack. */
function listDeclared({ host, home, items }: HomeReport): readonly PlainResource[] {
  return items.flatMap(({ kind, id, name, owner, declared }) => {
    const type = tokens[kind];
    return type === undefined ? [] : [{ urn: owner ?? `${host}:${home}:${id}`, type, name, properties: declared }];
  });
}
