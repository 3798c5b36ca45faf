import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createProviders, type Providers } from "../../../provider/lifecycle/providers";
import { makeScratchFolder } from "../../fixtures/scratch";

type Bag = Record<string, unknown>;

const minute = 60_000;
const hour = 60 * minute;

/** Nights in which a zone's clocks change; the change lies within the fourth to tenth hour from the beginning. */
const nights = [
  { zone: "Europe/Berlin", begins: "2026-10-24T20:00:00Z", what: "an hour twice" },
  { zone: "Europe/Berlin", begins: "2027-03-27T20:00:00Z", what: "an hour less" },
  { zone: "America/New_York", begins: "2026-11-01T00:00:00Z", what: "an hour twice" },
  { zone: "America/New_York", begins: "2027-03-14T01:00:00Z", what: "an hour less" },
  { zone: "Australia/Lord_Howe", begins: "2027-04-03T10:00:00Z", what: "half an hour twice" },
  { zone: "UTC", begins: "2026-12-31T18:00:00Z", what: "the turn of the year" },
];

let root: string;

beforeEach(async () => {
  root = await makeScratchFolder();
  await mkdir(join(root, "share"));
  await writeFile(join(root, "share", "file"), "content");
});

afterEach(async () => {
  delete process.env.BACKUP_POSTURE_NOW;
  await rm(root, { recursive: true, force: true });
});

describe("what is as it was declared", () => {
  it.each(nights)("shows no difference at any time of a night with $what in $zone", async ({ zone, begins }) => {
    setClock(Date.parse(begins));
    const declared = await Promise.all(declare(zone).map(([kind, args]) => install(kind, args)));
    for (let elapsed = 0; elapsed <= 20 * hour; elapsed += 20 * minute) {
      setClock(Date.parse(begins) + elapsed);
      const providers = createProviders(() => undefined);
      for (const { kind, id, inputs, outputs } of declared)
        expect({ at: process.env.BACKUP_POSTURE_NOW, ...(await providers[kind].read(id, outputs)).inputs }).toEqual({
          at: process.env.BACKUP_POSTURE_NOW,
          ...inputs,
        });
    }
  });
});

function setClock(milliseconds: number): void {
  process.env.BACKUP_POSTURE_NOW = new Date(milliseconds).toISOString();
}

/** Schedules that are due within the hours that are left out or repeated, and what depends on time beside them. */
function declare(timeZone: string): readonly (readonly [keyof Providers, Bag])[] {
  const store = { kind: "directory", path: join(root, "store") };
  const sources = { files: { kind: "file-share", path: join(root, "share") } };
  const schedule = (when: Bag, more: Bag = {}) => ["BackupSchedule", { when, sources, store, ...more }] as const;
  return [
    schedule({ cron: "30 2 * * *", timeZone }),
    schedule({ cron: "30 2 * * *", timeZone, window: { from: "02:15", to: "02:45" } }, { rpo: "24h", grace: "1h" }),
    schedule({ cron: "45 1 * * *", timeZone, jitter: "10m" }, { rpo: "25h", grace: "0s" }),
    schedule({ every: "1d", timeZone }),
    ["FileShareSnapshot", { share: { path: join(root, "share") }, store, maxAge: "1d" }],
    [
      "RestoreTarget",
      { from: { store, schedule: "x" }, to: join(root, "restore"), drill: { every: "1d" }, grace: "1d" },
    ],
  ];
}

async function install(kind: keyof Providers, args: Bag) {
  const provider = createProviders(() => undefined)[kind];
  const id = `${kind.toLowerCase()}-${Math.random().toString(36).slice(2)}`;
  const { inputs } = await provider.check(
    {},
    { ...args, requestedId: id, home: join(root, "home"), owner: `urn:x::${id}` },
  );
  const { outs } = await provider.create(inputs);
  return { kind, id, inputs, outputs: outs };
}
