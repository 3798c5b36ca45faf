import type { CanonicalShape } from "../declaration/canonical";
import { notifierShape } from "../notify/defaults";

/** How much later than its RPO a stale backup, or expired evidence, is reported. */
export const defaultGrace = "1h";

/** How long a hook, or the command of a drill's check, may take. */
export const defaultCommandTimeout = "5m";

/** What fires an entry where nothing is declared. */
export const defaultScheduler = { kind: "embedded" } as const;

/** What an absent value means in a scheduler. */
export const schedulerShape: CanonicalShape = { defaults: { scope: "system" } };

/** Defaults of the inputs that every kind has. */
export const placementDefaults = { host: { kind: "local" }, adopt: false } as const;

const keepShape: CanonicalShape = {
  defaults: { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 },
};

/** What an absent value means in a BackupSchedule, and which of its arrays are sets. Frozen for good. */
export const scheduleShape: CanonicalShape = {
  defaults: {
    ...placementDefaults,
    scheduler: defaultScheduler,
    manage: true,
    grace: defaultGrace,
    expectedDuration: "0s",
    runOnCreate: false,
    onStale: "report",
    waitFor: "0s",
  },
  fields: {
    scheduler: schedulerShape,
    when: { defaults: { timeZone: "UTC", jitter: "0s", catchUp: true } },
    keep: keepShape,
    copies: {
      each: {
        defaults: { medium: "disk", immutable: false, isolated: false, deletionGuarded: false },
        fields: { keep: keepShape },
      },
    },
    sources: { each: { fields: { exclude: { set: true }, exitCodes: { set: true } } } },
    notify: { each: notifierShape },
    hooks: { each: { defaults: { timeout: defaultCommandTimeout } } },
    afterChange: { each: { defaults: { timeout: defaultCommandTimeout } } },
    outside: { each: { defaults: { timeout: defaultCommandTimeout } } },
  },
};
