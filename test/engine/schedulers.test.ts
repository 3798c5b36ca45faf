import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hasSystemd, openSystemdPlace } from "../fixtures/systemd-place";
import { openTaskPlace } from "../fixtures/windows/tasks";
import { expectSuccess, makeStack, type Stack, type Told } from "./stack";

/** A scheduler as it stands beside the stack, and what somebody does to it behind its back. */
interface Place {
  readonly scheduler: object;
  readonly environment: Readonly<Record<string, string>>;
  /** What the preview says of one that was damaged. */
  readonly damage: string;
  remove(id: string): Promise<void>;
  changeTime(id: string): Promise<void>;
  disable(id: string): Promise<void>;
  damageEntry(id: string): Promise<void>;
  /** Ids of all entries, sorted. */
  list(): Promise<readonly string[]>;
  dispose(): Promise<void>;
}

const names = ["untouched", "removed", "changed", "disabled", "damaged", "edited"] as const;

/** All rows in one stack: one preview shows them, one `up` mends them, one preview is clean. */
describe.each([
  { name: "systemd", open: openSystemd, isThere: hasSystemd },
  { name: "Task Scheduler", open: openTasks, isThere: true },
])("schedules in $name", ({ open, isThere }) => {
  const test = isThere ? it : it.skip;
  let place: Place;
  let stack: Stack;
  let preview: Told;

  beforeAll(async () => {
    if (!isThere) return;
    place = await open();
    stack = await makeStack("test", ({ PATH = "" }) => ({
      ...place.environment,
      PATH: `${place.environment.PATH ?? ""}:${PATH}`,
    }));
    await mkdir(join(stack.root, "share"));
    await writeFile(join(stack.root, "share", "file"), "text");
    await stack.declare(Object.fromEntries(names.map((name) => [name, schedule(place.scheduler)])));
    expectSuccess(await stack.up());
    expectSuccess(await stack.preview());
    await tamper();
    preview = await stack.preview();
  }, 600_000);

  afterAll(async () => {
    if (!isThere) return;
    await stack.remove();
    await place.dispose();
  });

  function schedule(scheduler: object) {
    return {
      kind: "BackupSchedule" as const,
      args: {
        when: { cron: "0 3 * * *", timeZone: "Europe/Berlin" },
        sources: { files: { kind: "file-share", path: join(stack.root, "share") } },
        store: { kind: "directory", path: join(stack.root, "store") },
        keep: { daily: 14 },
        scheduler,
      },
    };
  }

  async function tamper(): Promise<void> {
    const ids = new Map((await stack.state()).map(({ urn, id }) => [urn.split("::").at(-1), id ?? ""]));
    await place.remove(ids.get("removed") ?? "");
    await place.changeTime(ids.get("changed") ?? "");
    await place.disable(ids.get("disabled") ?? "");
    await place.damageEntry(ids.get("damaged") ?? "");
    const job = join(stack.home, "jobs", `${ids.get("edited") ?? ""}.json`);
    await writeFile(job, (await readFile(job, "utf8")).replace('"daily": 14', '"daily": 2'));
  }

  test("shows in the preview what somebody did to them, and nothing else", () => {
    expect(preview.exitCode).not.toBe(0);
    const drifted = [...preview.text.matchAll(/::([a-z]+)\]\n(?:.*\n)*?.*~ (health|when|cron|keep|daily).*/g)].map(
      (match) => match[1],
    );
    expect([...new Set(drifted)].sort()).toEqual(["changed", "damaged", "disabled", "edited", "removed"]);
    expect(preview.text).toMatch(/~ cron *: "0 5 \* \* \*" +=> "0 3 \* \* \*"/);
    expect(preview.text).toMatch(/~ daily *: 2 => 14/);
    expect(preview.text).toMatch(/~ health: "not installed: the scheduler entry is missing" +=> "healthy"/);
    expect(preview.text).toMatch(/~ health: "not installed: the scheduler entry is disabled" +=> "healthy"/);
    expect(preview.text).toContain(place.damage);
  });

  test("are mended by up, moved by a change of scheduler, and taken away by destroy", async () => {
    expectSuccess(await stack.up());
    expectSuccess(await stack.preview());
    expect(await place.list()).toHaveLength(names.length);
    await stack.declare({ untouched: schedule({ kind: "embedded" }), removed: schedule(place.scheduler) });
    expectSuccess(await stack.up());
    expectSuccess(await stack.preview());
    expect(await place.list()).toHaveLength(1);
    expectSuccess(await stack.pulumi(["destroy", "--yes", "--skip-preview"]));
    expect(await place.list()).toEqual([]);
  }, 600_000);
});

async function openSystemd(): Promise<Place> {
  const place = await openSystemdPlace();
  const units = join(place.folder, "units");
  const pathOf = (id: string, kind: string) => join(units, `backup-posture-${id}.${kind}`);
  const edit = async (path: string, change: (text: string) => string): Promise<void> => {
    await writeFile(path, change(await readFile(path, "utf8")));
    place.systemctl("system", "daemon-reload");
  };
  return {
    scheduler: { kind: "systemd", runAs: "root" },
    environment: { PATH: join(place.folder, "bin"), SYSTEMD_UNIT_PATH: units },
    damage: "its units are not what they were written as",
    remove: async (id) => {
      place.systemctl("system", "disable", "--now", `backup-posture-${id}.timer`);
      for (const kind of ["service", "due.service", "timer"]) await rm(pathOf(id, kind));
      place.systemctl("system", "daemon-reload");
    },
    changeTime: (id) => edit(pathOf(id, "timer"), (text) => text.replace(" 03:00:00 ", " 05:00:00 ")),
    disable: async (id) => void place.systemctl("system", "disable", "--now", `backup-posture-${id}.timer`),
    damageEntry: (id) => edit(pathOf(id, "due.service"), (text) => text.replace(" run ", " purge ")),
    list: async () => {
      const told = place.systemctl("system", "list-timers", "--all", "--no-legend", "backup-posture-*");
      return [...told.matchAll(/backup-posture-(\S+)\.timer/g)].map(([, id = ""]) => id).sort();
    },
    dispose: () => place.dispose(),
  };
}

async function openTasks(): Promise<Place> {
  const place = openTaskPlace();
  const { PATH, WINDOWS_STAND_IN } = place.environment;
  const edit = (id: string, change: (xml: string) => string): void => {
    const path = `\\backup-posture\\${id}.due`;
    place.write(path, change(place.read(path) ?? ""));
  };
  return {
    scheduler: { kind: "windows-task", runAs: "CONTOSO\\backup$" },
    environment: { PATH, WINDOWS_STAND_IN },
    damage: "its tasks are not what they were written as",
    remove: async (id) => {
      for (const name of [id, `${id}.due`]) place.remove(`\\backup-posture\\${name}`);
    },
    // In UTC, as all triggers are.
    changeTime: async (id) => edit(id, (xml) => xml.replaceAll(/T0[12]:00:00Z/g, "T05:00:00Z")),
    disable: async (id) => edit(id, (xml) => xml.replace("<Enabled>true</Enabled>", "<Enabled>false</Enabled>")),
    damageEntry: async (id) =>
      edit(id, (xml) => xml.replace("S-1-5-18", "x").replace(">run ", ">purge ").replace(" run ", " purge ")),
    list: async () =>
      place
        .list()
        .flatMap((path) => /^\\backup-posture\\(.*)\.due$/.exec(path)?.[1] ?? [])
        .sort(),
    dispose: async () => place.dispose(),
  };
}
