// Makes the one file that `up` puts on a remote host: the whole command line, its threads included, for Node alone. And puts
// what is started often, the package itself, the command line, the providers and each thread, into one file each: reading hundreds takes longer than most commands.
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";

const checkout = dirname(import.meta.dirname);

/**
 * What is made of each: CommonJS for the oldest Node that is supported, names kept, so that errors can be read.
 *
 * @satisfies {import("esbuild").BuildOptions}
 */
const common = {
  bundle: true,
  platform: "node",
  target: "node20.19",
  format: "cjs",
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: "eof",
  logLevel: "warning",
  plugins: [speakEnglishOnly()],
};

/** @param {string} root The checkout. */
export async function bundleRunner(root) {
  const { build } = await import("esbuild");
  const provider = join(root, "provider");
  const { version } = JSON.parse(readFileSync(join(provider, "package.json"), "utf8"));
  await build({
    absWorkingDir: provider,
    stdin: { contents: describeEntry(provider), resolveDir: provider, sourcefile: "bundle-entry.ts", loader: "ts" },
    outfile: join(provider, "dist", "bundle", "backup-posture.cjs"),
    ...common,
    external: ["@pulumi/*"],
    define: { bundledRelease: JSON.stringify(version) },
    banner: { js: "#!/usr/bin/env node" },
  });
}

/** Packages that few commands need: they are loaded when one does, and not read by the others. */
const apart = [
  "@azure/*",
  "d3-scale",
  "d3-shape",
  "junit-report-builder",
  "mdast-util-gfm-table",
  "mdast-util-to-markdown",
  "nodemailer",
  "prom-client",
];

/**
 * Puts what the compiler made of a file, and of all that it needs, in that file's place.
 *
 * @param {string} root The checkout.
 */
export async function bundleStarts(root) {
  const { build } = await import("esbuild");
  const provider = join(root, "provider");
  const threads = findThreads(provider).map((path) => path.slice(0, -".ts".length));
  for (const start of ["index", "entry", join("cli", "main"), ...threads])
    await build({
      ...common,
      absWorkingDir: provider,
      entryPoints: [`${start}.ts`],
      outfile: join(provider, "dist", `${start}.js`),
      external: ["@pulumi/*", ...apart],
      plugins: [...common.plugins, keepFolders(provider, dirname(start))],
    });
}

/**
 * Lets each file of ours go on to find what lies beside it.
 *
 * @param {string} provider
 * @param {string} outputFolder Where the bundle lies within `dist`.
 * @returns {import("esbuild").Plugin}
 */
function keepFolders(provider, outputFolder) {
  return {
    name: "keep folders",
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const within = relative(provider, path);
        if (/(^\.\.|node_modules)/.test(within)) return undefined;
        const folder = JSON.stringify(relative(outputFolder, dirname(within)));
        const text = readFileSync(path, "utf8");
        const contents = text.replaceAll(/\b__dirname\b/g, `require("node:path").join(__dirname, ${folder})`);
        return { contents, loader: "ts" };
      });
    },
  };
}

/** Every file of a thread, found by its name, is a part of the one file. */
function describeEntry(/** @type {string} */ provider) {
  const threads = findThreads(provider).map(
    (path) => `${JSON.stringify(basename(path, ".ts"))}: () => import(${JSON.stringify(`./${path}`)})`,
  );
  return [
    'import { startBundle } from "./platform/bundle";',
    `void startBundle(__filename, { main: () => import("./cli/main"), threads: { ${threads.join(", ")} } });`,
  ].join("\n");
}

/** @param {string} provider */
function findThreads(provider) {
  return readdirSync(provider, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith("-worker.ts") && !/(^|[\\/])(dist|node_modules)[\\/]/.test(path))
    .sort();
}

/**
 * Leaves out zod's messages in fifty other languages, which nothing of ours asks for.
 *
 * @returns {import("esbuild").Plugin}
 */
function speakEnglishOnly() {
  return {
    name: "speak English only",
    setup(build) {
      build.onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.c?js$/ }, () => ({
        contents: 'exports.en = require("./en.cjs").default;',
      }));
    },
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await bundleRunner(checkout);
  await bundleStarts(checkout);
}
