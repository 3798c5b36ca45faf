import { formatInstant } from "../platform/clock";
import { groupSets } from "../snapshot/sets";
import type { RecoveryPoint } from "../snapshot/stores/store";
import { placeOf } from "./declared";
import type { ListedPoints } from "./listed-points";
import type { Copy, SourceInCopy } from "./model";

/** What one store holds of a schedule. */
export function describeCopy(
  name: string,
  store: unknown,
  { points, unreachable }: ListedPoints,
  sources: readonly string[],
): Copy {
  const [oldest] = [...points].sort((one, other) => one.startedAt.getTime() - other.startedAt.getTime());
  return {
    name,
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
