import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./processes.mjs";
import { SetUpError } from "./set-up-error.mjs";

/**
 * Installs the dependencies from the lock file where `node_modules` is missing, incomplete or not what the lock file says.
 *
 * @param {string} root
 * @param {(line: string) => void} say
 */
export async function ensureDependencies(root, say) {
  const reason = findReason(root);
  if (reason === undefined) return;
  say(`Installing dependencies from package-lock.json (npm ci): ${reason}.`);
  const npm = process.env.npm_execpath;
  const ci = /** @type {const} */ (["ci", "--no-audit", "--no-fund"]);
  // npm names its own script to what it runs; without it this was started by `node`, and npm is on PATH.
  const code = await run(npm === undefined ? ["npm", ...ci] : [process.execPath, npm, ...ci], { cwd: root });
  if (code !== 0) throw new SetUpError("npm ci failed: its message is above. Nothing else was changed; try again.", 1);
}

/** npm writes node_modules/.package-lock.json last: what it lists is there. @param {string} root */
function findReason(root) {
  const installedList = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(installedList)) return "they are missing or incomplete";
  const installed = readPackages(installedList);
  for (const [path, wanted] of Object.entries(readPackages(join(root, "package-lock.json")))) {
    const isElsewhere = !path.includes("node_modules/") || wanted.optional === true;
    if (!isElsewhere && installed[path]?.version !== wanted.version) return `${path} is not what the lock file says`;
  }
  return undefined;
}

/**
 * @param {string} path
 * @returns {Record<string, {version?: string, optional?: boolean}>}
 */
function readPackages(path) {
  return JSON.parse(readFileSync(path, "utf8")).packages;
}
