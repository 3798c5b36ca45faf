import { createHash } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { appendEvidence, readEvidence, restartEvidence } from "../../../provider/restore/evidence";
import { appendRecord } from "../../../provider/runner/journal";
import { findingsOf } from "../../fixtures/evidence";
import { type Ground, makeGround } from "../../fixtures/posture";

let ground: Ground;
beforeEach(async () => {
  ground = await makeGround();
});
afterEach(() => ground.remove());

const folder = () => join(ground.home.evidence, "target");
const read = () => readEvidence(ground.home, "target");
const broken = (why: string | RegExp) => ({
  chain: { state: "broken", why: typeof why === "string" ? why : (expect.stringMatching(why) as string) },
});
const nameOf = (index: number) => `20260101T00000${index}Z-0000000${index}.json`;

async function appendThree(): Promise<void> {
  for (const index of [1, 2, 3]) await appendEvidence(ground.home, "target", findingsOf(index));
}

describe("evidence", () => {
  it("of nothing is no records and a whole chain", async () => {
    expect(await read()).toEqual({ records: [], chain: { state: "ok" } });
  });

  it("is read as it was written, in order, each record naming the one before it", async () => {
    await appendThree();
    const { records, chain } = await read();
    expect(chain).toEqual({ state: "ok" });
    expect(records.map(({ sequence, run }) => [sequence, run])).toEqual([1, 2, 3].map((n) => [n, findingsOf(n).run]));
    expect(records.map(({ previous }) => previous)).toEqual([null, records[0]!.digest, records[1]!.digest]);
    expect((await readdir(folder())).sort()).toEqual([nameOf(1), nameOf(2), nameOf(3), "head.json"]);
  });

  it("shows every single changed byte of every file", async () => {
    await appendThree();
    let found = 0;
    let tried = 0;
    for (const name of await readdir(folder())) {
      const path = join(folder(), name);
      const original = await readFile(path);
      for (let offset = 0; offset < original.length; offset++) {
        const changed = Buffer.from(original);
        changed[offset] = changed[offset]! ^ (1 << (offset % 8));
        await writeFile(path, changed);
        tried++;
        if ((await read()).chain.state === "broken") found++;
      }
      await writeFile(path, original);
    }
    expect(found).toBe(tried);
    expect(tried).toBeGreaterThan(1000);
    expect((await read()).chain).toEqual({ state: "ok" });
  });

  it.each([1, 2, 3])("shows that record %i was removed", async (index) => {
    await appendThree();
    await rm(join(folder(), nameOf(index)));
    expect(await read()).toMatchObject(broken(/missing/));
  });

  it("shows that the head was removed, alone or with the newest record", async () => {
    await appendThree();
    await rm(join(folder(), "head.json"));
    expect(await read()).toMatchObject(broken("the head of the chain does not fit the records"));
    await rm(join(folder(), nameOf(3)));
    await rm(join(folder(), nameOf(2)));
    expect(await read()).toMatchObject(broken("the head of the chain does not fit the records"));
  });

  it("shows that records were exchanged, copied or put in", async () => {
    await appendThree();
    await copyFile(join(folder(), nameOf(1)), join(folder(), nameOf(4)));
    expect(await read()).toMatchObject(broken("1 record was changed"));
    await rm(join(folder(), nameOf(4)));
    await mkdir(join(folder(), nameOf(4)));
    expect(await read()).toMatchObject(broken("1 record was changed"));
    await rm(join(folder(), nameOf(4)), { recursive: true });
    await rename(join(folder(), nameOf(1)), join(folder(), "x"));
    await rename(join(folder(), nameOf(2)), join(folder(), nameOf(1)));
    await rename(join(folder(), "x"), join(folder(), nameOf(2)));
    expect(await read()).toMatchObject(broken("2 records were changed"));
  });

  it("shows that a record was rewritten with a digest that fits it", async () => {
    await appendThree();
    const { records } = await read();
    const content = { ...records[0]!, verdict: "passed", message: "", digest: undefined };
    const digest = createHash("sha256").update(canonicalJson(content)).digest("hex");
    await writeFile(join(folder(), nameOf(1)), `${canonicalJson({ ...content, digest })}\n`);
    expect(await read()).toMatchObject(broken("record 2 does not follow the one before it"));
  });

  it("shows that all of it was removed when the journal tells of a drill that passed", async () => {
    await appendThree();
    await appendRecord(ground.home, "target", {
      event: "ended",
      run: findingsOf(3).run,
      at: findingsOf(3).endedAt,
      verb: "drill",
      outcome: "succeeded",
      message: "",
      points: [],
      bytes: 0,
      addedBytes: 0,
      durationMilliseconds: 0,
      skewMilliseconds: 0,
      skipped: 0,
      pruned: 0,
      pruneSuspended: null,
    });
    expect((await read()).chain).toEqual({ state: "ok" });
    await rm(folder(), { recursive: true });
    expect(await read()).toMatchObject(broken("1 record is missing that the journal tells of"));
    await restartEvidence(ground.home, "target");
    expect((await read()).chain).toEqual({ state: "ok" });
  });

  it("is not added to a broken chain, but to a new one, and the old one stays", async () => {
    await appendThree();
    await rm(join(folder(), nameOf(2)));
    await expect(appendEvidence(ground.home, "target", findingsOf(4))).rejects.toMatchObject({
      kind: "conflict",
      message: expect.stringContaining("--restart-evidence") as string,
    });
    const aside = await restartEvidence(ground.home, "target");
    await appendEvidence(ground.home, "target", findingsOf(4));
    expect(await read()).toMatchObject({ records: [{ sequence: 1, run: findingsOf(4).run }], chain: { state: "ok" } });
    expect((await readdir(aside!)).sort()).toEqual([nameOf(1), nameOf(3), "head.json"]);
  });

  it("is whole after a crash at every step of adding a record", async () => {
    await appendThree();
    const before = await readFile(join(folder(), "head.json"));
    const record = await appendEvidence(ground.home, "target", findingsOf(4));
    const written = await readFile(join(folder(), nameOf(4)));
    const after = await readFile(join(folder(), "head.json"));
    const crashes = [
      { pending: written, record: null, head: before, known: 3 },
      { pending: written, record: written, head: before, known: 4 },
      { pending: written, record: written, head: after, known: 4 },
    ];
    for (const crash of crashes) {
      await writeFile(join(folder(), "pending.json"), crash.pending);
      await rm(join(folder(), nameOf(4)), { force: true });
      if (crash.record !== null) await writeFile(join(folder(), nameOf(4)), crash.record);
      await writeFile(join(folder(), "head.json"), crash.head);
      const found = await read();
      expect(found.chain).toEqual({ state: "ok" });
      expect(found.records).toHaveLength(crash.known);
      await appendEvidence(ground.home, "target", findingsOf(5));
      const next = await read();
      expect(next.chain).toEqual({ state: "ok" });
      expect(next.records.map(({ digest }) => digest)).toContain(record.digest);
      expect(next.records).toHaveLength(5);
      await rm(join(folder(), nameOf(5)));
    }
  });
});

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
