import { access, rm, symlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import { z } from "zod";
import { createProviders, type Providers } from "../../../provider/lifecycle/providers";
import { providerSource, typeToken } from "../../../provider/resource/stub";
import { frozenAt, unpackRelease } from "../../fixtures/releases";
import { makeScratchFolder } from "../../fixtures/scratch";

const bag = z.record(z.string(), z.unknown());
const stateSchema = z.object({
  deployment: z.object({
    resources: z.array(
      z.object({
        urn: z.string(),
        type: z.string(),
        id: z.string().default(""),
        inputs: bag.default({}),
        outputs: bag.default({}),
      }),
    ),
  }),
});

type Resource = z.infer<typeof stateSchema>["deployment"]["resources"][number];

const kinds = ["BackupSchedule", "FileShareSnapshot", "RestoreTarget"] as const;

const lines = [
  ["BackupSchedule", 'exports.handler=()=>require("pulumi-backup-posture/entry").BackupSchedule'],
  ["FileShareSnapshot", 'exports.handler=()=>require("pulumi-backup-posture/entry").FileShareSnapshot'],
  ["RestoreTarget", 'exports.handler=()=>require("pulumi-backup-posture/entry").RestoreTarget'],
] as const;

describe("what the state names as a resource's provider", () => {
  it.each(lines)("%s: is the same line for good, and short", (kind, line) => {
    expect(providerSource(kind)).toBe(line);
    expect(Buffer.byteLength(line)).toBeLessThan(200);
    expect(typeToken(kind)).toBe(`pulumi-nodejs:dynamic/backup-posture:${kind}`);
  });

  it("leads to the provider from a program's folder", async () => {
    const folder = await makeScratchFolder();
    try {
      const methods: unknown = expect.arrayContaining([
        "configure",
        "check",
        "diff",
        "create",
        "read",
        "update",
        "delete",
      ]);
      expect(
        await evaluate(
          lines.map(([, line]) => line),
          folder,
        ),
      ).toEqual([methods, methods, methods]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

/** An output that release 0.1.0 did not have. */
const newestEvidence = { records: 1, digest: "91755164c7171ff216cfc0881533cf0aad840cc4678d586df639dec97bbed7da" };

describe("what release 0.1.0 wrote", () => {
  let root: string;
  let resources: readonly Resource[];
  let providers: Providers;

  beforeEach(async () => {
    process.env.BACKUP_POSTURE_NOW = frozenAt;
    root = await makeScratchFolder();
    const { state } = await unpackRelease("0.1.0", root);
    resources = stateSchema
      .parse(JSON.parse(state))
      .deployment.resources.filter(({ type }) => kindOf(type) !== undefined);
    providers = createProviders(() => undefined);
  });

  afterEach(async () => {
    delete process.env.BACKUP_POSTURE_NOW;
    await rm(root, { recursive: true, force: true });
  });

  it("holds every kind", () => {
    expect(new Set(resources.map(({ type }) => kindOf(type)))).toEqual(new Set(kinds));
  });

  it("is read as it stands in the state, healthy", async () => {
    for (const resource of resources) {
      const { id, inputs, props } = await providerOf(resource).read(resource.id, resource.outputs);
      const __provider = providerSource(kindOf(resource.type) ?? "BackupSchedule");
      expect({ id, inputs: { ...inputs, __provider } }).toEqual({ id: resource.id, inputs: resource.inputs });
      const { evidence, ...outputs }: Record<string, unknown> = { ...props, __provider };
      expect(outputs).toEqual(resource.outputs);
      expect(evidence).toEqual(resource.outputs.drill === undefined ? undefined : newestEvidence);
    }
  });

  it("differs in nothing from the same program today", async () => {
    for (const resource of resources) {
      const { health, ...declared } = resource.inputs;
      expect(health).toBe("healthy");
      const { inputs, failures } = await providerOf(resource).check(resource.inputs, declared);
      expect(failures).toBeUndefined();
      expect({ ...inputs, __provider: resource.inputs.__provider }).toEqual(resource.inputs);
      expect((await providerOf(resource).diff(resource.id, resource.outputs, resource.inputs)).replaces).toEqual([]);
    }
  });

  it("is updated", async () => {
    for (const resource of resources) {
      const { outs } = await providerOf(resource).update(resource.id, resource.outputs, {
        ...resource.inputs,
        grace: undefined,
      });
      expect(outs).toMatchObject({ health: "healthy", incarnation: resource.outputs.incarnation });
    }
  });

  it("is deleted", async () => {
    for (const resource of resources) {
      await providerOf(resource).delete(resource.id, resource.outputs);
      for (const path of [`jobs/${resource.id}.json`, `scheduler/entries/${resource.id}.json`])
        await expect(access(join(root, "home", path))).rejects.toMatchObject({ code: "ENOENT" });
    }
  });

  function providerOf({ type }: Resource): Providers[keyof Providers] {
    const kind = kindOf(type);
    if (kind === undefined) throw new Error(`no kind of ours: ${type}`);
    return providers[kind];
  }
});

function kindOf(type: string): keyof Providers | undefined {
  return kinds.find((kind) => typeToken(kind) === type);
}

/** The methods of the providers that lines lead to, found as the engine finds them: from a program's folder. */
async function evaluate(lines: readonly string[], folder: string): Promise<unknown> {
  await symlink(resolve(__dirname, "../../../node_modules"), join(folder, "node_modules"));
  const script = `
    const evaluate = require("require-from-string");
    const methods = JSON.parse(process.argv[1]).map((line) => {
      const provider = evaluate(line).handler();
      return Object.getOwnPropertyNames(Object.getPrototypeOf(provider)).filter((name) => !name.startsWith("_"));
    });
    console.log(JSON.stringify(methods));`;
  const { execa } = await import("execa");
  const { stdout } = await execa(process.execPath, ["-e", script, JSON.stringify(lines)], { cwd: folder });
  return JSON.parse(stdout);
}
