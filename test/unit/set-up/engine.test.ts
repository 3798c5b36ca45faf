import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { Checkout, type Started } from "./checkout";

const cache = join("cache", "backup-posture", "engine");

/** A Go that "compiles" at once, and counts how often it did. */
const go = `
if (arguments_[0] === "version") console.log("go version go1.26.1 linux/amd64");
else {
  fs.appendFileSync(__dirname + "/../builds", "x");
  fs.writeFileSync(arguments_[arguments_.indexOf("-o") + 1], "engine", { mode: 0o755 });
}`;

let checkout: Checkout;

beforeEach(async () => {
  checkout = await Checkout.make();
});

afterEach(() => checkout.remove());

describe("an installed CLI", () => {
  it.each(["3.200.0", "v3.250.1", "4.0.0"])("of version %s is used, with its language host", async (version) => {
    await checkout.install("pulumi", `console.log(${JSON.stringify(version)})`);
    await checkout.install("pulumi-language-nodejs", "");
    expect(await ensureEngine().ended).toEqual({ exitCode: 0, output: `result ${join(checkout.folder, "bin")}\n` });
  });

  it.each([
    ["is too old", 'console.log("v3.199.9")', "is 3.199.9, older than 3.200.0"],
    ["is broken", "process.exit(1)", "does not tell its version"],
    ["lacks its language host", 'console.log("v3.250.0")', "has no pulumi-language-nodejs"],
  ])("that %s is not used, and the reason is said", async (_, body, reason) => {
    await checkout.install("pulumi", body);
    await checkout.install("go", go);
    const { exitCode, output } = await ensureEngine().ended;
    expect(exitCode).toBe(0);
    expect(output).toContain(reason);
    expect(output).toContain(`result ${join(checkout.folder, cache)}`);
  });
});

describe("a machine that cannot have an engine", () => {
  it("without a CLI and without Go is told what to install", async () => {
    const { exitCode, output } = await ensureEngine().ended;
    expect(exitCode).toBe(2);
    expect(output).toContain("There is neither a Pulumi CLI nor Go on PATH.");
    expect(output).toContain("https://www.pulumi.com/docs/install");
    expect(output).toMatch(/install Go 1\.25\.\d+ or newer: {2}https:\/\/go\.dev\/dl/);
  });

  it("with an old Go is told so, and Go fetches no other toolchain by itself", async () => {
    await checkout.install("go", 'console.log("go version go1.21.13", process.env.GOTOOLCHAIN)');
    const { exitCode, output } = await ensureEngine().ended;
    expect(exitCode).toBe(2);
    expect(output).toContain("is Go 1.21.13, older than 1.25");
    expect(output).toContain("GOTOOLCHAIN=auto npm start");
  });

  it("with an old Go that may fetch a newer one is left to it", async () => {
    await checkout.install("go", go);
    expect((await ensureEngine({ GOTOOLCHAIN: "auto" }).ended).exitCode).toBe(0);
  });
});

describe("the build", () => {
  it("leaves a complete engine in the user's cache, once", async () => {
    await checkout.install("go", go);
    const first = await ensureEngine().ended;
    const second = await ensureEngine().ended;
    expect(first.exitCode).toBe(0);
    expect(second).toEqual({ exitCode: 0, output: expect.stringMatching(/^result /) as unknown });
    expect(await countBuilds()).toBe(1);
    const [folder = ""] = await checkout.list(cache);
    expect(await checkout.list(join(cache, folder))).toEqual([
      "language-host.cjs",
      "plain-errors.cjs",
      "pulumi",
      "pulumi-language-nodejs",
      "pulumi-resource-pulumi-nodejs",
    ]);
    expect((await stat(join(checkout.folder, cache, folder, "pulumi-language-nodejs"))).mode & 0o111).toBe(0o111);
  });

  it("takes the compiled command line over where only what lies beside it has changed", async () => {
    await checkout.install("go", go);
    await ensureEngine().ended;
    await checkout.write(join("scripts", "engine", "beside", "language-host.cjs"), "// another");
    expect((await ensureEngine().ended).exitCode).toBe(0);
    expect(await countBuilds()).toBe(1);
    expect(await checkout.list(cache)).toHaveLength(2);
  });

  it("compiles again where go.sum has changed", async () => {
    await checkout.install("go", go);
    await ensureEngine().ended;
    await checkout.write(join("scripts", "engine", "go.sum"), "other sums");
    await ensureEngine().ended;
    expect(await countBuilds()).toBe(2);
  });

  it("that fails shows Go's last words and leaves nothing; the next one succeeds", async () => {
    await checkout.install(
      "go",
      `if (arguments_[0] === "version") console.log("go1.26.1");
      else { console.error("go: verifying module: checksum mismatch"); process.exit(1); }`,
    );
    const failed = await ensureEngine().ended;
    expect(failed.exitCode).toBe(1);
    expect(failed.output).toContain("checksum mismatch");
    expect(await checkout.list(cache)).toEqual([]);
    await checkout.install("go", go);
    expect((await ensureEngine().ended).exitCode).toBe(0);
  });

  it("that is killed half-way leaves nothing that is taken for an engine; the next one clears up", async () => {
    const { started, compiler } = await startHalfWay();
    started.kill("SIGKILL");
    process.kill(compiler, "SIGKILL");
    expect((await started.ended).exitCode).toBeNull();
    expect(await checkout.list(cache)).toContain("lock");

    await checkout.install("go", go);
    expect((await ensureEngine().ended).exitCode).toBe(0);
    expect(await checkout.list(cache)).toHaveLength(1);
  });

  it("that is interrupted by Ctrl-C clears up itself", async () => {
    const { started, compiler } = await startHalfWay();
    started.kill("SIGINT");
    process.kill(compiler, "SIGINT");
    expect((await started.ended).exitCode).toBe(1);
    expect(await checkout.list(cache)).toEqual([]);
  });

  it("happens once where two ask for it at the same time", async () => {
    await checkout.install(
      "go",
      go.replace("else {", "else { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);"),
    );
    const both = await Promise.all([ensureEngine().ended, ensureEngine().ended]);
    expect(both.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    expect(await countBuilds()).toBe(1);
    expect(both.filter(({ output }) => output.includes("waiting for it"))).toHaveLength(1);
  });
});

function ensureEngine(environment: Readonly<Record<string, string>> = {}): Started {
  return checkout.start(join("engine", "engine.mjs"), "exports.ensureEngine(say)", environment);
}

/** A set-up whose Go has written half an engine and goes on for ever. */
async function startHalfWay(): Promise<{ started: Started; compiler: number }> {
  await checkout.install(
    "go",
    `if (arguments_[0] === "version") console.log("go1.26.1");
    else {
      fs.writeFileSync(arguments_[arguments_.indexOf("-o") + 1], "half");
      fs.writeFileSync(__dirname + "/../half-way", String(process.pid));
      setInterval(() => {}, 1000);
    }`,
  );
  const started = ensureEngine();
  return { started, compiler: Number(await waitForFile(join(checkout.folder, "half-way"))) };
}

async function countBuilds(): Promise<number> {
  return (await readFile(join(checkout.folder, "builds"), "utf8")).length;
}

/** A file's content, as soon as there is any. */
async function waitForFile(path: string): Promise<string> {
  for (;;) {
    const content = await readFile(path, "utf8").catch(() => "");
    if (content !== "") return content;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
