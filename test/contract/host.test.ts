import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import type { Host } from "../../provider/hosts/host";
import { openHost } from "../../provider/hosts/index";
import { quotePosix } from "../../provider/platform/quoting/posix";
import { openSshServer, type SshServer } from "../fixtures/ssh-host";
import { describeHost, hostileValues } from "./host-conformance";

describeHost({
  name: "local",
  open: async () => ({ host: openHost({ kind: "local" }), dispose: async () => undefined }),
});

describeHost({
  name: "ssh",
  open: async () => {
    const server = await openSshServer();
    const host = openHost(server.declaration, server.credential);
    return {
      host,
      dispose: async () => {
        await host.close();
        await server.dispose();
      },
    };
  },
});

describe("a host over SSH", () => {
  const { signal } = new AbortController();
  const options = { timeoutMilliseconds: 60_000, signal };
  let server: SshServer;
  const opened: Host[] = [];

  beforeEach(async () => {
    server = await openSshServer();
  });

  afterEach(async () => {
    for (const host of opened.splice(0)) await host.close();
    await server.dispose();
  });

  function open(changes: object = {}, credential = server.credential): Host {
    const host = openHost({ ...server.declaration, ...changes }, credential);
    opened.push(host);
    return host;
  }

  async function whyOf(host: Host): Promise<string> {
    return host.run(["true"], options).then(
      () => "reached",
      (error: unknown) => (error instanceof Error ? error.message : ""),
    );
  }

  it("is connected to once, whatever is done on it and however much at once", async () => {
    const host = open();
    await Promise.all(["1", "2", "3"].map((number) => host.run(["echo", number], options)));
    await host.readFile("/etc/hostname", signal);
    const channel = await host.openChannel(["cat"], () => undefined);
    await channel.close();
    await host.run(["true"], options);
    expect(server.countConnections()).toBe(1);
  });

  it("shares the connection that a channel opened", async () => {
    const host = open();
    await host.openChannel(["sh", "-c", "echo ready; exec cat"], () => undefined);
    await host.run(["true"], options);
    expect(server.countConnections()).toBe(1);
  });

  it("is refused where its key is not known, and where it has changed", async () => {
    const empty = join(server.folder, "nobody");
    await writeFile(empty, "");
    expect(await whyOf(open({ knownHostsFile: empty }))).toMatch(
      /: its host key is not known; compare its fingerprint/,
    );
    expect(await readFile(empty, "utf8")).toBe("");
    await server.stop();
    server.changeHostKey();
    await server.start();
    expect(await whyOf(open())).toMatch(
      /: its host key has changed, so it may be another machine; .*ssh-keygen -R \[127/,
    );
  });

  it("tells in words that it is down, and that the key is not accepted, after trying once", async () => {
    const stranger = join(server.folder, "stranger");
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", stranger]);
    const denied = open({}, { user: server.credential.user, identityFile: stranger });
    expect(await whyOf(denied)).toMatch(/: permission denied; see that the agent or identityFile has the key/);
    expect(await whyOf(denied)).toMatch(/: permission denied;/);
    expect(server.countConnections()).toBe(1);
    await server.stop();
    expect(await whyOf(open())).toMatch(/: connection refused; see that sshd runs there/);
    expect(await whyOf(open({ address: "no-such-host.invalid" }))).toMatch(/: its name cannot be resolved;/);
  });

  it("says that the connection was closed, and does not open another behind one's back", async () => {
    const host = open();
    await host.run(["true"], options);
    const marker = join(server.folder, "runs");
    const command = ["sh", "-c", 'touch "$1"; exec sleep 60', "sh", marker] as const;
    const running = expect(host.run(command, options)).rejects.toMatchObject({
      kind: "unreachable",
      message: expect.stringContaining("the connection was closed") as string,
    });
    while (!existsSync(marker)) await new Promise(setImmediate);
    server.cut();
    await running;
    expect(server.countConnections()).toBe(1);
  });

  it("runs nothing else with a key that is bound to one command", async () => {
    const forced = server.makeForcedKey("observer", "echo only this; exec cat");
    const host = open({}, forced);
    const heard: string[] = [];
    const channel = await host.openChannel(["sh", "-c", "echo something else"], (line) => heard.push(line));
    expect(heard).toEqual(["only this"]);
    await channel.close();
    await expect(open({}, forced).run(["id"], options)).rejects.toMatchObject({
      kind: "usage",
      message: expect.stringContaining("this key runs one command of the host's choosing") as string,
    });
  });

  it("keeps the old content where the connection is cut in the middle of the new", async () => {
    const folder = await mkdtemp(join(tmpdir(), "cut-"));
    const path = join(folder, "file");
    await writeFile(path, "old");
    const host = open();
    await host.run(["true"], options);
    const writing = host.writeFileAtomically(path, Buffer.alloc(100_000_000, "new"), { mode: 0o600, signal });
    const failed = expect(writing).rejects.toMatchObject({ kind: "unreachable" });
    while ((await readdir(folder)).length === 1) await new Promise(setImmediate);
    server.cut();
    await failed;
    // What the host was doing goes on there until it notices.
    while ((await readdir(folder)).length > 1) await new Promise(setImmediate);
    expect(await readFile(path, "utf8")).toBe("old");
    await rm(folder, { recursive: true });
  });
});

describe("a word of a POSIX shell", () => {
  it("is read back by a real shell as it was", () => {
    const any = fc.oneof(
      fc.constantFrom(...hostileValues),
      fc.string({ unit: "grapheme" }),
      fc.string({ unit: "binary" }),
    );
    fc.assert(
      fc.property(
        fc.array(
          any.map((text) => Buffer.from(text.replaceAll("\0", "")).toString()),
          { maxLength: 5 },
        ),
        (values) => {
          const line = `for word in ${values.map(quotePosix).join(" ")}; do printf '%s\\0' "$word"; done`;
          const read = execFileSync("sh", ["-c", line], { encoding: "utf8" }).split("\0").slice(0, -1);
          expect(read).toEqual(values);
        },
      ),
      { numRuns: 60 },
    );
    expect(() => quotePosix("a\0b")).toThrow(RangeError);
  });
});
