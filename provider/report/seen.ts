import type { Report } from "./describe-report";
import type { HomeReport, ItemReport } from "./model";

/** An item of a report with where it was seen, and a number of its own within the report. */
export interface Seen<Item extends ItemReport> {
  readonly item: Item;
  readonly home: HomeReport;
  readonly number: number;
}

/** All items of a kind, those that are not well first, then by name. */
export function listSeen<Kind extends ItemReport["kind"]>(
  { homes }: Report,
  kind: Kind,
): readonly Seen<Extract<ItemReport, { kind: Kind }>>[] {
  let number = 0;
  const seen = homes.flatMap((home) => home.items.map((item) => ({ item, home, number: number++ })));
  return seen
    .flatMap(({ item, home, number: own }) => (isOfKind(item, kind) ? [{ item, home, number: own }] : []))
    .sort(
      (one, other) =>
        Number(one.item.faults.length === 0) - Number(other.item.faults.length === 0) ||
        compareText(one.item.name, other.item.name) ||
        one.number - other.number,
    );
}

function isOfKind<Kind extends ItemReport["kind"]>(
  item: ItemReport,
  kind: Kind,
): item is Extract<ItemReport, { kind: Kind }> {
  return item.kind === kind;
}

function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
