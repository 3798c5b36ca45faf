import { appendFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { type CronPlace, openCronPlace } from "../fixtures/cron-place";
import { openSshServer, type SshServer } from "../fixtures/ssh-host";
import { expectSuccess, makeStack, type ResourceSpec, type Stack, type Told } from "./stack";

const names = ["embedded", "crontab", "point", "place"] as const;

/** A whole life on a host that is reached by SSH: what the preview tells, what `up` does about it, and that it is clean afterwards. */
describe("resources on a host over SSH", () => {
  let server: SshServer;
  let cron: CronPlace;
  let stack: Stack;
  let place: string;
  let home: string;

  beforeAll(async () => {
    cron = await openCronPlace();
    server = await openSshServer({
      environment: { PATH: `${cron.folder}:${process.env.PATH ?? ""}`, XDG_STATE_HOME: join(cron.folder, "state") },
    });
    stack = await makeStack();
    place = join(server.folder, "machine");
    home = join(place, "posture");
    await mkdir(join(place, "share"), { recursive: true });
    await writeFile(join(place, "share", "file"), "text");
  });

  afterAll(async () => {
    await stack.remove();
    await server.dispose();
    await cron.dispose();
  });

  function resources(changes: object = {}, more: Record<string, ResourceSpec> = {}): Record<string, ResourceSpec> {
    const host = { ...server.declaration, ...changes };
    const common = { host, home };
    const store = { kind: "directory", path: join(place, "store") };
    const when = { cron: "0 3 * * *", timeZone: "Europe/Berlin" };
    const sources = { files: { kind: "file-share", path: join(place, "share") } };
    const schedule = { ...common, when, sources, store };
    return {
      embedded: { kind: "BackupSchedule", args: { ...schedule, runOnCreate: true, waitFor: "2m" } },
      crontab: {
        kind: "BackupSchedule",
        args: { ...schedule, scheduler: { kind: "cron", runAs: userInfo().username } },
      },
      point: {
        kind: "FileShareSnapshot",
        args: { ...common, share: { path: join(place, "share") }, store: { ...store, path: join(place, "points") } },
      },
      place: {
        kind: "RestoreTarget",
        args: { ...common, from: { store, schedule: { $ref: "embedded.id" } }, to: join(place, "restore") },
      },
      ...more,
    };
  }

  /** The names of the resources that a preview shows with a health, and that health. */
  function healthsOf({ text }: Told): Record<string, string> {
    const shown = [...text.matchAll(/::([a-z]+)\]\n(?:(?!.*::).*\n)*?.*~ health *: "(.*?)" +=> "healthy"/g)];
    return Object.fromEntries(shown.map(([, name = "", health = ""]) => [name, health]));
  }

  async function idOf(name: string): Promise<string> {
    const found = (await stack.state()).find(({ urn }) => urn.endsWith(`::${name}`));
    return found?.id ?? "";
  }

  it("are made by one connection, and a preview of them is clean and takes one too", async () => {
    await stack.declare(resources());
    const preview = await stack.preview();
    expect(preview.text).toContain(`runs as ${userInfo().username} on 127.0.0.1: source files`);
    expect(server.countConnections()).toBe(0);
    expectSuccess(await stack.up());
    expect(server.countConnections()).toBe(1);
    expectSuccess(await stack.preview());
    expect(server.countConnections()).toBe(2);
    expect(cron.read()).toContain(`${home}/runner/backup-posture.cjs run `);
    expect(await readdir(join(home, "runner"))).toEqual(["backup-posture.cjs", "runner.json"]);
  });

  it("show what somebody did there, and are put right", async () => {
    const job = join(home, "jobs", `${await idOf("embedded")}.json`);
    await writeFile(job, (await readFile(job, "utf8")).replace("0 3 * * *", "0 5 * * *"));
    cron.write("");
    for (const name of await readdir(join(place, "points", "packs"))) await rm(join(place, "points", "packs", name));
    await rm(join(place, "restore"), { recursive: true });
    const preview = await stack.preview();
    expect(preview.exitCode).not.toBe(0);
    expect(preview.text).toMatch(/~ cron *: "0 5 \* \* \*" +=> "0 3 \* \* \*"/);
    expect(healthsOf(preview)).toEqual({
      crontab: "not installed: the scheduler entry is missing",
      point: "damaged: 1 file",
      place: "place unusable: it is not there",
    });
    expectSuccess(await stack.up());
    expectSuccess(await stack.preview());
  });

  it("show a runner that was altered, and one that is missing, and put it there again", async () => {
    const runner = join(home, "runner", "backup-posture.cjs");
    const carried = await readFile(runner);
    await appendFile(runner, "\n// altered\n");
    const altered = "not installed: the runner on the host is not what was put there";
    expect(healthsOf(await stack.preview())).toEqual(Object.fromEntries(names.map((name) => [name, altered])));
    expectSuccess(await stack.up());
    expect((await readFile(runner)).equals(carried)).toBe(true);
    await rm(runner);
    const missing = healthsOf(await stack.preview());
    expect(Object.keys(missing).sort()).toEqual([...names].sort());
    expect(missing.embedded).toMatch(/^unreachable: .*: the runner is missing; pulumi up puts it there$/);
    expectSuccess(await stack.up());
  });

  it("stay in the state while the host is down or another, and are clean once it is back", async () => {
    const known = (await stack.state()).length;
    await server.stop();
    const down = healthsOf(await stack.preview());
    expect(Object.keys(down).sort()).toEqual([...names].sort());
    expect(down.embedded).toMatch(/^unreachable: .*: connection refused; /);
    const up = await stack.up();
    expect(up.exitCode).not.toBe(0);
    expect(await stack.state()).toHaveLength(known);
    const hostKey = await readFile(join(server.folder, "host_key"));
    server.changeHostKey();
    await server.start();
    const changed = healthsOf(await stack.preview());
    expect(changed.embedded).toMatch(/^unreachable: .*: its host key has changed, so it may be another machine; /);
    await server.stop();
    await writeFile(join(server.folder, "host_key"), hostKey);
    await server.start();
    expectSuccess(await stack.preview());
  });

  it("are seen by a key that can do nothing but look, and that is refused when they are changed", async () => {
    const line = `${process.execPath} ${home}/runner/backup-posture.cjs serve --observe --home ${home}`;
    const observe = server.makeForcedKey("observer", line);
    await stack.declare(resources({ observe }));
    expectSuccess(await stack.up());
    expectSuccess(await stack.preview());
    const job = join(home, "jobs", `${await idOf("embedded")}.json`);
    await rm(job);
    await stack.declare(resources({ observe, apply: observe }));
    const refused = await stack.up();
    expect(refused.exitCode).not.toBe(0);
    expect(refused.text).toMatch(/this key (only looks|runs one command of the host's choosing)/);
    await stack.declare(resources({ observe }));
    expectSuccess(await stack.up());
    expectSuccess(await stack.preview());
  });

  it("lose nothing to a connection that is cut while one is made: the next up goes on", async () => {
    const [begun, go] = [join(place, "begun"), join(place, "go")];
    const hook = `touch ${begun}; until test -e ${go}; do sleep 0.1; done`;
    const slow = {
      kind: "BackupSchedule" as const,
      args: {
        ...resources().embedded?.args,
        hooks: { slow: { at: "before", command: ["sh", "-c", hook] } },
      },
    };
    await stack.declare(resources({}, { slow }));
    const up = stack.up();
    const cutting = cutOnce(begun);
    expect((await up).text).toMatch(/what was under way may have been done: pulumi up goes on from there/);
    await cutting;
    const jobs = await readdir(join(home, "jobs"));
    expect(jobs.filter((name) => name.startsWith("slow-"))).toHaveLength(1);
    await writeFile(go, "");
    expectSuccess(await stack.up());
    expect(await readdir(join(home, "jobs"))).toEqual(jobs);
  });

  it("go with destroy, and leave their recovery points", async () => {
    expectSuccess(await stack.pulumi(["destroy", "--yes", "--skip-preview"]));
    expect(await readdir(join(home, "jobs"))).toEqual([]);
    expect(cron.read()).not.toContain("BEGIN backup-posture");
    expect((await readdir(join(place, "points", "points"))).length).toBeGreaterThan(0);
  });

  async function cutOnce(path: string): Promise<void> {
    const { existsSync } = await import("node:fs");
    while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 20));
    server.cut();
  }
});
