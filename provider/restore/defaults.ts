import type { CanonicalShape } from "../declaration/canonical";
import { defaultCommandTimeout, defaultGrace, placementDefaults, schedulerShape } from "../schedule/defaults";

/** What an absent value means in a RestoreTarget. Frozen for good. */
export const restoreTargetShape: CanonicalShape = {
  defaults: {
    ...placementDefaults,
    scheduler: { kind: "embedded" },
    grace: defaultGrace,
    runOnCreate: false,
    onStale: "report",
    waitFor: "0s",
  },
  fields: {
    scheduler: schedulerShape,
    from: { defaults: { point: "latest" } },
    drill: {
      defaults: { scope: "full" },
      fields: { checks: { each: { defaults: { timeout: defaultCommandTimeout } } } },
    },
  },
};
