import type { CanonicalShape } from "../declaration/canonical";
import { notifierShape } from "../notify/defaults";
import { defaultCommandTimeout, defaultGrace, placementDefaults, schedulerShape } from "../schedule/defaults";

/** How long a record of evidence is kept: seven years. */
export const defaultEvidenceRetention = "2557d";

/** What an absent value means in a RestoreTarget. Frozen for good. */
export const restoreTargetShape: CanonicalShape = {
  defaults: {
    ...placementDefaults,
    scheduler: { kind: "embedded" },
    grace: defaultGrace,
    runOnCreate: false,
    onStale: "report",
    waitFor: "0s",
    evidenceRetention: defaultEvidenceRetention,
  },
  fields: {
    scheduler: schedulerShape,
    notify: { each: notifierShape },
    evidenceSink: { defaults: { timeout: defaultCommandTimeout } },
    from: { defaults: { point: "latest" } },
    drill: {
      defaults: { scope: "full", compareWithSource: false },
      fields: { checks: { each: { defaults: { timeout: defaultCommandTimeout } } } },
    },
  },
};
