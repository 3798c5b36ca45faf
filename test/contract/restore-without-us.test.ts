import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Chance } from "../fault/harness/campaign";
import { changeSome, makeStore, plant, requestFor } from "../fault/harness/store-work";
import { lookAt } from "../fault/harness/tree-look";

const script = join(__dirname, "../../examples/restore-without-us/restore.py");

describe("the script that restores without us", () => {
  const { signal } = new AbortController();
  let work: string;

  beforeEach(() => {
    work = mkdtempSync(join(tmpdir(), "without-us-"));
  });

  afterEach(() => {
    rmSync(work, { recursive: true, force: true });
  });

  it("has at most 40 lines", () => {
    expect(readFileSync(script, "utf8").trimEnd().split("\n").length).toBeLessThanOrEqual(40);
  });

  it("restores every point as it was, with its attributes", async () => {
    const chance = new Chance("without us");
    const tree = join(work, "tree");
    plant(tree, chance, 30);
    const store = await makeStore(join(work, "store"));
    for (const day of [1, 2]) {
      writeFileSync(join(tree, "noted"), "");
      execFileSync("setfattr", ["-n", "user.note", "-v", "kept", join(tree, "noted")]);
      const expected = lookAt(tree);
      const { id } = await store.capture(requestFor(tree, `2026-11-0${day}T01:00:00Z`), signal);
      const to = join(work, `restored ${day}`);
      expect(execFileSync("python3", [script, join(work, "store"), id, to], { encoding: "utf8" })).toBe("");
      expect(lookAt(to)).toEqual(expected);
      expect(
        execFileSync("getfattr", ["--only-values", "-n", "user.note", join(to, "noted")], { encoding: "utf8" }),
      ).toBe("kept");
      changeSome(tree, chance);
    }
  });

  it("names what is damaged and restores the rest", async () => {
    const tree = join(work, "tree");
    plant(tree, new Chance("damaged"), 5);
    const store = await makeStore(join(work, "store"));
    const { id } = await store.capture(requestFor(tree, "2026-11-01T01:00:00Z"), signal);
    for (const pack of readdirSync(join(work, "store", "packs"))) rmSync(join(work, "store", "packs", pack));
    const said = execFileSync("python3", [script, join(work, "store"), id, join(work, "to")], { encoding: "utf8" });
    expect(said).toMatch(/^damaged: /m);
    expect([...lookAt(join(work, "to")).keys()]).toContain("dangling");
  });
});
