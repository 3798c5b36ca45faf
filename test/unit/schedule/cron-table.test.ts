import { execFileSync } from "node:child_process";
import fc from "fast-check";
import {
  type CronEntry,
  type CronSurroundings,
  findBlocks,
  putBlock,
  quoteForCron,
  readBlock,
  removeBlock,
} from "../../../provider/schedule/schedulers/cron-table";

const surroundings: CronSurroundings = {
  timeZone: "Europe/Berlin",
  ticks: () => ["0 3 * * *"],
  command: ({ id, since }) => [
    "/usr/bin/node",
    "/opt/main.js",
    "run",
    id,
    "--due-since",
    since,
    "--home",
    "/var/lib/x y",
  ],
};

const entry = (id: string, change: Partial<CronEntry> = {}): CronEntry => ({
  id,
  verb: "run",
  when: { cron: "0 3 * * *", timeZone: "Europe/Berlin" },
  owner: "urn:pulumi:prod::files::x::nightly",
  incarnation: "a-1",
  pausedUntil: null,
  home: "/var/lib/x y",
  since: "2026-11-22T09:00:00Z",
  ...change,
});

/** Lines as people have them: comments, settings, entries, CRLF, marks that are not quite ours. */
const foreignLine = fc.oneof(
  fc.constantFrom(
    "",
    "# m h dom mon dow command",
    "MAILTO=ops@example.com",
    'PATH="/opt/x:/usr/bin"',
    "SHELL=/bin/false",
    "CRON_TZ=Asia/Tokyo",
    "0 5 * * 1 tar -zcf /var/backups/home.tgz /home/",
    "*/5 * * * *\tdate +\\%s >> /tmp/x\r",
    "@daily /usr/local/bin/run --due-since x",
    "# BEGIN backup-posture",
    "# END backup-posture other",
    "# BEGIN backup-posture Not An Id",
  ),
  fc.string({ unit: "binary", maxLength: 40 }).map((text) => text.replace(/[\n]/g, "")),
);
const foreignTable = fc
  .tuple(fc.array(foreignLine, { maxLength: 8 }), fc.boolean())
  .map(([lines, ended]) => lines.join("\n") + (ended && lines.length > 0 ? "\n" : ""));

describe("a crontab", () => {
  it("keeps everything that is not ours, byte for byte", () => {
    fc.assert(
      fc.property(foreignTable, (table) => {
        const first = putBlock(table, entry("nightly"), surroundings);
        const both = putBlock(first, entry("weekly"), surroundings);
        const changed = putBlock(both, entry("nightly", { incarnation: "b-2" }), surroundings);
        expect(findBlocks(changed).map(({ id }) => id)).toEqual(["weekly", "nightly"]);
        expect(removeBlock(removeBlock(changed, "weekly"), "nightly")).toBe(table);
      }),
      { numRuns: 500 },
    );
  });

  it("tells what became of our lines", () => {
    const table = putBlock("", entry("nightly"), surroundings);
    const look = (text: string) => findBlocks(text).map((block) => readBlock(block, surroundings))[0];
    expect(look(table)).toMatchObject({ enabled: true, damage: null, incarnation: "a-1" });
    const off = table.replaceAll(/^(0 3|@reboot)/gm, "#$1");
    expect(look(off)).toMatchObject({ enabled: false, damage: null });
    expect(look(table.replace("0 3 * * * ", "0 5 * * * "))).toMatchObject({
      when: { cron: "0 5 * * *", timeZone: "Europe/Berlin" },
      damage: null,
    });
    expect(look(table.replace("/opt/main.js", "/opt/evil.js"))?.damage).toContain("not what they were written as");
    expect(look(table.replace('"verb"', "verb"))?.damage).toContain("cannot be read");
    expect(look(table.replace(/# END.*\n/, ""))?.damage).toContain("cannot be read");
  });

  it("leaves nothing of a block behind whose end was lost, and nothing of others out", () => {
    const table = putBlock("0 1 * * * mine\n", entry("nightly"), surroundings).replace(/# END.*\n/, "");
    expect(removeBlock(table, "nightly")).toBe("0 1 * * * mine\n");
  });
});

describe("quoting for cron", () => {
  it("hands any argument to the command as it is", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ minLength: 1 }),
          fc.constantFrom(
            "%",
            "a%b",
            "\\%",
            "'",
            "\\",
            "$(id)",
            "`id`",
            '"',
            ";reboot",
            "a b",
            "*",
            "~",
            "é%'\\",
            "-n",
          ),
        ),
        (argument) => {
          fc.pre(!/[\0-\x1f\x7f\ud800-\udfff]/.test(argument));
          expect(runAsCron(`printf '\\%s' ${quoteForCron(argument)}`)).toBe(argument);
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each(["a\nb", "a\rb", "a\0b", "a\tb"])("refuses the control character in %j", (argument) => {
    expect(() => quoteForCron(argument)).toThrow("control character");
  });
});

/** As cron does it: a `%` ends the command unless a backslash stands before it, which is then taken away. */
function runAsCron(line: string): string {
  const command = /^(?:\\%|[^%])*/.exec(line)?.[0].replaceAll("\\%", "%") ?? "";
  return execFileSync("/bin/sh", ["-c", command], { encoding: "utf8" });
}
