import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { engineEnvironment } from "../../scripts/engine/environment.cjs";

export const checkout = resolve(__dirname, "../..");

/**
 * One resource of a test's program. `{ $ref: "name.property" }` stands for another resource's output, `{ $secret: "x" }` for a secret.
 * With `get`, the id of an existing one that is looked up. A `Stand` has the type and the properties of a resource whose provider is not
 * installed, as policies see them.
 */
export interface ResourceSpec {
  readonly kind: "BackupSchedule" | "FileShareSnapshot" | "LyncBackupPosture" | "RestoreTarget" | "Stand";
  readonly args?: Readonly<Record<string, unknown>>;
  readonly get?: string;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** What a command of the engine said. */
export interface Told {
  readonly exitCode: number;
  /** Standard output and error, as a person sees them. */
  readonly text: string;
}

/** A Pulumi project with a stack, run by the real engine on a file backend of its own, in a folder that `remove` takes away. */
export interface Project {
  readonly root: string;
  /** The folder of `Pulumi.yaml`. */
  readonly folder: string;
  /** The home directory of every command in here: empty, and to stay so. */
  readonly userHome: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Writes a file of the project, its folders included. */
  write(path: string, content: string): Promise<void>;
  setConfig(key: string, value: string): Promise<void>;
  /** Runs any command in the project's folder. */
  readonly run: (command: readonly string[], now?: string) => Promise<Told>;
  /** Runs the engine, without questions and colours, and waits for its end, whatever it is; `now` is the product's clock. */
  readonly pulumi: (command: readonly string[], now?: string) => Promise<Told>;
  remove(): Promise<void>;
}

/** A project whose program declares our resources. */
export interface Stack extends Project {
  /** The posture home. */
  readonly home: string;
  /** Declares the program's resources; the next command runs it. */
  declare(resources: Readonly<Record<string, ResourceSpec>>): Promise<void>;
  up(now?: string, more?: readonly string[]): Promise<Told>;
  /** `preview --refresh --diff --expect-no-changes`. */
  preview(now?: string, more?: readonly string[]): Promise<Told>;
  /** Runs the package's own command. */
  cli(command: readonly string[], now?: string): Promise<Told>;
  /** The deployment as it stands in the state. */
  state(): Promise<readonly StateResource[]>;
}

type ChangeOfEnvironment = (environment: Readonly<Record<string, string>>) => Readonly<Record<string, string>>;

const exportSchema = z.object({
  deployment: z.object({
    resources: z
      .array(
        z.object({
          urn: z.string(),
          id: z.string().optional(),
          type: z.string(),
          inputs: z.record(z.string(), z.unknown()).default({}),
          outputs: z.record(z.string(), z.unknown()).default({}),
        }),
      )
      .default([]),
  }),
});

export type StateResource = z.infer<typeof exportSchema>["deployment"]["resources"][number];

/** Permission bits bind root, too, without these: what another account could not read, the engine cannot. */
const withoutOverride = [
  "setpriv",
  "--bounding-set=-dac_override,-dac_read_search",
  "--inh-caps=-dac_override,-dac_read_search",
];

const program = `
const pulumi = require("@pulumi/pulumi");
const posture = require("pulumi-backup-posture");
const { readFileSync } = require("node:fs");
const { resources } = JSON.parse(readFileSync(require("node:path").join(__dirname, "resources.json"), "utf8"));
const made = {};
const resolve = (value) => {
  if (Array.isArray(value)) return value.map(resolve);
  if (typeof value !== "object" || value === null) return value;
  if (typeof value.$ref === "string") { const [name, key] = value.$ref.split("."); return made[name][key]; }
  if ("$secret" in value) return pulumi.secret(value.$secret);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, resolve(inner)]));
};
class Box extends pulumi.ComponentResource { constructor(name, type) { super("test:index:" + type, name, {}); } }
class Stand extends pulumi.ComponentResource { constructor(name, { type, properties }) { super(type, name, {}); this.registerOutputs(properties); } }
for (const [key, { kind, args, get, options = {} }] of Object.entries(resources)) {
  const { name = key, component, componentType = "Box", aliases, ...rest } = options;
  const parent = component === undefined ? undefined : (made["box " + component] ??= new Box(component, componentType));
  made[key] = get !== undefined ? posture[kind].get(name, get) : new (posture[kind] ?? Stand)(name, resolve(args), { ...rest, ...(parent ? { parent } : {}), ...(aliases ? { aliases } : {}) });
}
`;

/**
 * A new stack, with an empty program.
 *
 * @param change what the environment of its commands has beside, or instead of, what the engine needs.
 */
export async function makeStack(name = "test", change: ChangeOfEnvironment = () => ({})): Promise<Stack> {
  const project = await makeProject(
    {
      "Pulumi.yaml": "name: engine-test\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n",
      "package.json": '{"name":"engine-test","main":"index.js"}\n',
      "index.js": program,
      "resources.json": '{"resources":{}}',
    },
    name,
    change,
  );
  const home = join(project.root, "home");
  await project.setConfig("posture:home", home);
  const { pulumi, run } = project;
  return {
    ...project,
    home,
    declare: (resources) => project.write("resources.json", JSON.stringify({ resources })),
    up: (now, more = []) => pulumi(["up", "--yes", "--skip-preview", "--refresh", ...more], now),
    preview: (now, more = []) => pulumi(["preview", "--refresh", "--diff", "--expect-no-changes", ...more], now),
    cli: (command, now) =>
      run([process.execPath, join(checkout, "provider/dist/cli/main.js"), ...command, "--home", home], now),
    state: async () => {
      const exported = await run(["pulumi", "stack", "export", "--stack", name]);
      expectSuccess(exported);
      return exportSchema.parse(JSON.parse(exported.text)).deployment.resources;
    },
  };
}

/**
 * A new project with one stack.
 *
 * @param files Path and content of its files, `Pulumi.yaml` among them. Packages resolve as in the checkout.
 */
export async function makeProject(
  files: Readonly<Record<string, string>>,
  name = "test",
  change: ChangeOfEnvironment = () => ({}),
): Promise<Project> {
  const engine = process.env.BACKUP_POSTURE_ENGINE;
  if (engine === undefined) throw new Error("BACKUP_POSTURE_ENGINE is not set: run engine tests by npm test");
  const root = await mkdtemp(join(tmpdir(), "posture-engine-"));
  const [folder, userHome] = [join(root, "project"), join(root, "user")];
  const usual = engineEnvironment(root, engine, { ...process.env, HOME: userHome });
  const environment = { ...usual, ...change(usual) };
  const run = async (command: readonly string[], now?: string): Promise<Told> => {
    const env = now === undefined ? environment : { ...environment, BACKUP_POSTURE_NOW: now };
    return tell(isRoot() ? [...withoutOverride, ...command] : command, folder, env);
  };
  const project: Project = {
    root,
    folder,
    userHome,
    environment,
    write: async (path, content) => {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), content);
    },
    setConfig: async (key, value) => {
      expectSuccess(await run(["pulumi", "config", "set", key, value, "--stack", name]));
    },
    run,
    pulumi: (command, now) =>
      run(["pulumi", ...command, "--non-interactive", "--color", "never", "--stack", name], now),
    remove: () => rm(root, { recursive: true, force: true }),
  };
  for (const made of [join(root, ".posture", "state"), folder, userHome]) await mkdir(made, { recursive: true });
  await symlink(join(checkout, "node_modules"), join(folder, "node_modules"));
  for (const [path, content] of Object.entries(files)) await project.write(path, content);
  expectSuccess(await run(["pulumi", "stack", "init", name]));
  return project;
}

/** Whether the tests run as root, who may mount, and whose capabilities can be taken away. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Fails with everything that was said. */
export function expectSuccess(told: Told): void {
  if (told.exitCode !== 0) throw new Error(`exit code ${told.exitCode}:\n${told.text}`);
}

async function tell(command: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Told> {
  const { execa } = await import("execa");
  const [file = "", ...commandArguments] = command;
  const result = await execa(file, commandArguments, { cwd, env, extendEnv: false, reject: false, all: true });
  return { exitCode: result.exitCode ?? -1, text: result.all };
}
