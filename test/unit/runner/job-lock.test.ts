import { describeHealth } from "../../../provider/declaration/health";
import type { Lock } from "../../../provider/platform/lock";
import { HomeView } from "../../../provider/runner/home-view";
import { findLiveRun, lockJob } from "../../../provider/runner/job-lock";
import { appendRecord } from "../../../provider/runner/journal";
import { observeSchedule } from "../../../provider/runner/observe";
import { openStore } from "../../../provider/snapshot/stores";
import { type Ground, makeGround } from "../../fixtures/posture";

const { signal } = new AbortController();

let ground: Ground;
let lock: Lock | null = null;

beforeEach(async () => {
  process.env.BACKUP_POSTURE_NOW = "2026-11-19T12:00:00Z";
  ground = await makeGround();
});
afterEach(async () => {
  delete process.env.BACKUP_POSTURE_NOW;
  await lock?.release();
  await ground.remove();
});

it.each([
  ["run", true],
  ["drill", true],
  ["prune", false],
  ["purge", false],
  ["remove", false],
] as const)("takes the lock of a %s for a run: %s", async (work, isRun) => {
  lock = await lockJob(ground.home, "shares", work);
  const found = await findLiveRun(ground.home, "shares");
  expect(found?.since.toISOString()).toBe(isRun ? "2026-11-19T12:00:00.000Z" : undefined);
  await expect(lockJob(ground.home, "shares", "run")).rejects.toThrow(`held by backup-posture ${work} shares`);
});

it.each([
  ["run", "healthy"],
  ["prune", "interrupted: started 2026-11-19T11:00:00Z"],
] as const)("an interrupted schedule during a %s is %s", async (work, health) => {
  const { declaration } = await ground.addSchedule("shares");
  await openStore(declaration.store).initialise(signal);
  await appendRecord(ground.home, "shares", {
    event: "started",
    run: "dead",
    at: "2026-11-19T11:00:00Z",
    verb: "run",
    pid: 1,
  });
  lock = await lockJob(ground.home, "shares", work);
  const { faults } = await observeSchedule(new HomeView(ground.home, signal), "shares", null);
  expect(describeHealth(faults.filter((fault) => fault.kind !== "not installed" && fault.kind !== "stale"))).toBe(
    health,
  );
});
