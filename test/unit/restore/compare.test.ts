import { execFileSync } from "node:child_process";
import { chmod, lstat, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ComparisonRequest, compareTree } from "../../../provider/restore/compare";
import type { PointEntry } from "../../../provider/snapshot/stores/store";

const noFile = { size: 0, digest: "", target: null };
const none = { mode: 0, owner: 0, extendedAttributes: 0 };
const all = { modes: true, owners: true, acls: true, extendedAttributes: true };
const accountOne = { user: 1, group: 1 };
/** No account can be given this number: setting it changes nothing. */
const noAccount = { user: 4_294_967_295, group: 4_294_967_295 };
const isRoot = process.getuid?.() === 0;
const withAttributes = process.platform === "linux" ? it : it.skip;

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "posture-compare-"));
  await mkdir(join(root, "folder"));
  await writeFile(join(root, "folder", "ünïcode"), "");
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function compare(change: Partial<PointEntry>, kept: ComparisonRequest["kept"] = all) {
  const { mode, uid, gid, mtimeNs } = await lstat(join(root, "folder"), { bigint: true });
  const entry: PointEntry = {
    path: Buffer.from("folder"),
    kind: "directory",
    mode: Number(mode & 0o7777n),
    owner: { user: Number(uid), group: Number(gid) },
    modifiedAt: mtimeNs,
    extendedAttributes: [],
    ...noFile,
    ...change,
  };
  const { signal } = new AbortController();
  const entries = (async function* () {
    yield entry;
  })();
  const { listed, unrestorable } = await compareTree({ root, entries, kept, whole: true, signal });
  return { listed: listed.filter(({ what }) => what !== "extra"), unrestorable };
}

it("finds nothing where nothing differs", async () => {
  expect(await compare({})).toEqual({ listed: [], unrestorable: none });
});

it("tells an owner that should have been restored from one that cannot be", async () => {
  const differs = { listed: [{ path: "folder", what: "owner differs" }], unrestorable: none };
  const cannot = { listed: [], unrestorable: { ...none, owner: 1 } };
  expect(await compare({ owner: accountOne })).toEqual(isRoot ? differs : cannot);
  expect(await compare({ owner: noAccount })).toEqual(cannot);
  expect(await compare({ owner: accountOne }, { ...all, owners: false })).toEqual({ listed: [], unrestorable: none });
  expect(await compare({ owner: null })).toEqual({ listed: [], unrestorable: none });
});

it("finds a mode that differs", async () => {
  await chmod(join(root, "folder"), 0o701);
  expect(await compare({ mode: 0o755 })).toEqual({
    listed: [{ path: "folder", what: "mode differs" }],
    unrestorable: none,
  });
});

withAttributes("tells attributes that should have been restored from those that cannot be", async () => {
  const attribute = "user.posture=0sY29udGVudA==";
  const missing = { listed: [{ path: "folder", what: "extended attributes or ACL differ" }], unrestorable: none };
  expect(await compare({ extendedAttributes: [attribute] })).toEqual(missing);
  execFileSync("setfattr", ["-n", "user.posture", "-v", "content", join(root, "folder")]);
  execFileSync("setfattr", ["-n", "user.extra", "-v", "handed down", join(root, "folder")]);
  expect(await compare({ extendedAttributes: [attribute] })).toEqual({ listed: [], unrestorable: none });
  const otherValue = "user.posture=0sb3RoZXI=";
  expect(await compare({ extendedAttributes: [otherValue] })).toEqual(missing);
  expect(await compare({ extendedAttributes: ["bogus.posture=0sYQ=="] })).toEqual({
    listed: [],
    unrestorable: { ...none, extendedAttributes: 1 },
  });
  const unkept = { ...all, acls: false, extendedAttributes: false };
  expect(await compare({ extendedAttributes: ["bogus.posture=0sYQ=="] }, unkept)).toEqual({
    listed: [],
    unrestorable: none,
  });
});
