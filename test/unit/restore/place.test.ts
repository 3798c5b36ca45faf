import { link, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { probePlace } from "../../../provider/restore/place";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "posture-test-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe("a place to restore to", () => {
  it("is usable where a file can be made and there is room, and is left as it was", async () => {
    expect(await probePlace(root, 1)).toEqual({ usable: true });
    expect(await readdir(root)).toEqual([]);
  });

  it("loses what a look that was killed has left in it", async () => {
    await writeFile(leftover(), "probe");
    expect(await probePlace(root, 1)).toEqual({ usable: true });
    expect(await readdir(root)).toEqual([]);
  });

  it("writes to nothing that it finds under the name of its probe", async () => {
    await writeFile(join(root, "precious"), "precious");
    await link(join(root, "precious"), leftover());
    expect(await probePlace(root, 1)).toEqual({ usable: true });
    expect(await readFile(join(root, "precious"), "utf8")).toBe("precious");
    expect(await readdir(root)).toEqual(["precious"]);
  });

  it("may be looked at by many at once", async () => {
    const probes = await Promise.all(Array.from({ length: 50 }, () => probePlace(root, 1)));
    expect(probes.filter(({ usable }) => !usable)).toEqual([]);
    expect(await readdir(root)).toEqual([]);
  });

  it("says what is wrong with it", async () => {
    await writeFile(join(root, "file"), "");
    expect(await probePlace(join(root, "absent"), 1)).toEqual({ usable: false, why: "it is not there" });
    expect(await probePlace(join(root, "file", "below"), 1)).toEqual({ usable: false, why: "it is not there" });
    expect(await probePlace(join(root, "file"), 1)).toEqual({ usable: false, why: "it is not a directory" });
    expect(await probePlace(root, Number.MAX_SAFE_INTEGER)).toEqual({
      usable: false,
      why: "it has too little free space, 9007199254740991 bytes are needed",
    });
    expect((await probePlace("/proc", 0)).usable).toBe(false);
    expect((await readdir(root)).sort()).toEqual(["file"]);
  });
});

function leftover(): string {
  return join(root, `.backup-posture-probe-${hostname()}-${process.getuid?.() ?? "user"}`);
}
