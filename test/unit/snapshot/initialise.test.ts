import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { DirectoryStore } from "../../../provider/snapshot/stores/directory/directory-store";
import { makeScratchFolder } from "../../fixtures/scratch";

describe("a directory store that many make at once", () => {
  let root: string;

  beforeEach(async () => {
    root = await makeScratchFolder();
  });

  afterEach(async () => {
    await rm(root, { recursive: true, force: true });
  });

  it("is one store for all of them, whenever each comes", async () => {
    const { signal } = new AbortController();
    for (let round = 0; round < 20; round++) {
      const path = join(root, String(round));
      const makers = Array.from({ length: 20 }, (_, place) => comeLate(place).then(() => make(path)));
      await Promise.all(makers);
      expect((await readdir(path)).sort()).toEqual(["locks", "packs", "points", "store.json", "tmp"]);
    }

    async function make(path: string): Promise<void> {
      await new DirectoryStore(path).initialise(signal);
    }
  });
});

/** Lets as many turns of the event loop go by. */
async function comeLate(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
}
