import fc from "fast-check";
import { StratifiedSample, shareOut, type Traits } from "../../../provider/restore/stratified-sample";

const day = 86_400_000;
const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0);

describe("sharing out", () => {
  it("gives all there is to give, no group more than it has, and each something where it lasts", () => {
    fc.assert(
      fc.property(fc.nat(200), fc.array(fc.nat(100), { maxLength: 12 }), (total, sizes) => {
        const shares = shareOut(total, sizes);
        expect(sum(shares)).toBe(Math.min(total, sum(sizes)));
        for (const [index, share] of shares.entries()) expect(share).toBeLessThanOrEqual(sizes[index]!);
        const groups = sizes.filter((size) => size > 0).length;
        if (total >= groups)
          for (const [index, size] of sizes.entries()) if (size > 0) expect(shares[index]).toBeGreaterThan(0);
      }),
    );
  });

  it.each([
    [10, [90, 9, 1], [7, 2, 1]],
    [2, [1, 5, 3], [0, 1, 1]],
    [0, [3], [0]],
    [9, [2, 0, 3], [2, 0, 3]],
  ])("%i over %j", (total, sizes, shares) => expect(shareOut(total, sizes)).toEqual(shares));
});

describe("a stratified sample", () => {
  const draw = (count: number, files: readonly Traits[], seed = "seed") => {
    const sample = new StratifiedSample<number>(count, seed);
    for (const [index, traits] of files.entries()) sample.offer(index, traits);
    return sample.draw();
  };
  const small = (drilled: boolean): Traits => ({ size: 10, age: day, drilled });

  it("is the same for the same seed, and another for another", () => {
    const files = Array.from({ length: 200 }, () => small(false));
    expect(draw(10, files)).toEqual(draw(10, files));
    expect(draw(10, files)).not.toEqual(draw(10, files, "other"));
    expect(new Set(draw(10, files)).size).toBe(10);
  });

  it("holds the one large file, the one old file and the one empty file among thousands", () => {
    const files = Array.from({ length: 5_000 }, () => small(false));
    files[1_234] = { size: 100_000_000, age: day, drilled: false };
    files[2_345] = { size: 10, age: 4_000 * day, drilled: false };
    files[3_456] = { size: 0, age: -day, drilled: false };
    expect(draw(10, files)).toEqual(expect.arrayContaining([1_234, 2_345, 3_456]));
  });

  it("takes first what was never drilled, and a quarter of what was", () => {
    const files = Array.from({ length: 100 }, (_, index) => small(index >= 20));
    const drawn = draw(16, files);
    expect(drawn.filter((index) => index < 20)).toHaveLength(12);
    expect(drawn.filter((index) => index >= 20)).toHaveLength(4);
    expect(draw(40, files).filter((index) => index < 20)).toHaveLength(20);
    expect(draw(40, files)).toHaveLength(40);
    expect(draw(1, files).filter((index) => index < 20)).toHaveLength(1);
  });

  it("draws each of a stratum about as often as any other", () => {
    const files = Array.from({ length: 20 }, () => small(false));
    const times = new Array<number>(20).fill(0);
    for (let round = 0; round < 1_000; round++)
      for (const index of draw(5, files, `round ${round}`)) times[index]! += 1;
    for (const each of times) expect(Math.abs(each - 250)).toBeLessThan(75);
  });
});
