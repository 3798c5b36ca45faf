import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { findLargestPack } from "../fixtures/restic-place";
import { declaredAt, noticedAt } from "./drift-rows";
import { expectSuccess, makeStack, type Stack, type Told } from "./stack";

const names = ["retention-edited", "point-deleted", "pack-lost", "repository-gone", "password-wrong"] as const;
type Name = (typeof names)[number];

/** The drift table's rows for points in restic repositories, all in one stack. */
describe("points in restic repositories", () => {
  let stack: Stack;
  let share: string;
  let preview: Told;
  const ids = new Map<string, string>();

  beforeAll(async () => {
    stack = await makeStack("test");
    share = join(stack.root, "share");
    await mkdir(share);
    await writeFile(join(share, "file"), randomBytes(50_000)); // the largest pack holds it
    for (const name of names) {
      await mkdir(placeOf(name));
      await writeFile(join(placeOf(name), "password"), "secret");
    }
    await stack.declare({
      "retention-edited": schedule("retention-edited", { keep: { daily: 7 } }),
      "point-deleted": schedule("point-deleted", { runOnCreate: true, waitFor: "3m", rpo: "26h" }),
      "pack-lost": snapshot("pack-lost"),
      "repository-gone": snapshot("repository-gone"),
      "password-wrong": snapshot("password-wrong"),
    });
    expectSuccess(await stack.up(declaredAt));
    expectSuccess(await stack.preview(declaredAt));
    for (const { urn, id } of await stack.state()) ids.set(urn.split("::").at(-1) ?? "", id ?? "");
    await tamper();
    preview = await stack.preview(noticedAt);
  }, 600_000);

  afterAll(() => stack.remove());

  function placeOf(name: Name): string {
    return join(stack.root, name);
  }

  function storeOf(name: Name) {
    const place = placeOf(name);
    return { kind: "restic", repository: join(place, "repository"), password: { file: join(place, "password") } };
  }

  function schedule(name: Name, args: object) {
    return {
      kind: "BackupSchedule" as const,
      args: {
        when: { cron: "0 1 * * *" },
        sources: { files: { kind: "file-share", path: share } },
        store: storeOf(name),
        ...args,
      },
    };
  }

  function snapshot(name: Name) {
    return { kind: "FileShareSnapshot" as const, args: { share: { path: share }, store: storeOf(name) } };
  }

  async function tamper(): Promise<void> {
    const job = join(stack.home, "jobs", `${ids.get("retention-edited") ?? ""}.json`);
    await writeFile(job, (await readFile(job, "utf8")).replace('"daily": 7', '"daily": 1'));
    const snapshots = join(placeOf("point-deleted"), "repository", "snapshots");
    for (const file of await readdir(snapshots)) await rm(join(snapshots, file));
    await rm(await findLargestPack(join(placeOf("pack-lost"), "repository")));
    await rename(join(placeOf("repository-gone"), "repository"), join(placeOf("repository-gone"), "away"));
    await writeFile(join(placeOf("password-wrong"), "password"), "wrong");
  }

  it.each([
    ["retention-edited", /~ daily: 1 +=> 7/],
    ["point-deleted", /~ health: "missing: 1 recovery point, newest 2026-11-19T12:00:00Z.*" +=> "healthy"/],
    ["pack-lost", /~ health: "damaged: 1 file" +=> "healthy"/],
    ["repository-gone", /~ health: "unreachable: .*no restic repository is there.*" +=> "healthy"/],
    ["password-wrong", /~ health: "unreachable: .*the password is wrong.*" +=> "healthy"/],
  ] as const)("%s: the preview says so", (name, shows) => {
    const blocks = preview.text.split(/\n(?= {4}[~+-]|Resources:|Diagnostics:)/);
    expect(blocks.find((block) => block.includes(`::${name}]`) && block.includes("(update)")) ?? preview.text).toMatch(
      shows,
    );
  });

  it("is mended by up, once a person has done what only a person can", async () => {
    await rename(join(placeOf("repository-gone"), "away"), join(placeOf("repository-gone"), "repository"));
    await writeFile(join(placeOf("password-wrong"), "password"), "secret");
    const id = ids.get("point-deleted") ?? "";
    expectSuccess(await stack.cli(["purge", id, "--missing", "--yes"], noticedAt));
    expectSuccess(await stack.up(noticedAt));
    expectSuccess(await stack.preview(noticedAt));
  }, 600_000);

  it("shows nobody the password", async () => {
    const state = JSON.stringify(await stack.state());
    expect(state).toContain("password");
    expect(state).not.toContain('"secret"');
    expect(preview.text).not.toContain('"secret"');
  });
});
