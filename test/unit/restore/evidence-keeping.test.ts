import { mkdir, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  appendEvidence,
  deleteOldestEvidence,
  type EvidenceRecord,
  readEvidence,
  readSealedEvidence,
  restartEvidence,
} from "../../../provider/restore/evidence";
import { deliverEvidence } from "../../../provider/restore/evidence-delivery";
import { observeEvidence } from "../../../provider/restore/evidence-observation";
import { receiveEvidence } from "../../../provider/restore/evidence-receiver";
import { packSealed, type SealedRecord } from "../../../provider/restore/evidence-record";
import { deleteExpiredEvidence, selectExpired } from "../../../provider/restore/evidence-retention";
import { openSigner } from "../../../provider/restore/evidence-signature";
import { verifyEvidence, verifySink } from "../../../provider/restore/evidence-verify";
import { findingsOf } from "../../fixtures/evidence";
import { type Ground, makeGround } from "../../fixtures/posture";
import { makeSigningKey } from "../../fixtures/signing-key";

const { signal } = new AbortController();
let ground: Ground;
let sink: string;

beforeEach(async () => {
  ground = await makeGround();
  sink = join(ground.root, "sink");
});
afterEach(() => ground.remove());

const directory = () => ({ kind: "directory" as const, path: sink });
const append = (second: number) => appendEvidence(ground.home, "target", findingsOf(second));
const deliver = () => deliverEvidence(ground.home, "target", directory(), signal);
const verify = () => verifyEvidence(ground.home, "target", { allowedSigners: null, sink }, signal);
const sealed = async () => (await readSealedEvidence(ground.home, "target")).sealed;

describe("a sink that is a folder", () => {
  beforeEach(() => mkdir(sink));

  it("gets each record once, in a file that nobody writes to again", async () => {
    await append(1);
    await append(2);
    expect(await deliver()).toBe(2);
    expect(await deliver()).toBe(0);
    await append(3);
    expect(await deliver()).toBe(1);
    const names = (await readdir(sink)).sort();
    expect(names.map((name) => name.replace(/[0-9a-f]{16}/, "X"))).toEqual(
      [1, 2, 3].map((number) => `target-00000${number}-X.evidence`),
    );
    expect((await stat(join(sink, names[0]!))).mode & 0o777).toBe(0o444);
    expect(await verify()).toMatchObject({ records: 3, inSink: 3, attestedBy: ["sink"], faults: [] });
    expect(await verifySink(sink, null, null, signal)).toMatchObject([{ id: "target", records: 3, faults: [] }]);
  });

  it("gets a copy of what was cut off, and everything anew when it is another folder", async () => {
    await append(1);
    await deliver();
    const [name = ""] = await readdir(sink);
    await truncate(join(sink, name), 100);
    expect((await verify()).faults).toEqual([
      "the sink does not hold 1 record as it is here",
      "1 record of the sink is damaged",
    ]);
    await rm(join(ground.home.evidence, "target", "delivered"));
    expect(await deliver()).toBe(1);
    expect((await verify()).faults).toEqual([]);
    const other = { kind: "directory" as const, path: join(ground.root, "other") };
    await expect(deliverEvidence(ground.home, "target", other, signal)).rejects.toMatchObject({
      message: `the sink ${other.path} cannot be written to: it is not there`,
    });
    await mkdir(other.path);
    expect(await deliverEvidence(ground.home, "target", other, signal)).toBe(1);
  });

  it("shows records that are not in the home any more, and knows those that were set aside", async () => {
    await append(1);
    await append(2);
    await deliver();
    await restartEvidence(ground.home, "target");
    await append(3);
    await deliver();
    expect((await verify()).faults).toEqual([]);
    expect(await verifySink(sink, "target", null, signal)).toMatchObject([{ records: 3, faults: [] }]);
    for (const name of await readdir(ground.home.evidence))
      if (name.includes("set-aside")) await rm(join(ground.home.evidence, name), { recursive: true });
    const found = "2 records of 2026-01-01T00:00:01Z to 2026-01-01T00:00:02Z that are not here";
    expect((await verify()).faults).toEqual([`the sink holds ${found}`]);
    expect((await observeEvidence(ground.home, "target", directory(), null)).chain).toEqual({
      state: "broken",
      why: "its sink holds 2 records that are not here",
    });
  });

  it("that lacks records is a matter of health until they are there", async () => {
    const look = async () => (await observeEvidence(ground.home, "target", directory(), null)).undelivered;
    expect(await look()).toBeNull();
    await append(1);
    expect(await look()).toBe("1 record since 2026-01-01T00:00:01Z");
    await append(2);
    expect(await look()).toBe("2 records since 2026-01-01T00:00:01Z");
    await deliver();
    expect(await look()).toBeNull();
  });
});

describe("a sink that is a command", () => {
  it("gets a record and its signature on standard input, and its name", async () => {
    const taken = join(ground.root, "taken");
    await mkdir(taken);
    const signer = await openSigner((await makeSigningKey(ground.root, "drills")).path, signal);
    await appendEvidence(ground.home, "target", findingsOf(1), signer);
    const script = `const fs = require("fs"); fs.writeFileSync(${JSON.stringify(taken)} + "/" + process.env.BACKUP_POSTURE_NAME, fs.readFileSync(0))`;
    const command = { kind: "command" as const, command: [process.execPath, "-e", script] };
    expect(await deliverEvidence(ground.home, "target", command, signal)).toBe(1);
    const [name = ""] = await readdir(taken);
    const [each] = await sealed();
    expect((await readFile(join(taken, name))).equals(packSealed(each!))).toBe(true);
    expect(await readFile(join(taken, name), "utf8")).toContain("-----END SSH SIGNATURE-----\n");
  });

  it("that fails has not got it", async () => {
    await append(1);
    const command = { kind: "command" as const, command: [process.execPath, "-e", "process.exit(7)"] };
    await expect(deliverEvidence(ground.home, "target", command, signal)).rejects.toMatchObject({
      message: "the sink's command ended with exit code 7",
    });
    expect((await observeEvidence(ground.home, "target", command, null)).undelivered).not.toBeNull();
  });
});

describe("the receiver of a sink", () => {
  const receive = (each: SealedRecord) => receiveEvidence(sink, packSealed(each));

  beforeEach(async () => {
    await mkdir(sink);
    for (const second of [1, 2, 3]) await append(second);
  });

  it("takes records in their order, again where asked", async () => {
    for (const each of await sealed()) await receive(each);
    for (const each of await sealed()) await receive(each);
    expect(await readdir(sink)).toHaveLength(3);
  });

  it("refuses what follows nothing, what takes another's place, and what is no record", async () => {
    const [first, second, third] = await sealed();
    await receive(first!);
    await expect(receive(third!)).rejects.toMatchObject({
      kind: "conflict",
      message: expect.stringContaining("record 3 is refused") as string,
    });
    await receive(second!);
    await deleteAfter(1);
    await append(4);
    const other = (await sealed())[1]!;
    await expect(receive(other)).rejects.toMatchObject({
      kind: "conflict",
      message: expect.stringContaining("another one that follows") as string,
    });
    const spoilt = Buffer.from(packSealed(third!));
    spoilt[20]! ^= 1;
    await expect(receiveEvidence(sink, spoilt)).rejects.toMatchObject({ kind: "usage" });
    expect(await readdir(sink)).toHaveLength(2);
  });
});

describe("what the state of the stack knows", () => {
  const look = (witness: Parameters<typeof observeEvidence>[3]) =>
    observeEvidence(ground.home, "target", undefined, witness);

  it("shows that the newest records were removed, and is not forgotten until a person begins anew", async () => {
    for (const second of [1, 2, 3]) await append(second);
    const { summary } = await look(null);
    expect(summary).toEqual({ records: 3, digest: (await sealed())[2]!.record.digest });
    await append(4);
    expect(await look(summary)).toMatchObject({ chain: { state: "ok" }, summary: { records: 4 } });
    await deleteAfter(2);
    const found = await look(summary);
    expect(found.chain).toEqual({
      state: "broken",
      why: "record 3, which the state of the stack tells of, is not here",
    });
    expect(found.summary).toEqual(summary);
    await restartEvidence(ground.home, "target");
    await append(5);
    const anew = await look(summary);
    expect(anew).toMatchObject({ chain: { state: "ok" }, summary: { records: 1 } });
    await rm(join(ground.home.evidence, "target"), { recursive: true });
    expect((await look(anew.summary)).chain.state).toBe("broken");
  });
});

describe("evidence whose time is over", () => {
  const day = (number: number) => `2026-01-0${number}T00:00:00Z`;

  it("is the oldest without a gap, and never the newest", async () => {
    const records: EvidenceRecord[] = [];
    for (const [second, until] of [day(1), day(3), day(1), day(1)].entries())
      records.push(await appendEvidence(ground.home, "target", findingsOf(second, { keepUntil: until })));
    const numbers = (moment: string) => selectExpired(records, new Date(moment)).map(({ sequence }) => sequence);
    expect(numbers("2025-12-31T00:00:00Z")).toEqual([]);
    expect(numbers(day(2))).toEqual([1]);
    expect(numbers(day(4))).toEqual([1, 2, 3]);
    expect(selectExpired([], new Date(day(4)))).toEqual([]);
  });

  it("is deleted when asked for, and the chain goes on and still shows what was removed", async () => {
    const signer = await openSigner((await makeSigningKey(ground.root, "drills")).path, signal);
    for (const second of [1, 2, 3, 4])
      await appendEvidence(
        ground.home,
        "target",
        findingsOf(second, { keepUntil: second < 3 ? day(1) : "2099-01-01T00:00:00Z" }),
        signer,
      );
    const witness = (await observeEvidence(ground.home, "target", undefined, null)).summary;
    await deleteExpiredEvidence(ground.home, "target", 2);
    expect(await readEvidence(ground.home, "target")).toMatchObject({
      records: [{ sequence: 3 }, { sequence: 4 }],
      chain: { state: "ok" },
    });
    expect((await verifyEvidence(ground.home, "target", { allowedSigners: null, sink: null }, signal)).faults).toEqual(
      [],
    );
    await appendEvidence(ground.home, "target", findingsOf(5), signer);
    expect(await observeEvidence(ground.home, "target", undefined, witness)).toMatchObject({
      chain: { state: "ok" },
      summary: { records: 5 },
    });
    await rm(join(ground.home.evidence, "target", `${findingsOf(3).run}.json`));
    expect((await readEvidence(ground.home, "target")).chain.state).toBe("broken");
  });

  it("is whole after a crash at every step of deleting", async () => {
    for (const second of [1, 2, 3, 4]) await append(second);
    const folder = join(ground.home.evidence, "target");
    const files = new Map<string, Buffer>();
    for (const name of await readdir(folder)) files.set(name, await readFile(join(folder, name)));
    await deleteOldestEvidence(ground.home, "target", 2);
    for (const back of [[2], [1, 2]]) {
      for (const second of back) {
        const name = `${findingsOf(second).run}.json`;
        await writeFile(join(folder, name), files.get(name)!);
      }
      expect((await readEvidence(ground.home, "target")).chain).toEqual({ state: "ok" });
    }
    await rm(join(folder, `${findingsOf(2).run}.json`));
    expect((await readEvidence(ground.home, "target")).chain.state).toBe("broken");
  });
});

it("a key that cannot sign is told before anything is done", async () => {
  const locked = await makeSigningKey(ground.root, "locked", "a passphrase");
  await expect(openSigner(locked.path, signal)).rejects.toMatchObject({
    message: expect.stringContaining("cannot sign: it must be") as string,
  });
  await expect(openSigner(join(ground.root, "absent"), signal)).rejects.toMatchObject({
    message: expect.stringContaining("is no SSH key that this account can read") as string,
  });
});

/** Removes the newest records, and lets the head name the last that is left. */
async function deleteAfter(kept: number): Promise<void> {
  const folder = join(ground.home.evidence, "target");
  const records = (await sealed()).map(({ record }) => record);
  for (const { run } of records.slice(kept)) await rm(join(folder, `${run}.json`));
  const digest = records[kept - 1]!.digest;
  await writeFile(
    join(folder, "head.json"),
    `${JSON.stringify({ count: kept, digest, format: 1, restarted: null })}\n`,
  );
}
