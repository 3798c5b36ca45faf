import { mkdir, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { type CronPlace, openCronPlace } from "../fixtures/cron-place";
import { expectSuccess, makeStack, type Stack, type Told } from "./stack";

const mine = "# mine\nMAILTO=ops@example.com\n5 4 * * * date +\\%s\n";
const names = ["untouched", "removed", "changed", "disabled", "damaged"] as const;

/** All rows in one stack, as in the drift table: one preview shows them, one `up` mends them, one preview is clean. */
describe("schedules in a crontab", () => {
  let place: CronPlace;
  let stack: Stack;
  let share: string;
  let preview: Told;

  beforeAll(async () => {
    place = await openCronPlace();
    stack = await makeStack("test", ({ PATH = "" }) => ({
      PATH: `${place.folder}:${PATH}`,
      XDG_STATE_HOME: join(place.folder, "state"),
    }));
    share = join(stack.root, "share");
    await mkdir(share);
    await writeFile(join(share, "file"), "text");
    place.write(mine);
    await stack.declare(Object.fromEntries(names.map((name) => [name, schedule()])));
    expectSuccess(await stack.up());
    expectSuccess(await stack.preview());
    await tamper();
    preview = await stack.preview();
  }, 600_000);

  afterAll(async () => {
    await stack.remove();
    await place.dispose();
  });

  function schedule(scheduler: object = { kind: "cron", runAs: userInfo().username }) {
    return {
      kind: "BackupSchedule" as const,
      args: {
        when: { cron: "0 3 * * *", timeZone: "Europe/Berlin" },
        sources: { files: { kind: "file-share", path: share } },
        store: { kind: "directory", path: join(stack.root, "store") },
        scheduler,
      },
    };
  }

  async function tamper(): Promise<void> {
    const ids = new Map((await stack.state()).map(({ urn, id }) => [urn.split("::").at(-1), id ?? ""]));
    const edit = (name: (typeof names)[number], change: (block: string) => string): void => {
      const id = ids.get(name) ?? "";
      place.write(
        place.read().replace(new RegExp(`# BEGIN backup-posture ${id}\\n[^]*# END backup-posture ${id}\\n`), change),
      );
    };
    edit("removed", () => "");
    edit("changed", (block) => block.replace(/^[\d*][\d*, ]* \* \* \* /m, "0 5 * * * "));
    edit("disabled", (block) => block.replace(/^(?=[0-9*@])/gm, "#"));
    edit("damaged", (block) => block.replaceAll(" run ", " purge "));
  }

  it("shows in the preview what somebody did to them, and nothing else", () => {
    expect(preview.exitCode).not.toBe(0);
    const drifted = [...preview.text.matchAll(/::([a-z]+)\]\n(?:.*\n)*?.*~ (health|when|cron).*/g)].map(
      (match) => match[1],
    );
    expect([...new Set(drifted)].sort()).toEqual(["changed", "damaged", "disabled", "removed"]);
    expect(preview.text).toMatch(/~ cron *: "0 5 \* \* \*" +=> "0 3 \* \* \*"/);
    expect(preview.text).toMatch(/~ health: "not installed: .*disabled.*" +=> "healthy"/);
    expect(preview.text).toMatch(
      /~ health: "not installed: .*crontab are not what they were written as" +=> "healthy"/,
    );
  });

  it("is mended by up, moved by a change of scheduler, and taken away by destroy, and the rest of the table is as it was", async () => {
    expectSuccess(await stack.up());
    expectSuccess(await stack.preview());
    expect(place.read().match(/^# BEGIN/gm)).toHaveLength(names.length);
    await stack.declare({ untouched: schedule({ kind: "embedded" }), removed: schedule() });
    expectSuccess(await stack.up());
    expectSuccess(await stack.preview());
    expect(place.read().match(/^# BEGIN/gm)).toHaveLength(1);
    expectSuccess(await stack.pulumi(["destroy", "--yes", "--skip-preview"]));
    expect(place.read()).toBe(mine);
  }, 600_000);

  it("refuses the crontab of another account, and touches nothing", async () => {
    await stack.declare({ foreign: schedule({ kind: "cron", runAs: "somebody" }) });
    const told = await stack.up();
    expect(told.exitCode).not.toBe(0);
    expect(told.text).toContain("crontab of somebody: this deployment runs as");
    expect(place.read()).toBe(mine);
  }, 600_000);
});
