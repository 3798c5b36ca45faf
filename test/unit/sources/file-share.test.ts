import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listExcluded, openFileShare } from "../../../provider/sources/file-share";

const signal = new AbortController().signal;
const stageNothing = async () => {
  throw new Error("a share stages nothing");
};
const staging = { makeFolder: stageNothing, makeFolderWithin: stageNothing, keepFolder: stageNothing };
let root: string;

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "posture-test-")));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

const gather = (path: string) => openFileShare({ kind: "file-share", path }).gather(staging, signal);

describe("a file share", () => {
  it("is read where it stands", async () => {
    expect(await gather(root)).toEqual({ tree: { root, exclude: [] } });
  });

  it("that is a symlink itself is resolved", async () => {
    await mkdir(join(root, "real"));
    await symlink("real", join(root, "link"));
    expect((await gather(join(root, "link"))).tree.root).toBe(join(root, "real"));
  });

  it.each([
    ["absent", "is not there; mount it, or correct the declared path", "unreachable"],
    ["file", "is not a directory; declare the folder that holds the files", "permanent"],
    ["dangling", "is a symlink that leads nowhere; mount or correct what it points to", "unreachable"],
    ["cycle", "leads through a cycle of symlinks; correct the declared path", "unreachable"],
    ["file/below", "is not there; mount it, or correct the declared path", "unreachable"],
  ])("%s: %s", async (name, why, kind) => {
    await writeFile(join(root, "file"), "");
    await symlink("nowhere", join(root, "dangling"));
    await symlink("cycle", join(root, "cycle"));
    await expect(gather(join(root, name))).rejects.toMatchObject({
      kind,
      message: `share ${join(root, name)}: ${why}`,
    });
  });

  it("leaves out what Lync locks, once, and what was declared", () => {
    expect(listExcluded({ workload: "lync" })).toEqual(["Meeting.Active"]);
    expect(listExcluded({ workload: "lync", exclude: ["*.tmp", "Meeting.Active"] })).toEqual([
      "*.tmp",
      "Meeting.Active",
    ]);
    expect(listExcluded({})).toEqual([]);
  });

  it("is not looked at once the run is stopped", async () => {
    await expect(openFileShare({ kind: "file-share", path: root }).probe(AbortSignal.abort())).rejects.toMatchObject({
      name: "AbortError",
    });
  });
});
