import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { PostureError } from "../../provider/platform/errors";
import { clearStaging, openStaging } from "../../provider/runner/staging";
import type { Gathered, Source } from "../../provider/sources/source";
import { type Ground, makeGround } from "../fixtures/posture";

/** One implementation to be held to the contract, with something to back up behind it. */
export interface SourceUnderTest {
  readonly source: Source;
  /** What a gathered tree holds, as far as it says what was backed up. */
  look(root: string): Promise<unknown>;
  /** What it should hold now. */
  expected(): Promise<unknown>;
  /** Changes what is behind the source. */
  change(): Promise<void>;
  /** Takes away what is behind the source. */
  hide(): Promise<void>;
  /** Folders beyond the home in which the source may stage things. */
  readonly outside: readonly string[];
  dispose(): Promise<void>;
}

/** An implementation's row in the table. */
export interface SourceTraits {
  readonly name: string;
  /** Whether trees are read where they stand, or files are produced. */
  readonly inPlace: boolean;
  open(ground: Ground): Promise<SourceUnderTest>;
  /** Ways in which producing fails, by name: each must end in an error, and with none of what was printed in its message. */
  readonly failures?: Readonly<Record<string, (under: SourceUnderTest, ground: Ground) => Promise<void>>>;
}

/** What every source must do. */
export function describeSource(traits: SourceTraits): void {
  describe(`source ${traits.name}`, () => {
    const { signal } = new AbortController();
    let ground: Ground;
    let under: SourceUnderTest;

    beforeEach(async () => {
      ground = await makeGround();
      under = await traits.open(ground);
    });

    afterEach(async () => {
      await under.dispose();
      await ground.remove();
    });

    const gather = (): Promise<Gathered> => under.source.gather(openStaging(ground.home, "shares", "source"), signal);
    const findStaged = async () =>
      (await Promise.all([join(ground.home.root, "staging"), ...under.outside].map(listFiles))).flat();

    it("can be looked at, and a look produces nothing", async () => {
      const before = await under.expected();
      await under.source.probe(signal);
      expect(await findStaged()).toEqual([]);
      expect(await under.expected()).toEqual(before);
    });

    it("gathers what is there, in a folder that can be captured", async () => {
      const { tree } = await gather();
      expect((await stat(tree.root)).isDirectory()).toBe(true);
      expect(await under.look(tree.root)).toEqual(await under.expected());
    });

    it("gathers a second time beside the first, and sees what has changed", async () => {
      const first = await gather();
      const before = await under.look(first.tree.root);
      await under.change();
      const second = await gather();
      expect(await under.look(second.tree.root)).toEqual(await under.expected());
      expect(await under.look(second.tree.root)).not.toEqual(before);
      if (traits.inPlace) return;
      expect(second.tree.root).not.toBe(first.tree.root);
      expect(await under.look(first.tree.root)).toEqual(before);
    });

    it("leaves what it reads as it was", async () => {
      const before = await under.expected();
      await gather();
      expect(await under.expected()).toEqual(before);
    });

    it("stages only where the next run finds and removes it, wherever the last one died", async () => {
      await gather();
      await gather();
      await clearStaging(ground.home, "shares");
      expect(await findStaged()).toEqual([]);
    });

    it("that is away is an error of ours, for a look and for gathering", async () => {
      await under.hide();
      await expect(under.source.probe(signal)).rejects.toBeInstanceOf(PostureError);
      await expect(gather()).rejects.toBeInstanceOf(PostureError);
      await clearStaging(ground.home, "shares");
      expect(await findStaged()).toEqual([]);
    });

    it("stops when it is told to", async () => {
      const stopped = AbortSignal.abort();
      await expect(under.source.gather(openStaging(ground.home, "shares", "source"), stopped)).rejects.toThrow(
        /abort/i,
      );
      await expect(under.source.probe(stopped)).rejects.toThrow(/abort/i);
    });

    for (const [name, fail] of Object.entries(traits.failures ?? {}))
      it(`${name}: is never a success`, async () => {
        await fail(under, ground);
        const error: unknown = await gather().then(
          () => null,
          (reason: unknown) => reason,
        );
        expect(error).toBeInstanceOf(PostureError);
        expect(String(error)).not.toMatch(/it failed|Msg \d+/);
        await clearStaging(ground.home, "shares");
        expect(await findStaged()).toEqual([]);
      });
  });
}

async function listFiles(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile() || entry.name.includes("backup-posture")).map(({ name }) => name);
  } catch {
    return [];
  }
}
