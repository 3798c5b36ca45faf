import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type CheckResult, runChecks } from "../../../provider/restore/checks";
import type { DrillCheck } from "../../../provider/restore/schema";
import { openStaging } from "../../../provider/runner/staging";
import { type Ground, makeGround } from "../../fixtures/posture";
import { makeArchive } from "../../fixtures/windows/archive";
import { type Deployment, deploy, exampleTopology } from "../../fixtures/windows/deployment";

const { signal } = new AbortController();
let ground: Ground;
let root: string;

beforeEach(async () => {
  ground = await makeGround();
  root = join(ground.root, "restored");
  await mkdir(root);
});
afterEach(() => ground.remove());

async function check(declared: DrillCheck): Promise<CheckResult | undefined> {
  const tree = { root, files: 1, staging: openStaging(ground.home, "target", "drill") };
  const [result] = await runChecks({ it: declared }, tree, signal);
  return result;
}

describe("that a ZIP archive opens", () => {
  const opens = async () => (await check({ kind: "zip-opens", path: "a.zip" }))?.message;

  it("holds for one that is whole, and for nothing else", async () => {
    expect(await opens()).toBe("the file is not there");
    const archive = makeArchive({ "a.xml": "<a/>", "folder/b": "text" });
    await writeFile(join(root, "a.zip"), archive);
    expect(await opens()).toBe("");
    for (let offset = 0; offset < archive.length; offset += 7) {
      const cut = archive.subarray(0, offset);
      await writeFile(join(root, "a.zip"), cut);
      expect(await opens()).toBe("it is no whole ZIP archive");
    }
    const spoilt = Buffer.from(archive);
    spoilt[archive.indexOf("text")]! ^= 1;
    await writeFile(join(root, "a.zip"), spoilt);
    expect(await opens()).toBe("it is no whole ZIP archive");
    await writeFile(join(root, "a.zip"), makeArchive({}));
    expect(await opens()).toBe("the archive is empty");
  });
});

describe("on a deployment", () => {
  let deployment: Deployment;
  const before = { PATH: process.env.PATH, WINDOWS_STAND_IN: process.env.WINDOWS_STAND_IN };

  beforeEach(async () => {
    deployment = await deploy(await exampleTopology("enterprise-pool"));
    Object.assign(process.env, deployment.environment);
  });
  afterEach(async () => {
    process.env.PATH = before.PATH;
    if (before.WINDOWS_STAND_IN === undefined) delete process.env.WINDOWS_STAND_IN;
    else process.env.WINDOWS_STAND_IN = before.WINDOWS_STAND_IN;
    await deployment.remove();
  });

  it("SQL Server reads a copy of a backup, which is removed again", async () => {
    const folder = join(ground.root, "hand over");
    await mkdir(folder);
    const { execa } = await import("execa");
    const instance = Object.keys(deployment.read().instances)[0]!;
    const [database] = Object.keys(deployment.read().instances[instance]!);
    const backup = `BACKUP DATABASE [${database}] TO DISK=N'${join(root, "it''s a.bak")}' WITH COPY_ONLY, INIT, CHECKSUM`;
    await execa("sqlcmd", ["-S", instance, "-E", "-b", "-x", "-Q", backup]);
    const declared = {
      kind: "sql-backup" as const,
      path: "it's a.bak",
      server: instance.split("\\")[0]!,
      instance: instance.split("\\")[1],
      folder,
    };
    expect(await check(declared)).toMatchObject({ passed: true });
    expect(await readdir(folder)).toEqual([]);
    await deployment.failWith({ VERIFYONLY: "silent" });
    expect(await check(declared)).toMatchObject({ message: "SQL Server did not find it whole" });
    await deployment.failWith({});
    await writeFile(join(root, "it's a.bak"), "TAPE{}");
    expect(await check(declared)).toMatchObject({ message: "sqlcmd ended with exit code 1" });
    expect(await check({ ...declared, path: "absent" })).toMatchObject({ message: "the file is not there" });
    expect(await check({ ...declared, folder: join(ground.root, "absent") })).toMatchObject({
      message: expect.stringContaining("nothing can be made in it") as string,
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it("an import of user data is rehearsed", async () => {
    const declared = { kind: "lync-user-data" as const, path: "user data.zip", product: "sfb2015" as const };
    expect(await check(declared)).toMatchObject({ message: "the file is not there" });
    deployment.change((state) => {
      state.product = "sfb2015";
    });
    await writeFile(join(root, "user data.zip"), makeArchive({ "DocItemSet.xml": "{}" }));
    expect(await check(declared)).toMatchObject({ passed: true });
    await writeFile(join(root, "user data.zip"), makeArchive({ "other.xml": "{}" }));
    expect(await check(declared)).toMatchObject({ message: "powershell ended with exit code 1" });
  });
});
