// Makes the one file that `up` puts on a remote host: the whole command line, its threads included, for Node alone.
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

const checkout = dirname(import.meta.dirname);

/** @param {string} root The checkout. */
export async function bundleRunner(root) {
  const { build } = await import("esbuild");
  const provider = join(root, "provider");
  const { version } = JSON.parse(readFileSync(join(provider, "package.json"), "utf8"));
  await build({
    absWorkingDir: provider,
    stdin: { contents: describeEntry(provider), resolveDir: provider, sourcefile: "bundle-entry.ts", loader: "ts" },
    outfile: join(provider, "dist", "bundle", "backup-posture.cjs"),
    bundle: true,
    platform: "node",
    target: "node20.19",
    format: "cjs",
    external: ["@pulumi/*"],
    define: { bundledRelease: JSON.stringify(version) },
    banner: { js: "#!/usr/bin/env node" },
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: "eof",
    logLevel: "warning",
  });
}

/** Every file of a thread, found by its name, is a part of the one file. */
function describeEntry(/** @type {string} */ provider) {
  const threads = readdirSync(provider, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith("-worker.ts") && !/(^|[\\/])(dist|node_modules)[\\/]/.test(path))
    .sort()
    .map((path) => `${JSON.stringify(basename(path, ".ts"))}: () => import(${JSON.stringify(`./${path}`)})`);
  return [
    'import { startBundle } from "./platform/bundle";',
    `void startBundle(__filename, { main: () => import("./cli/main"), threads: { ${threads.join(", ")} } });`,
  ].join("\n");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await bundleRunner(checkout);
