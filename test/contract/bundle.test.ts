import { execFile } from "node:child_process";
import { copyFile, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { describeHome, initialiseHome } from "../../provider/runner/home";
import { writeJob } from "../../provider/runner/job";
import { checkout } from "../engine/stack";
import { makeScratchFolder } from "../fixtures/scratch";

/** More than is captured, verified or restored without threads. */
const files = 2_500;

/** Reading hundreds of files takes longer than most commands, and than what the engine asks of a provider. */
describe("what is started often", () => {
  it.each(["entry.js", "cli/main.js"])("%s is loaded as one file, without what few need", async (start) => {
    const path = join(checkout, "provider", "dist", start);
    const script = `
      process.argv.push("script", "--version");
      require(${JSON.stringify(path)});
      process.stderr.write(JSON.stringify(Object.keys(require.cache)));`;
    const { stderr } = await promisify(execFile)(process.execPath, ["-e", script]);
    expect(JSON.parse(stderr)).toEqual([path]);
  });
});

/** What `up` puts on a remote host: one file, and Node, and nothing else. */
describe("the command line in one file", () => {
  let folder: string;
  let runner: string;

  beforeAll(async () => {
    folder = await makeScratchFolder();
    runner = join(folder, "runner.cjs");
    await copyFile(join(checkout, "provider", "dist", "bundle", "backup-posture.cjs"), runner);
    await mkdir(join(folder, "bin"));
    await symlink(process.execPath, join(folder, "bin", "node"));
    await mkdir(join(folder, "share"));
    for (let number = 0; number < files; number += 1)
      await writeFile(join(folder, "share", `file-${number}`), `text ${number}`);
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("captures, verifies and restores, its threads included", async () => {
    const home = describeHome(join(folder, "home"));
    await initialiseHome(home);
    const store = { kind: "directory", path: join(folder, "store") } as const;
    const created = { owner: null, incarnation: "a", createdAt: "2026-11-19T12:00:00Z" };
    const sources = { files: { kind: "file-share", path: join(folder, "share") } } as const;
    const declaration = { when: { cron: "0 1 * * *" }, sources, store };
    await writeJob(home, { format: 1, kind: "schedule", id: "files", ...created, declaration });
    await run(["init", "--store", store.path]);
    expect(await run(["run", "files"])).toMatchObject({ outcome: "succeeded" });
    expect(await run(["verify", "files", "--content"])).toMatchObject({ points: [{ damagedFiles: 0, files }] });
    expect(await run(["restore", "files", "--to", join(folder, "restored")])).toMatchObject({ restored: [{ files }] });
  });

  /** As on a host that has only Node; what it printed. */
  async function run(command: readonly string[]): Promise<unknown> {
    const surroundings = { env: { PATH: join(folder, "bin") } };
    const all = [runner, ...command, "--home", join(folder, "home"), "--json"];
    const { stdout } = await promisify(execFile)(join(folder, "bin", "node"), all, surroundings);
    return JSON.parse(stdout) as unknown;
  }
});
