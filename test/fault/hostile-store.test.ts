import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BlockList } from "../../provider/snapshot/stores/directory/block-list";
import { layOut } from "../../provider/snapshot/stores/directory/layout";
import { openManifest } from "../../provider/snapshot/stores/directory/manifest";
import { BlockWriter } from "../../provider/snapshot/stores/directory/manifest-format";
import { ManifestPart } from "../../provider/snapshot/stores/directory/manifest-part";
import { ManifestDraft } from "../../provider/snapshot/stores/directory/manifest-writer";
import { manifestPath, readTrustedHeader, writeHeader } from "../../provider/snapshot/stores/directory/point-header";
import type { Store } from "../../provider/snapshot/stores/store";
import { makeStore, requestFor } from "./harness/store-work";

const { signal } = new AbortController();
const attributes = { mode: 0o644, user: 0, group: 0, modified: { seconds: 1, nanoseconds: 0 } };
const identity = { changed: { seconds: 1, nanoseconds: 0 }, inode: 1n };

/** A store that somebody wrote who knows its format: every digest is right, and what it says is meant to do harm. */
describe("a hostile store", () => {
  let work: string;
  let place: string;
  let store: Store;
  let id: string;
  let content: { readonly digest: Buffer; readonly size: number; readonly pack: number; readonly offset: number };

  beforeEach(async () => {
    work = mkdtempSync(join(tmpdir(), "hostile-"));
    place = join(work, "store");
    mkdirSync(join(work, "tree"));
    writeFileSync(join(work, "tree", "file"), "payload");
    writeFileSync(join(work, "victim"), "untouched");
    store = await makeStore(place);
    id = (await store.capture(requestFor(join(work, "tree"), "2026-11-01T01:00:00Z"), signal)).id;
    const manifest = openManifest(manifestPath(layOut(place), id));
    const entry = manifest.block(0);
    entry.next();
    content = { digest: Buffer.from(entry.digest), size: entry.size, pack: entry.pack, offset: entry.offset };
    manifest.close();
  });

  afterEach(() => {
    expect(readFileSync(join(work, "victim"), "utf8")).toBe("untouched");
    rmSync(work, { recursive: true, force: true });
  });

  it.each(["../victim", "../../victim", "/etc/victim", "a/b", "..", ".", "", "a\0b"])(
    "that names a file %j is refused",
    async (name) => {
      await forge([(block) => block.file(name, 0, attributes, content, identity)]);
      await expectRefusal();
    },
  );

  it.each(["../escaped", "..", "a/b"])("that names a directory %j is refused", async (name) => {
    await forge([(block) => block.directory(name, 1), () => undefined]);
    await expectRefusal();
    expect(existsSync(join(work, "escaped"))).toBe(false);
  });

  it("never has anything written through its own symlink", async () => {
    await forge([
      (block) => {
        block.link("way", attributes, work);
        block.directory("way", 1);
      },
      (block) => block.file("victim", 0, attributes, content, identity),
    ]);
    await expectRefusal();
    await forge([
      (block) => {
        block.link("victim", attributes, join(work, "victim"));
        block.file("victim", 0, attributes, content, identity);
      },
    ]);
    await expectRefusal();
  });

  it("never has anything written through a symlink that waits in the target", async () => {
    const to = join(work, "to");
    mkdirSync(join(work, "tree", "folder"));
    writeFileSync(join(work, "tree", "folder", "victim"), "payload");
    const point = await store.capture(requestFor(join(work, "tree"), "2026-11-02T01:00:00Z"), signal);
    mkdirSync(to);
    symlinkSync(work, join(to, "folder"));
    symlinkSync(join(work, "victim"), join(to, "file"));
    await store.restore(point.id, { to, overwrite: true }, signal);
    expect(readFileSync(join(to, "folder", "victim"), "utf8")).toBe("payload");
    expect(readFileSync(join(to, "file"), "utf8")).toBe("payload");
  });

  it("that gives a file a million times its size is refused", async () => {
    await forge([
      (block) => block.file("file", 0, attributes, { ...content, size: content.size * 1_000_000 }, identity),
    ]);
    await expectRefusal();
    await forge([(block) => block.file("file", 0, attributes, { ...content, offset: 2 ** 50 }, identity)]);
    await expectRefusal();
  });

  it("that holds a directory within itself is refused", async () => {
    await forge([(block) => block.directory("again", 0)]);
    await expectRefusal();
    await forge([
      (block) => {
        block.directory("one", 1);
        block.directory("two", 1);
      },
      () => undefined,
    ]);
    await expectRefusal();
  });

  it("that names what it does not hold is refused", async () => {
    await forge([(block) => block.directory("missing", 4_000_000_000)]);
    await expectRefusal();
    await forge([(block) => block.file("file", 0, attributes, { ...content, pack: 77 }, identity)]);
    await expectRefusal();
  });

  it("cannot set attributes outside of the target", async () => {
    await forge(
      [(block) => block.link("way", attributes, work)],
      "# file: ../victim\nuser.harm=0sMQ==\n\n# file: way/victim\nuser.harm=0sMQ==\n\n",
    );
    await store.restore(id, { to: join(work, "to") }, signal);
    expect(readdirSync(join(work, "to"))).toEqual(["way"]);
  });

  /** Writes the point's manifest anew, with these directories, the first of them the root, and all digests right. */
  async function forge(directories: readonly ((block: BlockWriter) => void)[], dump?: string): Promise<void> {
    const layout = layOut(place);
    const old = openManifest(manifestPath(layout, id));
    const writer = new BlockWriter();
    const draft = await ManifestDraft.begin(join(work, "draft"), old.identity);
    const part = new ManifestPart(draft.path, draft.end);
    directories.forEach((fill, directory) => {
      writer.begin({ ...attributes, mode: 0o755 }, attributes.modified, 1);
      fill(writer);
      part.add(directory, writer.finish(), null, 0);
    });
    const blocks = [new BlockList(part.finish())];
    part.close();
    const summary = await draft.finish(blocks, directories.length, [...old.packs.values()]);
    old.close();
    renameSync(draft.path, manifestPath(layout, id));
    const header = readTrustedHeader(layout, id);
    if (header === null) throw new Error("the point has no header");
    const forged = { ...header, digest: summary.digest, manifestSize: summary.size };
    await writeHeader(layout, dump === undefined ? forged : { ...forged, attributes: keepDump(dump) });
  }

  function keepDump(dump: string) {
    const bytes = Buffer.from(dump);
    const pack = createHash("sha256").update(dump).digest("hex");
    writeFileSync(join(place, "packs", `${pack}.pack`), bytes);
    return { digest: pack, size: bytes.length, pack, offset: 0 };
  }

  async function expectRefusal(): Promise<void> {
    const to = join(work, "to");
    const before = readdirSync(work).sort();
    await expect(store.restore(id, { to }, signal)).rejects.toMatchObject({ kind: "permanent" });
    expect(
      readdirSync(work)
        .filter((name) => name !== "to")
        .sort(),
    ).toEqual(before.filter((name) => name !== "to"));
    expect((await store.verify(id, "content", signal)).damagedFiles).toBeGreaterThan(0);
    rmSync(to, { recursive: true, force: true });
  }
});
