import { spawn } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, readdir, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const scripts = resolve(__dirname, "..", "..", "..", "scripts");

/** How a script ended: its exit code, or null where it was killed. */
export interface Ended {
  readonly exitCode: number | null;
  readonly output: string;
}

export interface Started {
  readonly ended: Promise<Ended>;
  kill(signal: NodeJS.Signals): void;
}

/** A copy of the project's scripts in a folder of its own, on a machine that has only what a test puts on its PATH. */
export class Checkout {
  private constructor(readonly folder: string) {}

  static async make(): Promise<Checkout> {
    const checkout = new Checkout(await realpath(await mkdtemp(join(tmpdir(), "backup-posture-set-up-"))));
    await cp(scripts, join(checkout.folder, "scripts"), { recursive: true });
    await mkdir(join(checkout.folder, "bin"));
    return checkout;
  }

  /** Puts an executable on PATH; it is JavaScript, with `arguments_` and what node:fs exports in scope. */
  async install(name: string, body: string, folder = "bin"): Promise<void> {
    const path = join(this.folder, folder, name);
    const head = `#!${process.execPath}\nconst arguments_ = process.argv.slice(2);\nconst fs = require("node:fs");\n`;
    await mkdir(join(path, ".."), { recursive: true });
    await writeFile(path, `${head}${body}\n`);
    await chmod(path, 0o755);
  }

  async write(path: string, content: string): Promise<void> {
    await mkdir(join(this.folder, path, ".."), { recursive: true });
    await writeFile(join(this.folder, path), content);
  }

  /** Runs an expression over the exports of one script's module; prints its value, and what it says. */
  start(module: string, expression: string, environment: Readonly<Record<string, string>> = {}): Started {
    const program = `
      const say = (line) => console.log(line);
      const exports = await import(${JSON.stringify(join(this.folder, "scripts", module))});
      const { runMain } = await import(${JSON.stringify(join(this.folder, "scripts", "set-up", "set-up.mjs"))});
      await runMain(async () => {
        console.log("result", await (${expression}));
        return 0;
      });`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
      env: { PATH: join(this.folder, "bin"), XDG_CACHE_HOME: join(this.folder, "cache"), ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (chunk: string) => {
        output += chunk;
      });
    const ended = new Promise<Ended>((resolveWith) => {
      child.once("close", (exitCode) => resolveWith({ exitCode, output }));
    });
    return { ended, kill: (signal) => child.kill(signal) };
  }

  /** The names in a folder of the checkout; none where it does not exist. */
  async list(path: string): Promise<readonly string[]> {
    return await readdir(join(this.folder, path)).catch(() => []);
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}
