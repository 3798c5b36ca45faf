import { execFileSync } from "node:child_process";
import { chmod, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { RemoteHosts } from "../../provider/lifecycle/remote/hosts";
import { readRelease } from "../../provider/platform/release";
import { isRoot } from "../engine/stack";
import { openSshServer, type SshServer } from "../fixtures/ssh-host";

describe("the runner of a host over SSH", () => {
  let server: SshServer;
  let home: string;
  let said: string[];
  let hosts: RemoteHosts;
  const all: RemoteHosts[] = [];
  const release = readRelease();

  beforeEach(async () => {
    server = await openSshServer();
    home = join(server.folder, "machine", "home");
    await mkdir(join(server.folder, "machine"));
    hosts = beginProcess();
  });

  afterEach(async () => {
    for (const each of all.splice(0)) await each.close();
    await server.dispose();
  });

  /** As another process of the engine. */
  function beginProcess(): RemoteHosts {
    said = [];
    hosts = new RemoteHosts((line) => said.push(line));
    all.push(hosts);
    return hosts;
  }

  function view(changes: object = {}) {
    return hosts.view({ ...server.declaration, ...changes }, home);
  }

  async function whyOf(work: Promise<unknown>): Promise<string> {
    return work.then(
      () => "done",
      (error: unknown) => (error instanceof Error ? error.message : ""),
    );
  }

  it("is put there once, whole and for its owner only, and stays", async () => {
    await Promise.all([view().apply(release, null), view().apply(release, null), view().apply("0.0.1", null)]);
    expect(said).toEqual([expect.stringMatching(/: runner .* was put into /)]);
    expect(server.countConnections()).toBe(1);
    expect(await readdir(join(home, "runner"))).toEqual(["backup-posture.cjs", "runner.json"]);
    beginProcess();
    const { hello } = await view().observe();
    expect(hello).toMatchObject({ protocol: 1, release, put: { release, sha256: hello.sha256 } });
    await view().apply(release, null);
    expect(said).toEqual([]);
    expect(server.countConnections()).toBe(2);
  });

  it("is put there anew where it was altered, is damaged, or is too old, and not where it is newer", async () => {
    await view().apply(release, null);
    const path = join(home, "runner", "backup-posture.cjs");
    const carried = await readFile(path, "utf8");
    const older = carried.replaceAll(`"${release}"`, '"0.0.1"');
    for (const content of [`${carried}\n//`, carried.slice(0, 10_000), "", older]) {
      await writeFile(path, content);
      beginProcess();
      await view().apply(release, null);
      expect(await readFile(path, "utf8")).toBe(carried);
    }
    const newer = carried.replaceAll(`"${release}"`, '"9.0.0"');
    await writeFile(path, newer);
    const sha256 = execFileSync("sha256sum", [path], { encoding: "utf8" }).slice(0, 64);
    await writeFile(join(home, "runner", "runner.json"), JSON.stringify({ release: "9.0.0", sha256 }));
    beginProcess();
    expect((await view().apply(release, null)).hello.release).toBe("9.0.0");
    await writeFile(path, `${newer}\n//`);
    beginProcess();
    expect(await whyOf(view().apply("9.0.0", null))).toMatch(
      /of release 9\.0\.0 or later, and this is .*; install 9\.0\.0/,
    );
  });

  it("is missing in words, and is not put into a home that is away", async () => {
    expect(await whyOf(view().observe())).toMatch(/: the runner is missing; pulumi up puts it there$/);
    view().noteKnownObject();
    expect(await whyOf(view().apply(release, null))).toMatch(/posture home .*: it is not there; mount it, or/);
    expect(await readdir(join(server.folder, "machine"))).toEqual([]);
  });

  it("tells that Node is missing or too old, and how to install it", async () => {
    await view().apply(release, null);
    const old = join(server.folder, "old-node");
    const pretend = join(server.folder, "pretend.cjs");
    await writeFile(pretend, 'Object.defineProperty(process, "versions", { value: { node: "18.20.4" } });');
    await writeFile(old, `#!/bin/sh\nexec '${process.execPath}' -r '${pretend}' "$@"\n`);
    await chmod(old, 0o755);
    for (const [node, why] of [
      ["/no/such/node", /: Node is missing \(\/no\/such\/node\); install Node 20\.19 or later there/],
      [old, /: Node is too old \(.*old-node\); install Node 20\.19 or later there/],
    ] as const) {
      beginProcess();
      expect(await whyOf(view({ node }).observe())).toMatch(why);
      expect(await whyOf(view({ node }).apply(release, null))).toMatch(why);
    }
  });

  it("is heard behind what a shell prints when it starts", async () => {
    await view().apply(release, null);
    await writeFile(join(server.folder, "user", ".bashrc"), 'echo "Welcome!"; echo "{\\"report\\": 1}"\n');
    beginProcess();
    expect((await view().observe()).hello.release).toBe(release);
  });

  (isRoot() ? it : it.skip)(
    "leaves what was there where the disk is full, and is put there once there is room",
    async () => {
      const machine = join(server.folder, "machine");
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", machine]);
      try {
        expect(await whyOf(view().apply(release, null))).toMatch(
          /backup-posture\.cjs could not be written: no space is left on its disk; it stands as it was$/,
        );
        expect(await readdir(join(home, "runner"))).toEqual([]);
        execFileSync("mount", ["-o", "remount,size=64m", machine]);
        beginProcess();
        await view().apply(release, null);
        expect(said).toEqual([expect.stringMatching(/was put into/)]);
      } finally {
        for (const each of all.splice(0)) await each.close();
        execFileSync("umount", ["-l", machine]);
      }
    },
  );

  it("is examined, and a home is made, from the command line", async () => {
    const user = server.credential.user ?? "";
    const host = ["--host", `${user}@127.0.0.1:${server.declaration.port ?? 22}`, "--home", home];
    const way = [
      "--identity",
      server.credential.identityFile ?? "",
      "--known-hosts",
      server.declaration.knownHostsFile ?? "",
    ];
    expect(cli(["doctor", ...host, ...way])).toMatchObject({
      findings: [
        { subject: "host", state: "good" },
        { subject: "node", state: "good" },
        { subject: "runner", state: "bad", advice: "pulumi up puts it there" },
      ],
    });
    expect(cli(["init", ...host, ...way])).toEqual({ ready: [{ kind: "home", path: home }] });
    expect(cli(["doctor", ...host, ...way])).toMatchObject({
      findings: [{ subject: "host" }, { subject: "node" }, { subject: "home", state: "good" }, { subject: "clock" }],
    });
    await rm(join(server.folder, "known_hosts"));
    expect(cli(["doctor", ...host, ...way])).toMatchObject({
      findings: [{ subject: "host", state: "bad", found: "its host key is not known" }],
    });
  });

  function cli(command: readonly string[]): unknown {
    const main = join(__dirname, "..", "..", "provider", "dist", "cli", "main.js");
    const script = `"$0" "$@"; true`; // a doctor that finds something ends with another exit code than 0
    const all = [process.execPath, main, ...command, "--json"];
    return JSON.parse(execFileSync("sh", ["-c", script, ...all], { encoding: "utf8" })) as unknown;
  }
});
