import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";

const dist = resolve(__dirname, "../../../provider/dist");

/** As if azure-native were not installed. */
const withoutAzureNative = `
const { Module } = require("node:module");
const resolveFilename = Module._resolveFilename;
Module._resolveFilename = function (request, ...rest) {
  if (request.startsWith("@pulumi/azure-native"))
    throw Object.assign(new Error("Cannot find module " + request), { code: "MODULE_NOT_FOUND" });
  return resolveFilename.call(this, request, ...rest);
};
`;

async function run(program: string): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, ["-e", `${withoutAzureNative}${program}`]);
  return stdout.trim();
}

describe("without azure-native", () => {
  jest.setTimeout(120_000);

  it("the package can be imported, and loads no SDK of Azure", async () => {
    const program = `console.log(Object.keys(require(${JSON.stringify(`${dist}/index.js`)})).includes("BackupSchedule"),
      Object.keys(require.cache).filter((path) => /node_modules\\/@azure|azure-native/.test(path)).length)`;
    expect(await run(program)).toBe("true 0");
  });

  it("what resources and command line load holds no SDK of Azure, until a store is opened", async () => {
    const program = `require(${JSON.stringify(`${dist}/entry.js`)}); require(${JSON.stringify(`${dist}/cli/program.js`)});
      console.log(Object.keys(require.cache).filter((path) => /node_modules\\/@azure|azure-native/.test(path)).length)`;
    expect(await run(program)).toBe("0");
  });

  it("its part for Azure says what to install", async () => {
    const program = `try { require(${JSON.stringify(`${dist}/azure/index.js`)}); } catch (error) { console.log(error.message); }`;
    expect(await run(program)).toBe(
      "pulumi-backup-posture/azure needs the package @pulumi/azure-native, which is not installed here: npm install @pulumi/azure-native",
    );
  });
});
