import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openSshServer, type SshServer } from "../fixtures/ssh-host";
import { expectSuccess, makeStack, type ResourceSpec, type Stack } from "./stack";

/** `npm run test:fleet` has 20 hosts with 10 schedules each. */
const [hosts = 4, schedules = 5] = (process.env.FLEET ?? "4x5").split("x").map(Number);

/** How long the slowest host takes before anything is heard of it. */
const slowSeconds = hosts * 2;

/** All hosts at once: the engine otherwise looks at a few resources at a time. */
const atOnce = ["--parallel", "512"];

interface Machine {
  readonly name: string;
  readonly server: SshServer;
  readonly folder: string;
}

describe(`${hosts} hosts with ${schedules} schedules each, in one stack`, () => {
  const machines: Machine[] = [];
  let stack: Stack;

  beforeAll(async () => {
    stack = await makeStack("fleet");
    for (let number = 1; number <= hosts; number += 1) {
      const server = await openSshServer();
      const folder = join(server.folder, "machine");
      await mkdir(join(folder, "share"), { recursive: true });
      await writeFile(join(folder, "share", "file"), `text of ${number}`);
      machines.push({ name: `host${number}`, server, folder });
    }
  });

  afterAll(async () => {
    await stack.remove();
    for (const { server } of machines) await server.dispose();
  });

  it("are made by one up, over one connection a host", async () => {
    await writeSlowNode();
    await stack.declare(Object.fromEntries(machines.flatMap(describeSchedules)));
    expectSuccess(await stack.up(undefined, atOnce));
    expect(countConnections()).toEqual(machines.map(() => 1));
    expect((await healths()).filter((health) => health === "healthy")).toHaveLength(hosts * schedules);
  });

  it("are refreshed over one connection a host, in less than twice the time of the slowest", async () => {
    await writeFile(slowMarker(), String(slowSeconds));
    const slow = (await stack.state()).filter(({ urn }) => urn.includes(`::${machines[0]!.name}-`));
    const alone = await measure(slow.flatMap(({ urn }) => ["--target", urn]));
    const before = countConnections();
    const together = await measure([]);
    await rm(slowMarker());
    expect(countConnections()).toEqual(before.map((count) => count + 1));
    process.stderr.write(
      `fleet of ${hosts} hosts and ${hosts * schedules} schedules: refresh ${together} s, of the slowest host alone ${alone} s\n`,
    );
    expect(together).toBeLessThan(2 * alone);
  });

  it("are put right where their hosts are up, while one is down", async () => {
    const [down, ...others] = machines;
    await down!.server.stop();
    for (const machine of others) await editOneJob(machine);
    const up = await stack.up(undefined, [...atOnce, "--continue-on-error"]);
    expect(up.exitCode).not.toBe(0);
    const after = await healths();
    expect(after.filter((health) => /^unreachable: .*: connection refused; /.test(health))).toHaveLength(schedules);
    expect(after.filter((health) => health === "healthy")).toHaveLength((hosts - 1) * schedules);
    for (const machine of others) expect(await readFile(await firstJob(machine), "utf8")).toContain('"0 1 * * *"');
    await down!.server.start();
    const clean = await stack.preview(undefined, atOnce);
    expectSuccess(clean);
  });

  function describeSchedules({ name, server, folder }: Machine, index: number): readonly [string, ResourceSpec][] {
    const host = { ...server.declaration, ...(index === 0 ? { node: slowNode() } : {}) };
    return Array.from({ length: schedules }, (_, number) => [
      `${name}-${number}`,
      {
        kind: "BackupSchedule",
        args: {
          host,
          home: join(folder, "home"),
          when: { cron: "0 1 * * *" },
          sources: { files: { kind: "file-share", path: join(folder, "share") } },
          store: { kind: "directory", path: join(folder, `store-${number}`) },
        },
      },
    ]);
  }

  function slowNode(): string {
    return join(machines[0]!.folder, "node");
  }

  function slowMarker(): string {
    return join(machines[0]!.folder, "slow");
  }

  /** Node as on a machine that takes its time. */
  async function writeSlowNode(): Promise<void> {
    const script = `#!/bin/sh\n[ ! -e '${slowMarker()}' ] || sleep "$(cat '${slowMarker()}')"\nexec '${process.execPath}' "$@"\n`;
    await writeFile(slowNode(), script);
    await chmod(slowNode(), 0o755);
  }

  function countConnections(): readonly number[] {
    return machines.map(({ server }) => server.countConnections());
  }

  /** In seconds. */
  async function measure(more: readonly string[]): Promise<number> {
    const began = performance.now();
    expectSuccess(await stack.pulumi(["refresh", "--yes", "--skip-preview", ...atOnce, ...more]));
    return Math.round((performance.now() - began) / 100) / 10;
  }

  async function healths(): Promise<readonly string[]> {
    return (await stack.state()).flatMap(({ inputs }) => (typeof inputs.health === "string" ? [inputs.health] : []));
  }

  async function firstJob({ name, folder }: Machine): Promise<string> {
    const found = (await stack.state()).find(({ urn }) => urn.endsWith(`::${name}-0`));
    return join(folder, "home", "jobs", `${found?.id ?? ""}.json`);
  }

  async function editOneJob(machine: Machine): Promise<void> {
    const path = await firstJob(machine);
    await writeFile(path, (await readFile(path, "utf8")).replace('"0 1 * * *"', '"0 5 * * *"'));
  }
});
