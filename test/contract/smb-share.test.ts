import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { createServer, connect as dial, type Server as NetServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clearKept, openStaging } from "../../provider/runner/staging";
import { openSource } from "../../provider/sources/index";
import type { SourceDeclaration } from "../../provider/sources/schema";
import { type Ground, makeGround } from "../fixtures/posture";
import { type SambaServer, startSambaServer } from "../fixtures/samba-server";
import { describeSource } from "./source-conformance";

type SmbShare = Extract<SourceDeclaration, { kind: "smb-share" }>;

const { signal } = new AbortController();
const oddName = "Übersicht 'neu'; (länger als dreißig Zeichen) – длинное имя.txt";
let root: string;
let server: SambaServer;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "smb-share-"));
  server = await startSambaServer(root);
});

afterAll(async () => {
  await server.stop();
  await rm(root, { recursive: true, force: true });
});

beforeEach(async () => {
  await rm(server.files, { recursive: true });
  await mkdir(join(server.files, "a folder", "deep"), { recursive: true });
  await mkdir(join(server.files, "empty"));
  await writeFile(join(server.files, "a file.txt"), "one");
  await writeFile(join(server.files, "REPORT A"), "");
  await writeFile(join(server.files, "a folder", oddName), "two");
  await writeFile(join(server.files, "a folder", "deep", "large.bin"), Buffer.alloc(3_000_000, 7));
  await writeFile(join(server.files, "a folder", "Meeting.Active"), "locked");
  for (const path of await readdir(server.files, { recursive: true })) await setTime(join(server.files, path));
});

/** Times differ by whole seconds from whatever a test does. */
async function setTime(path: string, seconds = 1_600_000_000): Promise<void> {
  await utimes(path, seconds, seconds);
}

function declare(changes: Partial<SmbShare> = {}): SmbShare {
  return {
    kind: "smb-share",
    share: "//127.0.0.1/files",
    port: server.port,
    credentials: { file: server.credentials },
    workload: "lync",
    ...changes,
  };
}

/** Paths and contents, without what is left out. */
async function listTree(folder: string): Promise<readonly (readonly [string, string | null])[]> {
  const found: (readonly [string, string | null])[] = [];
  for (const path of (await readdir(folder, { recursive: true })).sort()) {
    if (path.endsWith("Meeting.Active")) continue;
    const isFolder = (await stat(join(folder, path))).isDirectory();
    found.push([path, isFolder ? null : await readFile(join(folder, path), "latin1")]);
  }
  return found;
}

describeSource({
  name: "smb-share",
  inPlace: true,
  open: async () => ({
    source: openSource(declare()),
    look: listTree,
    expected: () => listTree(server.files),
    change: () => writeFile(join(server.files, "new.txt"), "new"),
    hide: () => rename(server.files, `${server.files}-away`),
    outside: [],
    dispose: async () => {
      await rename(`${server.files}-away`, server.files).catch(() => undefined); // only some cases hide it
    },
  }),
});

describe("a share's mirror", () => {
  let ground: Ground;

  beforeEach(async () => {
    ground = await makeGround();
  });
  afterEach(() => ground.remove());

  const gather = (declaration: SmbShare = declare()) =>
    openSource(declaration).gather(openStaging(ground.home, "shares", "files"), signal);

  it("fetches what changed, drops what is gone, and leaves the rest alone", async () => {
    const { tree } = await gather();
    const kept = await stat(join(tree.root, "a folder", "deep", "large.bin"));
    await writeFile(join(server.files, "a file.txt"), "ONE");
    await setTime(join(server.files, "a file.txt"), 1_600_000_100);
    await rm(join(server.files, "empty"), { recursive: true });
    await writeFile(join(server.files, "empty"), "a file now");
    await rm(join(server.files, "a folder", oddName));
    const again = await gather();
    expect(await listTree(again.tree.root)).toEqual(await listTree(server.files));
    expect((await stat(join(tree.root, "a folder", "deep", "large.bin"))).ino).toBe(kept.ino);
    expect(again.tree.contentOnly).toBe(true);
    expect((await stat(join(tree.root, "a file.txt"))).mtimeMs).toBe(1_600_000_100_000);
  });

  it("holds one folder of the share, without what is left out", async () => {
    const { tree } = await gather(declare({ share: "\\\\127.0.0.1\\files", path: "a folder", exclude: ["/deep"] }));
    expect((await listTree(tree.root)).map(([path]) => path)).toEqual([oddName]);
  });

  it("begins anew where it is another share's, and goes with the schedule", async () => {
    const { tree } = await gather();
    await gather(declare({ path: "a folder" }));
    expect((await readdir(tree.root)).sort()).toEqual(["deep", oddName].sort());
    await clearKept(ground.home, "shares", ["files"]);
    expect((await stat(tree.root)).isDirectory()).toBe(true);
    await clearKept(ground.home, "shares");
    await expect(stat(tree.root)).rejects.toMatchObject({ code: "ENOENT" });
  });

  it.each([
    ["wrong credentials", "the server refuses the credentials", { credentials: "wrong" }],
    ["no such share", "has no share of this name", { share: "//127.0.0.1/none" }],
    ["no such folder", "the declared path is not there", { path: "none" }],
    ["no server", "cannot be reached", { port: 1 }],
    ["no credentials file", "cannot be read (ENOENT)", { credentials: "missing" }],
  ] as const)("says why it cannot be brought up to date: %s", async (_, why, changes) => {
    await writeFile(join(ground.root, "wrong"), "username = root\npassword = wrong\n");
    const { credentials, ...others } = { credentials: undefined, ...changes };
    const file = credentials === undefined ? server.credentials : join(ground.root, credentials);
    const declaration = declare({ ...others, credentials: { file } });
    await expect(gather(declaration)).rejects.toThrow(why);
    await expect(openSource(declaration).probe(signal)).rejects.toThrow(why);
    await expect(gather(declaration)).rejects.toMatchObject({ kind: "unreachable" });
  });

  it("keeps what it has, and goes on, where the server goes away in mid-copy", async () => {
    await writeFile(join(server.files, "z large.bin"), Buffer.alloc(20_000_000, 1));
    const wire = await openWire(server.port, 12_000_000);
    try {
      await expect(gather(declare({ port: wire.port }))).rejects.toThrow(
        /went away.*; \d of \d files were fetched and are kept, the next run goes on/,
      );
    } finally {
      wire.close();
    }
    const folder = join(ground.home.root, "kept", "shares", "files", "tree");
    const whole = new Map(await listTree(server.files));
    const kept = (await listTree(folder)).filter(([, content]) => content !== null);
    for (const [path, content] of kept) expect(content).toBe(whole.get(path));
    const { tree } = await gather();
    expect(await listTree(tree.root)).toEqual(await listTree(server.files));
  });
});

/** A way to the server that is cut for good after so many bytes have come from it. */
async function openWire(port: number, mostBytes: number): Promise<{ readonly port: number; close(): void }> {
  const open = new Set<Socket>();
  let bytes = 0;
  const wire: NetServer = createServer((near) => {
    const far = dial(port, "127.0.0.1");
    for (const socket of [near, far]) open.add(socket.on("error", () => close()));
    near.pipe(far);
    far.on("data", (chunk) => {
      bytes += chunk.length;
      if (bytes > mostBytes) close();
      else near.write(chunk);
    });
  });
  const close = () => {
    wire.close();
    for (const socket of open) socket.destroy();
  };
  await new Promise<void>((resolve) => wire.listen(0, "127.0.0.1", resolve));
  const address = wire.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { port: address.port, close };
}
