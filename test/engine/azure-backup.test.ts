import { readFile, writeFile } from "node:fs/promises";
import { delimiter, join, resolve } from "node:path";
import type { AzureFileShareBackupArgs } from "../../provider/azure";
import { expectSuccess, makeProject, type Project, type Told } from "./stack";

const plugin = resolve(__dirname, "../fixtures/azure-native/bin");

/** What the stand-in for Azure holds. */
interface Cloud {
  readonly resources: Record<string, { readonly type: string; inputs: Record<string, unknown> }>;
  readonly requests: string[];
}

const usual: AzureFileShareBackupArgs = {
  resourceGroupName: "group",
  share: { name: "files" },
  when: { cron: "30 1 * * *", timeZone: "Europe/Berlin" },
  keep: { daily: 30 },
};

const program = `
const { AzureFileShareBackup } = require("pulumi-backup-posture/azure");
const args = JSON.parse(require("node:fs").readFileSync(require("node:path").join(__dirname, "args.json"), "utf8"));
for (const [name, each] of Object.entries(args)) new AzureFileShareBackup(name, each);
`;

/** The real engine and azure-native's own package, with a stand-in for the provider's plugin. */
describe("the backup of an Azure file share, on the engine", () => {
  let project: Project;
  let place: string;

  beforeEach(async () => {
    project = await makeProject(
      {
        "Pulumi.yaml": "name: azure-test\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n",
        "package.json": '{"name":"azure-test","main":"index.js"}\n',
        "index.js": program,
      },
      "test",
      ({ PATH = "" }) => ({ PATH: `${plugin}${delimiter}${PATH}` }),
    );
    place = join(project.root, "azure.json");
    Object.assign(project.environment, { AZURE_STAND_IN: place });
    await writeFile(place, '{"resources":{},"requests":[]}');
  }, 60_000);

  afterEach(() => project.remove());

  const declareAll = (all: Readonly<Record<string, Partial<AzureFileShareBackupArgs>>>) => {
    const whole = Object.entries(all).map(([name, args]) => [name, { ...usual, ...args }]);
    return project.write("args.json", JSON.stringify(Object.fromEntries(whole)));
  };
  const declare = (args: Partial<AzureFileShareBackupArgs>) => declareAll({ files: args });
  const up = () => project.pulumi(["up", "--yes", "--skip-preview", "--refresh"]);
  const preview = (more: readonly string[] = ["--expect-no-changes"]) =>
    project.pulumi(["preview", "--refresh", "--diff", ...more]);
  const look = async () => JSON.parse(await readFile(place, "utf8")) as Cloud;
  const requests = async () => (await look()).requests;

  /** What somebody does in the portal. */
  async function tamper(change: (resources: Cloud["resources"]) => void): Promise<void> {
    const cloud = await look();
    change(cloud.resources);
    await writeFile(place, JSON.stringify(cloud));
  }

  function only(resources: Cloud["resources"], type: string): [string, Cloud["resources"][string]] {
    const found = Object.entries(resources).filter(([, resource]) => resource.type === type);
    expect(found).toHaveLength(1);
    return found[0]!;
  }

  /** Changes one property of the one resource of a type, given by its path. */
  const edit = (type: string, path: readonly string[], value: unknown) =>
    tamper((resources) => {
      const [, resource] = only(resources, type);
      const last = path.at(-1) ?? "";
      const holder = path.slice(0, -1).reduce((bag, key) => bag[key] as Record<string, unknown>, resource.inputs);
      expect(holder[last]).toBeDefined();
      holder[last] = value;
    });
  const remove = (...removed: readonly string[]) =>
    tamper((resources) => {
      for (const type of removed) Reflect.deleteProperty(resources, only(resources, type)[0]);
    });
  const tokenOf = ({ text }: Told) => /acknowledgeDataLoss: "([^"]+)"/.exec(text)?.[1];
  const daily = ["properties", "retentionPolicy", "dailySchedule", "retentionDuration", "count"];
  const countOf = async () => {
    const [, { inputs }] = only((await look()).resources, "ProtectionPolicy");
    return daily.reduce<unknown>((bag, key) => (bag as Record<string, unknown>)[key], inputs);
  };

  it("makes each once what it needs is there, and what is edited behind its back is seen and put back", async () => {
    await declare({});
    expectSuccess(await up());
    expect((await requests()).toSorted()).toEqual([
      "create FileServiceProperties",
      "create FileShare",
      "create ProtectedItem",
      "create ProtectionContainer",
      "create ProtectionPolicy",
      "create StorageAccount",
      "create Vault",
    ]);
    expectSuccess(await preview());

    const settings = ["properties", "securitySettings"];
    await edit("ProtectionPolicy", daily, 60);
    await edit("Vault", [...settings, "softDeleteSettings", "softDeleteState"], "Disabled");
    await edit("FileServiceProperties", ["shareDeleteRetentionPolicy", "enabled"], false);
    await edit("ProtectedItem", ["properties", "policyId"], undefined);
    const seen = await preview();
    expect(seen.exitCode).not.toBe(0);
    for (const line of [
      /~ count +: 60 => 30/,
      /~ softDeleteState +: "Disabled" => "Enabled"/,
      /~ enabled *: false => true/,
      /\+ policyId +: "\/subscriptions\/.*\/backupPolicies\/filespo/,
    ])
      expect(seen.text).toMatch(line);
    const token = tokenOf(seen);
    expect(seen.text).toContain("this retention would delete up to 30 existing recovery points");

    await declare({ acknowledgeDataLoss: token! });
    expectSuccess(await up());
    expect(await countOf()).toBe(30);
    expectSuccess(await preview());

    await remove("ProtectedItem", "ProtectionContainer");
    const gone = await preview();
    expect(gone.exitCode).not.toBe(0);
    expect(gone.text).toMatch(/azure-native:recoveryservices:ProtectionContainer: \(create\)/);
    expect(gone.text).toMatch(/azure-native:recoveryservices:ProtectedItem: \(create\)/);
    expectSuccess(await up());
    expectSuccess(await preview());
  }, 300_000);

  it("shortens a retention with the token of this very change only", async () => {
    await declare({});
    expectSuccess(await up());
    await declare({ keep: { daily: 20 } });
    const foretold = await preview([]);
    expectSuccess(foretold);
    expect(foretold.text).toMatch(
      /warning: files: keep: this retention would delete up to 10 existing recovery points/,
    );
    const token = tokenOf(foretold);
    expect(token).toMatch(/^delete-10-/);

    const before = await requests();
    for (const acknowledgeDataLoss of [undefined, "delete-10-0123456789abcdef"]) {
      await declare({ keep: { daily: 20 }, ...(acknowledgeDataLoss === undefined ? {} : { acknowledgeDataLoss }) });
      const refused = await up();
      expect(refused.exitCode).not.toBe(0);
      expect(refused.text).toContain("this retention would delete up to 10 existing recovery points");
    }
    await declare({ keep: { daily: 19 }, acknowledgeDataLoss: token! });
    expect((await up()).text).toContain("that of another change");
    expect(await requests()).toEqual(before);
    expect(await countOf()).toBe(30);

    await declare({ keep: { daily: 20 }, acknowledgeDataLoss: token! });
    expectSuccess(await up());
    expect(await countOf()).toBe(20);
    await declare({ keep: { daily: 25, monthly: 2 } });
    expectSuccess(await up());
    expectSuccess(await preview());
  }, 300_000);

  it("is refused in the preview where an account would be registered with two vaults", async () => {
    const provider = "/subscriptions/8d0c3a5e-0000-4000-8000-000000000000/resourceGroups/group/providers/Microsoft";
    const account = { id: `${provider}.Storage/storageAccounts/contosofiles` };
    const vault = (name: string) => ({ id: `${provider}.RecoveryServices/vaults/${name}` });
    await declareAll({ one: { account, vault: vault("first") }, two: { account, vault: vault("First") } });
    expectSuccess(await preview([]));
    for (const second of [{ account, vault: vault("second") }, { account }]) {
      await declareAll({ one: { account, vault: vault("first") }, two: second });
      const refused = await preview([]);
      expect(refused.exitCode).not.toBe(0);
      expect(refused.text).toMatch(
        /(one|two): vault: an account is registered with 1 vault only, and (one|two) registers this one with another/,
      );
    }
  }, 120_000);

  it("stays in Azure when it is destroyed, and goes in a safe order where that was asked for", async () => {
    await declare({});
    expectSuccess(await up());
    const before = await look();
    await declare({ onRemoval: "delete" });
    expectSuccess(await up());
    expect((await look()).requests).toEqual(before.requests);
    expectSuccess(await project.pulumi(["destroy", "--yes", "--skip-preview"]));
    const { resources, requests: all } = await look();
    expect(resources).toEqual({});
    expect(all.slice(before.requests.length)).toHaveLength(7);

    await declare({ onRemoval: "retain" });
    expectSuccess(await up());
    const kept = (await look()).resources;
    await declareAll({});
    expectSuccess(await up());
    expect((await look()).resources).toEqual(kept);
  }, 300_000);
});
