import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./processes.mjs";
import { SetUpError } from "./set-up-error.mjs";

/**
 * Builds the package where its sources changed since the last build. A build starts from an empty folder, so that nothing
 * of a deleted source lives on.
 *
 * @param {string} root
 * @param {(line: string) => void} say
 */
export async function ensureBuild(root, say) {
  const built = join(root, "provider", "dist");
  const stamp = join(built, ".built-from");
  const digest = digestSources(root);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === digest) return;
  say("Building the package.");
  rmSync(built, { recursive: true, force: true });
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const code = await run([process.execPath, compiler, "-p", "provider/tsconfig.build.json"], { cwd: root });
  if (code !== 0) throw new SetUpError("The build failed: its messages are above.", 1);
  const bundled = await run([process.execPath, join(root, "scripts", "bundle.mjs")], { cwd: root });
  if (bundled !== 0)
    throw new SetUpError("The command line and the providers could not be bundled: the messages are above.", 1);
  writeFileSync(stamp, digest);
}

/** @param {string} root */
function digestSources(root) {
  const provider = join(root, "provider");
  const hash = createHash("sha256");
  const sources = readdirSync(provider, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(tsx?|json)$/.test(name) && !/(^|[\\/])(dist|node_modules)[\\/]/.test(name))
    .map((name) => join("provider", name));
  for (const name of [...sources, "tsconfig.json", "package-lock.json", join("scripts", "bundle.mjs")].sort())
    hash
      .update(`${name}\0`)
      .update(readFileSync(join(root, name)))
      .update("\0");
  return hash.digest("hex");
}
