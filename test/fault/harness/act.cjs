/** One action on a store, in a process of its own: `node act.cjs <action> <store> <argument>…`. Prints what it made. */
const { join } = require("node:path");
const { openStore } = require(join(__dirname, "../../../provider/dist/snapshot/stores/index.js"));

const [, , action, path, ...rest] = process.argv;
const store = openStore({ kind: "directory", path });
const { signal } = new AbortController();

const actions = {
  capture: async (tree, startedAt) => {
    const point = await store.capture(
      {
        schedule: "nightly",
        source: "share",
        set: { id: "run", sources: ["share"] },
        owner: null,
        startedAt: new Date(startedAt),
        tree: { root: tree, exclude: [] },
      },
      signal,
    );
    return point.id;
  },
  forget: async (...ids) => store.forget(ids, {}, signal),
  restore: async (id, to) => store.restore(id, { to, overwrite: true }, signal),
  verify: async (id) => store.verify(id, "content", signal),
};

actions[action](...rest).then(
  (result) => process.stdout.write(`${JSON.stringify(result ?? null)}\n`),
  (error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exitCode = 1;
  },
);
