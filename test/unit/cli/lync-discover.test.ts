import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { parseTopology } from "../../../provider/lync/topology";
import { type Completed, runCommand } from "../../../provider/platform/processes";

const executable = join(__dirname, "../../../provider/bin/backup-posture.js");
let folder: string;

/** Answers each query from a file of its name, and nothing where there is none; fails when told so. */
const powershell = `#!/usr/bin/env node
const { existsSync, readFileSync } = require("node:fs");
const script = Buffer.from(process.argv.at(-1), "base64").toString("utf16le");
if (process.env.FAIL === "yes") process.exit(1);
const asked = /Get-Cs(Pool|Service -(\\w+))/.exec(script);
const file = process.env.ANSWERS + "/" + (asked[2] ?? asked[1]) + ".json";
if (existsSync(file)) process.stdout.write(readFileSync(file));
`;

const services = {
  UserServer: { Identity: "UserServer:se01.contoso.com" },
  UserDatabase: { Identity: "UserDatabase:se01.contoso.com", SqlInstanceName: "RTC" },
  CentralManagementDatabase: { Identity: "CentralManagementDatabase:se01.contoso.com" },
  FileStore: { Identity: "FileStore:se01.contoso.com", UncPath: "\\\\se01.contoso.com\\Share" },
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "lync-discover-"));
  await mkdir(join(folder, "bin"));
  await mkdir(join(folder, "answers"));
  await writeFile(join(folder, "bin", "powershell"), powershell);
  await chmod(join(folder, "bin", "powershell"), 0o755);
  const pools = { Identity: "se01.contoso.com", Computers: "se01.contoso.com" };
  await writeFile(join(folder, "answers", "Pool.json"), JSON.stringify(pools));
  for (const [role, answer] of Object.entries(services))
    await writeFile(join(folder, "answers", `${role}.json`), `\ufeff${JSON.stringify(answer)}\r\n`);
});
afterAll(() => rm(folder, { recursive: true }));

function discover(environment: Record<string, string>, ...options: readonly string[]): Promise<Completed> {
  return runCommand([process.execPath, executable, "lync", "discover", ...options], {
    timeoutMilliseconds: 60_000,
    signal: new AbortController().signal,
    workingDirectory: folder,
    environment: {
      PATH: `${join(folder, "bin")}${delimiter}${process.env.PATH ?? ""}`,
      ANSWERS: join(folder, "answers"),
      ...environment,
    },
  });
}

describe("lync discover", () => {
  it("asks the deployment, writes the topology, and names what it assumed", async () => {
    const { exitCode, stdout } = await discover({}, "--product", "sfb2019", "--out", "topology.json");
    expect(exitCode).toBe(0);
    expect(stdout).toContain("Look at each of these before you rely on it");
    const topology = parseTopology(JSON.parse(await readFile(join(folder, "topology.json"), "utf8")));
    expect(Object.keys(topology.standardEditionServers)).toEqual(["se01.contoso.com"]);
  });

  it("reads what was listed elsewhere, of several calls", async () => {
    await writeFile(join(folder, "pools.json"), "[]");
    const files = Object.keys(services).map((role) => join("answers", `${role}.json`));
    const options = ["--product", "sfb2019", "--pools", "pools.json", "--services", ...files, "--json"];
    const { exitCode, stdout } = await discover({ FAIL: "yes" }, ...options);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      topology: { product: "sfb2019" },
      assumptions: expect.any(Array) as unknown[],
    });
  });

  it.each([
    [["--product", "lync2010"], {}, 2, "product: must be one of"],
    [["--product", "sfb2019", "--pools", "pools.json"], {}, 2, "pools: go together with --services"],
    [["--product", "sfb2019"], { FAIL: "yes" }, 1, "could not be asked"],
    [["--product", "sfb2019"], { ANSWERS: "/nowhere" }, 1, "which pool hosts the Central Management store"],
  ])("with %j and %j says what is wrong", async (options, environment, exitCode, message) => {
    const completed = await discover(environment, ...options);
    expect(completed.exitCode).toBe(exitCode);
    expect(completed.stderr).toContain(message);
  });
});
