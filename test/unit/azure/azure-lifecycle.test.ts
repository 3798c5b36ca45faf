import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findMisplacedShares } from "../../../provider/declaration/azure-share";
import type { AzureFilesService } from "../../fixtures/azure-files/service";
import { openStoreOf, startService } from "../../fixtures/azure-files/store-under-test";
import { MiniEngine } from "../../fixtures/mini-engine";

const { signal } = new AbortController();

describe("resources on an Azure file share", () => {
  let service: AzureFilesService;
  let home: string;

  beforeEach(async () => {
    service = await startService();
    service.shares.require("files").files.writeFile("one.txt", Buffer.from("Dear reader,"));
    home = join(await mkdtemp(join(tmpdir(), "azure-lifecycle-")), "home");
  });

  afterEach(async () => {
    await service.stop();
    await rm(join(home, ".."), { recursive: true, force: true });
  });

  const snapshots = () => service.shares.require("files").snapshots;

  it("a FileShareSnapshot takes a point of the share, and another where its snapshot was deleted", async () => {
    const engine = new MiniEngine(home);
    const credential = {
      kind: "connection-string",
      connectionString: { env: "AZURE_FILES_CONNECTION_STRING" },
    };
    const { account, endpoint } = service;
    const declared = {
      kind: "FileShareSnapshot" as const,
      urn: "urn:pulumi:test::azure::pulumi-nodejs:dynamic/backup-posture:FileShareSnapshot::before",
      args: {
        home,
        share: { path: `azure-files://${account}/files` },
        store: { kind: "azure-files", account, share: "files", endpoint, credential },
      },
    };
    await engine.up([declared]);
    const outputsOf = () => [...engine.resources.values()][0]!.outputs;
    expect(outputsOf()).toMatchObject({ health: "healthy", files: 1, bytes: 12 });
    expect(snapshots()).toHaveLength(1);
    const { pointId } = outputsOf();
    service.shares.removeSnapshot("files", snapshots()[0]!.taken);
    await engine.refresh();
    expect(outputsOf()).toMatchObject({ health: "missing" });
    await engine.up([declared]);
    expect(outputsOf()).toMatchObject({ health: "healthy", files: 1 });
    expect(outputsOf().pointId).not.toBe(pointId);
    expect(snapshots()).toHaveLength(1);
  });

  it("a budget that is nearly used up, and a lease on a point, are concerns", async () => {
    const store = openStoreOf(service);
    await store.initialise(signal);
    expect(await store.findConcerns("nightly", signal)).toEqual([]);
    await store.capture(
      {
        schedule: "nightly",
        source: "share",
        set: { id: "run-1", sources: ["share"] },
        owner: null,
        startedAt: new Date("2026-11-19T01:00:00Z"),
        tree: { root: `azure-files://${service.account}/files`, exclude: [] },
      },
      signal,
    );
    snapshots()[0]!.leased = true;
    expect(await store.findConcerns("nightly", signal)).toMatchObject([{ kind: "cannot be pruned" }]);
    expect(await store.findConcerns("another", signal)).toEqual([]);
    for (let at = 0; at < 179; at += 1) service.shares.takeSnapshot("files", {});
    expect(await store.findConcerns("another", signal)).toEqual([]);
    service.shares.takeSnapshot("files", {});
    expect(await store.findConcerns("another", signal)).toMatchObject([{ kind: "store nearly full" }]);
  });

  it("are refused where source and store are not one share", () => {
    const onShare = { kind: "azure-files", account: "contosofiles", share: "files" };
    const find = (store: typeof onShare | { readonly kind: string }, path: string | null) =>
      findMisplacedShares({ store, paths: { "sources.files.path": path } });
    expect(find(onShare, "azure-files://contosofiles/files/public")).toEqual([]);
    expect(find({ kind: "directory" }, "/srv/files")).toEqual([]);
    for (const path of ["/srv/files", "azure-files://contosofiles/others", "azure-files://fabrikam/files", null])
      expect(find(onShare, path).join()).toMatch(/^sources\.files\.path: must be azure-files:\/\/contosofiles\/files/);
    expect(find({ kind: "directory" }, "azure-files://contosofiles/files").join()).toContain('kind "azure-files"');
  });
});
