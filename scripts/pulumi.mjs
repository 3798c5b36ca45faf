// `npm run pulumi -- <arguments>`: any Pulumi command on the checkout's own stacks, by the checkout's own engine.
import { engineEnvironment } from "./engine/environment.cjs";
import { run } from "./set-up/processes.mjs";
import { root, runMain, setUpWithEngine } from "./set-up/set-up.mjs";

runMain(async () => {
  const engine = await setUpWithEngine();
  return await run(["pulumi", ...process.argv.slice(2)], { cwd: root, env: engineEnvironment(root, engine) });
});
