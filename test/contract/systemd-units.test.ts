import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { dueTimes } from "../../provider/schedule/calendar";
import { readCalendarEvent, toCalendarEvents } from "../../provider/schedule/schedulers/systemd-calendar";
import {
  quoteForSystemd,
  readUnit,
  renderUnit,
  type SystemdEntry,
  unitKinds,
  unitName,
} from "../../provider/schedule/schedulers/systemd-units";
import type { When } from "../../provider/schedule/schema";
import { nightSchedules } from "../unit/schedule/generated-schedules";
import { playTicks } from "../unit/schedule/play-ticks";
import { makeEntry } from "./scheduler-conformance";

const isThere = spawnSync("systemd-analyze", ["--version"]).status === 0;
const runner = ["/usr/bin/node", "/opt/back up/main.js"];
const hour = 3_600_000;
const day = 24 * hour;

const entry = (change: Partial<SystemdEntry> = {}): SystemdEntry => ({
  ...makeEntry("nightly"),
  needs: { reads: ["/srv/files"], writes: ["/backup/files"] },
  home: "/var/lib/backup-posture",
  user: "root",
  since: "2026-11-22T09:00:00Z",
  ...change,
});

/** Anything that a path or a URN may hold, and what systemd gives a meaning to. */
const hostile = fc.oneof(
  fc.constantFrom("%h", "%%", "$HOME", "${HOME}", "$$", "\\", "\\n", '"', "'", ";", " ; ", "a b", "\\x41", "#", "\t"),
  fc.string({ unit: "binary", maxLength: 12 }).filter((text) => !text.includes("\0")),
);
const hostileWord = fc.array(hostile, { minLength: 1, maxLength: 4 }).map((parts) => parts.join(""));
/** As paths are declared: without control characters. */
const hostilePath = hostileWord.map((word) => `/${word.replaceAll(/[\u0000-\u001f\u007f/]/g, "")}`);

describe("units of systemd", () => {
  it("tell of their entry, whatever it says, and hold it on one line", () => {
    fc.assert(
      fc.property(hostileWord, hostilePath, fc.constantFrom(...unitKinds), (owner, path, kind) => {
        const written = entry({ owner, home: path, needs: { reads: [path], writes: [path] } });
        expect(readUnit(renderUnit(kind, written, runner))).toEqual(written);
      }),
    );
  });

  it("read as nothing where their description is damaged", () => {
    const text = renderUnit("timer", entry(), runner);
    expect(readUnit(text.replace('{"id"', '{"id'))).toBeNull();
    expect(readUnit(text.replace("Entry=", "Entri="))).toBeNull();
    expect(readUnit(text.replace('"verb":"run"', '"verb":"purge"'))).toBeNull();
  });

  it("keep a run from what it does not need, only where that is known", () => {
    const confined = renderUnit("service", entry(), runner);
    expect(confined).toContain('\nReadWritePaths="-/var/lib/backup-posture"'.replaceAll('"', ""));
    expect(confined).toMatch(/^ProtectSystem=strict$[^]*^PrivateTmp=yes$/m);
    const inTmp = entry({ needs: { reads: ["/tmp/files"], writes: [] } });
    expect(renderUnit("service", inTmp, runner)).not.toContain("PrivateTmp");
    expect(renderUnit("service", entry({ needs: null }), runner)).not.toMatch(/Protect|Private|NoNewPrivileges/);
    expect(renderUnit("service", entry({ user: null }), runner)).not.toMatch(/Protect|Private|User=/);
  });

  it("are refused where systemd could not start the program, or NUL would stand in them", () => {
    expect(() => renderUnit("service", entry(), ["/opt/my node", "main.js"])).toThrow("install Node elsewhere");
    expect(() => quoteForSystemd("a\0b", "command")).toThrow("NUL");
  });

  it.each<[When, readonly string[]]>([
    [{ cron: "0 3 * * *", timeZone: "Europe/Berlin" }, ["*-*-* 03:00:00 Europe/Berlin"]],
    [
      { cron: "30 2 * * *", timeZone: "Europe/Berlin" },
      ["*-*-* 02:30:00 Europe/Berlin", "*-03-* 01:00:00 UTC", "*-10-* 00,01:30:00 UTC"],
    ],
    [
      { cron: "*/15 8-18 * * mon-fri", timeZone: "America/New_York" },
      ["Mon..Fri *-*-* 08..18:00/15:00 America/New_York"],
    ],
    [{ cron: "0 0 1,15 * 0" }, ["*-*-01,15 00:00:00 UTC", "Sun *-*-* 00:00:00 UTC"]],
    [{ every: "6h" }, ["*-*-* 00/6:00:00 UTC"]],
    [
      { every: "1d", timeZone: "Asia/Kolkata", window: { from: "22:00", to: "05:30" } },
      ["*-*-* 00:00:00 UTC", "*-*-* 22:00:00 Asia/Kolkata"],
    ],
  ])("say %j in systemd's words", (when, events) => {
    expect(toCalendarEvents(when, new Date("2026-11-22T00:00Z"))).toEqual(events);
  });

  it.each([
    ["*-*-* 05:00:00 Europe/Berlin", { cron: "0 5 * * *", timeZone: "Europe/Berlin" }],
    ["Mon..Fri *-01..03-* 08..18:00/15:00 UTC", { cron: "*/15 8-18 * 1-3 mon-fri", timeZone: "UTC" }],
    ["daily", null],
    ["*-*-* 05:00:00", null],
    ["2026-*-* 05:00:00 UTC", null],
    ["*-*-* 25:00:00 UTC", null],
  ])("read %j back", (event, when) => {
    expect(readCalendarEvent(event)).toEqual(when);
  });
});

(isThere ? describe : describe.skip)("units of systemd, by systemd-analyze", () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "units-"));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it("are accepted without a word, whatever is declared", () => {
    const node = [process.execPath, "/opt/back up/main.js"];
    const declared = fc.tuple(nightSchedules, hostileWord, hostilePath, fc.boolean(), fc.boolean());
    const ids = Array.from({ length: 60 }, (_, index) => `hostile-${index}`);
    const seed = Number(process.env.FAST_CHECK_SEED ?? Date.now() % 1_000_000);
    const samples = fc.sample(declared, { numRuns: ids.length, seed });
    for (const [index, [when, owner, path, isConfined, isUser]] of samples.entries()) {
      const id = ids[index] ?? "";
      const needs = isConfined ? { reads: [path], writes: [path] } : null;
      const written = entry({ id, when, owner, home: path, needs, user: isUser ? null : "root" });
      for (const kind of unitKinds) writeFileSync(join(folder, unitName(id, kind)), renderUnit(kind, written, node));
    }
    const names = ids.flatMap((id) => unitKinds.map((kind) => join(folder, unitName(id, kind))));
    const { status, stdout, stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", ...names], {
      encoding: "utf8",
      env: { ...process.env, SYSTEMD_UNIT_PATH: `${folder}:` },
    });
    const aboutOurs = `${stdout}${stderr}`.split("\n").filter((line) => line.includes("hostile-"));
    expect({ seed, status, aboutOurs }).toEqual({ seed, status: 0, aboutOurs: [] });
  });

  it("elapse at every start that is due, in the nights in which clocks change too, and lead to one start each", () => {
    const nights = ["2026-10-25T00:00Z", "2027-03-28T00:00Z", "2026-11-01T06:00Z", "2027-03-14T06:00Z"]
      .concat("2026-10-03T15:00Z", "2027-04-03T15:00Z", "2027-01-15T00:00Z")
      .map(Date.parse);
    fc.assert(
      fc.property(nightSchedules, fc.constantFrom(...nights), (when, night) => {
        const [from, until] = [night - day, night + day];
        const due = [...dueTimes(when, new Date(from), new Date(until - 2 * hour), "shares")].map(Number);
        const starts = playTicks(when, listTicks(when, from, until), from);
        const late = when.every !== undefined && !/[hd]$/.test(when.every) ? 60_000 : 0;
        for (const moment of due)
          expect(starts.find((start) => start >= moment && start <= moment + late)).toBeDefined();
        expect(starts.filter((start) => start < until - 2 * hour).length).toBeLessThanOrEqual(due.length);
      }),
      { numRuns: 40 },
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
});

/** When the timer of a schedule elapses, as systemd tells. */
function listTicks(when: When, from: number, until: number): readonly number[] {
  return toCalendarEvents(when, new Date(from)).flatMap((event) =>
    listElapses(event, from, until).filter((tick) => tick >= from && tick < until),
  );
}

function listElapses(event: string, from: number, until: number, iterations = 60): readonly number[] {
  const base = new Date(from - 1_000).toISOString().replace("T", " ").replace(/\..*/, " UTC");
  const asked = ["calendar", `--iterations=${iterations}`, `--base-time=${base}`, event];
  const printed = execFileSync("systemd-analyze", asked, {
    encoding: "utf8",
    env: { ...process.env, TZ: "UTC" },
    maxBuffer: 1 << 26,
  });
  const elapses = [...printed.matchAll(/(?:Next elapse|Iter\. #\d+|\(in UTC\)): \w+ (\S+) (\S+) UTC/g)].map(
    ([, date = "", time = ""]) => Date.parse(`${date}T${time}Z`),
  );
  const isEnough = elapses.length === 0 || (elapses.at(-1) ?? 0) >= until;
  return isEnough ? elapses : listElapses(event, from, until, iterations * 8);
}
