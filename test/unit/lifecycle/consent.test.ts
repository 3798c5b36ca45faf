import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createProviders, type Providers } from "../../../provider/lifecycle/providers";
import { copySchedule } from "../../../provider/runner/copy";
import { describeHome } from "../../../provider/runner/home";
import { runSchedule } from "../../../provider/runner/run";
import { makeScratchFolder } from "../../fixtures/scratch";

type Bag = Record<string, unknown>;

let root: string;

beforeEach(async () => {
  process.env.BACKUP_POSTURE_NOW = "2026-11-19T12:00:00Z";
  root = await makeScratchFolder();
  for (const name of ["files", "mail", "elsewhere"]) {
    await mkdir(join(root, name));
    await writeFile(join(root, name, "file"), name);
  }
});

afterEach(async () => {
  delete process.env.BACKUP_POSTURE_NOW;
  await rm(root, { recursive: true, force: true });
});

describe("a change of store or sources", () => {
  const both = { files: "files", mail: "mail" };

  it.each([
    ["a source is removed", { sources: { files: "files" } }, /^sources\.mail: .* protecting this source: 1 recovery/],
    ["a source is moved", { sources: { ...both, mail: "elsewhere" } }, /^sources\.mail: .* what this source has read/],
    [
      "another store",
      { store: "other" },
      /^store: .* protecting 2 recovery points in the old store, the newest of 2026/,
    ],
  ])("%s: is refused without the token of this very change", async (_what, change, reason) => {
    const made = await declare(both);
    await backUp();
    const news = { ...made, ...program({ sources: both, ...change }) };
    const refusal = await check(made, news);
    expect(refusal).toMatch(reason);
    const acknowledgeDataLoss = /"(unprotect-\S+)"/.exec(refusal ?? "")?.[1];
    expect(await check(made, { ...news, acknowledgeDataLoss })).toBeUndefined();
    const another = { ...news, ...program({ sources: { files: "elsewhere" } }), acknowledgeDataLoss };
    expect(await check(made, another)).toContain("another change");
    process.env.BACKUP_POSTURE_NOW = "2026-11-20T12:00:00Z";
    await backUp();
    expect(await check(made, { ...news, acknowledgeDataLoss })).toContain("more would be left by now");
  });

  it("is free while there is nothing to lose", async () => {
    const made = await declare(both);
    for (const change of [program({ sources: { files: "files" } }), program({ sources: both, store: "other" })])
      expect(await check(made, { ...made, ...change })).toBeUndefined();
  });

  it("can leave a store that is lost, with a token that says so", async () => {
    const made = await declare(both);
    await backUp();
    await rename(join(root, "store"), join(root, "away"));
    const news = { ...made, ...program({ sources: both, store: "other" }) };
    const refusal = await check(made, news);
    expect(refusal).toMatch(/^store: what the old store holds cannot be counted/);
    const acknowledgeDataLoss = /"(unprotect-999999999-\S+)"/.exec(refusal ?? "")?.[1];
    expect(await check(made, { ...news, acknowledgeDataLoss })).toBeUndefined();
  });

  it("takes the token of a deletion for both, and never the other way round", async () => {
    const made = await declare(both, { keep: { last: 5 } });
    await backUp();
    process.env.BACKUP_POSTURE_NOW = "2026-11-20T12:00:00Z";
    await backUp();
    const news = { ...made, ...program({ sources: { files: "files" } }), keep: { last: 1 } };
    const refusal = await check(made, news);
    expect(refusal).toMatch(/^keep: this retention deletes 2 recovery points of 1 run.*; sources\.mail: /);
    const acknowledgeDataLoss = /"(delete-4-\S+)"/.exec(refusal ?? "")?.[1];
    expect(await check(made, { ...news, acknowledgeDataLoss })).toBeUndefined();
    expect(
      await check(made, { ...news, acknowledgeDataLoss: acknowledgeDataLoss?.replace("delete", "unprotect") }),
    ).toContain("another change");
  });

  it("is no change where somebody has tampered with the job, and up puts that right", async () => {
    const made = await declare(both);
    await backUp();
    const provider = fresh();
    const observed = { ...made, ...program({ sources: { files: "elsewhere" } }) };
    await provider.read("files", made);
    expect(await check(observed, { ...made, ...program({ sources: both }) }, provider)).toBeUndefined();
    expect(await check(observed, { ...made, ...program({ sources: both }) })).toContain("sources.files");
  });
});

describe("a change of copies", () => {
  const sources = { files: "files" };
  const at = (day: number) => {
    process.env.BACKUP_POSTURE_NOW = `2026-11-${day}T12:00:00Z`;
  };
  const inCopies = (copies: Record<string, { store: string; keep?: Bag }>): Bag => ({
    copies: Object.fromEntries(
      Object.entries(copies).map(([name, { store, ...more }]) => [
        name,
        { store: { kind: "directory", path: join(root, store) }, ...more },
      ]),
    ),
  });
  const copied = async () => {
    await backUp();
    await copySchedule(describeHome(join(root, "home")), "files", { signal: new AbortController().signal });
  };

  it.each([
    [
      "a copy is given up",
      {},
      /^copies\.offsite: this change gives up the copy, with 2 recovery points/,
      "unprotect-2",
    ],
    [
      "a copy gets another store",
      { offsite: { store: "other" } },
      /^copies\.offsite: this change gives up the copy, with 2/,
      "unprotect-2",
    ],
    [
      "a copy keeps less",
      { offsite: { store: "copy", keep: { last: 1 } } },
      /^copies\.offsite\.keep: this retention deletes 1 recovery point of 1 run, from 2026-11-19T12:00:00Z/,
      "delete-1",
    ],
  ])("%s: is refused without the token of this very change", async (_what, copies, reason, kind) => {
    const made = await declare(sources, inCopies({ offsite: { store: "copy" } }));
    await copied();
    at(20);
    await copied();
    const news = { ...without(made, "copies"), ...inCopies(copies) };
    const refusal = await check(made, news);
    expect(refusal).toMatch(reason);
    const acknowledgeDataLoss = /"((?:unprotect|delete)-\S+)"/.exec(refusal ?? "")?.[1] ?? "";
    expect(acknowledgeDataLoss).toMatch(kind);
    expect(await check(made, { ...news, acknowledgeDataLoss })).toBeUndefined();
    expect(await check(made, { ...without(news, "copies"), keep: { last: 1 }, acknowledgeDataLoss })).toContain(
      "another change",
    );
    at(21);
    await copied();
    expect(await check(made, { ...news, acknowledgeDataLoss })).toContain("by now");
  });

  it("is free where a copy is added, renamed, keeps more, or holds nothing yet", async () => {
    const made = await declare(sources, inCopies({ offsite: { store: "copy", keep: { last: 1 } } }));
    for (const copies of [
      { offsite: { store: "copy", keep: { last: 1 } }, tape: { store: "tape" } },
      { elsewhere: { store: "copy", keep: { last: 1 } } },
      { offsite: { store: "copy", keep: { last: 2 } } },
      { offsite: { store: "copy" } },
      {},
    ]) {
      expect(await check(made, { ...without(made, "copies"), ...inCopies(copies) })).toBeUndefined();
    }
    await copied();
    at(20);
    await copied();
    for (const copies of [{ elsewhere: { store: "copy", keep: { last: 1 } } }, { offsite: { store: "copy" } }])
      expect(await check(made, { ...without(made, "copies"), ...inCopies(copies) })).toBeUndefined();
  });

  it("can give up a copy whose store is lost, with a token that says so", async () => {
    const made = await declare(sources, inCopies({ offsite: { store: "copy" } }));
    await rename(join(root, "copy"), join(root, "away"));
    const news = without(made, "copies");
    const refusal = await check(made, news);
    expect(refusal).toMatch(/^copies\.offsite: what it holds cannot be counted/);
    const acknowledgeDataLoss = /"(unprotect-999999999-\S+)"/.exec(refusal ?? "")?.[1];
    expect(await check(made, { ...news, acknowledgeDataLoss })).toBeUndefined();
  });
});

describe("an rpo that cannot be met", () => {
  it("is refused, and passed over while what it depends on is unknown", async () => {
    const when = { cron: "0 3 * * *", timeZone: "Europe/Berlin" };
    const declared = { ...program({ sources: { files: "files" } }), ...placement(), when };
    expect(await check({}, { ...declared, rpo: "24h" })).toBe(
      "rpo: worst case 25h on 2027-10-31 (DST, Europe/Berlin), rpo 24h: declare an rpo of at least 25h, or run more often",
    );
    expect(await check({}, { ...declared, rpo: "25h" })).toBeUndefined();
    const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
    for (const path of ["when", "expectedDuration", "rpo"])
      expect(await check({}, { ...declared, rpo: "24h", [path]: unknown })).toBeUndefined();
    expect(await check({}, { ...declared, rpo: "24h", store: unknown })).toContain("worst case 25h");
  });
});

function fresh(): Providers["BackupSchedule"] {
  return createProviders(() => undefined).BackupSchedule;
}

function placement(): Bag {
  return { requestedId: "files", home: join(root, "home"), owner: "urn:x::files" };
}

function program({ sources, store = "store" }: { sources: Record<string, string>; store?: string }): Bag {
  const shares = Object.entries(sources).map(([name, path]) => [name, { kind: "file-share", path: join(root, path) }]);
  return { sources: Object.fromEntries(shares), store: { kind: "directory", path: join(root, store) } };
}

/** The outputs of a schedule that stands. */
async function declare(sources: Record<string, string>, more: Bag = {}): Promise<Bag> {
  const declared = { ...program({ sources }), ...placement(), when: { cron: "0 1 * * *" }, ...more };
  const { inputs, failures } = await fresh().check({}, declared);
  expect(failures).toBeUndefined();
  return (await fresh().create(inputs)).outs;
}

async function check(olds: Bag, news: Bag, provider = fresh()): Promise<string | undefined> {
  const outputs = ["incarnation", "createdAt", "schemaVersion", "health"];
  const declared = Object.fromEntries(Object.entries(news).filter(([key]) => !outputs.includes(key)));
  return (await provider.check(olds, declared)).failures?.[0]?.reason;
}

function without(bag: Bag, key: string): Bag {
  return Object.fromEntries(Object.entries(bag).filter(([each]) => each !== key));
}

async function backUp(): Promise<void> {
  const ended = await runSchedule(describeHome(join(root, "home")), "files", { signal: new AbortController().signal });
  expect(ended).toMatchObject({ outcome: "succeeded" });
}
