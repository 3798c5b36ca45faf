import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { HomeView } from "../../../provider/runner/home-view";
import { readJournal } from "../../../provider/runner/journal";
import { observeSchedule } from "../../../provider/runner/observe";
import { runSchedule } from "../../../provider/runner/run";
import { type Ground, makeGround } from "../../fixtures/posture";

const signal = new AbortController().signal;
let ground: Ground;

beforeEach(async () => {
  ground = await makeGround();
  await ground.readyStore();
  await writeFile(join(ground.root, "version"), "1");
});
afterEach(() => ground.remove());

const declare = (command = ["cat", join(ground.root, "version")]) =>
  ground.addSchedule("settings", { afterChange: { version: { kind: "command", command } } });
const run = () => runSchedule(ground.home, "settings", { signal });
const observe = async () =>
  (await observeSchedule(new HomeView(ground.home, signal), "settings", null)).faults
    .filter(({ kind }) => kind !== "not installed" && kind !== "stale")
    .map(({ sentence, mendedByRun }) => [sentence, mendedByRun]);

describe("a change since the last backup", () => {
  it("is told until the next run", async () => {
    await declare();
    expect(await observe()).toEqual([]);
    expect((await run()).marks).toEqual({ version: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
    expect(await observe()).toEqual([]);
    await writeFile(join(ground.root, "version"), "2");
    expect(await observe()).toEqual([["changed since the last backup: version", true]]);
    await run();
    expect(await observe()).toEqual([]);
  });

  it("during a run counts as one after it: marks are taken before anything is captured", async () => {
    await ground.addSchedule("settings", {
      afterChange: { version: { kind: "command", command: ["cat", join(ground.root, "version")] } },
      hooks: { change: { at: "after", command: ["sh", "-c", `echo 2 > ${join(ground.root, "version")}`] } },
    });
    await run();
    expect(await observe()).toEqual([["changed since the last backup: version", true]]);
  });

  it("that cannot be told is said so, and fails no backup", async () => {
    await declare();
    await run();
    await declare(["sh", "-c", "echo hidden; exit 3"]);
    expect(await observe()).toEqual([["not known whether it changed since the last backup: version", false]]);
    expect(await run()).toMatchObject({ outcome: "succeeded", marks: { version: null } });
    expect(JSON.stringify(await readJournal(ground.home, "settings"))).not.toContain("hidden");
    await declare();
    expect(await observe()).toEqual([["changed since the last backup: version", true]]);
  });

  it("is not judged before a run has looked at it", async () => {
    await ground.addSchedule("settings");
    await run();
    await declare();
    expect(await observe()).toEqual([]);
  });
});
