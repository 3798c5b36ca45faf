import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { engineEnvironment } from "../../scripts/engine/environment.cjs";

const checkout = resolve(__dirname, "..", "..");

/** How a Pulumi command ended; `output` is what it wrote, standard error included, in order. */
export interface Ended {
  readonly exitCode: number;
  readonly output: string;
}

/** A Pulumi project in a folder of its own, run by the real engine on a backend inside that folder. */
export interface Workspace {
  readonly folder: string;
  /** The home directory of every command in here: empty, and to stay so. */
  readonly userHome: string;
  /** Runs `pulumi <arguments>`, without questions and colours, and waits for its end, whatever it is. */
  pulumi(...commandArguments: string[]): Promise<Ended>;
  /** Writes a file of the project, its folders included. */
  write(path: string, content: string): Promise<void>;
  /** Removes the folder. Destroying what the program made is the test's part. */
  remove(): Promise<void>;
}

/**
 * Makes a workspace with the stack `test` in it.
 *
 * @param files Path and content of the project's files, `Pulumi.yaml` among them. Packages resolve as in the checkout.
 * @param environment Variables for every command in here, on top of this process's.
 */
export async function openWorkspace(
  files: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string>> = {},
): Promise<Workspace> {
  const folder = await mkdtemp(join(tmpdir(), "backup-posture-engine-"));
  const userHome = join(folder, "home");
  const project = join(folder, "project");
  const variables = engineEnvironment(folder, requireEngine(), { ...process.env, HOME: userHome, ...environment });
  const workspace: Workspace = {
    folder: project,
    userHome,
    pulumi: (...commandArguments) => run(commandArguments, project, variables),
    write: async (path, content) => {
      await mkdir(dirname(join(project, path)), { recursive: true });
      await writeFile(join(project, path), content);
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
  await mkdir(userHome);
  await mkdir(join(folder, ".posture", "state"), { recursive: true });
  for (const [path, content] of Object.entries(files)) await workspace.write(path, content);
  await symlink(join(checkout, "node_modules"), join(project, "node_modules"));
  const created = await workspace.pulumi("stack", "init", "test");
  if (created.exitCode !== 0) throw new Error(`pulumi stack init: ${created.output}`);
  return workspace;
}

function requireEngine(): string {
  const folder = process.env.BACKUP_POSTURE_ENGINE;
  if (folder !== undefined) return folder;
  throw new Error("no engine: run engine tests by `npm test -- test/engine`, which finds or builds one");
}

function run(commandArguments: readonly string[], folder: string, env: Record<string, string>): Promise<Ended> {
  const file = "pulumi";
  const all = ["--non-interactive", "--color", "never", ...commandArguments];
  return new Promise((resolveWith, reject) => {
    const chunks: string[] = [];
    const child = execFile(file, all, { cwd: folder, env, maxBuffer: Number.POSITIVE_INFINITY });
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: string) => chunks.push(chunk));
    child.once("error", reject);
    child.once("close", (code, signal) => {
      const output = chunks.join("");
      if (code === null)
        reject(new Error(`pulumi ${commandArguments.join(" ")}: ended by ${String(signal)}: ${output}`));
      else resolveWith({ exitCode: code, output });
    });
  });
}
