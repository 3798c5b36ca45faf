import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openStore } from "../../../provider/snapshot/stores";
import { type Declared, MiniEngine } from "../../fixtures/mini-engine";
import { makeScratchFolder } from "../../fixtures/scratch";

const urn = "urn:pulumi:mine::project::pulumi-nodejs:dynamic/backup-posture:FileShareSnapshot::files";
const never = new AbortController().signal;

describe("FileShareSnapshot", () => {
  let root: string;
  let engine: MiniEngine;
  let share: string;
  let store: string;

  beforeEach(async () => {
    root = await makeScratchFolder();
    engine = new MiniEngine(join(root, "home"));
    share = join(root, "share");
    store = join(root, "store");
    await mkdir(share);
    await writeFile(join(share, "file"), "content");
    process.env.BACKUP_POSTURE_NOW = "2026-11-19T12:00:00Z";
  });

  afterEach(async () => {
    delete process.env.BACKUP_POSTURE_NOW;
    await rm(root, { recursive: true, force: true });
  });

  function declare(more: Record<string, unknown> = {}): readonly Declared[] {
    const args = {
      home: join(root, "home"),
      share: { path: share },
      store: { kind: "directory", path: store },
      ...more,
    };
    return [{ kind: "FileShareSnapshot", urn, args }];
  }

  async function listPoints() {
    return openStore({ kind: "directory", path: store }).list({}, never);
  }

  it("lets an old point go for a new one that was read back", async () => {
    await engine.up(declare({ maxAge: "1h" }));
    const [before] = await listPoints();
    process.env.BACKUP_POSTURE_NOW = "2026-11-19T15:00:00Z";
    await engine.refresh();
    expect(engine.resources.get(urn)?.inputs.health).toBe("older than maxAge: taken 2026-11-19T12:00:00Z, maxAge 1h");
    await engine.up(declare({ maxAge: "1h" }));
    const after = await listPoints();
    expect(after).toHaveLength(1);
    expect(after[0]?.id).not.toBe(before?.id);
    expect(engine.resources.get(urn)?.outputs).toMatchObject({
      pointId: after[0]?.id,
      takenAt: "2026-11-19T15:00:00Z",
    });
  });

  it("keeps a point with files when the share is empty by now, as behind a mount that is missing", async () => {
    await engine.up(declare({ maxAge: "1h" }));
    const before = await listPoints();
    process.env.BACKUP_POSTURE_NOW = "2026-11-19T15:00:00Z";
    await rm(join(share, "file"));
    await engine.refresh();
    await expect(engine.up(declare({ maxAge: "1h" }))).rejects.toThrow(
      /is empty, and the last recovery point holds 1 files/,
    );
    expect((await listPoints()).map(({ id }) => id)).toEqual(before.map(({ id }) => id));
  });

  it("keeps the points of a snapshot that was removed, also when it is declared again", async () => {
    await engine.up(declare());
    const [before] = await listPoints();
    await engine.up([]);
    expect(await listPoints()).toHaveLength(1);
    await engine.up(declare());
    expect((await listPoints()).map(({ id }) => id)).toContain(before?.id);
    expect(await listPoints()).toHaveLength(2);
  });

  it("keeps the point of another share when the declaration moves on", async () => {
    await engine.up(declare());
    const [before] = await listPoints();
    await mkdir(join(root, "other"));
    await engine.up(declare({ share: { path: join(root, "other") } }));
    expect((await listPoints()).map(({ id }) => id)).toContain(before?.id);
  });
});
