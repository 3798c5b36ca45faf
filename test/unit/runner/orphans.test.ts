import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createProviders } from "../../../provider/lifecycle/providers";
import { describeHome } from "../../../provider/runner/home";
import { findOrphans, type KnownStack } from "../../../provider/runner/orphans";
import { runSchedule } from "../../../provider/runner/run";
import { makeScratchFolder } from "../../fixtures/scratch";

const { signal } = new AbortController();
const ours = "urn:pulumi:prod::backups::";

let root: string;

beforeEach(async () => {
  root = await makeScratchFolder();
  await mkdir(join(root, "share"));
  await writeFile(join(root, "share", "file"), "content");
  for (const name of ["one", "two"]) await declare(name, `${ours}x::${name}`);
  await declare("theirs", "urn:pulumi:other::backups::x::theirs");
});

afterEach(() => rm(root, { recursive: true, force: true }));

it("finds none where every stack has what is there", async () => {
  expect(await find(["one", "two"])).toEqual([]);
  expect(await find(null)).toEqual([]);
});

it("finds jobs that their stack does not have any more, and leaves those of other stacks alone", async () => {
  expect(await find(["one"])).toEqual(["job two"]);
  expect(await find([])).toEqual(["job one", "job two"]);
});

it("finds jobs without an owner, entries without a job, and recovery points without one", async () => {
  await declare("nobodys", null);
  await runSchedule(describeHome(join(root, "home")), "two", { signal });
  await rm(join(root, "home", "jobs", "two.json"));
  expect(await find(["one"])).toEqual(["job nobodys", "entry two", "points two"]);
  await rm(join(root, "home", "scheduler", "entries", "two.json"));
  expect(await find(null)).toEqual(["job nobodys", "points two"]);
});

it("says which store could not be looked at, and what else there is", async () => {
  await declare("nobodys", null);
  await rm(join(root, "store"), { recursive: true });
  const { orphans, faults } = await findOrphans(describeHome(join(root, "home")), null, [], signal);
  expect(orphans).toMatchObject([{ kind: "job", id: "nobodys" }]);
  expect(faults).toHaveLength(1);
});

async function find(owned: readonly string[] | null): Promise<readonly string[]> {
  const stack: KnownStack | null =
    owned === null ? null : { prefix: ours, owned: new Set(owned.map((name) => `${ours}x::${name}`)) };
  const { orphans, faults } = await findOrphans(describeHome(join(root, "home")), stack, [], signal);
  expect(faults).toEqual([]);
  return orphans.map(({ kind, id }) => `${kind} ${id}`);
}

async function declare(id: string, owner: string | null): Promise<void> {
  const provider = createProviders(() => undefined).BackupSchedule;
  const { inputs, failures } = await provider.check(
    {},
    {
      requestedId: id,
      ...(owner === null ? {} : { owner }),
      home: join(root, "home"),
      when: { cron: "0 1 * * *" },
      sources: { files: { kind: "file-share", path: join(root, "share") } },
      store: { kind: "directory", path: join(root, "store") },
    },
  );
  expect(failures).toBeUndefined();
  await provider.create(inputs);
}
