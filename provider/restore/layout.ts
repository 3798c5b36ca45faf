import { join } from "node:path";
import type { RecoveryPoint } from "../snapshot/stores/store";

/** Where each of several recovery points is restored to: one alone straight into the place, several each into a folder named after its source. */
export function layOut(
  to: string,
  points: readonly RecoveryPoint[],
): readonly { readonly point: RecoveryPoint; readonly to: string }[] {
  return points.map((point) => ({ point, to: points.length === 1 ? to : join(to, point.source) }));
}
