import { execFileSync } from "node:child_process";
import { watch } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { type JournalRecord, readJournal } from "../../provider/runner/journal";
import { type CronHost, createCronScheduler } from "../../provider/schedule/schedulers/cron";
import { openStore } from "../../provider/snapshot/stores/index";
import { type CronPlace, openCronPlace } from "../fixtures/cron-place";
import { type Ground, makeGround } from "../fixtures/posture";
import { makeEntry } from "./scheduler-conformance";

jest.setTimeout(300_000);

describe("a real cron", () => {
  const { signal } = new AbortController();
  let place: CronPlace;
  let ground: Ground;

  beforeEach(async () => {
    place = await openCronPlace();
    ground = await makeGround();
    await openStore({ kind: "directory", path: ground.store }).initialise(signal);
  });

  afterEach(async () => {
    delete process.env.BACKUP_POSTURE_NOW;
    await place.dispose();
    await ground.remove();
  });

  it("fires what is due, and the journal tells of it", async () => {
    await declare({ cron: "* * * * *" });
    place.startCron();
    expect(await untilEnded("shares")).toMatchObject({ verb: "run", outcome: "succeeded" });
  });

  it("makes up for what was missed while the machine was off, once", async () => {
    process.env.BACKUP_POSTURE_NOW = new Date(Date.now() - 3 * 86_400_000).toISOString();
    await declare({ every: "1d" });
    delete process.env.BACKUP_POSTURE_NOW;
    place.startCron();
    expect(await untilEnded("shares")).toMatchObject({ outcome: "succeeded" });
    const atBoot = /^@reboot (.*)$/m.exec(place.read())?.[1] ?? "false";
    execFileSync("/bin/sh", ["-c", atBoot.replaceAll("\\%", "%")]);
    expect((await readJournal(ground.home, "shares")).filter(({ event }) => event === "started")).toHaveLength(1);
  });

  async function declare(when: { readonly cron: string } | { readonly every: string }): Promise<void> {
    const { username } = userInfo();
    const host: CronHost = {
      crontab: place.crontab,
      timeZone: "UTC",
      lockFolder: join(place.folder, "locks"),
      launch: () => Promise.reject(new Error("nothing but cron starts anything here")),
    };
    await ground.addSchedule("shares", { when, scheduler: { kind: "cron", runAs: username } });
    await createCronScheduler({ kind: "cron", runAs: username }, ground.home, host).install(
      makeEntry("shares", { when }),
      signal,
    );
  }

  async function untilEnded(id: string): Promise<JournalRecord> {
    const watcher = watch(ground.home.journal);
    try {
      for (;;) {
        const changed = new Promise((resolve) => watcher.once("change", resolve));
        const ended = (await readJournal(ground.home, id)).find(({ event }) => event === "ended");
        if (ended !== undefined) return ended;
        await changed;
      }
    } finally {
      watcher.close();
    }
  }
});
