import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { createProviders, type Providers } from "../../../provider/lifecycle/providers";
import { describeHome } from "../../../provider/runner/home";
import { observeHome } from "../../../provider/runner/observe-home";
import { runSchedule } from "../../../provider/runner/run";
import { openStore } from "../../../provider/snapshot/stores";
import { makeScratchFolder } from "../../fixtures/scratch";

type Bag = Record<string, unknown>;
type Kind = keyof Providers;

interface Made {
  readonly kind: Kind;
  readonly id: string;
  readonly inputs: Bag;
  readonly outputs: Bag;
}

const kinds = ["BackupSchedule", "FileShareSnapshot", "RestoreTarget"] as const;
const declaredAt = "2026-11-19T12:00:00Z";
const marked = "hunter2-is-marked";

let root: string;
let home: string;

beforeEach(async () => {
  process.env.BACKUP_POSTURE_NOW = declaredAt;
  root = await makeScratchFolder();
  home = join(root, "home");
  await mkdir(join(root, "share"));
  await writeFile(join(root, "share", "file"), "content");
});

afterEach(async () => {
  delete process.env.BACKUP_POSTURE_NOW;
  delete process.env.MARKED_SECRET;
  await rm(root, { recursive: true, force: true });
});

describe("an object that is looked up", () => {
  it.each(kinds)("%s: has the outputs of the one that is managed", async (kind) => {
    const { id, outputs } = await make(kind);
    const { props } = await fresh()[kind].read(id, { home });
    const { createdAt, schemaVersion, ...told } = outputs;
    expect({ createdAt, schemaVersion }).toEqual({ createdAt: "2026-11-19T12:00:00.000Z", schemaVersion: 1 });
    expect(props).toEqual(told);
  });

  it.each(kinds)("%s: is an error where there is none, or no home", async (kind) => {
    await make("BackupSchedule", { requestedId: "another" });
    await expect(fresh()[kind].read("absent", { home })).rejects.toThrow(/^absent: there is no such \w+ in \//);
    await expect(fresh()[kind].read("absent", { home: `${home}-no` })).rejects.toThrow("it is not there; mount it");
  });
});

describe("a home or store that cannot be looked at", () => {
  it.each(kinds)("%s: stays in the state, with health that says so, and comes back as it was", async (kind) => {
    const made = await make(kind);
    for (const [place, path] of [
      ["home", home],
      ["store", storeOf(kind)],
    ] as const) {
      await rename(path, `${path}-away`);
      const providers = fresh();
      const read = await providers[kind].read(made.id, made.outputs);
      expect({ place, id: read.id }).toEqual({ place, id: made.id });
      expect({ ...read.inputs, health: "healthy" }).toEqual(made.inputs);
      expect(read.inputs?.health).toMatch(/^unreachable: .*(mount|not there)/);
      await rename(`${path}-away`, path);
    }
    expect((await fresh()[kind].read(made.id, made.outputs)).inputs).toEqual(made.inputs);
  });

  it.each(kinds)("%s: is not changed, removed or made anew", async (kind) => {
    const made = await make(kind);
    await rename(home, `${home}-away`);
    const providers = fresh();
    await providers[kind].read(made.id, made.outputs);
    await expect(providers[kind].update(made.id, made.outputs, made.inputs)).rejects.toThrow("posture home");
    await expect(providers[kind].delete(made.id, made.outputs)).rejects.toThrow("posture home");
    await expect(make(kind, { requestedId: "one-more" }, providers)).rejects.toThrow("nothing is created beside");
    expect(await readdir(root)).not.toContain("home");
  });
});

describe("without a refresh", () => {
  it.each(kinds)("%s: makes no home in the place of one of which the state knows an object", async (kind) => {
    const made = await make(kind);
    await rename(home, `${home}-away`);
    await mkdir(home);
    const providers = fresh();
    expect((await providers[kind].check(made.inputs, programOf(made))).failures).toBeUndefined();
    await expect(make(kind, { requestedId: "one-more" }, providers)).rejects.toThrow(
      /posture home .*: it is not there/,
    );
    expect(await readdir(home)).toEqual([]);
  });

  it.each([
    ["BackupSchedule", "FileShareSnapshot"],
    ["FileShareSnapshot", "BackupSchedule"],
  ] as const)("makes no store in the place of one that a %s captures into, for a %s", async (first, second) => {
    await make(first);
    await rename(join(root, "store"), join(root, "store-away"));
    await mkdir(join(root, "store"));
    const more = { requestedId: "one-more" };
    await expect(make(second, more)).rejects.toThrow("no store is there; mount it");
    const elsewhere = await make(second, { ...more, store: { kind: "directory", path: join(root, "other") } });
    const moved = { ...elsewhere.inputs, store: { kind: "directory", path: join(root, "store") } };
    await expect(fresh()[second].update("one-more", elsewhere.outputs, moved)).rejects.toThrow("no store is there");
    expect(await readdir(join(root, "store"))).toEqual([]);
  });

  it("makes a store for several at once, and one of which only a restore target knows", async () => {
    const providers = fresh();
    const store = { kind: "directory", path: join(root, "store") };
    const early = make("RestoreTarget", { requestedId: "target", from: { store, schedule: "a" } });
    await expect(early).rejects.toThrow("no store is there");
    expect(await readdir(join(home, "jobs"))).toEqual(["target.json"]);
    await Promise.all(["a", "b", "c"].map((requestedId) => make("BackupSchedule", { requestedId }, providers)));
    await make("BackupSchedule", { requestedId: "d" });
    expect(await readdir(join(root, "store"))).toContain("store.json");
  });
});

describe("a blind preview", () => {
  it.each(kinds)("%s: touches nothing, knows what the state knows, and lets nothing be changed", async (kind) => {
    const made = await make(kind);
    await rm(join(home, "jobs", `${made.id}.json`));
    const before = await list(root);
    const provider = fresh()[kind];
    const config = { get: (key: string) => (key === "posture:observe" ? "state" : home), require: () => "" };
    await provider.configure({ config });
    expect((await provider.read(made.id, made.outputs)).inputs).toEqual(made.inputs);
    expect((await provider.check(made.inputs, programOf(made))).failures).toBeUndefined();
    for (const change of [
      () => provider.create(made.inputs),
      () => provider.update(made.id, made.outputs, made.inputs),
      () => provider.delete(made.id, made.outputs),
    ])
      await expect(change()).rejects.toThrow("posture:observe is state");
    expect(await list(root)).toEqual(before);
  });
});

describe("an id that is taken", () => {
  const taken = { requestedId: "taken" };
  const job = (): string => join(home, "jobs", "taken.json");

  it.each([
    [
      "another's job",
      () => Promise.resolve(),
      /^taken in .*: it belongs to urn:first; choose another id, or remove it there first/,
    ],
    ["another's entry without a job", () => rm(job()), /^taken in .*: it belongs to urn:first/],
    [
      "a job without owner",
      () => edit(job(), '"urn:first"', "null"),
      /exists and has no owner; set adopt: true to take it over/,
    ],
    [
      "a file that is no job",
      () => writeFile(job(), "mine"),
      /its job file is damaged: it is not JSON; look at it, then remove it/,
    ],
  ] as const)("by %s: is refused with a reason, and not a byte is touched", async (_what, tamper, reason) => {
    await make("BackupSchedule", taken, fresh(), "urn:first");
    await tamper();
    const before = await list(root);
    await expect(make("BackupSchedule", taken, fresh(), "urn:second")).rejects.toThrow(reason);
    expect(await list(root)).toEqual(before);
  });

  it("is not adopted from its owner, and adopted where there is none", async () => {
    await make("BackupSchedule", taken, fresh(), "urn:first");
    const adopting = { ...taken, adopt: true };
    await expect(make("BackupSchedule", adopting, fresh(), "urn:second")).rejects.toThrow("it belongs to urn:first");
    await edit(job(), '"urn:first"', "null");
    await make("BackupSchedule", adopting, fresh(), "urn:second");
    expect(await readFile(job(), "utf8")).toContain('"urn:second"');
  });
});

it("the status of a snapshot tells when its point was taken", async () => {
  await make("FileShareSnapshot");
  const last = { at: declaredAt, outcome: "succeeded", message: "" };
  expect(await observeHome(describeHome(home), new AbortController().signal)).toMatchObject([
    { kind: "snapshot", last },
  ]);
});

describe("removal", () => {
  it("leaves recovery points and journal, and nothing else, dead runs' locks and staging included", async () => {
    const made = await make("BackupSchedule", { requestedId: "files" });
    await run("files");
    await mkdir(join(home, "staging", "files", "half"), { recursive: true });
    await writeFile(join(home, "locks", "files.lock"), deadLock);
    await mkdir(join(home, "scheduler", "state"), { recursive: true });
    await writeFile(join(home, "scheduler", "state", "files.json"), "{}");
    const store = await list(join(root, "store"));
    await fresh().BackupSchedule.delete(made.id, made.outputs);
    expect(await files(home)).toEqual(["journal/files.jsonl", "posture-home.json"]);
    expect(await list(join(root, "store"))).toEqual(store);
  });
});

describe("a shorter retention", () => {
  it("needs the token of this very change, of as much as is lost by now", async () => {
    const made = await make("BackupSchedule", { requestedId: "files", keep: { last: 5 } });
    await runAt("files", ["2026-11-19T13:00:00Z", "2026-11-19T14:00:00Z", "2026-11-19T15:00:00Z"]);
    const refuse = async (news: Bag): Promise<string | undefined> =>
      (await fresh().BackupSchedule.check(made.inputs, { ...programOf(made), ...news })).failures?.[0]?.reason;
    const shorter = { keep: { last: 1 } };
    const first = await refuse(shorter);
    expect(first).toMatch(/^keep: this retention deletes 2 recovery points of 2 runs/);
    const yesterdays = tokenIn(first);
    await runAt("files", ["2026-11-19T16:00:00Z"]);
    const second = await refuse({ ...shorter, acknowledgeDataLoss: yesterdays });
    expect(second).toContain("more would be deleted by now");
    const right = tokenIn(second);
    expect(await refuse({ keep: { last: 2 }, acknowledgeDataLoss: right })).toContain("another change");
    expect(await refuse({ ...shorter, acknowledgeDataLoss: right, owner: "urn:someone-else" })).toContain(
      "another change",
    );
    expect(await refuse({ ...shorter, acknowledgeDataLoss: right })).toBeUndefined();
  });
});

describe("what up did not see repaired", () => {
  it("is a failure that keeps the health that was seen", async () => {
    const made = await make("BackupSchedule", { requestedId: "files", rpo: "1h", grace: "0s", when: { every: "1h" } });
    process.env.BACKUP_POSTURE_NOW = "2026-11-19T18:00:00Z";
    const stale = "stale: last success never, rpo 1h";
    expect((await fresh().BackupSchedule.read(made.id, made.outputs)).inputs?.health).toBe(stale);
    const failure = fresh().BackupSchedule.update(made.id, made.outputs, made.inputs);
    await expect(failure).rejects.toMatchObject({ id: "files", properties: { health: stale } });
    await run("files");
    expect((await fresh().BackupSchedule.read(made.id, made.outputs)).inputs?.health).toBe("healthy");
  });
});

describe("commands that drills run", () => {
  it("are announced with their account where they are new or changed, and only there", async () => {
    const lines: string[] = [];
    const providers = createProviders((told) => {
      lines.push(...told.split("\n").filter((line) => line.includes("runs as")));
    });
    const declare = (opens: string): Bag => ({
      drill: {
        every: "1d",
        checks: {
          constructor: { kind: "command", command: [opens, "{place}"] },
          enough: { kind: "minimum-files", count: 1 },
        },
      },
      evidenceSink: { kind: "command", command: ["send-evidence"] },
    });
    const made = await make("RestoreTarget", declare("open-it"), providers);
    const account = expect.stringMatching(/^one: runs as \S+ on this machine: /) as string;
    expect(lines).toEqual([account, account]);
    expect(lines[0]).toContain(": check constructor (open-it), at every drill");
    expect(lines[1]).toContain(": evidence sink (send-evidence), at every drill");
    await providers.RestoreTarget.check(made.inputs, programOf(made));
    expect(lines).toHaveLength(2);
    await providers.RestoreTarget.check(made.inputs, { ...programOf(made), ...declare("open-more") });
    expect(lines.slice(2)).toEqual([expect.stringContaining("check constructor (open-more)")]);
  });
});

describe("a secret that a hook is given by reference", () => {
  it("reaches the hook, and no message, job, journal, state or list of processes", async () => {
    process.env.MARKED_SECRET = marked;
    await writeFile(join(root, "secret"), `${marked}\n`);
    const script = 'test "$ONE" = "$TWO" && test -n "$ONE" && cat /proc/[0-9]*/cmdline > "$0" 2> /dev/null; exit 3';
    const lines: string[] = [];
    const made = await make(
      "BackupSchedule",
      {
        requestedId: "files",
        hooks: {
          dump: {
            at: "before",
            command: ["sh", "-c", script, join(root, "processes")],
            environment: { ONE: { env: "MARKED_SECRET" }, TWO: { file: join(root, "secret") } },
          },
        },
      },
      createProviders((line) => lines.push(line)),
    );
    const ended = await runSchedule(describeHome(home), "files", { signal: new AbortController().signal });
    expect(ended.message).toContain("hook dump ended with exit code 3");
    expect(await readFile(join(root, "processes"), "utf8")).toContain("processes");
    const read = await fresh().BackupSchedule.read(made.id, made.outputs);
    const told = JSON.stringify([lines, made, read, ended]);
    await rm(join(root, "secret"));
    for (const text of [told, ...(await readAll(root))]) expect(text).not.toContain(marked);
  });
});

const deadLock = JSON.stringify({
  token: "dead",
  host: hostname(),
  boot: null,
  pid: 2 ** 22 + 1,
  processStart: null,
  acquiredAt: declaredAt,
  what: "backup-posture run files",
});

function fresh(): Providers {
  return createProviders(() => undefined);
}

/** What the program declares, as against what `check` makes of it. */
function programOf({ inputs }: Made): Bag {
  return Object.fromEntries(Object.entries(inputs).filter(([key]) => key !== "health"));
}

function storeOf(kind: Kind): string {
  return join(root, kind === "RestoreTarget" ? "restored" : "store");
}

async function make(kind: Kind, more: Bag = {}, providers = fresh(), owner = "urn:first"): Promise<Made> {
  const store = { kind: "directory" as const, path: storeOf(kind) };
  const share = join(root, "share");
  if (kind === "RestoreTarget") await openStore(store).initialise(new AbortController().signal);
  const bags: Record<Kind, Bag> = {
    BackupSchedule: { when: { cron: "0 1 * * *" }, sources: { files: { kind: "file-share", path: share } }, store },
    FileShareSnapshot: { share: { path: share }, store },
    RestoreTarget: { from: { store, schedule: "x" }, to: join(root, "restore"), drill: { every: "1d" } },
  };
  const provider = providers[kind];
  const { inputs, failures } = await provider.check({}, { ...bags[kind], requestedId: "one", home, owner, ...more });
  expect(failures).toBeUndefined();
  const { id, outs } = await provider.create(inputs);
  return { kind, id, inputs, outputs: outs };
}

async function run(id: string): Promise<void> {
  const ended = await runSchedule(describeHome(home), id, { signal: new AbortController().signal });
  expect(ended.message).toBe("");
}

async function runAt(id: string, times: readonly string[]): Promise<void> {
  for (const time of times) {
    process.env.BACKUP_POSTURE_NOW = time;
    await run(id);
  }
}

function tokenIn(reason: string | undefined): string {
  return /acknowledgeDataLoss: "([^"]+)"/.exec(reason ?? "")?.[1] ?? "";
}

async function edit(path: string, from: string, to: string): Promise<void> {
  await writeFile(path, (await readFile(path, "utf8")).replace(from, to));
}

async function files(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

/** Every file with its content's time and its bytes. */
async function list(folder: string): Promise<readonly (readonly [string, number, string])[]> {
  return Promise.all(
    (await files(folder)).map(async (name) => {
      const path = join(folder, name);
      return [name, (await stat(path)).mtimeMs, await readFile(path, "latin1")] as const;
    }),
  );
}

async function readAll(folder: string): Promise<readonly string[]> {
  return (await list(folder)).map(([, , content]) => content);
}
