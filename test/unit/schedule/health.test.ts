import { describeHealth, sortFaults } from "../../../provider/declaration/health";
import { findScheduleFaults, type ScheduleSituation } from "../../../provider/schedule/health";
import type { ScheduleDeclaration } from "../../../provider/schedule/schema";

const at = (time: string) => new Date(`2026-11-${time}:00Z`);

const declaration: ScheduleDeclaration = {
  when: { cron: "0 1 * * *" },
  sources: { files: { kind: "file-share", path: "/srv/files" } },
  store: { kind: "directory", path: "/backup/files" },
  rpo: "24h",
  grace: "1h",
};

/** Everything is well: last taken at one on the 19th. */
const well: ScheduleSituation = {
  id: "files",
  declaration,
  now: at("19T12:00"),
  createdAt: at("01T00:00"),
  installation: [],
  storeUnreachable: null,
  sets: [{ startedAt: at("19T01:00"), damaged: 0 }],
  missing: null,
  running: null,
  interruptedAt: null,
  failing: null,
};

const running = (since: string) => ({ since: at(since), process: "process 7 on here" });

function healthOf(change: Partial<ScheduleSituation>, declared: Partial<ScheduleDeclaration> = {}): string {
  const situation = { ...well, ...change, declaration: { ...declaration, ...declared } };
  return describeHealth(sortFaults(findScheduleFaults(situation)));
}

const stale = "stale: last success 2026-11-19T01:00:00Z, rpo 24h";
const failing = { since: at("18T02:00"), message: "the store is full" };

describe("a schedule without a run", () => {
  it.each([
    ["as old as rpo and grace allow", at("20T02:00"), "healthy"],
    ["a minute older", at("20T02:01"), stale],
  ])("%s", (_name, now, health) => {
    expect(healthOf({ now })).toBe(health);
  });
});

describe("a run that goes on", () => {
  it.each<[string, Partial<ScheduleSituation>, Partial<ScheduleDeclaration>, string]>([
    [
      "is healthy while the backup before it is young enough",
      { now: at("20T02:00"), running: running("20T01:00") },
      {},
      "healthy",
    ],
    ["is stale when that is too old", { now: at("20T02:01"), running: running("20T01:00") }, {}, stale],
    ["outweighs failures before it", { now: at("20T01:30"), running: running("20T01:00"), failing }, {}, "healthy"],
    [
      "outweighs them no longer once it hangs",
      { now: at("20T02:01"), running: running("20T01:00"), failing },
      {},
      "failing: the store is full, since 2026-11-18T02:00:00Z (+1 more)",
    ],
    [
      "has its declared duration plus grace, although the backup before it grows too old meanwhile",
      { now: at("20T05:00"), running: running("20T01:00") },
      { expectedDuration: "3h" },
      "healthy",
    ],
    [
      "is told by itself after that, and what is stale beside it",
      { now: at("20T05:01"), running: running("20T01:00") },
      { expectedDuration: "3h" },
      "running since 2026-11-20T01:00:00Z, expected at most 3h (+1 more)",
    ],
    [
      "is told by itself although nothing is stale yet",
      { now: at("19T12:00"), running: running("19T09:59") },
      { expectedDuration: "1h" },
      "running since 2026-11-19T09:59:00Z, expected at most 1h",
    ],
    [
      "has the time of grace when it began late, as to make up for missed ones",
      { now: at("25T12:00"), running: running("25T11:00") },
      {},
      "healthy",
    ],
    ["and no longer", { now: at("25T12:01"), running: running("25T11:00") }, {}, stale],
    [
      "that is the first has until the first due time plus rpo and grace",
      { now: at("21T02:00"), createdAt: at("19T11:00"), sets: [], running: running("19T11:00") },
      {},
      "healthy",
    ],
    [
      "that is the first, and no longer",
      { now: at("21T02:01"), createdAt: at("19T11:00"), sets: [], running: running("19T11:00") },
      {},
      "stale: last success never, rpo 24h",
    ],
    [
      "is not believed when it is dated in the future",
      { now: at("25T12:00"), running: running("29T11:00") },
      { expectedDuration: "3h" },
      "running since 2026-11-29T11:00:00Z, expected at most 3h (+1 more)",
    ],
  ])("%s", (_name, change, declared, health) => {
    expect(healthOf(change, declared)).toBe(health);
  });

  it("names its process to whoever must look", () => {
    const [fault] = findScheduleFaults({ ...well, now: at("20T02:01"), running: running("20T01:00") });
    expect(fault?.remedy).toContain("process 7 on here");
  });
});
