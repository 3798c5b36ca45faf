import { execFileSync, spawnSync } from "node:child_process";
import { watch } from "node:fs";
import {
  access,
  chmod,
  chown,
  constants,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { createProviders } from "../../provider/lifecycle/providers";
import { examine } from "../../provider/runner/doctor";
import { describeHome, type Home, initialiseHome } from "../../provider/runner/home";
import { type JournalRecord, readJournal } from "../../provider/runner/journal";
import { observeHome } from "../../provider/runner/observe-home";
import { findOrphans } from "../../provider/runner/orphans";
import { commandLineModule } from "../../provider/schedule/schedulers/embedded";
import type { ScheduleEntry } from "../../provider/schedule/schedulers/scheduler";
import { createSystemdScheduler } from "../../provider/schedule/schedulers/systemd";
import { quoteForSystemd } from "../../provider/schedule/schedulers/systemd-units";
import type { When } from "../../provider/schedule/schema";
import { makeGround } from "../fixtures/posture";
import { clearUnits, hasSystemd, openSystemdPlace, type SystemdPlace } from "../fixtures/systemd-place";
import { makeEntry } from "./scheduler-conformance";

const { signal } = new AbortController();
const declaration = { kind: "systemd", runAs: "root" } as const;
/** An account of every Debian that is not root. */
const other = "backup";

(hasSystemd ? describe : describe.skip)("a real systemd", () => {
  const before = { ...process.env };
  let place: SystemdPlace;
  let units: string;

  beforeAll(async () => {
    place = await openSystemdPlace();
    units = join(place.folder, "units");
    process.env.PATH = `${join(place.folder, "bin")}:${before.PATH ?? ""}`;
    process.env.SYSTEMD_UNIT_PATH = units;
  });

  afterEach(() => {
    delete process.env.BACKUP_POSTURE_NOW;
    clearUnits(place, "system", place.host("system", []));
  });

  afterAll(async () => {
    for (const name of ["PATH", "SYSTEMD_UNIT_PATH"])
      if (before[name] === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = before[name];
    await place.dispose();
  });

  describe("units that somebody changed", () => {
    const file = (kind: string) => join(units, `backup-posture-nightly.${kind}`);
    const reload = () => void place.systemctl("system", "daemon-reload");
    const putBeside = async (folder: string): Promise<void> => {
      await mkdir(join(units, folder), { recursive: true });
      await writeFile(join(units, folder, "override.conf"), "[Unit]\nDescription=Mine\n");
      reload();
    };
    const rows: readonly (readonly [string, () => Promise<unknown>, object])[] = [
      ["a timer that is stopped", async () => place.systemctl("system", "stop", "backup-posture-nightly.timer"), off()],
      [
        "a timer that is disabled",
        async () => place.systemctl("system", "disable", "backup-posture-nightly.timer"),
        off(),
      ],
      [
        "a service that is masked",
        async () => {
          await rm(file("due.service"));
          await symlink("/dev/null", file("due.service"));
          reload();
        },
        off(),
      ],
      ["settings beside a timer", () => putBeside("backup-posture-nightly.timer.d"), damaged("settings beside")],
      ["settings beside a service", () => putBeside("backup-posture-nightly.service.d"), damaged("settings beside")],
      [
        "a service that is gone",
        async () => {
          await rm(file("due.service"));
          reload();
        },
        damaged("due.service unit is missing"),
      ],
      [
        "a file that was not read since it was written",
        async () => {
          const ahead = new Date(Date.now() + 60_000);
          await utimes(file("timer"), ahead, ahead);
        },
        damaged("has not read"),
      ],
      [
        "another account",
        async () => {
          await writeFile(
            file("service"),
            (await readFile(file("service"), "utf8")).replace("User=root", "User=daemon"),
          );
          reload();
        },
        damaged("not what they were written as"),
      ],
    ];

    it.each(rows)("are seen and mended: %s", async (_, tamper, seen) => {
      const home = await makeHome();
      const scheduler = createSystemdScheduler(declaration, home, place.host("system", ["/bin/true"]));
      const entry = makeEntry("nightly");
      await scheduler.install(entry, signal);
      await tamper();
      expect((await scheduler.list(signal))[0]).toMatchObject({ owner: entry.owner, incarnation: "a-1", ...seen });
      await scheduler.install(entry, signal);
      expect(await scheduler.list(signal)).toEqual([{ ...entry, enabled: true, damage: null }]);
      await scheduler.remove("nightly", signal);
      expect((await readdir(units)).filter((name) => name.includes("nightly"))).toEqual([]);
    });

    it("leave what is said for all of ours alone", async () => {
      const home = await makeHome();
      const scheduler = createSystemdScheduler(declaration, home, place.host("system", ["/bin/true"]));
      await scheduler.install(makeEntry("nightly"), signal);
      await putBeside("backup-posture-.service.d");
      try {
        expect(await scheduler.list(signal)).toMatchObject([{ enabled: true, damage: null }]);
      } finally {
        await rm(join(units, "backup-posture-.service.d"), { recursive: true });
        reload();
      }
    });

    it("are another home's to change", async () => {
      const host = place.host("system", ["/bin/true"]);
      const [one, another] = [await makeHome(), await makeHome()];
      await createSystemdScheduler(declaration, one, host).install(makeEntry("nightly"), signal);
      const scheduler = createSystemdScheduler(declaration, another, host);
      expect(await scheduler.list(signal)).toEqual([]);
      expect((await scheduler.observe(["nightly"], signal)).get("nightly")?.damage).toContain("another posture home");
      await expect(scheduler.install(makeEntry("nightly"), signal)).rejects.toMatchObject({ kind: "conflict" });
    });

    it("are not lost when many deployments write at once", async () => {
      const home = await makeHome();
      const ids = Array.from({ length: 6 }, (_, index) => `schedule-${index}`);
      await Promise.all(
        ids.map((id) =>
          createSystemdScheduler(declaration, home, place.host("system", ["/bin/true"])).install(makeEntry(id), signal),
        ),
      );
      const scheduler = createSystemdScheduler(declaration, home, place.host("system", ["/bin/true"]));
      const found = await scheduler.list(signal);
      expect(found.map(({ id, enabled, damage }) => ({ id, enabled, damage }))).toEqual(
        ids.map((id) => ({ id, enabled: true, damage: null })),
      );
    });
  });

  it("hands every argument to the program as it is", async () => {
    const argument = fc.oneof(
      fc.constantFrom(
        "%h",
        "$HOME",
        "${HOME}",
        "$$",
        "\\",
        "\\n",
        '"',
        "'",
        ";",
        "a b",
        "-x",
        "*",
        "~",
        "\n",
        "\t",
        "%%n",
      ),
      fc.string({ unit: "binary", maxLength: 12 }),
    );
    const seed = Number(process.env.FAST_CHECK_SEED ?? Date.now() % 1_000_000);
    const given = fc
      .sample(argument, { numRuns: 200, seed })
      .map((text) => text.replaceAll(/[\0\ud800-\udfff]/g, ""))
      .filter((text) => text !== "");
    const told = join(place.folder, "told");
    const recorder = join(place.folder, "recorder");
    await writeFile(recorder, `#!/bin/sh\nprintf '%s\\0' "$@" > '${told}'\n`, { mode: 0o755 });
    const line = [recorder, ...given.map((each) => quoteForSystemd(each, "command"))].join(" ");
    await writeFile(join(units, "backup-posture-arguments.service"), `[Service]\nType=oneshot\nExecStart=${line}\n`);
    place.systemctl("system", "daemon-reload");
    place.systemctl("system", "start", "backup-posture-arguments.service");
    expect({ seed, told: (await readFile(told, "utf8")).split("\0").slice(0, -1) }).toEqual({ seed, told: given });
  });

  it("fires what is due by itself, and the journal tells of it", async () => {
    const ground = await declare({ cron: "* * * * *" });
    expect(await untilEnded(ground.home, "shares")).toMatchObject({ verb: "run", outcome: "succeeded" });
  }, 300_000);

  it("makes up for what was missed while the machine was off, once", async () => {
    const stamp = join(place.folder, "state", "timers", "stamp-backup-posture-shares.timer");
    const long = new Date(Date.now() - 3 * 86_400_000);
    process.env.BACKUP_POSTURE_NOW = long.toISOString();
    const ground = await declare({ every: "1d" });
    delete process.env.BACKUP_POSTURE_NOW;
    await place.turnOff();
    await utimes(stamp, long, long);
    await place.turnOn();
    expect(await untilEnded(ground.home, "shares")).toMatchObject({ outcome: "succeeded" });
    place.systemctl("system", "start", "backup-posture-shares.due.service");
    await place.turnOff();
    await place.turnOn();
    place.systemctl("system", "start", "backup-posture-shares.due.service");
    expect((await readJournal(ground.home, "shares")).filter(({ event }) => event === "started")).toHaveLength(1);
  });

  describe("a home whose jobs run as another account", () => {
    let root: string;
    let home: Home;

    beforeEach(async () => {
      root = join(place.folder, "of another");
      home = describeHome(join(root, "new", "home"));
      await mkdir(join(root, "share"), { recursive: true });
      await writeFile(join(root, "share", "file"), "content");
    });

    afterEach(() => rm(root, { recursive: true, force: true }));

    it("is made for it, runs in it, is examined as it, and root keeps out", async () => {
      if (!(await isOpenToAll(commandLineModule))) return;
      await create();
      // Within is another list of processes than here, so what goes on there cannot be watched.
      place.systemctl("system", "start", "backup-posture-files.service");
      const account = Number(execFileSync("id", ["-u", other], { encoding: "utf8" }));
      for (const path of [home.root, dirname(home.root), home.jobs, join(home.jobs, "files.json"), join(root, "store")])
        expect(await stat(path)).toMatchObject({ uid: account });
      expect((await readJournal(home, "files")).at(-1)).toMatchObject({
        event: "ended",
        outcome: "succeeded",
        message: "",
      });
      expect(await readFile(join(units, "backup-posture-files.service"), "utf8")).toMatch(/^ProtectSystem=strict$/m);
      expect((await examine(home, signal)).filter(({ state }) => state !== "good")).toEqual([]);
      expect(await observeHome(home, signal)).toMatchObject([{ id: "files", health: "healthy", firedBy: "systemd" }]);
      const run = spawnSync(process.execPath, [commandLineModule, "run", "files", "--home", home.root], {
        encoding: "utf8",
      });
      expect(run.status).toBe(2);
      expect(run.stderr).toContain(`setpriv --reuid ${account}`);
      await chmod(join(root, "share"), 0o700);
      await chown(join(root, "store"), 0, 0);
      const findings = (await examine(home, signal)).filter(({ state }) => state === "bad");
      expect(findings.map(({ subject, of }) => `${subject} ${of}`)).toEqual([
        expect.stringMatching(/^store .* as backup$/),
        "source files files as backup",
      ]);
    });

    it("shows an entry whose job is gone as an orphan, as long as another job names its scheduler", async () => {
      if (!(await isOpenToAll(commandLineModule))) return;
      for (const id of ["files", "more"]) await create(id);
      await rm(join(home.jobs, "files.json"));
      const { orphans, faults } = await findOrphans(home, null, [], signal);
      expect({ orphans, faults }).toMatchObject({ orphans: [{ kind: "entry", id: "files" }], faults: [] });
      expect(await observeHome(home, signal)).toMatchObject([
        { id: "files", health: "not installed: the job file is missing", firedBy: "systemd" },
        { id: "more", firedBy: "systemd" },
      ]);
    });

    it("is refused where another account's already is", async () => {
      await initialiseHome(home);
      await expect(create()).rejects.toMatchObject({ message: expect.stringContaining("chown -R backup:") as string });
    });

    async function create(id = "files"): Promise<void> {
      const provider = createProviders(() => undefined).BackupSchedule;
      const { inputs, failures } = await provider.check(
        {},
        {
          requestedId: id,
          owner: `urn:pulumi:prod::backups::x::${id}`,
          home: home.root,
          when: { cron: "0 1 * * *" },
          sources: { files: { kind: "file-share", path: join(root, "share") } },
          store: { kind: "directory", path: join(root, "store") },
          scheduler: { kind: "systemd", runAs: other, scope: "system" },
        },
      );
      expect(failures).toBeUndefined();
      expect(inputs.scheduler).toEqual({ kind: "systemd", runAs: other });
      await provider.create(inputs);
    }
  });

  async function makeHome(): Promise<Home> {
    const ground = await makeGround(place.folder);
    return ground.home;
  }

  async function declare(when: When) {
    const ground = await makeGround(place.folder);
    await ground.readyStore();
    await ground.addSchedule("shares", { when, scheduler: declaration });
    const needs = { reads: [ground.share], writes: [ground.store] };
    const entry: ScheduleEntry = { ...makeEntry("shares", { when }), needs };
    const host = place.host("system", [process.execPath, commandLineModule]);
    await createSystemdScheduler(declaration, ground.home, host).install(entry, signal);
    return ground;
  }
});

function off(): object {
  return { enabled: false, damage: null };
}

function damaged(words: string): object {
  return { damage: expect.stringContaining(words) as string };
}

async function isOpenToAll(path: string): Promise<boolean> {
  for (let at = path; at !== dirname(at); at = dirname(at))
    if (((await stat(at)).mode & 0o005) !== 0o005 && at !== path) return false;
  await access(path, constants.R_OK);
  return true;
}

async function untilEnded(home: Home, id: string): Promise<JournalRecord> {
  const watcher = watch(home.journal);
  // A file that is made while the watch is set up may tell of nothing: it is looked for now and then, too.
  const ticking = setInterval(() => watcher.emit("change", "rename", null), 1_000);
  try {
    for (;;) {
      const changed = new Promise((resolve) => watcher.once("change", resolve));
      const ended = (await readJournal(home, id)).find(({ event }) => event === "ended");
      if (ended !== undefined) return ended;
      await changed;
    }
  } finally {
    clearInterval(ticking);
    watcher.close();
  }
}
