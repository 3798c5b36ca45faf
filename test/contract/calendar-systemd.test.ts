import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { dueTimes } from "../../provider/schedule/calendar";
import { cronExpressions } from "../unit/schedule/generated-schedules";

const isThere = spawnSync("systemd-analyze", ["--version"]).status === 0;
const iterations = 25;
const from = new Date("2027-01-15T12:00:00Z");

/**
 * Where both can say it, systemd's own calendar is a second opinion: cron expressions that do not restrict both days, in zones whose clocks
 * are not changed. (systemd leaves out a night in which the clocks skip the time; we fire when they jump.)
 */
(isThere ? describe : describe.skip)("the calendar, beside systemd's", () => {
  it.each(["UTC", "Asia/Kolkata", "Pacific/Chatham"])("is due at the same moments in %s", (timeZone) => {
    fc.assert(
      fc.property(cronExpressions.filter(canSay), (cron) => {
        // Chatham's clocks are changed too; what is looked at ends before.
        const to = new Date("2027-04-01T00:00:00Z");
        const ours = [...dueTimes({ cron, timeZone }, new Date(from.getTime() + 1), to, "x")].slice(0, iterations);
        const theirs = askSystemd(`${toOnCalendar(cron)} ${timeZone}`).filter((due) => due < to);
        expect(ours.map((due) => due.toISOString())).toEqual(theirs.map((due) => due.toISOString()));
      }),
      { numRuns: 25 },
    );
  });
});

function canSay(cron: string): boolean {
  const [, , dayOfMonth, , dayOfWeek] = cron.split(" ");
  return dayOfMonth === "*" || dayOfWeek === "*";
}

const weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

function toOnCalendar(cron: string): string {
  const [minute = "", hour = "", dayOfMonth = "", month = "", dayOfWeek = ""] = cron.split(" ");
  const days =
    dayOfWeek === "*" ? "" : `${[...new Set(expand(dayOfWeek, 7).map((day) => weekdays[day % 7]))].join(",")} `;
  const list = (field: string, most: number) => (field === "*" ? "*" : expand(field, most).join(","));
  return `${days}*-${list(month, 12)}-${list(dayOfMonth, 31)} ${list(hour, 23)}:${list(minute, 59)}:00`;
}

function expand(field: string, most: number): readonly number[] {
  return field.split(",").flatMap((item) => {
    const [range = "", step = "1"] = item.split("/");
    const least = most === 31 || most === 12 ? 1 : 0;
    const [low = 0, high = low] = range === "*" ? [least, most] : range.split("-").map(Number);
    return Array.from(
      { length: Math.floor((high - low) / Number(step)) + 1 },
      (_, index) => low + index * Number(step),
    );
  });
}

function askSystemd(expression: string): readonly Date[] {
  const base = from.toISOString().replace("T", " ").replace(/\..*/, " UTC");
  const asked = ["calendar", `--iterations=${iterations}`, `--base-time=${base}`, expression];
  const { status, stdout, stderr } = spawnSync("systemd-analyze", asked, {
    encoding: "utf8",
    env: { ...process.env, TZ: "UTC" },
  });
  if (status !== 0) throw new Error(`systemd-analyze ${asked.join(" ")}: ${stderr}`);
  return [...stdout.matchAll(/(?:Next elapse|Iter\. #\d+|\(in UTC\)): \w+ (\S+ \S+) UTC/g)]
    .map(([, text = ""]) => new Date(`${text.replace(" ", "T")}Z`))
    .filter((due, index, all) => all.findIndex((other) => other.getTime() === due.getTime()) === index);
}
