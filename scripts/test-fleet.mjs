// `npm run test:fleet`: 20 hosts over SSH with 10 schedules each, in one stack, on the real engine; `npm test` has a smaller fleet.
import { join } from "node:path";
import { run } from "./set-up/processes.mjs";
import { root, runMain, say, setUpWithEngine } from "./set-up/set-up.mjs";
import { ensureSystemPackages } from "./set-up/system-packages.mjs";

runMain(async () => {
  const engine = await setUpWithEngine();
  await ensureSystemPackages(say);
  const jest = join(root, "node_modules", "jest", "bin", "jest.js");
  const flags = ["--experimental-vm-modules", "--disable-warning=ExperimentalWarning"];
  return await run([process.execPath, ...flags, jest, "test/engine/fleet.test.ts"], {
    cwd: root,
    env: { ...process.env, FLEET: "20x10", BACKUP_POSTURE_ENGINE: engine },
  });
});
