import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Channel, Host } from "../../provider/hosts/host";

/** A host, and how it goes again. Its files are those of this machine. */
export interface HostUnderTest {
  readonly host: Host;
  dispose(): Promise<void>;
}

/** Values that every kind of quoting has to carry. */
export const hostileValues: readonly string[] = [
  "",
  " ",
  "two words",
  "it's",
  '"quoted"',
  "$HOME ${HOME} $(id) `id`",
  "back\\slash \\' \\\" \\",
  "semi;colon & pipe | < > ( ) { } [ ] * ? ! # ~",
  "line\nbreak\r\n",
  "\ttab",
  "-o ProxyCommand=id",
  "--",
  "%PATH% ^ %%",
  "Grüße, 日本語, \u2018smart\u2019 \u{1f600}",
  "\u0001\u001b[31m",
];

/** What every host promises; see `provider/hosts/host.ts`. */
export function describeHost({
  name,
  open,
}: {
  readonly name: string;
  readonly open: () => Promise<HostUnderTest>;
}): void {
  describe(`host ${name}`, () => {
    let under: HostUnderTest;
    let host: Host;
    let folder: string;
    const { signal } = new AbortController();
    const options = { timeoutMilliseconds: 60_000, signal };

    beforeAll(async () => {
      under = await open();
      ({ host } = under);
      folder = await mkdtemp(join(tmpdir(), "host-"));
    });

    afterAll(async () => {
      await under.dispose();
      await rm(folder, { recursive: true, force: true });
    });

    it("gives a command its arguments as they are", async () => {
      const script = "process.stdout.write(JSON.stringify(process.argv.slice(1)))";
      const { stdout } = await host.run([process.execPath, "-e", script, "--", ...hostileValues], options);
      expect(JSON.parse(stdout)).toEqual(hostileValues);
    });

    it("gives a command its standard input, and tells its output and its exit code", async () => {
      const input = Buffer.from("one\ntwo");
      const told = await host.run(["sh", "-c", "cat; echo complaint >&2; exit 3"], { ...options, input });
      expect(told).toEqual({ exitCode: 3, stdout: "one\ntwo", stderr: "complaint" });
    });

    it("tells a command that is not there, and one that takes too long", async () => {
      await expect(host.run(["no-such-command"], options)).rejects.toMatchObject({
        kind: "permanent",
        message: expect.stringMatching(/no-such-command: not found on this host/) as string,
      });
      const soon = { ...options, timeoutMilliseconds: 300 };
      await expect(host.run(["sleep", "30"], soon)).rejects.toMatchObject({ kind: "transient" });
    });

    it("reads files byte by byte, and tells absent from unreadable", async () => {
      const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, index) => index % 256));
      await writeFile(join(folder, "bytes"), bytes);
      await writeFile(join(folder, "empty"), "");
      expect((await host.readFile(join(folder, "bytes"), signal))?.equals(bytes)).toBe(true);
      expect(await host.readFile(join(folder, "empty"), signal)).toEqual(Buffer.alloc(0));
      expect(await host.readFile(join(folder, "absent"), signal)).toBeNull();
      expect(await host.readFile(join(folder, "absent", "file"), signal)).toBeNull();
      expect(await host.readFile(join(folder, "bytes", "file"), signal)).toBeNull();
      await expect(host.readFile(folder, signal)).rejects.toMatchObject({ kind: "permanent" });
    });

    it("writes files whole, with the mode, in folders for their owner only, and leaves nothing else", async () => {
      const path = join(folder, "new", "inner", "it's a file");
      for (const size of [0, 1, 3_000_000]) {
        const content = Buffer.alloc(size, "x\n");
        await host.writeFileAtomically(path, content, { mode: 0o750, signal });
        expect((await readFile(path)).equals(content)).toBe(true);
      }
      expect((await stat(path)).mode & 0o777).toBe(0o750);
      expect((await stat(join(folder, "new"))).mode & 0o777).toBe(0o700);
      expect(await readdir(join(folder, "new", "inner"))).toEqual(["it's a file"]);
    });

    it("replaces a file by another, so that whoever has it open keeps what it was", async () => {
      const path = join(folder, "replaced");
      await writeFile(path, "old");
      const before = (await stat(path)).ino;
      await host.writeFileAtomically(path, Buffer.from("new"), { mode: 0o600, signal });
      expect(await readFile(path, "utf8")).toBe("new");
      expect((await stat(path)).ino).not.toBe(before);
    });

    it("leaves what was there where it cannot write", async () => {
      const path = join(folder, "occupied");
      await mkdir(join(path, "kept"), { recursive: true });
      await chmod(path, 0o700);
      const writing = host.writeFileAtomically(join(path, "kept", "..", "..", "occupied"), Buffer.from("x"), {
        mode: 0o600,
        signal,
      });
      await expect(writing).rejects.toMatchObject({ kind: "permanent" });
      expect(await readdir(path)).toEqual(["kept"]);
    });

    it("talks with a command line by line, and tells how it ended", async () => {
      const script = 'while read -r line; do echo "heard $line"; [ "$line" = stop ] && exit 7; done';
      const { channel, next } = await talk(["sh", "-c", script]);
      channel.send("it's one");
      expect(await next()).toBe("heard it's one");
      channel.send("stop");
      expect(await next()).toBe("heard stop");
      expect(await channel.ended).toMatchObject({ exitCode: 7, unreachable: null });
    });

    it("ends what it talks with, also where that does not listen", async () => {
      const { channel, next } = await talk(["sh", "-c", "echo ready; cat >/dev/null"]);
      expect(await next()).toBe("ready");
      await channel.close();
      await channel.close();
      expect(await channel.ended).toMatchObject({ exitCode: 0 });
    });

    it("does several things at once", async () => {
      const numbers = Array.from({ length: 6 }, (_, index) => String(index));
      const told = await Promise.all(numbers.map((number) => host.run(["echo", number], options)));
      expect(told.map(({ stdout }) => stdout)).toEqual(numbers);
    });

    async function talk(
      command: readonly [string, ...string[]],
    ): Promise<{ channel: Channel; next: () => Promise<string> }> {
      const lines: string[] = [];
      let wake = (): void => undefined;
      const channel = await host.openChannel(command, (line) => {
        lines.push(line);
        wake();
      });
      const next = async (): Promise<string> => {
        for (;;) {
          const line = lines.shift();
          if (line !== undefined) return line;
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      };
      return { channel, next };
    }
  });
}
