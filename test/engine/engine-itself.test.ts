import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeProject, type Project } from "./stack";

// The engine that set-up provides, with its language host, against a small world of its own: a file with a setting.
const project = `
name: engine-itself
runtime: { name: nodejs, options: { typescript: false } }
`;

const program = `
const pulumi = require("@pulumi/pulumi");
const provider = \`exports.handler = () => new (require(\${JSON.stringify(__dirname + "/world-provider.js")}))()\`;
class World extends pulumi.CustomResource {
  constructor(name, inputs) {
    super("pulumi-nodejs:dynamic/engine-itself:World", name, { ...inputs, __provider: provider });
  }
}
const config = new pulumi.Config();
new World("world", { path: config.require("path"), setting: config.require("setting") });
console.log("the program speaks");
if (config.getBoolean("broken")) throw new Error("the program fails");
exports.setting = config.require("setting");
`;

const worldProvider = `
const { existsSync, readFileSync, rmSync, writeFileSync } = require("node:fs");
module.exports = class {
  async check(olds, news) { return { inputs: news }; }
  async diff() { return {}; }
  async create(inputs) { writeFileSync(inputs.path, inputs.setting); return { id: inputs.path, outs: inputs }; }
  async read(id, outputs) {
    if (!existsSync(id)) return { id: "", props: {} };
    const observed = { ...outputs, setting: readFileSync(id, "utf8") };
    return { id, props: observed, inputs: observed };
  }
  async update(id, olds, news) { writeFileSync(id, news.setting); return { outs: news }; }
  async delete(id) { rmSync(id, { force: true }); }
};
`;

const policyPack = `
const { PolicyPack } = require("@pulumi/policy");
new PolicyPack("engine-itself", { policies: [{
  name: "declared",
  description: "the setting is declared",
  enforcementLevel: "mandatory",
  validateResource: (args, report) => {
    if (args.props.setting === "forbidden") report("the setting is forbidden");
  },
}] });
`;

let engine: Project;
let world: string;

beforeEach(async () => {
  engine = await makeProject({
    "Pulumi.yaml": project,
    "package.json": '{ "main": "index.js" }',
    "index.js": program,
    "world-provider.js": worldProvider,
  });
  world = join(engine.folder, "world");
  await engine.setConfig("path", world);
  await engine.setConfig("setting", "declared");
});

afterEach(() => engine.remove());

it("creates, shows drift by property, repairs it, takes it into the state, and removes", async () => {
  expect(await engine.pulumi(["up", "--yes", "--skip-preview"])).toEqual(succeeding("the program speaks"));
  expect(await readFile(world, "utf8")).toBe("declared");
  expect(await engine.pulumi(["preview", "--refresh", "--expect-no-changes"])).toEqual(succeeding("2 unchanged"));

  await writeFile(world, "tampered");
  const drifted = await engine.pulumi(["preview", "--refresh", "--diff", "--expect-no-changes"]);
  expect(drifted.exitCode).not.toBe(0);
  expect(drifted.text).toContain('~ setting: "tampered" => "declared"');

  expect(await engine.pulumi(["up", "--refresh", "--yes", "--skip-preview"])).toEqual(succeeding("1 updated"));
  expect(await readFile(world, "utf8")).toBe("declared");

  await writeFile(world, "tampered again");
  expect(await engine.pulumi(["refresh", "--yes", "--skip-preview"])).toEqual(succeeding("1 updated"));
  expect((await engine.pulumi(["stack", "export"])).text).toContain('"setting": "tampered again"');

  expect(await engine.pulumi(["destroy", "--yes", "--skip-preview"])).toEqual(succeeding("2 deleted"));
  await expect(readFile(world, "utf8")).rejects.toMatchObject({ code: "ENOENT" });
  expect(await readdir(engine.userHome)).toEqual([]);
});

it("ends with the program's own message where the program fails", async () => {
  await engine.setConfig("broken", "true");
  const ended = await engine.pulumi(["up", "--yes", "--skip-preview"]);
  expect(ended.exitCode).not.toBe(0);
  expect(ended.text).toContain("Error: the program fails");
});

it("holds a stack to a policy pack", async () => {
  await engine.write("policies/PulumiPolicy.yaml", "runtime: nodejs");
  await engine.write("policies/package.json", '{ "main": "index.js", "version": "1.0.0" }');
  await engine.write("policies/index.js", policyPack);
  const judged = ["preview", "--policy-pack", "policies"];
  expect(await engine.pulumi(judged)).toEqual(succeeding("engine-itself@v1.0.0"));
  await engine.setConfig("setting", "forbidden");
  const refused = await engine.pulumi(judged);
  expect(refused.exitCode).not.toBe(0);
  expect(refused.text).toContain("the setting is forbidden");
});

function succeeding(text: string): unknown {
  const told: unknown = expect.stringContaining(text);
  return { exitCode: 0, text: told };
}
