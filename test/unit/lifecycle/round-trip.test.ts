import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { createProviders, type Providers } from "../../../provider/lifecycle/providers";
import { generateDeclarations } from "../../fixtures/generated-declarations";
import { makeScratchFolder } from "../../fixtures/scratch";

type Bag = Record<string, unknown>;

const urn = "urn:pulumi:test::project::pulumi-nodejs:dynamic/backup-posture:X::generated";
const root = makeScratchFolder();

beforeAll(async () => {
  await mkdir(join(await root, "share"));
  await writeFile(join(await root, "share", "file"), "content");
});

afterAll(async () => rm(await root, { recursive: true, force: true }));

/** What was declared, installed and observed again reads as it was declared, so that nothing but drift ever shows as drift. */
describe("a declaration of any shape, installed and observed", () => {
  it.each([
    ["BackupSchedule", 100],
    ["FileShareSnapshot", 50],
    ["RestoreTarget", 150],
  ] as const)(
    "%s: reads as declared, and declaring it again changes nothing",
    async (kind, numRuns) => {
      const folder = await root;
      let count = 0;
      await fc.assert(
        fc.asyncProperty(generateDeclarations(folder)[kind], async (declaration) => {
          const news = { ...declaration, home: join(folder, `${kind}-${count++}`), owner: urn, __provider: "x" };
          const provider = createProviders(() => undefined)[kind];
          const { inputs, failures } = await provider.check({}, news);
          expect(failures).toBeUndefined();
          const { id, outputs } = await create(provider, { ...inputs, __provider: "x" });

          const later = createProviders(() => undefined)[kind];
          const read = await later.read(id, outputs);
          expect(read.id).toBe(id);
          expect({ ...read.inputs, health: "healthy" }).toEqual(inputs);
          expect((await later.check(read.inputs ?? {}, news)).inputs).toEqual(inputs);
          expect(await later.diff(id, read.props, inputs)).toEqual({ replaces: [], deleteBeforeReplace: true });
        }),
        { numRuns },
      );
    },
    600_000,
  );
});

/** Entries are looked up by names that users choose: what every object inherits under such a name is none of them. */
it("a schedule whose entries bear names that every object has reads as declared, and so does its change", async () => {
  const folder = await root;
  const share = join(folder, "share");
  const store = (name: string): Bag => ({ kind: "directory", path: join(folder, "names", name) });
  const declare = (copies: Bag): Bag => ({
    id: "names",
    home: join(folder, "names", "home"),
    sources: { constructor: { kind: "file-share", path: share } },
    store: store("store"),
    when: { cron: "0 3 * * *" },
    keep: { last: 3 },
    copies,
    hooks: { valueOf: { at: "before", command: ["true"] } },
    afterChange: { toString: { kind: "command", command: ["true"] } },
    owner: urn,
    __provider: "x",
  });
  const provider = createProviders(() => undefined).BackupSchedule;
  const declared = declare({ constructor: { store: store("one") } });
  const { inputs } = await provider.check({}, declared);
  const { id, outputs } = await create(provider, { ...inputs, __provider: "x" });
  expect((await provider.read(id, outputs)).inputs).toMatchObject({ copies: inputs.copies, hooks: inputs.hooks });

  const changed = declare({ constructor: { store: store("one") }, toString: { store: store("two") } });
  const { inputs: news, failures } = await provider.check(inputs, changed);
  expect(failures).toBeUndefined();
  const updated = await provider.update(id, outputs, { ...news, __provider: "x" });
  const read = await createProviders(() => undefined).BackupSchedule.read(id, { ...updated.outs, __provider: "x" });
  expect(read.inputs).toMatchObject({ copies: news.copies });
});

/** Creates, and takes what a partial failure stores where something is not healthy yet. */
async function create(provider: Providers[keyof Providers], inputs: Bag): Promise<{ id: string; outputs: Bag }> {
  try {
    const { id, outs } = await provider.create(inputs);
    return { id, outputs: { ...outs, __provider: "x" } };
  } catch (error) {
    if (!(error instanceof Error && "properties" in error && typeof error.properties === "object")) throw error;
    return { id: String(inputs.id), outputs: { ...error.properties } };
  }
}
