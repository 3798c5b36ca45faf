import { createCipheriv, createHash } from "node:crypto";
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CaptureRequest, PointEntry, RecoveryPoint, Store } from "../../provider/snapshot/stores/store";

/** One implementation to be held to the contract, in a place of its own. */
export interface StoreUnderTest {
  /** Not initialised yet. */
  readonly store: Store;
  /** Another process's view of the same place. */
  reopen(): Store;
  readonly tamper: {
    /** Takes the place away, as an unmounted disk would, and gives back how to put it back. */
    hide(): Promise<() => Promise<void>>;
    /** Flips one bit of a content that the point needs. */
    flipContent(id: string): Promise<void>;
    /** Flips one bit in what describes the point. */
    flipManifest(id: string): Promise<void>;
    /** Removes something with content of the point. */
    loseContent(id: string): Promise<void>;
  };
  /** Bytes that the place takes; left out where it cannot be told. */
  size?(): Promise<number>;
  dispose(): Promise<void>;
}

interface Kept {
  readonly modes: boolean;
  readonly links: boolean;
}

/** An implementation's row in the table. */
export interface StoreTraits {
  readonly name: string;
  /** What of a tree it keeps beside names, contents and times. Default: modes and links. */
  readonly keeps?: Kept;
  /**
   * Whether a capture stores anew what a verification found damaged; one that cannot says of the new point that it is damaged, too.
   * Default: true.
   */
  readonly healsContents?: boolean;
  /** Whether its place can be tampered with; otherwise what is to be found of damage is not tested. Default: true. */
  readonly canBeTamperedWith?: boolean;
  open(): Promise<StoreUnderTest>;
}

/** What every store must do. */
export function describeStore(traits: StoreTraits): void {
  const itTampered = traits.canBeTamperedWith === false ? it.skip : it;
  const keeps = traits.keeps ?? { modes: true, links: true };
  describe(`store ${traits.name}`, () => {
    const { signal } = new AbortController();
    let under: StoreUnderTest;
    let store: Store;
    let work: string;
    let tree: string;

    beforeEach(async () => {
      under = await traits.open();
      store = under.store;
      work = await mkdtemp(join(tmpdir(), "store-conformance-"));
      tree = join(work, "tree");
      await plant(tree, keeps);
    });

    afterEach(async () => {
      await under.dispose();
      await rm(work, { recursive: true, force: true });
    });

    const capture = async (changes: Partial<CaptureRequest> = {}): Promise<RecoveryPoint> =>
      store.capture(makeRequest(tree, changes), signal);
    const restored = async (id: string): Promise<Snapshot> => {
      const to = await mkdtemp(join(work, "restored-"));
      await store.restore(id, { to }, signal);
      return takeSnapshot(to, keeps);
    };

    describe("a place", () => {
      it("is never taken for empty, nor made, before it was declared", async () => {
        for (const action of everyAction(store, tree, signal))
          await expect(action()).rejects.toMatchObject({ kind: "unreachable" });
        await store.initialise(signal);
        expect(await store.list({}, signal)).toEqual([]);
      });

      itTampered("is unreachable while it is away, and as it was when it is back", async () => {
        await store.initialise(signal);
        const point = await capture();
        const putBack = await under.tamper.hide();
        for (const action of everyAction(store, tree, signal))
          await expect(action()).rejects.toMatchObject({ kind: "unreachable" });
        await putBack();
        expect(await store.list({}, signal)).toEqual([point]);
      });

      it("is made by several at once", async () => {
        const others = Array.from({ length: 5 }, () => under.reopen());
        await Promise.all([store, ...others].map((each) => each.initialise(signal)));
        const point = await capture();
        for (const each of others) expect(await each.list({}, signal)).toEqual([point]);
      });

      it("keeps its points when it is declared again", async () => {
        await store.initialise(signal);
        const point = await capture();
        await store.initialise(signal);
        expect(await under.reopen().list({}, signal)).toEqual([point]);
      });
    });

    describe("a recovery point", () => {
      beforeEach(() => store.initialise(signal));

      it("comes back as it was taken", async () => {
        const before = await takeSnapshot(tree, keeps);
        const point = await capture();
        expect(await restored(point.id)).toEqual(before);
      });

      it("says what it is and what it holds", async () => {
        const point = await capture({ owner: "urn:pulumi:a", pinnedBy: "before-migration" });
        expect(point.id).toMatch(/^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$/);
        expect(point).toMatchObject({
          schedule: "nightly",
          source: "share",
          set: { id: "run-1", sources: ["share"] },
          owner: "urn:pulumi:a",
          pinnedBy: "before-migration",
          startedAt: new Date("2026-11-19T01:00:00Z"),
          files: 4,
          directories: 4,
          links: keeps.links ? 2 : 0,
          bytes: 300_000 + 12 + 5,
          damage: null,
        });
        expect(point.addedBytes).toBeGreaterThan(0);
        expect(point.fidelity.skipped).toBe(0);
        expect(await under.reopen().list({}, signal)).toEqual([point]);
      });

      it("is not changed by what happens to the tree later", async () => {
        const before = await takeSnapshot(tree, keeps);
        const first = await capture();
        await writeFile(join(tree, "letter.txt"), "Dear others,");
        await rm(join(tree, "deep"), { recursive: true });
        await capture({ startedAt: new Date("2026-11-20T01:00:00Z") });
        expect(await restored(first.id)).toEqual(before);
      });

      it("notices every change, also one that keeps size and modification time", async () => {
        await capture();
        const path = join(tree, "letter.txt");
        const { atime, mtime } = await lstat(path);
        await writeFile(path, "Dear others,");
        await utimes(path, atime, mtime);
        const point = await capture({ startedAt: new Date("2026-11-20T01:00:00Z") });
        expect((await restored(point.id)).get("letter.txt")).toMatchObject({ content: "Dear others," });
      });

      it("adds next to nothing when nothing changed or files only moved", async () => {
        const first = await capture();
        await rm(join(tree, "deep", "er"), { recursive: true });
        await writeFile(join(tree, "moved.bin"), bytesOf(300_000));
        const second = await capture({ startedAt: new Date("2026-11-20T01:00:00Z") });
        expect(first.addedBytes).toBeGreaterThan(300_000);
        expect(second.addedBytes).toBeLessThan(50_000);
      });

      it("leaves out what is excluded, at every depth or at one place", async () => {
        await mkdir(join(tree, "deep", "tmp"));
        await writeFile(join(tree, "deep", "tmp", "kept"), "");
        await mkdir(join(tree, "tmp"));
        await writeFile(join(tree, "tmp", "left out"), "");
        const point = await capture({ tree: { root: tree, exclude: ["*.bin", "/tmp"] } });
        const paths = [...(await restored(point.id)).keys()];
        expect(paths).toContain("deep/tmp/kept");
        expect(paths).not.toContain("tmp");
        expect(paths.filter((path) => path.endsWith(".bin"))).toEqual([]);
      });

      it("lists its entries in order, with what is needed to compare them", async () => {
        const point = await capture();
        const entries: PointEntry[] = [];
        for await (const entry of store.entries(point.id, signal)) entries.push(entry);
        expect(entries.map((entry) => entry.path.toString())).toEqual([
          "",
          "deep",
          "deep/er",
          "deep/er/data.bin",
          "empty",
          "empty.txt",
          "letter.txt",
          ...(keeps.links ? ["nowhere", "to letter"] : []),
          "Übersicht.txt",
        ]);
        const letter = entries.find((entry) => entry.path.toString() === "letter.txt");
        expect(letter).toMatchObject({ kind: "file", size: 12, target: null });
        expect(point.fidelity.modes).toBe(keeps.modes);
        if (keeps.modes) expect(letter?.mode).toBe(0o640);
        const { uid: user, gid: group } = await lstat(join(tree, "letter.txt"));
        expect(letter?.owner).toEqual(point.fidelity.owners ? { user, group } : null);
        expect(letter?.digest).toBe(createHash("sha256").update("Dear reader,").digest("hex"));
        const link = entries.find((entry) => entry.path.toString() === "nowhere");
        expect(link?.target?.toString()).toBe(keeps.links ? "/no/such/place" : undefined);
      });

      it("restores parts of itself, and says when there is no such part", async () => {
        const point = await capture();
        const to = join(work, "part");
        await store.restore(point.id, { to, only: ["deep/er"] }, signal);
        expect([...(await takeSnapshot(to, keeps)).keys()]).toEqual(["deep", "deep/er", "deep/er/data.bin"]);
        await expect(
          store.restore(point.id, { to: join(work, "none"), only: ["deep/est"] }, signal),
        ).rejects.toMatchObject({ kind: "usage" });
      });

      it("replaces nothing unless it is asked to", async () => {
        const before = await takeSnapshot(tree, keeps);
        const point = await capture();
        await writeFile(join(tree, "letter.txt"), "changed");
        await expect(store.restore(point.id, { to: tree }, signal)).rejects.toMatchObject({ kind: "conflict" });
        expect(await readFile(join(tree, "letter.txt"), "utf8")).toBe("changed");
        await store.restore(point.id, { to: tree, overwrite: true }, signal);
        expect(await takeSnapshot(tree, keeps)).toEqual(before);
      });
    });

    describe("a list", () => {
      beforeEach(() => store.initialise(signal));

      it("is ordered by the start of the captures and can be narrowed to one schedule", async () => {
        const late = await capture({ startedAt: new Date("2026-11-21T01:00:00Z") });
        const early = await capture({ startedAt: new Date("2026-11-18T01:00:00Z") });
        const other = await capture({ schedule: "weekly", startedAt: new Date("2026-11-19T01:00:00Z") });
        expect(await store.list({}, signal)).toEqual([early, other, late]);
        expect(await store.list({ schedule: "nightly" }, signal)).toEqual([early, late]);
        expect(await store.list({ schedule: "unknown" }, signal)).toEqual([]);
      });

      it("keeps points from the future apart from others, and shows them as they are", async () => {
        const present = await capture();
        const future = await capture({ startedAt: new Date("2099-01-01T00:00:00Z") });
        const later = await capture({ startedAt: new Date("2026-11-20T01:00:00Z") });
        expect(await store.list({}, signal)).toEqual([present, later, future]);
      });
    });

    describe("damage", () => {
      beforeEach(() => store.initialise(signal));

      it("is not found where there is none", async () => {
        const point = await capture();
        const nothing = { damagedFiles: 0, damaged: [], files: 4, bytes: point.bytes };
        expect(await store.verify(point.id, "metadata", signal)).toMatchObject(nothing);
        expect(await store.verify(point.id, "content", signal)).toMatchObject(nothing);
      });

      itTampered(
        "of a content is found, with the path, and never taken for healed by the next capture where it is not",
        async () => {
          const before = await takeSnapshot(tree, keeps);
          const point = await capture();
          await under.tamper.flipContent(point.id);
          const verification = await store.verify(point.id, "content", signal);
          expect(verification.damagedFiles).toBeGreaterThan(0);
          expect(verification.damaged[0]?.path).not.toBe("");
          await expect(restored(point.id)).rejects.toMatchObject({ kind: "permanent" });
          const healed = await capture({ startedAt: new Date("2026-11-20T01:00:00Z") });
          const after = await store.verify(healed.id, "content", signal);
          const heals = traits.healsContents ?? true;
          expect(after.damagedFiles).toBe(heals ? 0 : verification.damagedFiles);
          if (heals) expect(await restored(healed.id)).toEqual(before);
        },
      );

      itTampered("of what describes a point is found", async () => {
        const point = await capture();
        await under.tamper.flipManifest(point.id);
        const verification = await store.verify(point.id, "metadata", signal);
        expect(verification.damagedFiles).toBeGreaterThan(0);
        expect((await store.verify(point.id, "content", signal)).damagedFiles).toBeGreaterThan(0);
      });

      itTampered("by loss is found without reading contents, and healed by the next capture", async () => {
        const before = await takeSnapshot(tree, keeps);
        const point = await capture();
        await under.tamper.loseContent(point.id);
        expect((await store.verify(point.id, "metadata", signal)).damagedFiles).toBeGreaterThan(0);
        const healed = await capture({ startedAt: new Date("2026-11-20T01:00:00Z") });
        expect(await restored(healed.id)).toEqual(before);
      });
    });

    describe("forgetting", () => {
      beforeEach(() => store.initialise(signal));

      it("deletes what only the forgotten point needed, and nothing else", async () => {
        const first = await capture();
        await rm(join(tree, "deep"), { recursive: true });
        const before = await takeSnapshot(tree, keeps);
        const second = await capture({ startedAt: new Date("2026-11-20T01:00:00Z") });
        const full = await under.size?.();
        await store.forget([first.id], {}, signal);
        expect(await store.list({}, signal)).toEqual([second]);
        expect(await store.verify(second.id, "content", signal)).toMatchObject({ damagedFiles: 0 });
        expect(await restored(second.id)).toEqual(before);
        await store.forget([second.id], {}, signal);
        if (full !== undefined) expect(await under.size?.()).toBeLessThan(full - 300_000);
      });

      it("takes absent points for forgotten", async () => {
        const point = await capture();
        await store.forget([point.id, point.id, "20200101T000000Z-00000000"], {}, signal);
        await store.forget([point.id], {}, signal);
        expect(await store.list({}, signal)).toEqual([]);
      });

      it("refuses pinned points, and then deletes none", async () => {
        const free = await capture();
        const pinned = await capture({ pinnedBy: "before-migration", startedAt: new Date("2026-11-20T01:00:00Z") });
        await expect(store.forget([free.id, pinned.id], {}, signal)).rejects.toMatchObject({ kind: "conflict" });
        await expect(store.forget([pinned.id], { releasePinsOf: "another" }, signal)).rejects.toMatchObject({
          kind: "conflict",
        });
        expect(await store.list({}, signal)).toEqual([free, pinned]);
        await store.forget([pinned.id], { releasePinsOf: "before-migration" }, signal);
        expect(await store.list({}, signal)).toEqual([free]);
      });
    });

    it("says that it does not hold an unknown point", async () => {
      await store.initialise(signal);
      const unknown = { kind: "permanent" };
      await expect(store.verify("unknown", "content", signal)).rejects.toMatchObject(unknown);
      await expect(store.restore("unknown", { to: join(work, "to") }, signal)).rejects.toMatchObject(unknown);
      await expect(store.entries("../unknown", signal)[Symbol.asyncIterator]().next()).rejects.toMatchObject(unknown);
    });

    it("takes captures of two processes at once, and mixes nothing", async () => {
      await store.initialise(signal);
      const other = join(work, "other");
      await mkdir(other);
      await writeFile(join(other, "only here"), bytesOf(100_000));
      const [one, two] = await Promise.all([
        capture(),
        under.reopen().capture(makeRequest(other, { schedule: "another" }), signal),
      ]);
      expect(await restored(one.id)).toEqual(await takeSnapshot(tree, keeps));
      expect(await restored(two.id)).toEqual(await takeSnapshot(other, keeps));
    });

    it("leaves nothing behind when a capture is stopped", async () => {
      await store.initialise(signal);
      const stopped = AbortSignal.abort();
      await expect(store.capture(makeRequest(tree, {}), stopped)).rejects.toThrow();
      expect(await store.list({}, signal)).toEqual([]);
      await capture();
    });
  });
}

/** A request with plain values, changed as asked. */
export function makeRequest(tree: string, changes: Partial<CaptureRequest> = {}): CaptureRequest {
  return {
    schedule: "nightly",
    source: "share",
    set: { id: "run-1", sources: ["share"] },
    owner: null,
    startedAt: new Date("2026-11-19T01:00:00Z"),
    tree: { root: tree, exclude: [] },
    ...changes,
  };
}

type Snapshot = ReadonlyMap<string, Readonly<Record<string, unknown>>>;

async function plant(tree: string, keeps: Kept): Promise<void> {
  await mkdir(join(tree, "deep", "er"), { recursive: true });
  await mkdir(join(tree, "empty"));
  await writeFile(join(tree, "letter.txt"), "Dear reader,");
  await chmod(join(tree, "letter.txt"), 0o640);
  await writeFile(join(tree, "empty.txt"), "");
  await writeFile(join(tree, "Übersicht.txt"), "Liste");
  await writeFile(join(tree, "deep", "er", "data.bin"), bytesOf(300_000));
  if (keeps.links) {
    await symlink("letter.txt", join(tree, "to letter"));
    await symlink("/no/such/place", join(tree, "nowhere"));
  }
  await chmod(join(tree, "empty"), 0o750);
  await utimes(join(tree, "letter.txt"), 1_600_000_000, 1_600_000_000.25);
}

/** What a tree is, as far as every store has to keep it. */
async function takeSnapshot(root: string, keeps: Kept): Promise<Snapshot> {
  const found = new Map<string, Record<string, unknown>>();
  const look = async (path: string): Promise<void> => {
    for (const name of (await readdir(join(root, path))).sort()) {
      const inner = path === "" ? name : `${path}/${name}`;
      const stats = await lstat(join(root, inner));
      const common = { mode: keeps.modes ? stats.mode : 0, modifiedAt: Math.round(stats.mtimeMs) };
      if (stats.isSymbolicLink()) found.set(inner, { target: await readlink(join(root, inner)) });
      else if (stats.isDirectory()) found.set(inner, common);
      else found.set(inner, { ...common, content: await readFile(join(root, inner), "latin1") });
      if (stats.isDirectory()) await look(inner);
    }
  };
  await look("");
  return found;
}

function everyAction(store: Store, tree: string, signal: AbortSignal): readonly (() => Promise<unknown>)[] {
  return [
    () => store.list({}, signal),
    () => store.capture(makeRequest(tree), signal),
    () => store.verify("20261119T010000Z-00000000", "metadata", signal),
    () => store.restore("20261119T010000Z-00000000", { to: join(tree, "to") }, signal),
    () => store.entries("20261119T010000Z-00000000", signal)[Symbol.asyncIterator]().next(),
    () => store.forget([], {}, signal),
  ];
}

/** Bytes that look random and are the same in every run. */
function bytesOf(length: number): Buffer {
  return createCipheriv("aes-256-ctr", Buffer.alloc(32), Buffer.alloc(16)).update(Buffer.alloc(length));
}
