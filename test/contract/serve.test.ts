import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { serve } from "../../provider/lifecycle/remote/serve";
import { readRelease } from "../../provider/platform/release";
import { describeHome } from "../../provider/runner/home";

/** What an engine says and hears, without a host in between. */
class Talk {
  readonly #input = new PassThrough();
  readonly #heard: unknown[] = [];
  #wake = (): void => undefined;
  readonly ended: Promise<void>;

  constructor(observeOnly: string | null) {
    const write = (line: string): void => {
      this.#heard.push(JSON.parse(line));
      this.#wake();
    };
    const home = observeOnly === null ? null : describeHome(observeOnly);
    const { signal } = new AbortController();
    this.ended = serve({ observeOnly: home, input: this.#input, write, signal });
  }

  say(line: string): void {
    this.#input.write(`${line}\n`);
  }

  async ask(request: object): Promise<unknown> {
    this.say(JSON.stringify({ number: 7, request }));
    return this.hear((document) => "number" in document);
  }

  async hear(wanted: (document: object) => boolean): Promise<unknown> {
    for (;;) {
      const found = this.#heard.find(
        (document) => typeof document === "object" && document !== null && wanted(document),
      );
      if (found !== undefined) {
        this.#heard.splice(this.#heard.indexOf(found), 1);
        return found;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async end(): Promise<void> {
    this.#input.end();
    await this.ended;
  }
}

describe("a runner that answers an engine", () => {
  let folder: string;
  let home: string;
  let talk: Talk;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "serve-"));
    home = join(folder, "home");
    await mkdir(join(folder, "share"));
    await writeFile(join(folder, "share", "file"), "text");
  });

  afterEach(async () => {
    await talk.end();
    await rm(folder, { recursive: true, force: true });
  });

  function inputs(more: object = {}) {
    return {
      id: "files",
      home,
      owner: "urn:pulumi:test::project::pulumi-nodejs:dynamic/backup-posture:BackupSchedule::files",
      when: { cron: "0 1 * * *" },
      sources: { files: { kind: "file-share", path: join(folder, "share") } },
      store: { kind: "directory", path: join(folder, "store") },
      health: "healthy",
      ...more,
    };
  }

  const alone = { known: false, unreachable: null };
  const create = (more: object = {}) => ({ method: "create", kind: "schedule", inputs: inputs(more), others: alone });

  it("tells of itself, makes what is declared, tells what is wrong, and takes it away", async () => {
    talk = new Talk(null);
    const hello = await talk.hear((document) => "hello" in document);
    expect(hello).toMatchObject({ hello: { protocol: 1, release: readRelease(), sha256: null, put: null } });
    const created = await talk.ask(create());
    expect(created).toMatchObject({ number: 7, result: { id: "files", outs: { health: "healthy" } } });
    const { outs } = (created as { result: { outs: object } }).result;
    const wrong = { kind: "not installed", sentence: "not installed: x", remedy: "y", mendedByRun: false };
    const read = { method: "read", kind: "schedule", id: "files", props: outs };
    expect(await talk.ask({ ...read, beside: [] })).toMatchObject({ result: { inputs: { health: "healthy" } } });
    expect(await talk.ask({ ...read, beside: [wrong] })).toMatchObject({
      result: { inputs: { health: "not installed: x" } },
    });
    const remove = { method: "delete", kind: "schedule", id: "files", props: outs };
    expect(await talk.ask(remove)).toEqual({ number: 7, result: null });
    expect(existsSync(join(home, "jobs", "files.json"))).toBe(false);
  });

  it("sends what was seen along with a failure, and names what it does not know", async () => {
    talk = new Talk(null);
    const failing = { hooks: { no: { at: "before", command: ["false"] } }, runOnCreate: true, waitFor: "1m" };
    expect(await talk.ask(create(failing))).toMatchObject({
      failure: {
        kind: null,
        partial: { id: "files", properties: { health: expect.stringMatching(/^failing: /) as string } },
      },
    });
    expect(await talk.ask(create({ when: { moonrise: true } }))).toMatchObject({
      failure: {
        kind: "usage",
        message: expect.stringMatching(/does not know what is declared at when; declare a later/) as string,
      },
    });
    expect(await talk.ask({ ...create(), others: { known: true, unreachable: "away" } })).toMatchObject({
      failure: { kind: "unreachable", message: expect.stringContaining("away") as string },
    });
  });

  it("goes on after what it does not understand", async () => {
    talk = new Talk(null);
    for (const line of ["", "{", "null", '{"number":1}', '{"number":1,"request":{"method":"format"}}']) {
      talk.say(line);
      expect(await talk.hear((document) => "report" in document)).toMatchObject({
        report: expect.stringContaining("was not understood") as string,
      });
    }
    expect(await talk.ask(create())).toMatchObject({ result: { id: "files" } });
  });

  describe("for a key that only looks", () => {
    const probe = (path: string) => ({ kind: "probe", command: ["touch", path], maxAge: "1d" });

    it("changes nothing, and looks at its own home only", async () => {
      talk = new Talk(home);
      const only = { failure: { kind: "usage", message: "this key only looks: changes need the key of apply" } };
      expect(await talk.ask(create())).toMatchObject(only);
      expect(
        await talk.ask({ method: "update", kind: "schedule", id: "files", olds: {}, news: inputs() }),
      ).toMatchObject(only);
      expect(await talk.ask({ method: "delete", kind: "schedule", id: "files", props: inputs() })).toMatchObject(only);
      expect(existsSync(home)).toBe(false);
      const other = { ...inputs(), home: folder };
      const read = { method: "read", kind: "schedule", id: "files", beside: [] };
      const elsewhere = { failure: { kind: "usage", message: expect.stringContaining("looks at the home") as string } };
      expect(await talk.ask({ ...read, props: other })).toMatchObject(elsewhere);
      expect(
        await talk.ask({ method: "listPoints", home: folder, store: inputs().store, schedule: "files" }),
      ).toMatchObject(elsewhere);
    });

    it("runs the commands of jobs that stand there, and none that are brought along", async () => {
      const [installed, brought] = [join(folder, "installed"), join(folder, "brought")];
      talk = new Talk(null);
      await talk.ask(create({ outside: { other: probe(installed) } }));
      await talk.end();
      await rm(installed, { force: true });
      talk = new Talk(home);
      const read = { method: "read", kind: "schedule", beside: [] };
      await talk.ask({ ...read, id: "files", props: inputs({ outside: { other: probe(brought) }, incarnation: "x" }) });
      expect([existsSync(installed), existsSync(brought)]).toEqual([true, false]);
      const absent = inputs({ id: "absent", outside: { other: probe(brought) }, incarnation: "x" });
      expect(await talk.ask({ ...read, id: "absent", props: absent })).toMatchObject({
        result: { inputs: { health: expect.stringMatching(/^unreachable: probe other stands in no job/) as string } },
      });
      expect(existsSync(brought)).toBe(false);
    });
  });
});
