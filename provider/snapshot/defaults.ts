import type { CanonicalShape } from "../declaration/canonical";
import { placementDefaults } from "../schedule/defaults";

/** What an absent value means in a FileShareSnapshot, and which of its arrays are sets. Frozen for good. */
export const snapshotShape: CanonicalShape = {
  defaults: { ...placementDefaults, verify: "metadata" },
  fields: { exclude: { set: true } },
};
