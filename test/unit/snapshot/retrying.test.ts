import { type FailureKind, PostureError } from "../../../provider/platform/errors";
import { RetryingStore } from "../../../provider/snapshot/stores/retrying";
import type { Store } from "../../../provider/snapshot/stores/store";

const { signal } = new AbortController();

/** A store that lists nothing, after so many failures of a kind. */
function failing(times: number, kind: FailureKind): { readonly store: Store; readonly asked: () => number } {
  let asked = 0;
  const unused = () => Promise.reject(new Error("not asked for"));
  const attempt = () => {
    asked += 1;
    return asked <= times ? Promise.reject(new PostureError(kind, "no")) : Promise.resolve([]);
  };
  return {
    asked: () => asked,
    store: {
      kind: "failing",
      initialise: unused,
      capture: unused,
      list: attempt,
      verify: unused,
      restore: unused,
      forget: unused,
      entries: async function* () {
        yield* await attempt();
      },
    },
  };
}

describe("a store that is asked again", () => {
  it("succeeds where one of its attempts does", async () => {
    const { store, asked } = failing(2, "transient");
    expect(await new RetryingStore(store, [1, 1]).list({}, signal)).toEqual([]);
    expect(asked()).toBe(3);
  });

  it("is given up after its last attempt", async () => {
    const { store, asked } = failing(9, "transient");
    await expect(new RetryingStore(store, [1, 1]).list({}, signal)).rejects.toMatchObject({ kind: "transient" });
    expect(asked()).toBe(3);
  });

  it.each(["unreachable", "locked", "conflict", "permanent", "usage"] as const)(
    "is not asked again after what is %s",
    async (kind) => {
      const { store, asked } = failing(1, kind);
      await expect(new RetryingStore(store, [1, 1]).list({}, signal)).rejects.toMatchObject({ kind });
      expect(asked()).toBe(1);
    },
  );

  it("begins its entries again until the first has come", async () => {
    const { store, asked } = failing(1, "transient");
    const entries = [];
    for await (const entry of new RetryingStore(store, [1]).entries("id", signal)) entries.push(entry);
    expect(entries).toEqual([]);
    expect(asked()).toBe(2);
  });

  it("waits for nothing once it is told to stop", async () => {
    const { store, asked } = failing(1, "transient");
    const stop = new AbortController();
    const listed = new RetryingStore(store, [600_000]).list({}, stop.signal);
    stop.abort();
    await expect(listed).rejects.toThrow(/abort/i);
    expect(asked()).toBe(1);
  });
});
