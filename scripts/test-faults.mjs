// `npm run test:faults`: the campaigns against the directory store at their full length, with their counts.
// `npm run test:faults -- --seed 7 kills`: repeats one; what is not the seed goes to jest.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { run } from "./set-up/processes.mjs";
import { root, runMain, setUp } from "./set-up/set-up.mjs";

const campaigns = ["damages", "hostile-store", "kept-directories", "kills.test", "real-faults", "round-trip"].map(
  (name) => `test/fault/${name}`,
);

runMain(async () => {
  const { values, positionals } = parseArgs({ options: { seed: { type: "string" } }, allowPositionals: true });
  await setUp();
  const chosen = positionals.length > 0 ? positionals : campaigns;
  const jest = join(root, "node_modules", "jest", "bin", "jest.js");
  const flags = ["--experimental-vm-modules", "--disable-warning=ExperimentalWarning"];
  const seed = values.seed === undefined ? {} : { FAULT_SEED: values.seed, FAST_CHECK_SEED: values.seed };
  return await run([process.execPath, ...flags, jest, "--testTimeout", "14400000", ...chosen], {
    cwd: root,
    env: { ...process.env, FAULTS: "long", ...seed },
  });
});
