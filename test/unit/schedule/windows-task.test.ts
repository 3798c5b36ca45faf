import { readdir } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describeHome, type Home, initialiseHome } from "../../../provider/runner/home";
import { dueTimes } from "../../../provider/schedule/calendar";
import { findLogonFault } from "../../../provider/schedule/logon";
import { createWindowsTaskScheduler } from "../../../provider/schedule/schedulers/windows-task";
import {
  compareTask,
  escapeForXml,
  quoteForWindows,
  readTask,
  readTasks,
  renderTask,
  type TaskEntry,
  taskKinds,
} from "../../../provider/schedule/schedulers/windows-task-xml";
import type { When } from "../../../provider/schedule/schema";
import { makeEntry } from "../../contract/scheduler-conformance";
import { findTaskFault, splitArguments } from "../../fixtures/windows/task-schema";
import { openTaskPlace, type TaskPlace } from "../../fixtures/windows/tasks";
import { nightSchedules } from "./generated-schedules";
import { playTicks } from "./play-ticks";

const { signal } = new AbortController();
const runner = ["C:\\Program Files\\nodejs\\node.exe", "C:\\backup posture\\main.js"];
const hour = 3_600_000;
const day = 24 * hour;

const entry = (change: Partial<TaskEntry> = {}): TaskEntry => ({
  ...makeEntry("nightly"),
  home: "C:\\ProgramData\\backup-posture",
  principal: { user: "S-1-5-18", logon: null },
  since: "2026-11-22T09:00:00Z",
  ...change,
});

const hostileWord = fc
  .array(
    fc.oneof(
      fc.constantFrom('"', "\\", '\\"', "&", "<", ">", "]]>", "&amp;", "'", " ", "é", "漢", "^", "!", "`", "-->", ";"),
      fc.string({ maxLength: 8 }),
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((parts) => parts.join("").replaceAll(/[\u0000-\u001f%\ufffe\uffff\ud800-\udfff]|\$\(/g, ""))
  .filter((word) => word !== "");

describe("a task's XML", () => {
  it("is what Task Scheduler takes, and tells of its entry, whatever is declared", () => {
    fc.assert(
      fc.property(nightSchedules, hostileWord, hostileWord, (when, owner, path) => {
        for (const kind of taskKinds) {
          const written = entry({ when, owner, home: `C:\\${path}` });
          const xml = renderTask(kind, written, [...runner, path]);
          expect(findTaskFault(xml)).toBeNull();
          const printed = `<Tasks>\n<!-- \\x -->\n${xml.split("?>\n")[1] ?? ""}</Tasks>`;
          const task = [...readTasks(printed).values()][0]!;
          expect(readTask(task)).toEqual(written);
          expect(compareTask(task, kind, written, [...runner, path])).toBe("none");
        }
      }),
    );
  });

  it("hands every argument to the program as it is", () => {
    fc.assert(
      fc.property(fc.array(hostileWord, { minLength: 1, maxLength: 5 }), (words) => {
        expect(splitArguments(words.map(quoteForWindows).join(" "))).toEqual(words);
      }),
    );
  });

  it.each(["100%", "%PATH%", "$(Arg0)"])("refuses %j, which Task Scheduler would replace", (word) => {
    expect(() => quoteForWindows(word)).toThrow("choose another path");
  });

  it("refuses what XML cannot hold", () => {
    expect(() => escapeForXml("a\u0001b")).toThrow("control character");
  });

  it("is seen for what it is by the stand-in: one that is out of order, unknown or out of range is not taken", () => {
    const xml = renderTask("due", entry(), runner);
    expect(
      findTaskFault(xml.replace(/(<StartBoundary>.*?<\/StartBoundary>)(<ScheduleByDay>.*?<\/ScheduleByDay>)/, "$2$1")),
    ).toContain("unexpected node");
    expect(findTaskFault(xml.replace("<Enabled>", "<Enabled2>").replace("</Enabled>", "</Enabled2>"))).toContain(
      "unexpected",
    );
    expect(findTaskFault(xml.replace("PT0S", "0"))).toContain("out of range");
    expect(findTaskFault(xml.replace('Context="Account"', 'Context="Other"'))).toContain("Context");
    expect(findTaskFault(xml.replace("</Task>", ""))).toContain("malformed");
  });
});

describe("the triggers of a task", () => {
  it("fire at every start that is due, in the nights in which clocks change too, and lead to one start each", () => {
    const nights = ["2026-10-25T00:00Z", "2027-03-28T00:00Z", "2026-11-01T06:00Z", "2027-03-14T06:00Z"]
      .concat("2026-10-03T15:00Z", "2027-04-03T15:00Z", "2027-01-15T00:00Z")
      .map(Date.parse);
    fc.assert(
      fc.property(nightSchedules, fc.constantFrom(...nights), (when, night) => {
        const [from, until] = [night - day, night + day];
        const due = [...dueTimes(when, new Date(from), new Date(until - 2 * hour), "shares")].map(Number);
        const starts = playTicks(when, listTicks(when, from, until), from);
        for (const moment of due) expect(starts).toContain(moment);
        expect(starts.filter((start) => start < until - 2 * hour).length).toBeLessThanOrEqual(due.length);
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ["Europe/Berlin", "30 2 * * *", "2026-10-25", "2026-10-25T00:30:00.000Z"],
    ["Europe/Berlin", "30 2 * * *", "2027-03-28", "2027-03-28T01:00:00.000Z"],
    ["America/New_York", "30 1 * * *", "2026-11-01", "2026-11-01T05:30:00.000Z"],
    ["America/New_York", "30 2 * * *", "2027-03-14", "2027-03-14T07:00:00.000Z"],
    ["Australia/Lord_Howe", "45 1 * * *", "2027-04-04", "2027-04-03T14:45:00.000Z"],
    ["Australia/Lord_Howe", "15 2 * * *", "2026-10-04", "2026-10-03T15:30:00.000Z"],
  ])("start once in %s for %s in the night of %s, at %s", (timeZone, cron, date, expected) => {
    const noon = Date.parse(`${date}T12:00Z`);
    const when = { cron, timeZone };
    const starts = playTicks(when, listTicks(when, noon - 2 * day, noon + day), noon - 2 * day);
    const near = starts.filter((start) => Math.abs(start - Date.parse(expected)) < 12 * hour);
    expect(near.map((start) => new Date(start).toISOString())).toEqual([expected]);
  });

  it("are one that repeats itself where they would be too many", () => {
    const xml = renderTask("due", entry({ when: { every: "15m" } }), runner);
    expect(xml.match(/<CalendarTrigger>/g)).toHaveLength(1);
    expect(xml).toContain("<Repetition><Interval>PT15M</Interval><Duration>P1D</Duration></Repetition>");
  });
});

describe("an account of a task", () => {
  const before = { PATH: process.env.PATH };
  let place: TaskPlace;
  let home: Home;

  beforeEach(async () => {
    place = openTaskPlace();
    Object.assign(process.env, place.environment);
    home = describeHome(join(place.folder, "home"));
    await initialiseHome(home);
  });

  afterEach(() => {
    process.env.PATH = before.PATH;
    delete process.env.WINDOWS_STAND_IN;
    delete process.env.SVC_PASSWORD;
    place.dispose();
  });

  const password = { env: "SVC_PASSWORD" };
  it.each([
    ["SYSTEM", "SYSTEM" as const, "<UserId>S-1-5-18</UserId><RunLevel>"],
    ["a group managed service account", "CONTOSO\\backup$" as const, "<LogonType>Password</LogonType>"],
    ["a user with a password", { user: "CONTOSO\\svc-backup", password }, "<LogonType>Password</LogonType>"],
    ["a user without one", { user: "CONTOSO\\svc-backup" }, "<LogonType>S4U</LogonType>"],
  ])("may be %s", async (_, runAs, said) => {
    process.env.SVC_PASSWORD = "pa$$ wörd";
    const scheduler = createWindowsTaskScheduler({ kind: "windows-task", runAs }, home, runner);
    await scheduler.install(makeEntry("nightly"), signal);
    expect(await scheduler.list(signal)).toEqual([{ ...makeEntry("nightly"), enabled: true, damage: null }]);
    const xml = place.read("\\backup-posture\\nightly") ?? "";
    expect(xml).toContain(said);
    expect(xml).not.toContain("wörd");
    expect(await readdir(home.scheduler)).toEqual([]);
    place.write("\\backup-posture\\nightly", xml.replace(/<UserId>.*?<\/UserId>/, "<UserId>S-1-5-20</UserId>"));
    expect((await scheduler.list(signal))[0]?.damage).toBe("its tasks are not what they were written as");
  });

  it("whose password is wrong, or is not there, leaves nothing behind", async () => {
    const runAs = { user: "CONTOSO\\svc-backup", password };
    const scheduler = createWindowsTaskScheduler({ kind: "windows-task", runAs }, home, runner);
    await expect(scheduler.install(makeEntry("nightly"), signal)).rejects.toMatchObject({ kind: "permanent" });
    process.env.SVC_PASSWORD = "wrong";
    const failure: unknown = await scheduler.install(makeEntry("nightly"), signal).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      kind: "permanent",
      message: expect.stringContaining("nightly: cannot be put") as string,
    });
    expect(String(failure)).not.toContain("wrong");
    expect(place.list()).toEqual([]);
    expect(await readdir(home.scheduler)).toEqual([]);
  });

  it("is read back where schtasks prints in the console's code page", async () => {
    place.dispose();
    place = openTaskPlace({ prints: "oem" });
    Object.assign(process.env, place.environment);
    home = describeHome(join(place.folder, "Häuser"));
    await initialiseHome(home);
    const scheduler = createWindowsTaskScheduler({ kind: "windows-task", runAs: "SYSTEM" }, home, runner);
    const entry = makeEntry("nightly", { owner: "urn:pulumi:prod::dateien::x::nächtlich" });
    await scheduler.install(entry, signal);
    expect(await scheduler.list(signal)).toEqual([{ ...entry, enabled: true, damage: null }]);
  });

  it("cannot be looked after while the service is stopped: nothing is taken for gone", async () => {
    const scheduler = createWindowsTaskScheduler({ kind: "windows-task", runAs: "SYSTEM" }, home, runner);
    place.stop(true);
    await expect(scheduler.observe(["nightly"], signal)).rejects.toMatchObject({ kind: "unreachable" });
    await expect(scheduler.install(makeEntry("nightly"), signal)).rejects.toMatchObject({ kind: "unreachable" });
  });

  it.each([
    [{ kind: "windows-task", runAs: { user: "CONTOSO\\svc" } }, { files: "\\\\fs01\\share" }, true],
    [{ kind: "windows-task", runAs: { user: "CONTOSO\\svc" } }, { files: "D:\\share" }, false],
    [{ kind: "windows-task", runAs: { user: "CONTOSO\\svc", password } }, { files: "\\\\fs01\\share" }, false],
    [{ kind: "windows-task", runAs: "CONTOSO\\backup$" }, { files: "\\\\fs01\\share" }, false],
    [undefined, { files: "\\\\fs01\\share" }, false],
  ])("needs a password for what is on another computer: %j", (scheduler, sources, isRefused) => {
    expect(findLogonFault(scheduler, { sources }) !== null).toBe(isRefused);
  });
});

/** When the triggers of a task fire between two instants. */
function listTicks(when: When, from: number, until: number): readonly number[] {
  const xml = renderTask("due", entry({ when, since: new Date(from).toISOString() }), runner);
  const triggers = [...xml.matchAll(/<CalendarTrigger>.*?<\/CalendarTrigger>/g)].map(([text]) => text);
  const ticks: number[] = [];
  for (const trigger of triggers) {
    const start = Date.parse(/<StartBoundary>(.*?)</.exec(trigger)?.[1] ?? "");
    const step = Number(/PT(\d+)M/.exec(trigger)?.[1] ?? 1_440) * 60_000;
    for (let tick = start; tick < until; tick += step) if (tick >= from) ticks.push(tick);
  }
  return ticks;
}
