import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { appendEvidence } from "../../provider/restore/evidence";
import { openSigner } from "../../provider/restore/evidence-signature";
import { findingsOf } from "../fixtures/evidence";
import { type Ground, makeGround } from "../fixtures/posture";
import { makeSigningKey } from "../fixtures/signing-key";

const page = join(__dirname, "../../docs/drills.md");
const { signal } = new AbortController();
let ground: Ground;
let signers: string;

beforeEach(async () => {
  ground = await makeGround();
  signers = join(ground.root, "signers");
  const key = await makeSigningKey(ground.root, "drills");
  await writeFile(signers, key.allowed);
  const signer = await openSigner(key.path, signal);
  for (const second of [1, 2, 3])
    await appendEvidence(ground.home, "target", findingsOf(second), second === 1 ? null : signer);
});
afterEach(() => ground.remove());

const folder = () => join(ground.home.evidence, "target");
const pathOf = (second: number) => join(folder(), `${findingsOf(second).run}.json`);

/** Runs the commands of the page in the folder of the evidence. */
async function verify(): Promise<{ exitCode?: number; stdout: string }> {
  const script = /```sh\n([\s\S]*?)```/.exec(await readFile(page, "utf8"))?.[1] ?? "exit 9";
  const { execa } = await import("execa");
  return execa("sh", ["-c", script], { cwd: folder(), env: { SIGNERS: signers }, reject: false });
}

async function edit(path: string, from: string | RegExp, to: string): Promise<void> {
  const text = await readFile(path, "utf8");
  expect(text).toMatch(from);
  await writeFile(path, text.replace(from, to));
}

describe("the commands of docs/drills.md", () => {
  it("find evidence that stands as it was written", async () => {
    expect(await verify()).toMatchObject({ exitCode: 0, stdout: "3 records, as written" });
  });

  it.each<[string, () => Promise<void>, RegExp]>([
    ["a changed record", () => edit(pathOf(2), '"failed"', '"passed"'), /: changed$/],
    [
      "a changed digest",
      () => edit(pathOf(1), /"digest":"[0-9a-f]{2}([0-9a-f]{62})","ended/, '"digest":"00$1","ended'),
      /: changed$/,
    ],
    ["a record that is gone", () => rm(pathOf(2)), /: does not follow [0-9a-f]{64}$/],
    ["the first record gone", () => rm(pathOf(1)), /: does not follow null$/],
    ["the newest record gone", () => rm(pathOf(3)), /^the newest records are missing$/],
    ["a signature that is gone", () => rm(`${pathOf(2)}.sig`), /: not signed by who may$/],
    ["another record's signature", () => rename(`${pathOf(3)}.sig`, `${pathOf(2)}.sig`), /: not signed by who may$/],
    ["a signer who may not", () => edit(signers, "ssh-ed25519", "ssh-rsa"), /: not signed by who may$/],
    ["a namespace that is not ours", () => edit(signers, "backup-posture-evidence", "git"), /: not signed by who may$/],
  ])("find %s", async (_what, tamper, told) => {
    await tamper();
    const { exitCode, stdout } = await verify();
    expect({ exitCode, last: stdout.split("\n").at(-1) }).toEqual({
      exitCode: 1,
      last: expect.stringMatching(told) as string,
    });
    expect((await readdir(folder())).length).toBeGreaterThan(0);
  });
});
