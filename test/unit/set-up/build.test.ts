import { join } from "node:path";
import { Checkout, type Ended } from "./checkout";

/** A compiler that copies names: `a.ts` gives `a.js`. */
const compiler = `
const fs = require("node:fs");
fs.mkdirSync("provider/dist", { recursive: true });
for (const name of fs.readdirSync("provider"))
  if (name.endsWith(".ts")) fs.writeFileSync("provider/dist/" + name.replace(".ts", ".js"), "");
process.exit(fs.existsSync("provider/wrong.ts") ? 2 : 0);
`;

/** A bundler that makes nothing. */
const bundler = `exports.build = () => Promise.resolve();`;

let checkout: Checkout;

beforeEach(async () => {
  checkout = await Checkout.make();
  await checkout.write(join("node_modules", "typescript", "bin", "tsc"), compiler);
  await checkout.write(join("node_modules", "esbuild", "index.js"), bundler);
  for (const path of ["provider/a.ts", "provider/package.json", "package-lock.json", "tsconfig.json"])
    await checkout.write(path, "{}");
});

afterEach(() => checkout.remove());

it("happens once, and again when a source changes", async () => {
  expect((await ensureBuild()).output).toContain("Building the package.");
  expect((await ensureBuild()).output).toBe("result undefined\n");
  await checkout.write("provider/a.ts", "changed");
  expect((await ensureBuild()).output).toContain("Building the package.");
});

it("keeps nothing of a source that is gone", async () => {
  await checkout.write("provider/dist/deleted.js", "");
  await ensureBuild();
  expect(await checkout.list("provider/dist")).toEqual([".built-from", "a.js"]);
});

it("that fails is tried again", async () => {
  await checkout.write("provider/wrong.ts", "");
  expect(await ensureBuild()).toMatchObject({ exitCode: 1 });
  expect((await ensureBuild()).output).toContain("Building the package.");
});

function ensureBuild(): Promise<Ended> {
  const root = JSON.stringify(checkout.folder);
  return checkout.start(join("set-up", "build.mjs"), `exports.ensureBuild(${root}, say)`).ended;
}
