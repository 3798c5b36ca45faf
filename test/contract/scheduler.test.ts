import { randomBytes } from "node:crypto";
import { watch } from "node:fs";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { describeHome, initialiseHome } from "../../provider/runner/home";
import { createCronScheduler } from "../../provider/schedule/schedulers/cron";
import { createEmbeddedScheduler } from "../../provider/schedule/schedulers/embedded";
import { openScheduler } from "../../provider/schedule/schedulers/index";
import { createSystemdScheduler } from "../../provider/schedule/schedulers/systemd";
import { createWindowsTaskScheduler } from "../../provider/schedule/schedulers/windows-task";
import type { When } from "../../provider/schedule/schema";
import { openCronPlace } from "../fixtures/cron-place";
import { clearUnits, hasSystemd, openSystemdPlace, type SystemdPlace } from "../fixtures/systemd-place";
import { openTaskPlace } from "../fixtures/windows/tasks";
import { describeScheduler, makeEntry, type SchedulerUnderTest } from "./scheduler-conformance";

const whens: readonly When[] = [
  { cron: "0 3 * * *" },
  { cron: "*/15 8-18 * * mon-fri", timeZone: "America/New_York" },
  { cron: "30 2 1,15 * 0", timeZone: "Australia/Lord_Howe", catchUp: false },
  { every: "6h", jitter: "10m" },
  { every: "1d", timeZone: "Asia/Kolkata", window: { from: "22:00", to: "05:30" } },
];

describeScheduler({ name: "embedded", whens, open: openEmbedded });
describeScheduler({ name: "cron", whens, open: openCron });

describeScheduler({ name: "windows-task", whens, many: 5, open: openTasks });

(hasSystemd ? describe : describe.skip)("in a real systemd", () => {
  let place: SystemdPlace;

  beforeAll(async () => {
    place = await openSystemdPlace();
  });

  afterAll(async () => {
    await place.dispose();
  });

  for (const scope of ["system", "user"] as const)
    describeScheduler({ name: `systemd (${scope})`, whens, open: () => openSystemd(place, scope) });
});

describe("a block in the crontab whose description was damaged", () => {
  it("is written anew, also for another zone than the host's", async () => {
    const { signal } = new AbortController();
    const { place, scheduler } = await openCronTable();
    try {
      const entry = makeEntry("nightly", { when: { cron: "0 3 * * *", timeZone: "America/New_York" } });
      await scheduler.install(entry, signal);
      place.write(place.read().replace('{"verb"', "{verb"));
      expect((await scheduler.list(signal))[0]?.damage).toBe("its description cannot be read");
      await scheduler.install(entry, signal);
      expect(await scheduler.list(signal)).toEqual([{ ...entry, enabled: true, damage: null }]);
    } finally {
      await place.dispose();
    }
  });
});

describe("the embedded scheduler's files", () => {
  const { signal } = new AbortController();
  let root: string;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "scheduler-"));
  });

  afterEach(async () => {
    await rm(root, { recursive: true, force: true });
  });

  it("never takes a missing home for an empty one", async () => {
    const scheduler = openScheduler({ kind: "embedded" }, describeHome(join(root, "unmounted")));
    const unreachable = { kind: "unreachable" };
    await expect(scheduler.observe(["nightly"], signal)).rejects.toMatchObject(unreachable);
    await expect(scheduler.list(signal)).rejects.toMatchObject(unreachable);
    await expect(scheduler.install(makeEntry("nightly"), signal)).rejects.toMatchObject(unreachable);
    await expect(scheduler.remove("nightly", signal)).rejects.toMatchObject(unreachable);
    expect(await readdir(root)).toEqual([]);
  });

  it("keeps entries readable by their owner only, and leaves nothing else behind", async () => {
    const home = await prepareHome(root);
    const scheduler = openScheduler({ kind: "embedded" }, home);
    await scheduler.install(makeEntry("nightly"), signal);
    const folder = join(home.scheduler, "entries");
    expect((await stat(join(folder, "nightly.json"))).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(["nightly.json"]);
    await scheduler.remove("nightly", signal);
    expect(await readdir(folder)).toEqual([]);
  });

  it("still tells whose a damaged entry is, where that can be read", async () => {
    const home = await prepareHome(root);
    const scheduler = openScheduler({ kind: "embedded" }, home);
    await scheduler.install(makeEntry("nightly"), signal);
    await edit(join(home.scheduler, "entries", "nightly.json"), (entry) => ({
      ...entry,
      when: { cron: "99 * * * *" },
    }));
    const seen = (await scheduler.observe(["nightly"], signal)).get("nightly");
    expect(seen).toMatchObject({ incarnation: "a-1", owner: makeEntry("nightly").owner, when: {} });
    expect(seen?.damage).toBe("it is not valid at when.cron");
  });
});

async function openEmbedded(): Promise<SchedulerUnderTest> {
  const root = await mkdtemp(join(tmpdir(), "scheduler-"));
  const home = await prepareHome(root);
  const started: string[] = [];
  const folder = join(home.scheduler, "entries");
  const fileOf = (id: string) => join(folder, `${id}.json`);
  return {
    scheduler: createEmbeddedScheduler(home, async (_, verb, id) => {
      started.push(`${verb} ${id}`);
      return { ended: Promise.resolve(0) };
    }),
    started: async () => started,
    // A file that is written anew by renaming is another inode.
    countWrites: async () =>
      (
        await Promise.all((await listOrNothing(folder)).map(async (name) => (await stat(join(folder, name))).ino))
      ).reduce((sum, inode) => sum + inode, 0),
    tamper: {
      disable: (id) => edit(fileOf(id), (entry) => ({ ...entry, enabled: false })),
      changeTime: (id) => edit(fileOf(id), (entry) => ({ ...entry, when: { cron: "0 5 * * *" } })),
      removeEntry: (id) => rm(fileOf(id)),
      damage: (id) => writeFile(fileOf(id), "{ half an ent"),
      addForeign: async () => {
        const foreign = join(home.scheduler, "README");
        await writeFile(foreign, randomBytes(8).toString("hex"));
        return () => readFile(foreign, "utf8");
      },
    },
    dispose: () => rm(root, { recursive: true, force: true }),
  };
}

async function openCronTable() {
  const place = await openCronPlace();
  const home = await prepareHome(place.folder);
  const started: string[] = [];
  const host = {
    crontab: place.crontab,
    timeZone: "Europe/Berlin",
    lockFolder: join(place.folder, "locks"),
    launch: async (_: unknown, verb: string, id: string) => {
      started.push(`${verb} ${id}`);
      return { ended: Promise.resolve(0) };
    },
  };
  const scheduler = createCronScheduler({ kind: "cron", runAs: userInfo().username }, home, host);
  return { place, scheduler, started };
}

async function openCron(): Promise<SchedulerUnderTest> {
  const { place, scheduler, started } = await openCronTable();
  const editBlock = async (id: string, change: (block: string) => string): Promise<void> => {
    const marked = new RegExp(`# BEGIN backup-posture ${id}\\n[^]*# END backup-posture ${id}\\n`);
    place.write(place.read().replace(marked, change));
  };
  return {
    scheduler,
    started: async () => started,
    countWrites: async () => place.countCalls("-"),
    countLooks: async () => place.countCalls("-l"),
    tamper: {
      disable: (id) => editBlock(id, (block) => block.replace(/^(?=[0-9@])/gm, "#")),
      changeTime: (id) => editBlock(id, (block) => block.replace(/^0 3 \* \* \* /m, "0 5 * * * ")),
      removeEntry: (id) => editBlock(id, () => ""),
      damage: (id) => editBlock(id, (block) => block.replace(/ run /g, " purge ")),
      addForeign: async () => {
        const odd =
          "# mine\nPATH=/usr/bin:/bin\r\n\n*/5 * * * *\tdate +\\%s # BEGIN backup-posture\nCRON_TZ=Asia/Tokyo\n";
        place.write(`${place.read()}${odd}`);
        return async () => place.read().slice(-odd.length);
      },
    },
    dispose: () => place.dispose(),
  };
}

async function openTasks(): Promise<SchedulerUnderTest> {
  const place = openTaskPlace();
  const before = { PATH: process.env.PATH, WINDOWS_STAND_IN: process.env.WINDOWS_STAND_IN };
  Object.assign(process.env, place.environment);
  const home = await prepareHome(place.folder);
  const record = join(place.folder, "started");
  const recorder = join(place.folder, "recorder");
  await writeFile(record, "");
  await writeFile(recorder, `#!/bin/sh\necho "$1 $2" >> '${record}'\n`, { mode: 0o755 });
  const edit = (id: string, change: (xml: string) => string): void => {
    const path = `\\backup-posture\\${id}.due`;
    place.write(path, change(place.read(path) ?? ""));
  };
  const runAs = { user: "CONTOSO\\svc-backup" };
  return {
    scheduler: createWindowsTaskScheduler({ kind: "windows-task", runAs }, home, [recorder]),
    started: (count) => untilLines(record, count),
    countWrites: async () => place.countCalls("others"),
    countLooks: async () => place.countCalls("/query"),
    tamper: {
      disable: async (id) => edit(id, (xml) => xml.replace("<Enabled>true</Enabled>", "<Enabled>false</Enabled>")),
      changeTime: async (id) => edit(id, (xml) => xml.replaceAll(/T0[12]:00:00Z/g, "T05:00:00Z")),
      removeEntry: async (id) => {
        for (const name of [id, `${id}.due`]) place.remove(`\\backup-posture\\${name}`);
      },
      damage: async (id) => edit(id, (xml) => xml.replace(">run ", ">purge ")),
      addForeign: async () => {
        place.write("\\Microsoft\\Windows\\Defrag", '<Task version="1.6"><Actions><ComHandler/></Actions></Task>');
        place.write("\\backup-posture\\Not an id", '<Task version="1.2"><Actions/></Task>');
        place.write("\\nightly", '<Task version="1.2"><Actions/></Task>');
        return async () =>
          place
            .list()
            .filter((path) => !/\\nightly(\.due)?$/.test(path) || path === "\\nightly")
            .map((path) => `${path} ${place.read(path) ?? ""}`)
            .join("|");
      },
    },
    dispose: async () => {
      for (const [name, value] of Object.entries(before))
        if (value === undefined) Reflect.deleteProperty(process.env, name);
        else process.env[name] = value;
      place.dispose();
    },
  };
}

async function untilLines(record: string, count: number): Promise<readonly string[]> {
  const watcher = watch(record);
  try {
    for (;;) {
      const changed = new Promise((resolve) => watcher.once("change", resolve));
      const lines = (await readFile(record, "utf8")).split("\n").slice(0, -1);
      if (lines.length >= count) return lines;
      await changed;
    }
  } finally {
    watcher.close();
  }
}

async function openSystemd(place: SystemdPlace, scope: "system" | "user"): Promise<SchedulerUnderTest> {
  const root = await mkdtemp(join(place.folder, "scheduler-"));
  const home = await prepareHome(root);
  const recorder = join(root, "recorder");
  const record = join(root, "started");
  await writeFile(record, "");
  await writeFile(recorder, `#!/bin/sh\necho "$1 $2" >> '${record}'\n`, { mode: 0o755 });
  const host = place.host(scope, [recorder]);
  const pathOf = (id: string, kind: string) => join(host.unitFolder, `backup-posture-${id}.${kind}`);
  const editUnit = async (id: string, kind: string, change: (text: string) => string): Promise<void> => {
    await writeFile(pathOf(id, kind), change(await readFile(pathOf(id, kind), "utf8")));
    place.systemctl(scope, "daemon-reload");
  };
  return {
    scheduler: createSystemdScheduler({ kind: "systemd", runAs: "root", scope }, home, host),
    started: (count) => untilLines(record, count),
    countWrites: async () => place.countCalls("others"),
    countLooks: async () => place.countCalls("show"),
    tamper: {
      disable: async (id) => void place.systemctl(scope, "disable", "--now", `backup-posture-${id}.timer`),
      changeTime: (id) => editUnit(id, "timer", (text) => text.replace(" 03:00:00 ", " 05:00:00 ")),
      removeEntry: async (id) => {
        place.systemctl(scope, "disable", "--now", `backup-posture-${id}.timer`);
        for (const kind of ["service", "due.service", "timer"]) await rm(pathOf(id, kind));
        place.systemctl(scope, "daemon-reload");
      },
      damage: (id) => editUnit(id, "due.service", (text) => text.replace(" run ", " purge ")),
      addForeign: async () => {
        const odd = {
          "mine.timer": "[Timer]\r\nOnCalendar=daily\r\n# no end",
          "backup-posture.timer": "[Timer]\nOnBootSec=9d\n",
          "backup-posture-Mine.service": "\xff\n\n",
        };
        for (const [name, text] of Object.entries(odd)) await writeFile(join(host.unitFolder, name), text, "latin1");
        return async () => {
          const texts = Object.keys(odd).map((name) => readFile(join(host.unitFolder, name), "latin1"));
          return (await Promise.all(texts)).join("|");
        };
      },
    },
    dispose: async () => {
      clearUnits(place, scope, host);
      await rm(root, { recursive: true, force: true });
    },
  };
}

async function prepareHome(root: string) {
  const home = describeHome(join(root, "home"));
  await initialiseHome(home);
  return home;
}

async function edit(path: string, change: (entry: Record<string, unknown>) => unknown): Promise<void> {
  await writeFile(
    path,
    JSON.stringify(change(z.record(z.string(), z.unknown()).parse(JSON.parse(await readFile(path, "utf8"))))),
  );
}

async function listOrNothing(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch(() => []);
}
