// Lint rules. Biome formats and sorts imports; here are types, correctness, and the direction of imports:
// resource stubs, lifecycle and command line -> runner -> drivers -> platform; see CONTRIBUTING.md.
import importX from "eslint-plugin-import-x";
import tseslint from "typescript-eslint";

const drivers = ["snapshot/stores", "schedule/schedulers", "sources", "hosts"];
const pureFiles = ["schema", "calendar", "retention", "health", "plan", "canonical", "canonicalise"];

/** What drivers may see of the rest: the ground floor, pure modules, and the layout of a host's state. */
const seenByDrivers = [
  "platform/**",
  "declaration/**",
  `*/{${pureFiles.join(",")}}.ts`,
  "*/*/schema.ts",
  "runner/{home,job,journal}.ts",
  "snapshot/stores/store.ts",
  "schedule/schedulers/scheduler.ts",
  "sources/source.ts",
  "hosts/host.ts",
];

/** Product knowledge as pure data and commands, for the sources that export from Lync Server. */
const lyncKnowledge = [
  "lync/{backup-parts,commands,powershell-json,topology}.ts",
  "lync/{catalogue,commands,quoting,topology}/**",
];

/** What a Pulumi program may load: types, schemas and other stubs, nothing that touches a machine. */
const seenByStubs = [
  "index.ts",
  "posture-provider.ts",
  "resource/**",
  "declaration/**",
  "platform/durations.ts",
  `*/{resource,${pureFiles.join(",")}}.ts`,
  "*/*/schema.ts",
  "{lync,azure,guard}/**",
];

const directions = [
  allowOnly("platform", ["platform/**"]),
  allowOnly("declaration", ["platform/**", "declaration/**"]),
  ...drivers.map((folder) =>
    allowOnly(folder, [`${folder}/**`, ...seenByDrivers, ...(folder === "sources" ? lyncKnowledge : [])]),
  ),
  allowOnly("index.ts", seenByStubs),
  allowOnly("*/resource.ts", seenByStubs),
  allowOnly("resource", seenByStubs),
  forbid("runner", ["index.ts", "entry.ts", "cli/**", "*/resource.ts", "*/lifecycle.ts", "*/lifecycle/**"]),
  forbid("*/lifecycle.ts", ["index.ts", "entry.ts", "cli/**", "*/resource.ts"]),
];

const commandsInOnePlace = "Commands run through provider/platform/processes.ts only.";
const noExeca = { name: "execa", message: commandsInOnePlace };
const noExecaLazily = { selector: "ImportExpression[source.value='execa']", message: commandsInOnePlace };
const noPulumi = {
  group: ["@pulumi/*"],
  message: "Pulumi belongs to resource stubs, lifecycle, guard and command line.",
};
const noMachine = {
  regex: "^(node:)?(fs|fs/promises|child_process|net|http|https)$",
  message: "A Pulumi program loads this file: it must not touch the machine.",
};

export default tseslint.config(
  { ignores: ["**/dist/", "**/node_modules/", ".posture/", "coverage/"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  ...tseslint.configs.strictTypeChecked,
  { languageOptions: { parserOptions: { projectService: true } } },
  {
    files: ["**/*.ts", "**/*.tsx"],
    rules: {
      eqeqeq: "error",
      "no-console": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/require-await": "off", // a contract may be asynchronous where one driver is not
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
    },
  },
  {
    files: ["provider/**/*.ts", "provider/**/*.tsx"],
    plugins: { "import-x": importX },
    settings: {
      "import-x/resolver-next": [importX.createNodeResolver({ extensions: [".ts", ".tsx", ".js", ".json"] })],
    },
    rules: {
      "@typescript-eslint/consistent-type-assertions": ["error", { assertionStyle: "never" }],
      "import-x/no-cycle": "error",
      "import-x/no-restricted-paths": ["error", { basePath: import.meta.dirname, zones: directions }],
      "no-restricted-imports": ["error", { paths: [noExeca] }],
      "no-restricted-syntax": ["error", noExecaLazily],
    },
  },
  {
    files: ["platform", "declaration", "runner", ...drivers]
      .map((folder) => `provider/${folder}/**/*.ts`)
      .concat(`provider/**/{${pureFiles.join(",")}}.ts`),
    rules: { "no-restricted-imports": ["error", { paths: [noExeca], patterns: [noPulumi] }] },
  },
  {
    files: ["provider/platform/processes.ts"],
    rules: { "no-restricted-imports": ["error", { patterns: [noPulumi] }], "no-restricted-syntax": "off" },
  },
  {
    files: ["provider/index.ts", "provider/**/resource.ts"],
    rules: { "no-restricted-imports": ["error", { paths: [noExeca], patterns: [noMachine] }] },
  },
  {
    files: ["provider/cli/**/*.ts", "examples/**/*.ts", "test/bench/**/*.ts"],
    rules: { "no-console": "off" },
  },
  {
    files: ["test/**/*.ts"],
    rules: { "@typescript-eslint/no-non-null-assertion": "off" },
  },
  {
    files: ["**/*.{js,mjs,cjs}"],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: { parserOptions: { projectService: false } },
    rules: { "@typescript-eslint/no-require-imports": "off" },
  },
);

/** Files under `target` import only what `allowed` lists; patterns are relative to provider/. */
function allowOnly(target, allowed) {
  return {
    target: asTarget(target),
    from: "./provider/**/*",
    except: allowed.map((pattern) => asGlob(`${import.meta.dirname}/provider/${pattern}`)),
    message: `${target} may import only what eslint.config.mjs lists for it.`,
  };
}

/** Files under `target` import nothing that `forbidden` lists. */
function forbid(target, forbidden) {
  return {
    target: asTarget(target),
    from: forbidden.map((pattern) => asGlob(`./provider/${pattern}`)),
    message: `${target} must not import ${forbidden.join(", ")}: imports point downwards.`,
  };
}

function asTarget(path) {
  return path.includes(".ts") ? `./provider/${path}` : `./provider/${path}/**/*`;
}

/** The rule takes either globs or plain paths, never both. */
function asGlob(path) {
  return path.replace(/\.ts$/, ".{ts,tsx}");
}
