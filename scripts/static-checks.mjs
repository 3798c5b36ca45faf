// `npm run check`: every check that needs no running code. `npm test` counts each as one test.
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";
import { run } from "./set-up/processes.mjs";
import { root, runMain, say, setUp } from "./set-up/set-up.mjs";

/** @type {readonly {name: string, command: readonly [string, ...string[]]}[]} */
const checks = [
  { name: "lock file", command: ["npm", "ci", "--dry-run", "--ignore-scripts", "--silent"] },
  { name: "types", command: ["tsc", "-p", "tsconfig.json"] },
  { name: "format and order of imports", command: ["biome", "check", "."] },
  { name: "lint and direction of imports", command: ["eslint", "."] },
  { name: "dead code and dependencies", command: ["knip"] },
  { name: "shape of the package", command: ["publint", "provider", "--strict"] },
  { name: "types of the package", command: ["attw", "--pack", "provider", "--profile", "node16"] },
];

/**
 * Runs all checks, each to its end.
 *
 * @returns {Promise<{passed: number, failed: number}>}
 */
export async function runStaticChecks() {
  const failed = [];
  const PATH = [join(root, "node_modules", ".bin"), process.env.PATH].join(delimiter);
  for (const { name, command } of checks) {
    process.stdout.write(`[check] ${name}: ${command.join(" ")}\n`);
    const code = await run(command, { cwd: root, env: { ...process.env, PATH } });
    if (code !== 0) failed.push(name);
  }
  say(failed.length === 0 ? "All static checks passed." : `Static checks failed: ${failed.join("; ")}.`);
  return { passed: checks.length - failed.length, failed: failed.length };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  runMain(async () => {
    await setUp();
    return (await runStaticChecks()).failed === 0 ? 0 : 1;
  });
