import { randomBytes } from "node:crypto";
import { appendFile, link, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  AccountSASPermissions,
  AccountSASResourceTypes,
  AccountSASServices,
  generateAccountSASQueryParameters,
  SASProtocol,
  StorageSharedKeyCredential,
} from "@azure/storage-file-share";
import { AzureFilesStore } from "../../provider/snapshot/stores/azure-files/azure-files-store";
import type { CaptureRequest, RecoveryPoint } from "../../provider/snapshot/stores/store";
import type { AzureFilesService, Operation } from "../fixtures/azure-files/service";
import { openStoreOf, startService } from "../fixtures/azure-files/store-under-test";

const { signal } = new AbortController();

const holding = (part: string): unknown => expect.stringContaining(part);
const without = (part: string): unknown => expect.not.stringContaining(part);

describe("Azure Files, when the service or the way to it fails", () => {
  let service: AzureFilesService;
  let store: AzureFilesStore;
  let pauses: number[];
  let work: string;

  beforeEach(async () => {
    service = await startService();
    pauses = [];
    store = openStoreOf(service, pauses);
    work = await mkdtemp(join(tmpdir(), "azure-files-"));
    const { files } = service.shares.require("files");
    files.makeDirectory("letters");
    files.writeFile("letters/one.txt", Buffer.from("Dear reader,"));
    files.writeFile("two.bin", Buffer.alloc(5_000_000, 7));
    files.writeFile("empty", Buffer.alloc(0));
    await store.initialise(signal);
  });

  afterEach(async () => {
    await service.stop();
    await rm(work, { recursive: true, force: true });
  });

  const toRequest = (changes: Partial<CaptureRequest> = {}): CaptureRequest => ({
    schedule: "nightly",
    source: "share",
    set: { id: "run-1", sources: ["share"] },
    owner: null,
    startedAt: new Date("2026-11-19T01:00:00Z"),
    tree: { root: `azure-files://${service.account}/files`, exclude: [] },
    ...changes,
  });
  const capture = (changes: Partial<CaptureRequest> = {}) => store.capture(toRequest(changes), signal);
  const snapshots = () => service.shares.require("files").snapshots;
  const catalogue = () => service.shares.require("files-posture").files;
  const addOthers = (count: number) => {
    for (let at = 0; at < count; at += 1) service.shares.takeSnapshot("files", { initiator: "AzureBackup" });
  };

  describe("throttling", () => {
    it("is waited for as long as the service asks", async () => {
      service.throttle("create-snapshot", 17, 2);
      service.throttle("list-directory", 3);
      await capture();
      expect(pauses).toEqual([3_000, 17_000, 17_000]);
      expect(snapshots()).toHaveLength(1);
    });

    it("is given up after a bounded number of attempts, and told as what it is", async () => {
      service.throttle("list-shares", 1, 100);
      await expect(store.list({}, signal)).rejects.toMatchObject({
        kind: "unreachable",
        message: holding("the service is busy (503 ServerBusy)"),
      });
      expect(pauses).toHaveLength(5);
    });

    it("that lasts longer than anyone waits is told at once", async () => {
      service.throttle("list-shares", 3_600);
      await expect(store.list({}, signal)).rejects.toMatchObject({ kind: "unreachable" });
      expect(pauses).toEqual([]);
    });

    it("by status 429 is throttling as well", async () => {
      service.refuse("list-shares", 429, "TooManyRequests", 1, { "Retry-After": "2" });
      expect(await store.list({}, signal)).toEqual([]);
      expect(pauses).toEqual([2_000]);
    });

    it("ends with the signal", async () => {
      const stopped = new AbortController();
      const patient = new AzureFilesStore(declaration(), {
        pause: async (_milliseconds, during) => {
          stopped.abort(new Error("stopped"));
          during.throwIfAborted();
        },
      });
      service.throttle("list-shares", 1, 100);
      await expect(patient.list({}, stopped.signal)).rejects.toThrow("stopped");
    });
  });

  describe("an answer that is lost after the work was done", () => {
    it("of a snapshot leads to one recovery point, and one snapshot", async () => {
      service.loseAnswer("create-snapshot");
      const point = await capture();
      expect(snapshots()).toHaveLength(1);
      expect(await store.list({}, signal)).toEqual([point]);
    });

    it("of a snapshot leads to one recovery point even where lists lag behind, and the next capture removes the second snapshot", async () => {
      service.loseAnswer("create-snapshot");
      const point = await captureWithLaggingLists();
      expect(snapshots()).toHaveLength(2);
      expect(await store.list({}, signal)).toEqual([point]);
      const next = await capture({ startedAt: new Date("2026-11-20T01:00:00Z") });
      expect(snapshots()).toHaveLength(2);
      expect(await store.list({}, signal)).toEqual([point, next]);
    });

    const operations: readonly Operation[] = [
      "list-shares",
      "create-snapshot",
      "create-file",
      "put-range",
      "read-file",
      "file-properties",
      "list-directory",
      "directory-properties",
      "share-properties",
      "delete-share",
      "delete-file",
    ];
    it.each(operations)("of %s changes nothing of what comes about", async (operation) => {
      service.loseAnswer(operation, 2);
      const first = await capture();
      service.loseAnswer(operation);
      const second = await capture({ startedAt: new Date("2026-11-20T01:00:00Z") });
      service.loseAnswer(operation);
      expect(await store.list({}, signal)).toEqual([first, second]);
      expect(await store.verify(second.id, "content", signal)).toMatchObject({ damagedFiles: 0, files: 3 });
      service.loseAnswer(operation);
      await store.forget([first.id], {}, signal);
      expect(await store.list({}, signal)).toEqual([second]);
      expect(snapshots()).toHaveLength(1);
      expect(
        catalogue()
          .paths()
          .filter((path) => path.includes(first.id)),
      ).toEqual([]);
    });

    it("in the middle of a file is read again", async () => {
      service.breakAnswer("read-file", 3);
      const point = await capture();
      service.breakAnswer("read-file", 2);
      await store.restore(point.id, { to: join(work, "to") }, signal);
      expect(Buffer.alloc(5_000_000, 7).equals(await readFile(join(work, "to", "two.bin")))).toBe(true);
    });

    async function captureWithLaggingLists(): Promise<RecoveryPoint> {
      // One list before the snapshot, two in search of it.
      service.lagLists(3);
      return await capture();
    }
  });

  describe("a refusal", () => {
    it("of the two hundred and first snapshot names the limit, and leaves nothing behind", async () => {
      addOthers(199);
      service.refuse("create-snapshot", 409, "ShareSnapshotCountExceeded");
      await expect(capture()).rejects.toMatchObject({ kind: "conflict", message: holding("200") });
      expect(snapshots()).toHaveLength(199);
      expect(
        catalogue()
          .paths()
          .filter((path) => path.includes("/")),
      ).toEqual([]);
    });

    it("is not waited for where the share is full already, whoever filled it", async () => {
      const own = await capture();
      addOthers(199);
      await expect(capture()).rejects.toMatchObject({ kind: "conflict", message: holding("200") });
      expect(await store.list({}, signal)).toEqual([own]);
    });

    it("while another snapshot is being taken is waited for, and told in the end", async () => {
      service.refuse("create-snapshot", 409, "ShareSnapshotInProgress", 3);
      await capture();
      service.refuse("create-snapshot", 409, "ShareSnapshotInProgress", 100);
      await expect(capture()).rejects.toMatchObject({
        kind: "transient",
        message: holding("another snapshot of the share is being taken"),
      });
      expect(await store.list({}, signal)).toHaveLength(1);
    });

    it("since the share is being deleted is no empty store", async () => {
      service.refuse("list-shares", 409, "ShareBeingDeleted", 100);
      await expect(store.list({}, signal)).rejects.toMatchObject({ kind: "unreachable" });
    });

    it("for want of rights is no empty store", async () => {
      service.refuse("list-shares", 403, "AuthorizationFailure");
      await expect(store.list({}, signal)).rejects.toMatchObject({
        kind: "unreachable",
        message: holding("403 AuthorizationFailure"),
      });
    });
  });

  describe("lists", () => {
    it("of many pages are read to their end", async () => {
      service.pageSize = 2;
      addOthers(5);
      const points = [];
      for (let day = 10; day < 15; day += 1)
        points.push(await capture({ startedAt: new Date(`2026-11-${day}T01:00:00Z`) }));
      expect(await store.list({}, signal)).toEqual(points);
      expect(await store.verify(points[4]!.id, "metadata", signal)).toMatchObject({ damagedFiles: 0, files: 3 });
    });

    it("that lag behind hide no point", async () => {
      service.lagLists(100);
      const point = await capture();
      expect(await store.list({}, signal)).toEqual([point]);
    });

    it("that lag behind bring back no point", async () => {
      const point = await capture();
      service.lagLists(100);
      await store.forget([point.id], {}, signal);
      expect(await store.list({}, signal)).toEqual([]);
    });
  });

  describe("what others do", () => {
    it("by deleting a snapshot is seen: the point is gone", async () => {
      const point = await capture();
      service.shares.removeSnapshot("files", snapshots()[0]!.taken);
      expect(await store.list({}, signal)).toEqual([]);
      await expect(store.verify(point.id, "metadata", signal)).rejects.toMatchObject({ kind: "permanent" });
      await store.forget([point.id], {}, signal);
    });

    it("by taking snapshots is theirs: they are neither listed nor deleted", async () => {
      addOthers(2);
      const point = await capture();
      const [other] = snapshots();
      await store.forget([other!.taken, point.id], {}, signal);
      expect(snapshots()).toHaveLength(2);
    });

    it("by a lease keeps a point, and then none is deleted", async () => {
      const first = await capture();
      const second = await capture({ startedAt: new Date("2026-11-20T01:00:00Z") });
      snapshots()[1]!.leased = true;
      await expect(store.forget([first.id, second.id], {}, signal)).rejects.toMatchObject({
        kind: "conflict",
        message: holding("lease"),
      });
      expect(await store.list({}, signal)).toEqual([first, second]);
    });

    it("by deleting what describes a point is damage, and the point stays whose it is", async () => {
      const point = await capture({ pinnedBy: "before-migration" });
      catalogue().remove(`points/${point.id}.json`);
      expect(await store.list({}, signal)).toMatchObject([
        { id: point.id, pinnedBy: "before-migration", damage: holding("lost") },
      ]);
      expect(await store.verify(point.id, "metadata", signal)).toMatchObject({ damagedFiles: 1 });
      await expect(store.forget([point.id], {}, signal)).rejects.toMatchObject({ kind: "conflict" });
    });
  });

  describe("a capture that is killed", () => {
    it("is no point, and the next one cleans up after it and reads nothing twice that it knows", async () => {
      await expect(
        capture({
          onProgress: ({ files }) => {
            if (files > 0) service.isAway = true;
          },
        }),
      ).rejects.toMatchObject({ kind: "unreachable" });
      service.isAway = false;
      expect(snapshots()).toHaveLength(1);
      expect(await store.list({}, signal)).toEqual([]);
      const point = await capture();
      expect(snapshots()).toHaveLength(1);
      expect(await store.list({}, signal)).toEqual([point]);
    });

    it("leaves others' captures alone", async () => {
      await expect(
        capture({
          schedule: "another",
          onProgress: () => {
            service.isAway = true;
          },
        }),
      ).rejects.toMatchObject({ kind: "unreachable" });
      service.isAway = false;
      await capture();
      expect(snapshots()).toHaveLength(2);
      expect(await store.list({}, signal)).toHaveLength(1);
    });
  });

  it("reads files whose version is known once only", async () => {
    await capture();
    const before = service.bytesRead;
    service.shares.require("files").files.writeFile("letters/one.txt", Buffer.from("Dear others,"));
    const point = await capture({ startedAt: new Date("2026-11-20T01:00:00Z") });
    expect(service.bytesRead - before).toBeLessThan(100_000);
    expect(await store.verify(point.id, "content", signal)).toMatchObject({ damagedFiles: 0 });
  });

  it("goes on with a restore that was broken off, and fetches only what is not there", async () => {
    const point = await capture();
    const to = join(work, "to");
    await store.restore(point.id, { to }, signal);
    await truncate(join(to, "letters", "one.txt"), 4);
    await writeFile(join(to, "new"), "stays");
    const before = service.bytesRead;
    await store.restore(point.id, { to, overwrite: true }, signal);
    expect(service.bytesRead - before).toBeLessThan(100_000);
    expect(await readFile(join(to, "letters", "one.txt"), "utf8")).toBe("Dear reader,");
    expect((await readdir(to)).sort()).toEqual(["empty", "letters", "new", "two.bin"]);
  });

  describe("a restore over a large file that stands there as another point knows it", () => {
    const large = randomBytes(6_000_000);
    const changed = Buffer.from(large);
    changed.fill(1, 2_000_000, 2_000_100);
    changed.fill(0, 3_000_000, 3_100_000);
    const longer = Buffer.concat([changed, randomBytes(10_000)]);
    let points: RecoveryPoint[];
    let to: string;

    beforeEach(async () => {
      points = [];
      for (const content of [large, changed, longer]) {
        service.shares.require("files").files.writeFile("Large.vhd", content);
        const startedAt = new Date(Date.parse("2026-11-19T01:00:00Z") + points.length * 86_400_000);
        points.push(await capture({ set: { id: `run-${points.length}`, sources: ["share"] }, startedAt }));
      }
      to = join(work, "to");
    });

    /** What was fetched, in bytes; what describes points counts as well. */
    async function restore(at: number): Promise<number> {
      const before = service.bytesRead;
      await store.restore(points[at]!.id, { to, overwrite: true }, signal);
      return service.bytesRead - before;
    }
    const standing = () => readFile(join(to, "Large.vhd"));

    it("fetches what has changed only, forwards, backwards, and where it grew or shrank", async () => {
      expect(await restore(0)).toBeGreaterThan(large.length);
      for (const [at, content] of [
        [1, changed],
        [0, large],
        [2, longer],
        [1, changed],
        [2, longer],
        [0, large],
      ] as const) {
        expect(await restore(at)).toBeLessThan(300_000);
        expect((await standing()).equals(content)).toBe(true);
      }
    });

    it("touches no other name of the file that stands there", async () => {
      await restore(0);
      await link(join(to, "Large.vhd"), join(work, "kept"));
      await restore(2);
      expect((await readFile(join(work, "kept"))).equals(large)).toBe(true);
      expect((await standing()).equals(longer)).toBe(true);
    });

    it.each<[string, () => void | Promise<void>]>([
      ["somebody has changed", () => appendFile(join(to, "Large.vhd"), "!")],
      ["the service cannot compare", () => service.refuse("list-ranges", 409, "FileRenamed")],
      ["the service compares wrongly", () => findFiles(0).corrupt("Large.vhd", () => longer)],
      ["was deleted and made anew", () => findFiles(2).remake("Large.vhd")],
    ])("fetches whole what %s", async (_what, change) => {
      await restore(0);
      await change();
      expect(await restore(2)).toBeGreaterThan(longer.length);
      expect((await standing()).equals(longer)).toBe(true);
    });

    it("is told as damage where it is not in the snapshot as it was", async () => {
      await restore(0);
      findFiles(2).corrupt("Large.vhd", (content) => content.fill(9, 5_000_000, 5_000_010));
      await expect(restore(2)).rejects.toMatchObject({ kind: "permanent", message: holding("Large.vhd: its content") });
      expect(await readdir(to)).not.toContain("Large.vhd");
    });

    const findFiles = (at: number) => snapshots()[at]!.files;
  });

  it("refuses a tree that is not on its share, and takes no snapshot", async () => {
    for (const root of [work, "azure-files://another/files", `azure-files://${service.account}/others`])
      await expect(capture({ tree: { root, exclude: [] } })).rejects.toMatchObject({ kind: "usage" });
    expect(snapshots()).toEqual([]);
  });

  it("says which folder is not there, and keeps no snapshot of it", async () => {
    await expect(
      capture({ tree: { root: `azure-files://${service.account}/files/nowhere`, exclude: [] } }),
    ).rejects.toMatchObject({ kind: "permanent", message: holding("folder is not there") });
    expect(snapshots()).toEqual([]);
  });

  describe("credentials", () => {
    afterEach(() => {
      Reflect.deleteProperty(process.env, "AZURE_FILES_SECRET");
    });

    it("may be a shared access signature, which stands in no message", async () => {
      const sas = makeSignature("rwdlc");
      process.env.AZURE_FILES_SECRET = `?${sas}`;
      const signed = new AzureFilesStore({
        ...declaration(),
        credential: { kind: "sas", sas: { env: "AZURE_FILES_SECRET" } },
      });
      const point = await signed.capture(toRequest(), signal);
      expect(await signed.list({}, signal)).toEqual([point]);
      process.env.AZURE_FILES_SECRET = makeSignature("rwdc");
      const weak = new AzureFilesStore({
        ...declaration(),
        credential: { kind: "sas", sas: { env: "AZURE_FILES_SECRET" } },
      });
      const error: unknown = await weak.list({}, signal).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({
        kind: "unreachable",
        message: holding("403 AuthorizationPermissionMismatch"),
      });
      expect(String(error)).not.toContain("sig=");
    });

    it("may be an account key; a wrong one is told without showing it", async () => {
      const key = { kind: "account-key" as const, accountKey: { env: "AZURE_FILES_SECRET" } };
      process.env.AZURE_FILES_SECRET = service.key.toString("base64");
      expect(await new AzureFilesStore({ ...declaration(), credential: key }).list({}, signal)).toEqual([]);
      process.env.AZURE_FILES_SECRET = Buffer.alloc(64, 1).toString("base64");
      const error: unknown = await new AzureFilesStore({ ...declaration(), credential: key })
        .list({}, signal)
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ kind: "unreachable", message: holding("AuthenticationFailed") });
      expect(String(error)).not.toContain(process.env.AZURE_FILES_SECRET);
    });

    it("that are not where they are said to be, or are others, are told at once", async () => {
      const text = { kind: "connection-string" as const, connectionString: { env: "AZURE_FILES_SECRET" } };
      const open = () => new AzureFilesStore({ ...declaration(), credential: text }).list({}, signal);
      await expect(open()).rejects.toMatchObject({
        kind: "permanent",
        message: holding("AZURE_FILES_SECRET"),
      });
      process.env.AZURE_FILES_SECRET = "secret, and no connection string";
      await expect(open()).rejects.toMatchObject({
        kind: "permanent",
        message: without("secret, and"),
      });
      process.env.AZURE_FILES_SECRET = service.connectionString.replaceAll(service.account, "another");
      await expect(open()).rejects.toMatchObject({
        kind: "permanent",
        message: holding("another account"),
      });
    });
  });

  function declaration() {
    return {
      kind: "azure-files" as const,
      account: service.account,
      share: "files",
      endpoint: service.endpoint,
      credential: {
        kind: "connection-string" as const,
        connectionString: { env: "AZURE_FILES_CONNECTION_STRING" },
      },
    };
  }

  function makeSignature(permissions: string): string {
    const values = {
      permissions: AccountSASPermissions.parse(permissions),
      services: AccountSASServices.parse("f").toString(),
      resourceTypes: AccountSASResourceTypes.parse("sco").toString(),
      expiresOn: new Date(Date.now() + 3_600_000),
      protocol: SASProtocol.HttpsAndHttp,
    };
    const credential = new StorageSharedKeyCredential(service.account, service.key.toString("base64"));
    return generateAccountSASQueryParameters(values, credential).toString();
  }
});
