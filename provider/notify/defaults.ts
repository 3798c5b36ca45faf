import type { CanonicalShape } from "../declaration/canonical";

/** How long one attempt to tell somebody may take. */
export const defaultNotifyTimeout = "10s";

/** What an absent value means in a notifier, and which of its arrays are sets. Frozen for good. */
export const notifierShape: CanonicalShape = {
  defaults: { timeout: defaultNotifyTimeout, format: "json", security: "starttls" },
  fields: { on: { set: true }, to: { set: true } },
};
