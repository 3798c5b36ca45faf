import { describeHealth } from "../../../provider/declaration/health";
import { findWatchFaults } from "../../../provider/watch/health";
import type { WatchedDeclaration } from "../../../provider/watch/schema";
import { nothingSeen, type Seen } from "../../../provider/watch/seen";

const moment = new Date("2026-11-19T12:00:00Z");
const declaration: WatchedDeclaration = {
  manage: false,
  watch: { kind: "command", command: ["tell"] },
  rpo: "24h",
};
const at = (text: string) => new Date(`2026-11-${text}:00:00Z`);

const table: readonly (readonly [string, Partial<Seen> | string, string])[] = [
  ["a success within rpo and grace", { lastSuccess: at("18T11") }, "healthy"],
  [
    "one a second too old",
    { lastSuccess: new Date(at("18T11").getTime() - 1_000) },
    "stale: last success 2026-11-18T10:59:59Z, rpo 24h",
  ],
  ["no success ever", {}, "stale: last success never, rpo 24h"],
  [
    "a success in the future",
    { lastSuccess: at("19T13") },
    "clock: the last success is dated 2026-11-19T13:00:00Z, in the future",
  ],
  [
    "a success that is not known",
    { unknown: "the command ended with exit code 1" },
    "last success not known: the command ended with exit code 1",
  ],
  ["what cannot be looked at", "crontab: permission denied", "unreachable: crontab: permission denied"],
  [
    "what is switched off, though fresh",
    { lastSuccess: at("19T11"), installation: ["backup.timer is inactive"] },
    "not installed: backup.timer is inactive",
  ],
  [
    "a failed run after a fresh success",
    { lastSuccess: at("19T01"), failed: { since: at("19T02"), message: "its service ended with exit code 1" } },
    "failing: its service ended with exit code 1, since 2026-11-19T02:00:00Z",
  ],
  [
    "a failed run and no success",
    { failed: { since: null, message: "its service ended with timeout" } },
    "failing: its service ended with timeout",
  ],
  ["a run that goes on, of which no success is known yet", { running: at("19T11") }, "healthy"],
  ["a run that hangs", { running: at("17T11") }, "stale: last success never, rpo 24h"],
];

describe("findWatchFaults", () => {
  it.each(table)("of %s", (_, seen, health) => {
    const told = typeof seen === "string" ? seen : { ...nothingSeen, ...seen };
    expect(describeHealth(findWatchFaults(declaration, told, moment))).toBe(health);
  });

  it("says nothing of age while it is paused, and all else", () => {
    const paused = { ...declaration, paused: { until: "2026-11-20T00:00:00Z", reason: "moved" } };
    expect(describeHealth(findWatchFaults(paused, nothingSeen, moment))).toBe("healthy");
    const off = { ...nothingSeen, installation: ["backup.timer is inactive"] };
    expect(describeHealth(findWatchFaults(paused, off, moment))).toBe("not installed: backup.timer is inactive");
    const late = new Date("2026-11-20T00:00:01Z");
    expect(describeHealth(findWatchFaults(paused, nothingSeen, late))).toBe("stale: last success never, rpo 24h");
  });
});
