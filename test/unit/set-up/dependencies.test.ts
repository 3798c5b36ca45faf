import { join } from "node:path";
import { Checkout, type Ended } from "./checkout";

const lockFile = {
  packages: {
    "": { name: "workspace" },
    provider: { version: "0.1.0" },
    "node_modules/pulumi-backup-posture": { resolved: "provider", link: true },
    "node_modules/zod": { version: "4.0.0" },
    "node_modules/only-for-others": { version: "1.0.0", optional: true },
  },
};

let checkout: Checkout;

beforeEach(async () => {
  checkout = await Checkout.make();
  await checkout.write("package-lock.json", JSON.stringify(lockFile));
  await checkout.install("npm", `console.log("npm", ...arguments_)`);
});

afterEach(() => checkout.remove());

it("are installed where there are none", async () => {
  expect((await ensureDependencies()).output).toContain("npm ci --no-audit --no-fund");
});

it("are installed where an installation was interrupted", async () => {
  await checkout.write(join("node_modules", "zod", "package.json"), "{}");
  expect((await ensureDependencies()).output).toContain("npm ci");
});

it("are installed where the lock file names another version, and the reason is said", async () => {
  await writeInstalled({ ...lockFile.packages, "node_modules/zod": { version: "3.9.9" } });
  expect((await ensureDependencies()).output).toContain("node_modules/zod is not what the lock file says");
});

it("are left alone where they are what the lock file says, save what is optional", async () => {
  await writeInstalled({ "node_modules/zod": { version: "4.0.0" } });
  expect(await ensureDependencies()).toEqual({ exitCode: 0, output: "result undefined\n" });
});

it("that cannot be installed end set-up", async () => {
  await checkout.install("npm", "process.exit(1)");
  const { exitCode, output } = await ensureDependencies();
  expect(exitCode).toBe(1);
  expect(output).toContain("npm ci failed");
});

function ensureDependencies(): Promise<Ended> {
  const root = JSON.stringify(checkout.folder);
  return checkout.start(join("set-up", "dependencies.mjs"), `exports.ensureDependencies(${root}, say)`).ended;
}

function writeInstalled(packages: object): Promise<void> {
  return checkout.write(join("node_modules", ".package-lock.json"), JSON.stringify({ packages }));
}
