/** One action of the directory store in a process of its own, for `npm run bench`. */
const { join } = require("node:path");
const { openStore } = require(join(__dirname, "../../provider/dist/snapshot/stores/index.js"));

const [, , action, path, argument] = process.argv;
const store = openStore({ kind: "directory", path });
const { signal } = new AbortController();
const latest = async () => (await store.list({}, signal)).at(-1)?.id ?? "";

const actions = {
  init: () => store.initialise(signal),
  capture: () =>
    store.capture(
      {
        schedule: "bench",
        source: "tree",
        set: { id: "bench", sources: ["tree"] },
        owner: null,
        startedAt: new Date(),
        tree: { root: argument, exclude: [] },
      },
      signal,
    ),
  verify: async () => {
    const { damagedFiles } = await store.verify(await latest(), "content", signal);
    if (damagedFiles > 0) throw new Error("the store is damaged");
  },
  restore: async () => store.restore(await latest(), { to: argument }, signal),
};

actions[action]().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exitCode = 1;
});
