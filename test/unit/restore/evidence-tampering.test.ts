import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { appendEvidence, readEvidence, readSealedEvidence } from "../../../provider/restore/evidence";
import { deliverEvidence } from "../../../provider/restore/evidence-delivery";
import { hashOf, seal, serialise } from "../../../provider/restore/evidence-record";
import { openSigner, type Signer } from "../../../provider/restore/evidence-signature";
import { verifyEvidence } from "../../../provider/restore/evidence-verify";
import { type Draw, seedDraw } from "../../../provider/restore/sample";
import { describeHome, type Home, initialiseHome } from "../../../provider/runner/home";
import { findingsOf } from "../../fixtures/evidence";
import { makeSigningKey } from "../../fixtures/signing-key";

/** 1,000 with EVIDENCE_TAMPERINGS=1000; the short form is part of every test run. */
const rounds = Number(process.env.EVIDENCE_TAMPERINGS ?? 200);
const seed = process.env.EVIDENCE_SEED ?? "evidence";
const { signal } = new AbortController();
const records = 4;

let root: string;
let untouched: Home;
let home: Home;
let stranger: Signer;
let allowedSigners: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "posture-tampering-"));
  untouched = describeHome(join(root, "untouched"));
  home = describeHome(join(root, "home"));
  await initialiseHome(untouched);
  const key = await makeSigningKey(root, "drills");
  stranger = await openSigner((await makeSigningKey(root, "stranger")).path, signal);
  allowedSigners = join(root, "allowed signers");
  await writeFile(allowedSigners, key.allowed);
  const signer = await openSigner(key.path, signal);
  for (let second = 1; second <= records; second++)
    await appendEvidence(untouched, "target", findingsOf(second), second === 1 ? null : signer);
  await mkdir(join(root, "sink"));
  await deliverEvidence(untouched, "target", { kind: "directory", path: join(root, "sink") }, signal);
});
afterAll(() => rm(root, { recursive: true, force: true }));

const folder = () => join(home.evidence, "target");
const nameOf = (second: number) => `${findingsOf(second).run}.json`;

/** What a person with some rights in the home may do, from one who does not care to one who knows all there is to know. */
const tamperings: Readonly<Record<string, (draw: Draw) => Promise<void>>> = {
  "any bit of any file is flipped": async (draw) => {
    const path = join(folder(), pick(await namesOfRecords(), draw));
    const bytes = await readFile(path);
    const at = draw(bytes.length);
    bytes[at] = bytes[at]! ^ (1 << draw(8));
    await writeFile(path, bytes);
  },
  "a byte is put in or taken out": async (draw) => {
    const path = join(folder(), pick(await namesOfRecords(), draw));
    const bytes = await readFile(path);
    const at = draw(bytes.length);
    const middle = draw(2) === 0 ? Buffer.alloc(0) : bytes.subarray(at, at + 1); // twice, or not at all
    await writeFile(path, Buffer.concat([bytes.subarray(0, at), middle, middle, bytes.subarray(at + 1)]));
  },
  "a record is removed": async (draw) => {
    const name = nameOf(1 + draw(records));
    await rm(join(folder(), name));
    if (draw(2) === 0) await rm(join(folder(), `${name}.sig`), { force: true });
  },
  "a signature is removed": async (draw) => rm(join(folder(), `${nameOf(2 + draw(records - 1))}.sig`)),
  "two files are exchanged": async (draw) => {
    const names = (await namesOfRecords()).filter((name) => name !== "head.json");
    const one = pick(names, draw);
    const other = pick(
      names.filter((name) => name !== one),
      draw,
    );
    await rename(join(folder(), one), join(folder(), "x"));
    await rename(join(folder(), other), join(folder(), one));
    await rename(join(folder(), "x"), join(folder(), other));
  },
  "the newest records are removed, and the head names the one before": async (draw) => {
    const kept = 1 + draw(records - 1);
    await keepOnly(kept);
  },
  "a record is rewritten, and all after it sealed again without signatures": (draw) => forge(1 + draw(records), null),
  "a record is rewritten, and all after it sealed and signed again with another key": (draw) =>
    forge(1 + draw(records), stranger),
  "a record is signed by another key, and those after it name that signature": async (draw) => {
    const { sealed } = await readSealedEvidence(home, "target");
    const at = 2 + draw(records - 1);
    await writeFile(join(folder(), `${nameOf(at)}.sig`), await stranger.sign(sealed[at - 1]!.bytes.toString()));
    await resealAfter(at);
  },
  "all of it is removed": async () => rm(folder(), { recursive: true }),
};

it(
  `is found, ${rounds} of ${rounds}`,
  async () => {
    const draw = seedDraw(seed);
    const basis = { allowedSigners, sink: join(root, "sink") };
    expect((await verifyEvidence(untouched, "target", basis, signal)).faults).toEqual([]);
    const kinds = Object.entries(tamperings);
    const missed: string[] = [];
    for (let round = 0; round < rounds; round++) {
      await rm(home.root, { recursive: true, force: true });
      await cp(untouched.root, home.root, { recursive: true });
      const [what, tamper] = kinds[round % kinds.length]!;
      await tamper(draw);
      // Where health finds it already, nobody needs to ask for signatures.
      const found =
        (await readEvidence(home, "target")).chain.state === "broken" ||
        (await verifyEvidence(home, "target", basis, signal)).faults.length > 0;
      if (!found) missed.push(`round ${round}: ${what}`);
    }
    expect(missed).toEqual([]);
  },
  600_000 + rounds * 3_000,
);

it.each([
  "a record is rewritten, and all after it sealed again without signatures",
  "a record is rewritten, and all after it sealed and signed again with another key",
])(
  "by allowed signers alone, where %s",
  async (what) => {
    const draw = seedDraw(seed);
    for (let round = 0; round < 8; round++) {
      await rm(home.root, { recursive: true, force: true });
      await cp(untouched.root, home.root, { recursive: true });
      await tamperings[what]!(draw);
      expect((await readEvidence(home, "target")).chain).toEqual({ state: "ok" });
      const { faults } = await verifyEvidence(home, "target", { allowedSigners, sink: null }, signal);
      expect(faults).not.toEqual([]);
    }
  },
  600_000,
);

it("by the sink alone, where the newest records are removed, and the head names the one before", async () => {
  await rm(home.root, { recursive: true, force: true });
  await cp(untouched.root, home.root, { recursive: true });
  await keepOnly(2);
  expect((await readEvidence(home, "target")).chain).toEqual({ state: "ok" });
  const without = await verifyEvidence(home, "target", { allowedSigners, sink: null }, signal);
  expect(without.faults).toEqual([]);
  const { faults } = await verifyEvidence(home, "target", { allowedSigners, sink: join(root, "sink") }, signal);
  expect(faults).toEqual([
    "the sink holds 2 records of 2026-01-01T00:00:03Z to 2026-01-01T00:00:04Z that are not here",
  ]);
});

async function namesOfRecords(): Promise<readonly string[]> {
  return (await readdir(folder())).filter((name) => name !== "delivered").sort();
}

async function keepOnly(kept: number): Promise<void> {
  for (let second = kept + 1; second <= records; second++)
    for (const ending of ["", ".sig"]) await rm(join(folder(), `${nameOf(second)}${ending}`), { force: true });
  await writeHead(kept);
}

/** Writes another verdict into a record, and makes the chain fit it again. */
async function forge(at: number, signer: Signer | null): Promise<void> {
  const { sealed } = await readSealedEvidence(home, "target");
  let previous = sealed[at - 2] ?? null;
  for (const { record } of sealed.slice(at - 1)) {
    const content = without(record, ["digest", "signer", "previousSignature"]);
    const forged = seal({
      ...content,
      ...(record.sequence === at ? { verdict: "passed" as const, message: "forged" } : {}),
      ...(signer === null ? {} : { signer: signer.fingerprint }),
      previous: previous?.record.digest ?? null,
      ...(previous?.signature ? { previousSignature: hashOf(previous.signature) } : {}),
    });
    const bytes = serialise(forged);
    const path = join(folder(), nameOf(record.sequence));
    const signature = signer === null ? null : await signer.sign(bytes);
    await writeFile(path, bytes);
    await rm(`${path}.sig`, { force: true });
    if (signature !== null) await writeFile(`${path}.sig`, signature);
    previous = {
      record: forged,
      bytes: Buffer.from(bytes),
      signature: signature === null ? null : Buffer.from(signature),
    };
  }
  await writeHead(records);
}

/** Lets the records after one, which cannot be signed again, name its new signature. */
async function resealAfter(at: number): Promise<void> {
  if (at === records) return writeHead(records);
  const { sealed } = await readSealedEvidence(home, "target");
  const signature = await readFile(join(folder(), `${nameOf(at)}.sig`));
  const { record } = sealed[at]!;
  const content = without(record, ["digest"]);
  await writeFile(
    join(folder(), nameOf(at + 1)),
    serialise(seal({ ...content, previousSignature: hashOf(signature) })),
  );
}

/** A head that fits the record of a number. */
async function writeHead(count: number): Promise<void> {
  const record = JSON.parse(await readFile(join(folder(), nameOf(count)), "utf8")) as {
    digest: string;
    signer?: string;
  };
  const signature =
    record.signer === undefined ? {} : { signature: hashOf(await readFile(join(folder(), `${nameOf(count)}.sig`))) };
  const head = { format: 1, count, digest: record.digest, restarted: null, ...signature };
  await writeFile(join(folder(), "head.json"), serialise(head));
}

function without<T extends object, K extends keyof T>(value: T, keys: readonly K[]): Omit<T, K> {
  const copy = { ...value };
  for (const key of keys) Reflect.deleteProperty(copy, key);
  return copy;
}

function pick<T>(values: readonly T[], draw: Draw): T {
  return values[draw(values.length)]!;
}
