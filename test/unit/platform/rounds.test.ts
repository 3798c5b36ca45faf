import { Rounds } from "../../../provider/platform/rounds";

/** A round whose end the test decides. */
interface Round {
  readonly of: string;
  end(error?: Error): void;
}

describe("rounds of work", () => {
  let begun: Round[];
  let rounds: Rounds;

  beforeEach(() => {
    begun = [];
    rounds = new Rounds(
      (of) =>
        new Promise((resolve, reject) => {
          begun.push({ of, end: (error) => (error === undefined ? resolve() : reject(error)) });
        }),
    );
  });

  /** Joins a round, and notes when that is over. */
  function join(of: string): { readonly outcome: () => string; readonly settled: Promise<unknown> } {
    let outcome = "waits";
    const settled = rounds.join(of).then(
      () => (outcome = "done"),
      (error: unknown) => (outcome = String(error)),
    );
    return { outcome: () => outcome, settled };
  }
  const turn = () => new Promise(setImmediate);

  it("serve all who asked before they began, and nobody who asked later", async () => {
    const early = [join("a"), join("a"), join("a")];
    await turn();
    expect(begun).toHaveLength(1);
    const late = [join("a"), join("a")];
    await turn();
    expect(begun).toHaveLength(1);
    begun[0]!.end();
    await turn();
    expect(early.map(({ outcome }) => outcome())).toEqual(["done", "done", "done"]);
    expect(late.map(({ outcome }) => outcome())).toEqual(["waits", "waits"]);
    expect(begun).toHaveLength(2);
    begun[1]!.end();
    await Promise.all(late.map(({ settled }) => settled));
    await turn();
    const again = join("a");
    await turn();
    expect(begun).toHaveLength(3);
    begun[2]!.end();
    await again.settled;
  });

  it("of different things go on beside each other", async () => {
    const both = [join("a"), join("b")];
    await turn();
    expect(begun.map(({ of }) => of)).toEqual(["a", "b"]);
    for (const round of begun) round.end();
    await Promise.all(both.map(({ settled }) => settled));
  });

  it("that fail tell all who waited, and the next one begins all the same", async () => {
    const early = [join("a"), join("a")];
    await turn();
    const late = join("a");
    begun[0]!.end(new Error("no space"));
    await Promise.all(early.map(({ settled }) => settled));
    expect(early.map(({ outcome }) => outcome())).toEqual(["Error: no space", "Error: no space"]);
    await turn();
    expect(late.outcome()).toBe("waits");
    begun[1]!.end();
    await late.settled;
    expect(late.outcome()).toBe("done");
  });
});
