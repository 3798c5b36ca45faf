import { formatInstant } from "../platform/clock";
import type { Copy as DeclaredCopy } from "../schedule/schema";
import { groupSets } from "../snapshot/sets";
import type { StoreDeclaration } from "../snapshot/stores/schema";
import type { RecoveryPoint } from "../snapshot/stores/store";
import { placeOf } from "./declared";
import type { ListedPoints } from "./listed-points";
import type { Copy, SourceInCopy } from "./model";

/** What one store holds of a schedule. */
export function describeCopy(
  declared: Pick<Copy, "name" | "traits" | "rpoMilliseconds"> & { readonly store: StoreDeclaration },
  { points, unreachable }: ListedPoints,
  sources: readonly string[],
): Copy {
  const { store, ...own } = declared;
  const [oldest] = [...points].sort((one, other) => one.startedAt.getTime() - other.startedAt.getTime());
  return {
    ...own,
    place: placeOf(store),
    unreachable,
    points: points.length,
    sets: groupSets(points).filter(({ missing }) => missing.length === 0).length,
    oldest: oldest === undefined ? null : formatInstant(oldest.startedAt),
    addedBytes: points.reduce((sum, point) => sum + point.addedBytes, 0),
    sources: Object.fromEntries(
      sources.map((source) => [source, describeSourceIn(points.filter((point) => point.source === source))]),
    ),
  };
}

/** What is declared of where a copy lies, in a few words each. */
export function describeTraits(copy: DeclaredCopy): string[] {
  const { site, medium, immutable, isolated, encrypted, deletionGuarded } = copy;
  return [
    ...(site === undefined ? [] : [`site ${site}`]),
    ...(medium === undefined ? [] : [medium]),
    ...(immutable === true ? ["immutable"] : []),
    ...(isolated === true ? ["isolated"] : []),
    ...(encrypted === true ? ["encrypted"] : []),
    ...(deletionGuarded === true ? ["guarded against deletion"] : []),
  ];
}

function describeSourceIn(points: readonly RecoveryPoint[]): SourceInCopy {
  const good = points.filter(({ damage }) => damage === null);
  const [newest] = [...good].sort((one, other) => other.startedAt.getTime() - one.startedAt.getTime());
  return {
    newest: newest === undefined ? null : formatInstant(newest.startedAt),
    points: points.length,
    damaged: points.length - good.length,
    files: newest?.files ?? 0,
    bytes: newest?.bytes ?? 0,
    skipped: newest?.fidelity.skipped ?? 0,
    keepsRights: newest === undefined ? null : newest.fidelity.owners && newest.fidelity.modes,
    encrypted: newest?.fidelity.encrypted ?? null,
  };
}
