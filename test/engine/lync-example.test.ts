import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { checkout, expectSuccess, makeProject, type Project } from "./stack";

const example = join(checkout, "examples/lync-enterprise-pool");

describe("the example of a Lync deployment", () => {
  let project: Project;

  beforeAll(async () => {
    const files: Record<string, string> = {};
    for (const name of await readdir(example, { recursive: true }))
      if (/\.(ts|json|yaml)$/.test(name) && !name.includes("node_modules"))
        files[name] = await readFile(join(example, name), "utf8");
    project = await makeProject(files);
    const { root } = project;
    for (const key of ["store", "handover", "restore"]) await project.setConfig(`lync:${key}`, join(root, key));
    await project.setConfig("posture:home", join(root, "home"));
    await project.setConfig("lync:activeDirectoryBackupTime", '["last-system-state-backup"]');
  }, 120_000);

  afterAll(() => project.remove());

  it.each([
    ["standard-edition", 3],
    ["enterprise-pool", 5],
    ["two-pools-mirrored", 6],
  ])(
    "previews the posture of %s: %i tiers",
    async (topology, tiers) => {
      await project.setConfig("lync:topology", topology);
      const told = await project.pulumi(["preview", "--diff"]);
      expectSuccess(told);
      expect(told.text.match(/BackupSchedule: \(create\)/g)).toHaveLength(tiers);
      expect(told.text.match(/RestoreTarget: \(create\)/g)).toHaveLength(tiers);
    },
    120_000,
  );
});
